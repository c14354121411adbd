"""Sources that are brought their sound before each tick of the room that they are in, and only then."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conference.audio.frame import SILENCE, TICK_NS, Samples
from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, RoomEvent
from conference.room.participant import Participant

NOW = TICK_NS


class Reader:
    """Counts; and does what else comes of what is read."""

    def __init__(self) -> None:
        self.collected = self.let_gone = 0
        self.then: Callable[[], None] = lambda: None

    def collect(self) -> None:
        self.collected += 1
        self.then()

    def let_go(self) -> None:
        self.let_gone += 1


class Brought:
    """A source that is brought its sound."""

    def __init__(self, told: list[str] | None = None) -> None:
        self.reader: Reader | None = Reader()
        self.told = told

    def pull(self, now_ns: int) -> Samples:
        if self.told is not None:
            self.told.append("pulled")
        return SILENCE


def come(conference: Conference, name: str, source: Brought, room: str = "tea") -> Participant:
    participant = Participant(id=name, name=name, transport="twilio", joined_at=1.0, source=source)
    conference.join(room, participant)
    return participant


def reader_of(source: Brought) -> Reader:
    assert source.reader is not None
    return source.reader


def test_all_readers_of_the_rooms_that_tick_bring_what_has_come_before_anybody_is_heard() -> None:
    conference, told = Conference(phases=2), list[str]()
    amy, ben = Brought(told), Brought(told)
    for source in (amy, ben):
        reader_of(source).then = lambda: told.append("brought")
    come(conference, "amy", amy)
    come(conference, "ben", ben)
    other = Brought()
    come(conference, "cleo", other, "other")
    conference.tick(0, NOW)
    assert told == ["brought", "brought", "pulled", "pulled"]
    assert reader_of(other).collected == 0
    for _, tick in conference.later():
        tick(0, NOW)
    assert (reader_of(amy).collected, reader_of(other).collected) == (1, 1)


def test_a_source_without_a_reader_is_pulled_as_ever() -> None:
    conference, told = Conference(), list[str]()
    source = Brought(told)
    source.reader = None
    come(conference, "amy", source)
    conference.tick(0, NOW)
    assert told == ["pulled"]


def test_whoever_leaves_is_let_go_once() -> None:
    conference, source = Conference(), Brought()
    come(conference, "amy", source)
    conference.leave("tea", "amy", "bye")
    assert (reader_of(source).collected, reader_of(source).let_gone) == (0, 1)
    come(conference, "amy", source, "other")
    conference.tick(0, NOW)
    assert (reader_of(source).collected, reader_of(source).let_gone) == (1, 1)


def test_whoever_comes_back_by_another_connection_is_brought_what_that_one_reads() -> None:
    conference, before, after = Conference(), Brought(), Brought()
    room = conference.join("tea", Participant(id="amy", name="amy", transport="twilio", joined_at=1.0, source=before))
    room.reconnect("amy", after, None, None)
    conference.tick(0, NOW)
    assert (reader_of(before).collected, reader_of(before).let_gone) == (0, 1)
    assert (reader_of(after).collected, reader_of(after).let_gone) == (1, 0)


def test_what_is_brought_may_be_that_everybody_leaves() -> None:
    conference, amy, ben = Conference(), Brought(), Brought()
    come(conference, "amy", amy)
    come(conference, "ben", ben)

    def all_leave() -> None:
        conference.leave("tea", "amy", "bye")
        conference.leave("tea", "ben", "bye")

    reader_of(amy).then = all_leave
    conference.tick(0, NOW)
    conference.tick(1, NOW + TICK_NS)
    assert not conference.rooms
    assert (reader_of(amy).collected, reader_of(amy).let_gone) == (1, 1)
    assert (reader_of(ben).collected, reader_of(ben).let_gone) == (0, 1)


def test_a_reader_that_fails_is_the_end_of_that_connection_alone(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("no good")

    conference, amy, ben = Conference(), Brought(), Brought([])
    events: list[RoomEvent] = []
    conference.subscribe("tea", events.append)
    come(conference, "amy", amy)
    come(conference, "ben", ben)
    reader_of(amy).then = fail
    conference.tick(0, NOW)
    assert [(one.participant.id, one.departure) for one in events if isinstance(one, ParticipantLeft)] == [
        ("amy", "failed")
    ]
    assert ben.told == ["pulled"]
    assert "no good" in caplog.text
