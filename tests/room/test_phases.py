"""Rooms are spread over the tick, so that not all of their work, and of their packets, comes at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import TICK_NS
from conference.room.conference import Conference
from conference.room.participant import Participant
from tests.room.fakes import Ear

PHASES = 4


def join(conference: Conference, room: str, name: str) -> Ear:
    ear = Ear()
    conference.join(room, Participant(id=name, name=name, transport="local", joined_at=0.0, sink=ear))
    return ear


def let_pass(conference: Conference, tick: int) -> list[int]:
    """A tick with all that comes later in it. Returns when that was."""
    conference.tick(tick, tick * TICK_NS)
    offsets = []
    for offset_ns, rooms_tick in conference.later():
        offsets.append(offset_ns)
        rooms_tick(tick, tick * TICK_NS + offset_ns)
    return offsets


def test_without_phases_all_rooms_tick_at_once() -> None:
    conference = Conference()
    ears = [join(conference, f"room{n}", f"p{n}") for n in range(5)]
    conference.tick(7, 7 * TICK_NS)
    assert [[mix.tick for mix in ear.mixes] for ear in ears] == [[7]] * 5
    assert conference.later() == []


def test_one_room_alone_needs_one_phase() -> None:
    conference = Conference(phases=PHASES)
    join(conference, "lobby", "amy")
    assert let_pass(conference, 0) == []


def test_rooms_share_the_tick_by_the_number_of_their_people() -> None:
    conference = Conference(phases=PHASES)
    for n in range(6):
        join(conference, "hall", f"p{n}")
    ears = [join(conference, f"room{n}", f"q{n}") for n in range(9)]
    assert let_pass(conference, 3) == [5_000_000, 10_000_000, 15_000_000]
    assert [[mix.tick for mix in ear.mixes] for ear in ears] == [[3]] * 9
    conference.tick(4, 4 * TICK_NS)
    assert [len(ear.mixes) for ear in ears] == [1] * 9, "the hall has a phase for itself"


def test_a_room_that_is_gone_leaves_no_phase_behind_and_comes_back_as_another() -> None:
    conference = Conference(phases=PHASES)
    join(conference, "a", "amy")
    join(conference, "b", "ben")
    assert let_pass(conference, 0) == [5_000_000]
    conference.leave("b", "ben", "left")
    assert let_pass(conference, 1) == []
    ear = join(conference, "b", "bea")
    let_pass(conference, 2)
    assert [mix.tick for mix in ear.mixes] == [2]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 20)), max_size=60))
def test_every_room_ticks_once_a_tick_whoever_comes_and_goes(steps: list[tuple[bool, int, int]]) -> None:
    conference = Conference(phases=PHASES)
    ears: dict[tuple[str, str], Ear] = {}
    for tick, (comes, room, person) in enumerate(steps):
        place = (f"r{room}", f"{room}-{person}")
        if comes and place not in ears:
            ears[place] = join(conference, *place)
        elif not comes and place in ears:
            conference.leave(*place, "left")
            del ears[place]
        for ear in ears.values():
            ear.mixes.clear()
        let_pass(conference, tick)
        assert all([mix.tick for mix in ear.mixes] == [tick] for ear in ears.values())
