"""The file of a capture is read as it was written, however it is cut."""

from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.capture.format import MAGIC, MAX_BODY_BYTES, decode, encode, packet_writer, read_capture
from conference.capture.records import (
    CaptureError,
    Changed,
    ComplexityLimited,
    Ended,
    FramePulled,
    Heard,
    Joined,
    Left,
    Opened,
    PacketArrived,
    Reconnected,
    Record,
    Restarted,
    SoundArrived,
    Ticked,
)

indices = st.integers(0, 2**32 - 1)
times = st.integers(-(2**63), 2**63 - 1)
checks = st.integers(0, 2**32 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
objects = st.dictionaries(texts, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts, max_size=4)
payloads = st.binary(max_size=200)
levels = st.none() | st.integers(-127, 0)

records = st.one_of(
    st.builds(Opened, objects),
    st.builds(Joined, indices, objects),
    st.builds(Left, indices, texts),
    st.builds(Reconnected, indices, objects),
    st.builds(Changed, indices, objects),
    st.builds(
        PacketArrived,
        indices,
        st.integers(0, 2**16 - 1),
        st.integers(0, 2**32 - 1),
        payloads,
        times,
        levels,
        st.booleans(),
    ),
    st.builds(Restarted, indices, st.sampled_from(["", "opus", "PCMU"])),
    st.builds(SoundArrived, indices, st.none() | times, payloads, times),
    st.builds(FramePulled, indices, st.none() | st.binary(min_size=1920, max_size=1920)),
    st.builds(Ticked, times, times, checks, checks),
    st.builds(Heard, indices, checks, checks),
    st.builds(ComplexityLimited, st.integers(0, 255)),
    st.builds(Ended, texts),
)


@given(st.lists(records, max_size=8), st.integers(1, 50))
def test_records_are_read_as_they_were_written_however_they_are_cut(written: list[Record], size: int) -> None:
    data = b"".join(map(encode, written))
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(decode(chunks)) == written
    assert list(read_capture(io.BytesIO(MAGIC + zlib.compress(data)))) == written


@given(st.lists(records, min_size=1, max_size=5), st.data())
def test_what_is_cut_off_at_the_end_is_left_out(written: list[Record], data: st.DataObject) -> None:
    whole = b"".join(map(encode, written))
    kept = data.draw(st.integers(0, len(whole) - 1))
    read = list(decode([whole[:kept]]))
    assert read == written[: len(read)]
    assert len(b"".join(map(encode, read))) <= kept


@given(st.builds(PacketArrived, indices, st.just(7), st.just(9), payloads, times, levels, st.booleans()))
def test_the_short_way_to_write_a_packet_is_the_same(packet: PacketArrived) -> None:
    block = bytearray(b"before")
    write = packet_writer(packet.index, block)
    write(7, 9, packet.payload, packet.arrival_ns, packet.level, packet.redundant)
    assert block == b"before" + encode(packet)


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes_are_records_or_an_error(chunks: list[bytes]) -> None:
    try:
        list(decode(chunks))
    except CaptureError as error:
        sentence = str(error)
    else:
        sentence = "."
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a capture"),
        (b"RIFF....WAVEfmt ", "not a capture"),
        (b"conference capture 7\n.....", "another version"),
        (MAGIC + b"not zlib", "damaged"),
        (MAGIC + zlib.compress(bytes([99, 0, 0, 0, 0])), "damaged"),
        (MAGIC + zlib.compress(b"\x01\xff\xff\xff\xff"), "damaged"),
        (MAGIC + zlib.compress(encode(Left(0, "x"))[:1] + b"\x02\x00\x00\x00ab"), "damaged"),
    ],
)
def test_what_is_no_capture_is_told_in_a_sentence(data: bytes, words: str) -> None:
    with pytest.raises(CaptureError, match=words):
        list(read_capture(io.BytesIO(data)))


def test_a_record_that_nobody_would_read_is_not_written() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode(SoundArrived(0, 0, bytes(MAX_BODY_BYTES), 0))


def test_a_small_file_that_unpacks_to_very_much_is_read_bit_by_bit() -> None:
    many = zlib.compress(encode(Ended("")) * 10_000_000, 9)
    assert len(many) < 100_000
    records = read_capture(io.BytesIO(MAGIC + many))
    assert next(records) == Ended("")
