"""Legal peers that are not like browsers, through real sockets: they get in, and hear and are heard."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from aiortc.rtcdtlstransport import RTCCertificate, SRTPProtectionProfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from tests.webrtc.lite import LitePeer
from tests.webrtc.offers import FINGERPRINT
from tests.webrtc.stock import Room, StockPeer, eventually, flows, running

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


class RsaCertificate(RTCCertificate):
    """What stock GStreamer has, and aiortc has no means to make."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(65537, 2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a peer")])
        now = dt.datetime.now(tz=dt.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now)
        certificate = builder.not_valid_after(now + dt.timedelta(days=1)).sign(key, hashes.SHA256())
        super().__init__(key, certificate)  # type: ignore[arg-type]

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = SSL.Context(SSL.DTLS_METHOD)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.use_certificate(self._cert)
        context.use_privatekey(self._key)
        context.set_cipher_list(b"ALL")
        context.set_tlsext_use_srtp(b":".join(one.openssl_profile for one in srtp_profiles))
        return context


async def test_a_dtls_server_with_an_rsa_certificate_gets_in() -> None:
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        client.transceiver.sender.transport._RTCDtlsTransport__local_certificate = RsaCertificate()  # type: ignore[attr-defined]
        answer = await peer.accept(await client.offer())
        assert "a=setup:active" in answer  # so they are the server
        await client.take(answer)
        room = Room(peer)
        await flows(client, room)
        await room.close()
        await client.close()


async def test_why_a_connection_failed_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "conference")
    async with running() as webrtc:
        client, peer = StockPeer(), webrtc.new_peer()
        reasons: list[str] = []
        peer.on_end = reasons.append
        offer = "\r\n".join(
            f"a=fingerprint:sha-256 {FINGERPRINT}" if line.startswith("a=fingerprint:sha-256") else line
            for line in (await client.offer()).split("\r\n")
            if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
        )
        await client.take(await peer.accept(offer))
        await eventually(lambda: reasons)
        why = "the certificate does not match the fingerprint in the session description"
        assert reasons == [f"The connection failed: the DTLS handshake failed: {why}."]
        assert reasons[0] in caplog.text
        await client.close()


@pytest.mark.parametrize(("setup", "answered"), [("actpass", "active"), ("active", "passive"), ("passive", "active")])
async def test_an_ice_lite_peer_that_only_answers_hears_and_is_heard(setup: str, answered: str) -> None:
    async with running() as webrtc:
        client, peer = LitePeer(), webrtc.new_peer()
        answer = await peer.accept(await client.offer(setup=setup))
        assert f"a=setup:{answered}\r\n" in answer
        client.take(answer)
        await eventually(lambda: peer.state == "connected")
        assert all("ICE-CONTROLLING" in one for one in client.checks)  # RFC 8445, section 6.1.1
        room = Room(peer)

        def both_hear() -> bool:
            client.speak()
            return room.heard >= 10 and client.heard >= 10

        await eventually(both_hear)
        await room.close()
        client.close()


@pytest.mark.parametrize(
    ("before", "behind"), [(("video",), ()), ((), ("video",)), (("data",), ("video",)), (("video", "data"), ())]
)
async def test_an_aiortc_peer_with_more_than_sound_hears_and_is_heard(
    before: tuple[str, ...], behind: tuple[str, ...]
) -> None:
    async with running() as webrtc:
        client, peer = StockPeer("sendrecv", before, behind), webrtc.new_peer()
        await client.take(await peer.accept(await client.offer()))
        room = Room(peer)
        await flows(client, room)
        await room.close()
        await client.close()
