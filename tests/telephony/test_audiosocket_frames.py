"""AudioSocket's frames are found, and counted, however their bytes come in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.audiosocket_frames import (
    SOUND,
    AudioSocketMessages,
    audiosocket_frame,
    audiosocket_frame_size,
)
from conference.telephony.frame_scanner import FrameScanner

SIZES = st.integers(0, 700) | st.sampled_from([320, 1920, 0xFFFF])
FRAMES = st.lists(
    st.builds(lambda kind, size: audiosocket_frame(kind, b"\x01" * size), st.integers(0, 255), SIZES), max_size=12
)
PIECES = st.lists(st.integers(1, 5000) | st.integers(1, 9) | st.just(323), min_size=1, max_size=20)


def in_pieces(stream: bytes, pieces: list[int]) -> list[bytes]:
    cut, position, turn = [], 0, 0
    while position < len(stream):
        size = pieces[turn % len(pieces)]
        cut.append(stream[position : position + size])
        position, turn = position + size, turn + 1
    return cut


def test_a_frame_is_kind_length_and_payload() -> None:
    assert audiosocket_frame(SOUND, b"\x01\x02") == b"\x10\x00\x02\x01\x02"
    assert audiosocket_frame(0) == b"\x00\x00\x00"


@given(FRAMES, PIECES, st.integers(0, 20))
def test_any_pieces_give_the_same_frames_in_order(sent: list[bytes], pieces: list[int], begin: int) -> None:
    taken: list[bytes] = []
    messages = AudioSocketMessages()
    for number, piece in enumerate(in_pieces(b"".join(sent), pieces)):
        if number == begin:  # what came before is kept
            assert messages.start(taken.append) == b""
        assert messages.feed(piece) == b""
    if not messages.taken:
        messages.start(taken.append)
    assert taken == sent


@given(FRAMES, st.binary(max_size=400), PIECES)
def test_what_is_no_whole_frame_waits(sent: list[bytes], rest: bytes, pieces: list[int]) -> None:
    rest = audiosocket_frame(SOUND, rest)[:-1]
    taken: list[bytes] = []
    messages = AudioSocketMessages()
    messages.start(taken.append)
    for piece in in_pieces(b"".join(sent) + rest, pieces):
        messages.feed(piece)
    assert taken == sent


@given(FRAMES, PIECES, st.integers(1, 5))
def test_every_frame_is_counted_once_and_none_is_cut_short(
    sent: list[bytes], pieces: list[int], max_frames: int
) -> None:
    scanner, pending, position, begun = FrameScanner(audiosocket_frame_size), b"", 0, 0
    ends = [sum(map(len, sent[: number + 1])) for number in range(len(sent))]
    for piece in in_pieces(b"".join(sent), pieces):
        pending += piece
        while pending:
            gone, began = scanner.scan(pending, max_frames)
            assert 0 < gone <= len(pending)
            assert began <= max_frames
            position, pending, begun = position + gone, pending[gone:], begun + began
            assert begun == sum(end - len(frame) < position for frame, end in zip(sent, ends, strict=True))
            assert scanner.is_between == (position in ends)
            if pending:
                assert position in ends, "what is left over begins with a frame"
    assert begun == len(sent)
    assert position == sum(map(len, sent))


@given(st.binary(max_size=200), st.integers(1, 20))
def test_whatever_comes_it_goes_on(data: bytes, max_frames: int) -> None:
    scanner, messages = FrameScanner(audiosocket_frame_size), AudioSocketMessages()
    messages.start(lambda _: None)
    messages.feed(data)
    while data:
        gone, began = scanner.scan(data, max_frames)
        assert 0 < gone <= len(data)
        assert began <= max_frames
        data = data[gone:]
