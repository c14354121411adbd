"""The journal of a recording: what a crash left of it can be read."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.recording.journal_format import EVENTS, MAGIC, RECORDS, JournalError, frame, read_blocks

BLOCKS = st.lists(st.tuples(st.sampled_from([RECORDS, EVENTS]), st.binary(max_size=60)), max_size=6)


@given(BLOCKS, st.data())
def test_what_is_cut_off_anywhere_gives_all_whole_blocks_before(
    blocks: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    whole = MAGIC + b"".join(frame(*one) for one in blocks)
    left = data.draw(st.integers(0, len(whole)))
    found = list(read_blocks(io.BytesIO(whole[:left])))
    assert found == blocks[: len(found)]
    sizes = [len(MAGIC) + sum(len(frame(*one)) for one in blocks[:n]) for n in range(len(blocks) + 1)]
    assert len(found) == max((n for n, size in enumerate(sizes) if size <= left), default=0)


@given(BLOCKS, st.data())
def test_a_byte_that_the_disk_changed_ends_it_there_and_is_never_read(
    blocks: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    whole = bytearray(MAGIC + b"".join(frame(*one) for one in blocks))
    place = data.draw(st.integers(len(MAGIC), max(len(MAGIC), len(whole) - 1)))
    if place < len(whole):
        whole[place] ^= data.draw(st.integers(1, 255))
    found = list(read_blocks(io.BytesIO(bytes(whole))))
    contents = [one[1] for one in blocks]
    assert [one[1] for one in found] == contents[: len(found)]


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_it_is_read_or_refused(data: bytes) -> None:
    try:
        list(read_blocks(io.BytesIO(data)))
    except JournalError as error:
        assert str(error).startswith("The file is not the journal")  # noqa: PT017 - either way is right


def test_another_kind_of_file_is_refused() -> None:
    with pytest.raises(JournalError):
        list(read_blocks(io.BytesIO(b"conference capture 1\n")))
