"""What is read of the servers that a call has come through, whatever a stranger writes there."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.web.joining.call_loops import MAX_IDS, read_placed_by, write_placed_by

IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)


@given(IDS, st.lists(IDS, max_size=40))
def test_what_is_written_is_read_and_this_server_is_never_left_out(own: str, before: list[str]) -> None:
    read = read_placed_by(write_placed_by(own, before))
    assert read[0] == own
    assert len(read) == len(set(read)) == min(MAX_IDS, len({own, *before}))
    assert set(read) <= {own, *before}


@given(st.none() | st.text(max_size=300))
def test_whatever_comes_few_and_short_ids_are_read(value: str | None) -> None:
    read = read_placed_by(value)
    assert len(read) <= MAX_IDS
    assert all(one.isascii() and one.isprintable() and 0 < len(one) <= 64 and "," not in one for one in read)
