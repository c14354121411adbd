"""The headless client's way out: what went is said to have gone, and nothing else is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pylibsrtp
import pytest
from aiortc import RTCRtpTransceiver

from conference.webrtc.client.aiortc_internals import SrtpChannel
from conference.webrtc.rtp.packet import build_rtp
from conference.webrtc.rtp.rtcp import build_report

THEIRS = ("192.0.2.7", 5000)
RTP = build_rtp(111, False, 1, 960, 7, b"voice")
RTCP = build_report(7, "us", None, [])


class Socket:
    """Takes datagrams, says whether it did, or nothing."""

    def __init__(self) -> None:
        self.says: bool | None = None
        self.closing = False
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def is_closing(self) -> bool:
        return self.closing

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool | None:
        self.sent.append((data, address))
        return self.says


def srtp(kind: int) -> pylibsrtp.Session:
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    return pylibsrtp.Session(pylibsrtp.Policy(key=bytes(28), ssrc_type=kind, srtp_profile=profile))


class Way:
    """A channel over a connection of aiortc's, as far as it looks at one."""

    def __init__(self) -> None:
        self.socket = Socket()
        self.pairs: dict[int, Any] = {
            1: SimpleNamespace(protocol=SimpleNamespace(transport=self.socket), remote_addr=THEIRS)
        }
        ice = SimpleNamespace(_connection=SimpleNamespace(_nominated=self.pairs))
        dtls = SimpleNamespace(
            transport=ice,
            _rx_srtp=srtp(pylibsrtp.Policy.SSRC_ANY_INBOUND),
            _tx_srtp=srtp(pylibsrtp.Policy.SSRC_ANY_OUTBOUND),
        )
        self.channel = SrtpChannel(cast("RTCRtpTransceiver", SimpleNamespace(receiver=SimpleNamespace(transport=dtls))))


def test_nothing_goes_and_nothing_is_authentic_before_there_are_keys_or_after() -> None:
    way = Way()
    for opened in (False, True, False):
        (way.channel.open if opened else way.channel.close)()
        assert way.channel.send_rtp(RTP) is opened
        assert way.channel.send_rtcp(RTCP) is opened
        assert way.channel.unprotect(b"forged" * 9) is None
        assert way.channel.unprotect_rtcp(b"forged" * 9) is None
    assert [address for _, address in way.socket.sent] == [THEIRS] * 2


def test_what_goes_out_is_protected_and_can_be_read_with_the_key() -> None:
    way = Way()
    way.channel.open()
    way.channel.send_rtp(RTP)
    way.channel.send_rtcp(RTCP)
    (rtp, _), (rtcp, _) = way.socket.sent
    assert b"voice" not in rtp
    assert way.channel.unprotect(rtp) == RTP
    assert way.channel.unprotect(rtp) is None, "it is replayed"
    assert way.channel.unprotect_rtcp(rtcp) == RTCP


@pytest.mark.parametrize(("says", "went"), [(None, True), (True, True), (False, False)])
def test_a_socket_that_says_that_it_did_not_send_is_believed(says: bool | None, went: bool) -> None:
    way = Way()
    way.channel.open()
    way.socket.says = says
    assert way.channel.send_rtp(RTP) is went


def test_without_a_path_or_with_one_that_closes_nothing_went() -> None:
    way = Way()
    way.channel.open()
    way.socket.closing = True
    assert way.channel.send_rtp(RTP) is False
    way.pairs.clear()
    assert way.channel.send_rtcp(RTCP) is False
    assert way.socket.sent == []
