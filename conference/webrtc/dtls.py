"""DTLS-SRTP (RFC 5764): a handshake in datagrams, and the keys that come of it.

Sans I/O: datagrams are handed in, and those to be sent go to a function. Each step takes a fraction of a millisecond,
so a crowd that joins holds nobody up.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

import pylibsrtp
from OpenSSL import SSL

from conference.webrtc.certificate import SRTP_PROFILES, Certificate, SrtpProfile, matches

DtlsState: TypeAlias = Literal["new", "connecting", "connected", "closed", "failed"]

MAX_DATAGRAM = 1200
"""What fits through any path; longer flights are sent in several datagrams."""

_RECORD_HEADER = 13
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
        self._ssl = SSL.Connection(certificate.context)
        self._client = client
        if client:
            self._ssl.set_connect_state()
        else:
            self._ssl.set_accept_state()
        self._fingerprints = fingerprints
        self._send = send
        self.state: DtlsState = "new"
        self.incoming: pylibsrtp.Session | None = None
        """Takes the SRTP off what comes, once connected."""

        self.outgoing: pylibsrtp.Session | None = None
        """Puts it on what goes."""

    def start(self) -> None:
        """The path is open: begin, or wait for the peer to."""
        if self.state == "new":
            self.state = "connecting"
            self._shake()

    def receive(self, datagram: bytes) -> None:
        """Take a datagram. Never raises: what goes wrong is told by :attr:`state`."""
        if not datagram:
            return
        if self.state == "connecting":
            self._ssl.bio_write(datagram)
            self._shake()
        elif self.state == "connected":
            self._ssl.bio_write(datagram)
            self._read()

    def timeout(self) -> float | None:
        """In how many seconds :meth:`expire` is to be called; ``None`` if nothing need be repeated."""
        return self._ssl.DTLSv1_get_timeout() if self.state == "connecting" else None

    def expire(self) -> None:
        """Nothing has come for as long as :meth:`timeout` said: repeat the last flight (RFC 6347 section 4.2.4)."""
        if self.state == "connecting":
            try:
                self._ssl.DTLSv1_handle_timeout()
            except SSL.Error:  # repeated too often
                self.state = "failed"
            self._flush()

    def close(self) -> None:
        """Tell the peer that it is over."""
        if self.state in ("connecting", "connected"):
            self.state = "closed"
            with contextlib.suppress(SSL.Error):  # the handshake was not through: there is nobody to tell
                self._ssl.shutdown()
            self._flush()

    def release(self) -> None:
        """Let go of the keys, and of OpenSSL's memory. Nothing can be done with it any more."""
        self.state = "closed"
        self.incoming = self.outgoing = None
        del self._ssl, self._send

    def _shake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
            return
        except SSL.Error:
            self._flush()  # an alert, perhaps
            self.state = "failed"
            return
        self._flush()
        self._finish()

    def _finish(self) -> None:
        """The handshake is through: take the keys, if it was with the right one, and if we agree on SRTP."""
        certificate = self._ssl.get_peer_certificate(as_cryptography=True)
        name = self._ssl.get_selected_srtp_profile()
        profile = next((one for one in SRTP_PROFILES if one.name == name), None)
        if certificate is None or profile is None or not matches(certificate, self._fingerprints):
            self.state = "failed"
            return
        self._take_keys(profile)
        self.state = "connected"

    def _take_keys(self, profile: SrtpProfile) -> None:
        """RFC 5764 section 4.2: client's key, server's key, client's salt, server's salt, one after the other."""
        keys, salts = profile.key_bytes, profile.salt_bytes
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (keys + salts))
        parts = [
            material[keys * side : keys * (side + 1)]
            + material[2 * keys + salts * side : 2 * keys + salts * (side + 1)]
            for side in (0, 1)
        ]
        ours, theirs = parts if self._client else reversed(parts)
        self.incoming = _session(profile, theirs, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self.outgoing = _session(profile, ours, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)

    def _read(self) -> None:
        """After the handshake there are repeated flights and alerts to come; data there is none."""
        try:
            while self._ssl.recv(_READ):
                pass
        except SSL.ZeroReturnError:
            self._flush()
            self.state = "closed"
            return
        except SSL.Error:
            pass  # nothing for us, or nonsense that anybody could have sent
        self._flush()

    def _flush(self) -> None:
        """Send what OpenSSL has written."""
        written = b""
        try:
            while True:
                written += self._ssl.bio_read(_READ)
        except SSL.Error:
            pass
        for datagram in datagrams(written):
            self._send(datagram)


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
