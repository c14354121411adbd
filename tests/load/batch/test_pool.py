"""What is said, as a table: each payload is where its script's number says, with its level before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.load.batch.pool import Pool, extension
from conference.load.signal.scripts import Script
from conference.webrtc.rtp.packet import build_rtp, parse_rtp

payloads = st.lists(st.none() | st.binary(min_size=1, max_size=40), min_size=1, max_size=6)


def said(pool: Pool, row: int) -> bytes:
    return pool.data[row, : pool.lengths[row]].tobytes()


@given(st.lists(payloads, min_size=1, max_size=5))
def test_every_payload_of_every_script_is_found_at_its_place(scripts: list[list[bytes | None]]) -> None:
    pool = Pool(40)
    made = [Script(one, bursts={0: 7}) for one in scripts]
    places = [pool.place(one, 0) for one in made]
    for script, first in zip(made, places, strict=True):
        for number, payload in enumerate(script.payloads):
            assert said(pool, first + number) == (payload or b"")
            assert pool.bursts[first + number] == (7 if number == 0 else -1)
    assert [pool.place(one, 0) for one in made] == places, "what is there already is not taken in again"
    assert len(pool.lengths) == sum(map(len, scripts))


@pytest.mark.parametrize("level_id", [0, 1, 14])
@pytest.mark.parametrize("levels", [None, [-30, 0, -127]])
def test_a_level_is_said_only_by_who_has_one_and_where_it_is_agreed_on(level_id: int, levels: list[int] | None) -> None:
    pool = Pool(100)
    first = pool.place(Script([b"a", b"bb", None], levels), level_id)
    assert said(pool, first + 2) == b"", "where nothing is sent, nothing is said of it"
    for number, payload in enumerate((b"a", b"bb")):
        stored, tells = said(pool, first + number), levels is not None and level_id > 0
        header = bytes([0x90 if tells else 0x80]) + build_rtp(111, False, 1, 1, 1, b"")[1:]
        packet = parse_rtp(header + stored, level_id)
        assert (packet.payload, packet.level) == (payload, levels[number] if levels and tells else None)


def test_one_script_with_two_ids_for_levels_is_two() -> None:
    pool, script = Pool(100), Script([b"a"], [-30])
    assert [pool.place(script, number) for number in (1, 2, 1, 2)] == [0, 1, 0, 1]
    assert said(pool, 0) == extension(-30, 1) + b"a"
    assert said(pool, 1) == extension(-30, 2) + b"a"


def test_what_is_too_long_is_refused_and_leaves_the_table_as_it_was() -> None:
    pool = Pool(8 + 4)
    pool.place(Script([b"1234"], [-1]), 1)
    with pytest.raises(ValueError, match="more than 12 bytes"):
        pool.place(Script([b"12345"], [-1]), 1)
    assert (said(pool, 0), len(pool.lengths)) == (extension(-1, 1) + b"1234", 1)
    assert pool.place(Script([b"1234567890ab"]), 1) == 1
