"""Frames are found whatever they are made of, and however their bytes come in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.websocket_frames import FrameScanner

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
    scanner, pending, stream, begun = FrameScanner(), b"", b"".join(sent), 0
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
    scanner = FrameScanner()
    while data:
        gone, began = scanner.scan(data, max_frames)
        assert 0 < gone <= len(data)
        assert began <= max_frames
        data = data[gone:]
