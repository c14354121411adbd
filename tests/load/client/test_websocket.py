from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.load.client.websocket import (
    BINARY,
    CLOSE,
    MAX_BUFFER,
    PING,
    PONG,
    TEXT,
    FrameReader,
    WebSocketError,
    build_frame,
    read_upgrade,
    upgrade_request,
)

KEY = b"the sample nonce"
"""Of RFC 6455, section 1.3."""

ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)


def server_frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65_536:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


def test_the_key_of_the_standard_is_accepted() -> None:
    assert b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" in upgrade_request("host", "/", KEY)
    assert read_upgrade(ANSWER, KEY) == 101


def test_an_answer_to_another_key_is_refused() -> None:
    with pytest.raises(WebSocketError, match="another request"):
        read_upgrade(ANSWER, b"another nonce...")


def test_a_refusal_gives_its_status() -> None:
    assert read_upgrade(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3", KEY) == 429


@given(st.binary(max_size=300))
def test_any_answer_is_a_status_or_an_error(head: bytes) -> None:
    with contextlib.suppress(WebSocketError):
        assert isinstance(read_upgrade(head, KEY), int)


@given(st.lists(st.tuples(st.sampled_from((1, 2, 8, 9)), st.binary(max_size=400)), max_size=8), st.integers(1, 500))
def test_frames_come_out_as_they_went_in_however_they_are_cut(frames: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(server_frame(*frame) for frame in frames)
    reader = FrameReader()
    found = [frame for start in range(0, len(data), size) for frame in reader.feed(data[start : start + size])]
    assert found == frames


def test_a_frame_of_64_kib_comes_through() -> None:
    assert FrameReader().feed(server_frame(TEXT, b"x" * 70_000)) == [(TEXT, b"x" * 70_000)]


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_bytes_are_frames_or_an_error(pieces: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for piece in pieces:
            reader.feed(piece)
    except WebSocketError:
        pass


def test_a_masked_frame_and_one_without_end_are_refused() -> None:
    with pytest.raises(WebSocketError, match="masks"):
        FrameReader().feed(build_frame(TEXT, b"hello"))
    with pytest.raises(WebSocketError, match="too long"):
        FrameReader().feed(bytes((0x81, 127)) + (MAX_BUFFER + 1).to_bytes(8, "big"))


@pytest.mark.parametrize("size", [0, 125, 126, 3000])
def test_our_frames_are_masked_text_of_the_right_length(size: int) -> None:
    frame = build_frame(TEXT, b"x" * size)
    assert frame[0] == 0x81
    assert frame[1] & 0x80
    assert frame.endswith(b"\0\0\0\0" + b"x" * size)
    told = frame[1] & 0x7F if size < 126 else int.from_bytes(frame[2:4], "big")
    assert told == size


def test_the_kinds_of_frames_have_the_numbers_of_the_standard() -> None:
    """RFC 6455, section 5.2."""
    assert (TEXT, BINARY, CLOSE, PING, PONG) == (0x1, 0x2, 0x8, 0x9, 0xA)
