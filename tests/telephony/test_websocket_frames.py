"""Frames are found whatever they are made of, and however their bytes come in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.frame_scanner import FrameScanner
from conference.telephony.websocket_frames import (
    PING,
    PONG,
    TEXT,
    TextMessages,
    client_frame,
    masked,
    server_frame,
    websocket_frame_size,
)

sizes = st.integers(0, 300) | st.sampled_from([125, 126, 65_535, 65_536, 70_000])


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A frame of any kind, its length written in any of the three ways."""
    size, masked = draw(sizes), draw(st.booleans())
    ways = [way for way, most in ((0, 125), (2, 65_535), (8, 2**63)) if size <= most]
    extended = draw(st.sampled_from(ways))
    length = size if extended == 0 else {2: 126, 8: 127}[extended]
    header = bytes([draw(st.integers(0, 255)), length | (0x80 if masked else 0)])
    return header + size.to_bytes(extended or 1, "big")[: extended or 0] + bytes(4 if masked else 0) + b"\x81" * size


@given(st.lists(frames(), max_size=20), st.lists(st.integers(1, 5000), min_size=1, max_size=20), st.integers(1, 5))
def test_every_frame_is_counted_once_and_none_is_cut_short(
    sent: list[bytes], pieces: list[int], max_frames: int
) -> None:
    scanner, pending, stream, begun = FrameScanner(websocket_frame_size), b"", b"".join(sent), 0
    ends = [sum(map(len, sent[: number + 1])) for number in range(len(sent))]
    position, turn = 0, 0
    while position < len(stream):
        piece = pieces[turn % len(pieces)]
        turn += 1
        fed = position + len(pending)
        pending += stream[fed : fed + piece]
        gone, began = scanner.scan(pending, max_frames)
        assert began <= max_frames
        assert gone == len(pending) or began == max_frames
        position, pending, begun = position + gone, pending[gone:], begun + began
        assert begun == sum(end - len(frame) < position for frame, end in zip(sent, ends, strict=True))
        if gone < fed - position + piece and pending:
            assert position in ends, "what is left over begins with a frame"
    assert begun == len(sent)


@given(st.binary(max_size=200), st.integers(1, 20))
def test_whatever_comes_it_goes_on(data: bytes, max_frames: int) -> None:
    scanner = FrameScanner(websocket_frame_size)
    while data:
        gone, began = scanner.scan(data, max_frames)
        assert 0 < gone <= len(data)
        assert began <= max_frames
        data = data[gone:]


KEYS = st.binary(min_size=4, max_size=4)
TEXTS = st.text(max_size=80) | st.sampled_from(["a" * 125, "b" * 126, "c" * 70_000])


ordinary = st.one_of(
    st.builds(lambda text, key: (text, client_frame(TEXT, text.encode(), key)), TEXTS, KEYS),
    st.builds(
        lambda first, payload, key: (None, client_frame(first, payload, key)),
        st.sampled_from([PING, PONG]),
        st.binary(max_size=125),
        KEYS,
    ),
)


of_a_server = st.one_of(
    st.builds(lambda text: (text, server_frame(TEXT, text.encode())), TEXTS),
    st.builds(
        lambda first, payload: (None, server_frame(first, payload)),
        st.sampled_from([PING, PONG]),
        st.binary(max_size=125),
    ),
)


def fed(messages: TextMessages, stream: bytes, pieces: list[int]) -> bytes:
    left, position, turn = b"", 0, 0
    while position < len(stream):
        piece = pieces[turn % len(pieces)]
        left += messages.feed(stream[position : position + piece])
        position, turn = position + piece, turn + 1
    return left


PIECES = st.lists(st.integers(1, 5000) | st.integers(1, 9), min_size=1, max_size=20)


@given(st.lists(ordinary, max_size=12), PIECES)
def test_text_messages_are_taken_in_order_and_the_rest_is_left_as_it_came(
    frames: list[tuple[str | None, bytes]], pieces: list[int]
) -> None:
    taken: list[str] = []
    messages = TextMessages(100_000)
    assert messages.start(taken.append) == b""
    left = fed(messages, b"".join(frame for _, frame in frames), pieces)
    assert taken == [text for text, _ in frames if text is not None]
    assert left == b"".join(frame for text, frame in frames if text is None)


@given(st.lists(of_a_server, max_size=12), st.lists(ordinary, min_size=1, max_size=3), PIECES)
def test_of_a_server_those_are_taken_that_are_not_masked_and_no_others(
    frames: list[tuple[str | None, bytes]], masked_ones: list[tuple[str | None, bytes]], pieces: list[int]
) -> None:
    taken: list[str] = []
    messages = TextMessages(100_000, masked=False)
    assert messages.start(taken.append) == b""
    rest = b"".join(frame for _, frame in masked_ones)
    left = fed(messages, b"".join(frame for _, frame in frames) + rest, pieces)
    assert taken == [text for text, _ in frames if text is not None]
    assert left == b"".join(frame for text, frame in frames if text is None) + rest


UNUSUAL = {
    "binary": client_frame(0x82, b"data", b"abcd"),
    "the first part of a message": client_frame(0x01, b"data", b"abcd"),
    "a continuation": client_frame(0x80, b"data", b"abcd"),
    "a goodbye": client_frame(0x88, b"", b"abcd"),
    "compressed": client_frame(0xC1, b"data", b"abcd"),
    "not masked": server_frame(TEXT, b"data"),
    "no text": client_frame(TEXT, b"\xff\xfe", b"abcd"),
    "too long": client_frame(TEXT, b"x" * 2001, b"abcd"),
}


@pytest.mark.parametrize("kind", UNUSUAL)
@given(frames=st.lists(ordinary, max_size=6), after=st.lists(ordinary, max_size=6), pieces=PIECES)
def test_from_the_first_frame_that_is_out_of_the_ordinary_all_is_left(
    kind: str, frames: list[tuple[str | None, bytes]], after: list[tuple[str | None, bytes]], pieces: list[int]
) -> None:
    frames = [(text, frame) for text, frame in frames if len(frame) <= 2000]
    taken: list[str] = []
    messages = TextMessages(2000)
    messages.start(taken.append)
    rest = UNUSUAL[kind] + b"".join(frame for _, frame in after)
    left = fed(messages, b"".join(frame for _, frame in frames) + rest, pieces)
    assert taken == [text for text, _ in frames if text is not None]
    assert left == b"".join(frame for text, frame in frames if text is None) + rest


@given(st.lists(ordinary, max_size=5), st.lists(ordinary, max_size=5), PIECES)
def test_what_came_before_anybody_takes_messages_is_kept_for_them(
    frames: list[tuple[str | None, bytes]], later: list[tuple[str | None, bytes]], pieces: list[int]
) -> None:
    taken: list[str] = []
    messages = TextMessages(100_000)
    assert fed(messages, b"".join(frame for _, frame in frames), pieces) == b""
    left = messages.start(taken.append) + fed(messages, b"".join(frame for _, frame in later), pieces)
    assert taken == [text for text, _ in frames + later if text is not None]
    assert left == b"".join(frame for text, frame in frames + later if text is None)


@given(st.binary(max_size=400), PIECES)
def test_no_bytes_whatever_make_it_fail_and_none_get_lost_that_are_no_message(data: bytes, pieces: list[int]) -> None:
    taken: list[str] = []
    messages = TextMessages(1000)
    messages.start(taken.append)
    left = fed(messages, data, pieces)
    assert data.endswith(left) or taken or data[:1] in (bytes([TEXT]), bytes([PING]), bytes([PONG]))


@given(st.binary(max_size=70_000), KEYS)
def test_masking_twice_gives_the_payload(payload: bytes, key: bytes) -> None:
    assert masked(masked(payload, key), key) == payload
    assert masked(payload, key)[:4] == bytes(a ^ b for a, b in zip(payload, key, strict=False))


@given(st.sampled_from([0, 1, 125, 126, 65_535, 65_536]), st.binary(min_size=4, max_size=4))
def test_what_a_client_writes_is_read_as_it_was_written(size: int, key: bytes) -> None:
    text, read = "x" * size, list[str]()
    messages = TextMessages(1 << 20)
    assert messages.start(read.append) == b""
    frame = client_frame(TEXT, text.encode(), key)
    assert messages.feed(frame + frame) == b""
    assert read == [text, text]
    assert FrameScanner(websocket_frame_size).scan(frame, 9) == (len(frame), 1)
