"""DTLS-SRTP (RFC 5764): a handshake in datagrams, and the keys that come of it.

Sans I/O: datagrams are handed in, and those to be sent go to a function. Each step takes a fraction of a millisecond,
so a crowd that joins holds nobody up.

OpenSSL keeps 70 to 80 KB for each connection, and has no means to give back its buffers. When the handshake is through,
there is little left for it to do: our goodbye, and the peer's. So ours is written at once and put aside, and the whole
connection let go. That the peer's is authentic nobody can tell from then on: :attr:`Dtls.alerted` says that something
like it has come, and whoever is told has to ask the peer. All that holds for the side that began the handshake, which
is ours with every usual offer: of DTLS 1.2's last flight it is the one who receives, and so never has to repeat it
(RFC 6347 section 4.2.4). The other side keeps its connection.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import pylibsrtp
from OpenSSL import SSL

from conference.webrtc.dtls.certificate import SRTP_PROFILES, Certificate, SrtpProfile, matches

DtlsState: TypeAlias = Literal["new", "connecting", "connected", "closed", "failed"]

MAX_DATAGRAM = 1200
"""What fits through any path; longer flights are sent in several datagrams."""

_RECORD_HEADER = 13
_ALERT = 21
_VERSION = "DTLSv1.2"
_READ = 16_384
_REPLAY_WINDOW = 1024


class Dtls:
    """One DTLS connection.

    Args:
        certificate: ours.
        client: whether we begin the handshake (``a=setup:active``).
        fingerprints: of the peer's certificate, as its offer says: digest and value.
        send: sends a datagram.
    """

    def __init__(
        self,
        certificate: Certificate,
        *,
        client: bool,
        fingerprints: tuple[tuple[str, str], ...],
        send: Callable[[bytes], object],
    ) -> None:
        self._ssl: SSL.Connection | None = SSL.Connection(certificate.context)
        self._client = client
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self._goodbye = b""  # a datagram, once there is no connection to write it
        self._fingerprints = fingerprints
        self._send = send
        self.state: DtlsState = "new"
        self.reason = ""
        """Why the handshake failed, in OpenSSL's words or ours; empty if it did not."""

        self.incoming: pylibsrtp.Session | None = None
        """Takes the SRTP off what comes, once connected."""

        self.outgoing: pylibsrtp.Session | None = None
        """Puts it on what goes."""

        self.alerted = False
        """Something has come that may be the peer's goodbye, or anybody's; to be reset by whoever looks into it."""

    def start(self) -> None:
        """The path is open: begin, or wait for the peer to."""
        if self.state == "new" and self._ssl is not None:
            self.state = "connecting"
            self._shake(self._ssl)

    def receive(self, datagram: bytes) -> None:
        """Take a datagram. Never raises: what goes wrong is told by :attr:`state`."""
        if not datagram:
            return
        if self._ssl is None:
            self.alerted = self.alerted or (self.state == "connected" and _is_protected_alert(datagram))
        elif self.state == "connecting":
            self._ssl.bio_write(datagram)
            self._shake(self._ssl)
        elif self.state == "connected":
            self._ssl.bio_write(datagram)
            self._read(self._ssl)

    def timeout(self) -> float | None:
        """In how many seconds :meth:`expire` is to be called; ``None`` if nothing need be repeated."""
        return self._ssl.DTLSv1_get_timeout() if self._ssl is not None and self.state == "connecting" else None

    def expire(self) -> None:
        """Nothing has come for as long as :meth:`timeout` said: repeat the last flight (RFC 6347 section 4.2.4)."""
        if self._ssl is not None and self.state == "connecting":
            try:
                self._ssl.DTLSv1_handle_timeout()
            except SSL.Error:
                self._fail("repeated too often without an answer")
            self._flush(self._ssl)

    def close(self) -> None:
        """Tell the peer that it is over."""
        if self.state not in ("connecting", "connected"):
            return
        self.state = "closed"
        goodbye = self._goodbye if self._ssl is None else _goodbye(self._ssl)
        if goodbye:
            self._send(goodbye)

    def release(self) -> None:
        """Let go of the keys, and of OpenSSL's memory. Nothing can be done with it any more."""
        self.state = "closed"
        self.incoming = self.outgoing = self._ssl = None
        self._send = _nowhere

    def _shake(self, ssl: SSL.Connection) -> None:
        try:
            ssl.do_handshake()
        except SSL.WantReadError:
            self._flush(ssl)
            return
        except SSL.Error as error:
            self._flush(ssl)  # an alert, perhaps
            self._fail(_words(error))
            return
        self._flush(ssl)
        self._finish(ssl)

    def _finish(self, ssl: SSL.Connection) -> None:
        """The handshake is through: take the keys, if it was with the right one, and if we agree on SRTP."""
        certificate = ssl.get_peer_certificate(as_cryptography=True)
        name = ssl.get_selected_srtp_profile()
        profile = next((one for one in SRTP_PROFILES if one.name == name), None)
        if certificate is None or not matches(certificate, self._fingerprints):
            self._fail("the certificate does not match the fingerprint in the session description")
            return
        if profile is None:
            self._fail("no SRTP profile in common (use_srtp)")
            return
        self._take_keys(ssl, profile)
        self.state = "connected"
        if self._client and ssl.get_protocol_version_name() == _VERSION:
            self._goodbye = _goodbye(ssl)
            self._ssl, self._fingerprints = None, ()

    def _fail(self, reason: str) -> None:
        self.state, self.reason = "failed", reason

    def _take_keys(self, ssl: SSL.Connection, profile: SrtpProfile) -> None:
        """RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt, one after the other."""
        keys, salts = profile.key_bytes, profile.salt_bytes
        material = ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (keys + salts))
        parts = [
            material[keys * side : keys * (side + 1)]
            + material[2 * keys + salts * side : 2 * keys + salts * (side + 1)]
            for side in (0, 1)
        ]
        ours, theirs = parts if self._client else reversed(parts)
        self.incoming = _session(profile, theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.outgoing = _session(profile, ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def _read(self, ssl: SSL.Connection) -> None:
        """After the handshake there are repeated flights and alerts to come; data there is none."""
        try:
            while ssl.recv(_READ):
                pass
        except SSL.ZeroReturnError:
            self._flush(ssl)
            self.state = "closed"
            return
        except SSL.Error:
            pass  # nothing for us, or nonsense that anybody could have sent
        self._flush(ssl)

    def _flush(self, ssl: SSL.Connection) -> None:
        """Send what OpenSSL has written."""
        for datagram in datagrams(_written(ssl)):
            self._send(datagram)


def _words(error: SSL.Error) -> str:
    """What OpenSSL says of an error."""
    queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return ", ".join(str(entry[-1]) for entry in queue if entry[-1]) or "OpenSSL gives no reason"


def _written(ssl: SSL.Connection) -> bytes:
    """What OpenSSL wants to have sent: records."""
    written = b""
    try:
        while True:
            written += ssl.bio_read(_READ)
    except SSL.Error:
        return written


def _goodbye(ssl: SSL.Connection) -> bytes:
    """A datagram that tells the peer that it is over (close_notify); empty if there is nobody to tell."""
    with contextlib.suppress(SSL.Error):  # the handshake was not through
        ssl.shutdown()
    return _written(ssl)


def _is_protected_alert(datagram: bytes) -> bool:
    """Whether it begins with an alert of an epoch that has keys (RFC 6347 section 4.1)."""
    return len(datagram) > _RECORD_HEADER and datagram[0] == _ALERT and any(datagram[3:5])


def _nowhere(_: bytes) -> None:
    """Nothing is sent any more."""


def datagrams(records: bytes) -> Iterator[bytes]:
    """Cut DTLS records, written one after the other, into datagrams: whole records each (RFC 6347 section 4.1.1)."""
    start = end = 0
    while end + _RECORD_HEADER <= len(records):
        after = end + _RECORD_HEADER + int.from_bytes(records[end + 11 : end + 13], "big")
        if end > start and after - start > MAX_DATAGRAM:
            yield records[start:end]
            start = end
        end = after
    if start < len(records):
        yield records[start:]


def _session(profile: SrtpProfile, key: bytes, kind: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=profile.number)
    policy.allow_repeat_tx = True
    policy.window_size = _REPLAY_WINDOW
    return pylibsrtp.Session(policy)
