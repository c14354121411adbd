"""Our calls of libsrtp do what pylibsrtp's do."""

from __future__ import annotations

import os

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.rtp.packet import build_rtp
from conference.webrtc.rtp.srtp import MAX_PACKET_BYTES, SrtpSession

PROFILES = [
    (pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 30),
    (pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 28),
]


def session(key: bytes, profile: int, direction: int) -> pylibsrtp.Session:
    return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=direction, srtp_profile=profile))


def pair(profile: int, key_bytes: int) -> tuple[SrtpSession, SrtpSession]:
    key = os.urandom(key_bytes)
    out = SrtpSession(session(key, profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    return out, SrtpSession(session(key, profile, pylibsrtp.Policy.SSRC_ANY_INBOUND))


@pytest.mark.parametrize(("profile", "key_bytes"), PROFILES)
def test_what_is_protected_is_what_pylibsrtp_protects(profile: int, key_bytes: int) -> None:
    key = os.urandom(key_bytes)
    ours = SrtpSession(session(key, profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    theirs = session(key, profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    for number in range(20):
        packet = build_rtp(111, False, number, number * 960, 1234, os.urandom(number * 7))
        assert ours.protect(packet) == theirs.protect(packet)


@pytest.mark.parametrize(("profile", "key_bytes"), PROFILES)
def test_packets_come_through_once_and_untouched_only(profile: int, key_bytes: int) -> None:
    out, into = pair(profile, key_bytes)
    packet = build_rtp(111, True, 7, 960, 1234, b"sound")
    protected = out.protect(packet)
    assert protected is not None
    assert into.unprotect(protected[:-1] + bytes([protected[-1] ^ 1])) is None
    assert into.unprotect(protected) == packet
    assert into.unprotect(protected) is None, "a replay"


def test_rtcp_comes_through() -> None:
    out, into = pair(*PROFILES[0])
    receiver_report = b"\x80\xc9\x00\x01\x00\x00\x04\xd2"
    protected = out.protect_rtcp(receiver_report)
    assert protected is not None
    assert into.unprotect_rtcp(protected) == receiver_report


def test_a_packet_that_is_too_long_is_refused() -> None:
    out, into = pair(*PROFILES[0])
    assert out.protect(bytes(MAX_PACKET_BYTES + 1)) is None
    assert into.unprotect(bytes(MAX_PACKET_BYTES + 1)) is None


@given(garbage=st.binary(max_size=3000))
def test_garbage_is_refused(garbage: bytes) -> None:
    _, into = pair(*PROFILES[0])
    assert into.unprotect(garbage) is None
    assert into.unprotect_rtcp(garbage) is None
