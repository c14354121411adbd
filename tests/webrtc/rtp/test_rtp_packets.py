from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from aiortc.rtp import RtpPacket as TheirPacket
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.rtp.packet import build_rtp, parse_media, parse_rtp

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFFFFFF)


@given(st.integers(0, 127), st.booleans(), U16, U32, U32, st.binary(max_size=200))
def test_what_is_built_is_what_others_parse(
    payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes
) -> None:
    packet = build_rtp(payload_type, marker, sequence, timestamp, ssrc, payload)
    theirs = TheirPacket.parse(packet)
    assert (theirs.payload_type, theirs.marker, theirs.sequence_number) == (payload_type, marker, sequence)
    assert (theirs.timestamp, theirs.ssrc, theirs.payload) == (timestamp, ssrc, payload)
    assert parse_rtp(packet) == (payload_type, sequence, timestamp, ssrc, payload, None)


@given(st.lists(U32, max_size=15), st.integers(0, 255), st.binary(max_size=50))
def test_contributing_sources_and_padding_are_taken_off(csrcs: list[int], padding: int, payload: bytes) -> None:
    head = bytes([0x80 | (0x20 if padding else 0) | len(csrcs), 96]) + bytes(10)
    tail = bytes(padding - 1) + bytes([padding]) if padding else b""
    packet = head + b"".join(struct.pack("!L", one) for one in csrcs) + payload + tail
    assert parse_rtp(packet).payload == payload


def with_extension(profile: int, elements: bytes) -> bytes:
    elements += bytes(-len(elements) % 4)
    extension = struct.pack("!HH", profile, len(elements) // 4) + elements
    return bytes([0x90, 96]) + bytes(10) + extension + b"sound"


@pytest.mark.parametrize(
    ("profile", "elements", "level"),
    [
        (0xBEDE, bytes([0x10, 0x80 | 30]), -30),
        (0xBEDE, bytes([0x10, 127]), -127),
        (0xBEDE, bytes([0x11, 30, 0]), -30),  # two bytes, as Chromium once sent
        (0xBEDE, bytes([0x22, 1, 2, 3, 0, 0x10, 5]), -5),  # another before it, and padding
        (0xBEDE, bytes([0xF0, 9, 0x10, 5]), None),  # id 15 ends the list
        (0x1000, bytes([1, 1, 30]), -30),
        (0x1005, bytes([9, 0, 1, 2, 30, 0]), -30),
        (0x1000, bytes([1, 0, 0, 0]), None),  # no value
        (0x1234, bytes([0x10, 30]), None),  # some other profile
        (0xBEDE, bytes([0x1F, 1, 2, 3]), None),  # longer than there is
    ],
)
def test_the_audio_level_is_found(profile: int, elements: bytes, level: int | None) -> None:
    packet = parse_rtp(with_extension(profile, elements), level_id=1)
    assert packet.level == level
    assert packet.payload == b"sound"


@given(st.binary(max_size=80), st.integers(0, 255), st.sampled_from([0xBEDE, 0x1000, 0x100F, 0]))
def test_a_malformed_extension_costs_only_the_level(elements: bytes, level_id: int, profile: int) -> None:
    packet = parse_rtp(with_extension(profile, elements), level_id)
    assert packet.payload == b"sound"
    assert packet.level is None or -127 <= packet.level <= 0


@given(st.binary(max_size=100), st.integers(0, 15))
def test_no_bytes_raise_anything_but_value_error(data: bytes, level_id: int) -> None:
    for candidate in (data, b"\x90" + data, b"\xbf" + data):
        try:
            parse_rtp(candidate, level_id)
        except ValueError:
            continue


@given(st.binary(max_size=60), st.integers(0, 15))
def test_the_quick_way_finds_what_the_slow_one_finds(data: bytes, level_id: int) -> None:
    def result(parse: Callable[[bytes, int], tuple[object, ...]], packet: bytes) -> object:
        try:
            return tuple(parse(packet, level_id))
        except ValueError as error:
            return str(error)

    level = bytes([0xBE, 0xDE, 0, 1, level_id << 4, 30, 0, 0])
    header = bytes(10)
    for packet in (data, b"\x90\x6f" + header + data, b"\x90\x6f" + header + level + data, b"\x80\x6f" + header + data):
        assert result(parse_media, packet) == result(parse_rtp, packet)
