"""Rooms by name: made by their first join, gone with the last to leave, however they go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from conference.audio.frame import TICK_NS, Samples
from conference.room.conference import Conference
from conference.room.events import LevelsMeasured, ParticipantLeft, RoomEvent
from conference.room.local import LocalSink, LocalSource
from conference.room.participant import Mix, Participant, Role
from conference.room.people import HOST_GRACE_TICKS
from conference.room.policy import RoomPolicy


def come(conference: Conference, name: str, role: Role = "speaker", *, connected: bool = True) -> Participant:
    """Somebody joins, with a connection whose end takes them out of the room, as those of HTTP and Twilio do."""
    participant = Participant(id=name, name=name, transport="local", joined_at=1.0, role=role)
    if connected:
        participant.hang_up = lambda reason: conference.leave("tea", name, reason)
    conference.join("tea", participant)
    return participant


def left(events: list[RoomEvent]) -> list[tuple[str, str, str | None]]:
    return [(one.participant.id, one.departure, one.by) for one in events if isinstance(one, ParticipantLeft)]


@pytest.fixture
def conference() -> Conference:
    return Conference(policy_of=lambda name: RoomPolicy(ends_with_host=name == "tea"))


@pytest.fixture
def events(conference: Conference) -> list[RoomEvent]:
    told: list[RoomEvent] = []
    conference.subscribe("tea", told.append)
    return told


@pytest.mark.parametrize("connected", [True, False])
def test_whoever_is_dismissed_leaves_once_and_the_last_takes_the_room_along(
    conference: Conference, events: list[RoomEvent], connected: bool
) -> None:
    for name in ("amy", "ben"):
        come(conference, name, connected=connected)
    conference.dismiss("tea", "amy", "out with you", by="hana")
    assert "tea" in conference.rooms
    conference.dismiss("tea", "ben", "left", "left")
    assert left(events) == [("amy", "removed", "hana"), ("ben", "left", None)]
    assert conference.rooms == {}


@pytest.mark.parametrize("connected", [True, False])
def test_a_room_that_is_ended_is_left_by_everybody_once(
    conference: Conference, events: list[RoomEvent], connected: bool
) -> None:
    for name in ("amy", "ben", "cleo"):
        come(conference, name, connected=connected)
    conference.end("tea", "It is late.", by="hana")
    assert left(events) == [(name, "ended", "hana") for name in ("amy", "ben", "cleo")]
    assert conference.rooms == {}


class BrokenSource:
    def pull(self, now_ns: int) -> Samples | None:
        raise RuntimeError("boom")


def break_sink(participant: Participant) -> None:
    def deliver(mix: Mix) -> None:
        raise RuntimeError("boom")

    participant.sink = LocalSink(deliver)


def break_source(participant: Participant) -> None:
    participant.source = BrokenSource()


def break_both(participant: Participant) -> None:
    break_source(participant)
    break_sink(participant)


BREAKS = (break_sink, break_source, break_both)


@pytest.mark.parametrize("breaks", BREAKS)
@pytest.mark.parametrize("connected", [True, False])
def test_who_breaks_in_this_process_leaves_once_as_a_failure_and_the_last_takes_the_room_along(
    conference: Conference, events: list[RoomEvent], connected: bool, breaks: Callable[[Participant], None]
) -> None:
    amy, ben = (come(conference, name, connected=connected) for name in ("amy", "ben"))
    breaks(amy)
    for tick in range(3):
        conference.tick(tick, tick * TICK_NS)
    assert list(conference.rooms["tea"].participants) == ["ben"]
    breaks(ben)
    conference.rooms["tea"].reconnect("ben", ben.source, ben.sink, ben.hang_up)
    conference.tick(3, 3 * TICK_NS)
    assert left(events) == [("amy", "failed", None), ("ben", "failed", None)]
    assert [one.reason for one in events if isinstance(one, ParticipantLeft)] == ["internal error"] * 2
    assert conference.rooms == {}


@pytest.mark.parametrize("breaks", BREAKS)
def test_who_breaks_and_cannot_be_hung_up_either_is_gone_and_the_others_hear_on(
    conference: Conference, events: list[RoomEvent], breaks: Callable[[Participant], None]
) -> None:
    def stuck(reason: str) -> None:
        raise OSError

    heard: list[Mix] = []
    broken, well = come(conference, "amy", connected=False), come(conference, "ben", connected=False)
    well.sink = LocalSink(heard.append)
    broken.hang_up = stuck
    breaks(broken)
    for tick in range(3):
        conference.tick(tick, tick * TICK_NS)
    assert left(events) == [("amy", "failed", None)]
    assert len(heard) == 3


def test_who_fails_in_mid_word_is_not_said_to_talk_after_they_left(
    conference: Conference, events: list[RoomEvent]
) -> None:
    class FailsLater(LocalSource):
        def pull(self, now_ns: int) -> Samples | None:
            if now_ns == 10 * TICK_NS:
                raise RuntimeError("boom")
            return np.full(960, 5000, np.int16)

    come(conference, "amy", connected=False).source = FailsLater()
    come(conference, "ben", connected=False)
    for tick in range(20):
        conference.tick(tick, tick * TICK_NS)
    names = [type(one).__name__ for one in events if not isinstance(one, LevelsMeasured)]
    assert names == ["ParticipantJoined"] * 2 + ["TalkingStarted", "TalkingStopped", "ParticipantLeft"]


def test_whom_another_removes_as_they_break_is_removed_once(conference: Conference, events: list[RoomEvent]) -> None:
    amy, ben = (come(conference, name, connected=False) for name in ("amy", "ben"))

    def remove_and_raise(mix: Mix) -> None:
        conference.leave("tea", "ben", "left")
        conference.leave("tea", "amy", "left")
        raise RuntimeError("boom")

    amy.sink = ben.sink = LocalSink(remove_and_raise)
    conference.tick(0, 0)
    assert left(events) == [("ben", "left", None), ("amy", "left", None)]
    assert conference.rooms == {}


def test_a_connection_that_cannot_be_ended_keeps_nobody_in_a_room_that_is_ended(
    conference: Conference, events: list[RoomEvent]
) -> None:
    def stuck(reason: str) -> None:
        raise OSError

    come(conference, "amy").hang_up = stuck
    come(conference, "ben")
    conference.end("tea", "It is late.")
    assert left(events) == [("amy", "ended", None), ("ben", "ended", None)]
    assert conference.rooms == {}


def test_nobody_is_dismissed_who_is_not_there_and_nothing_ended_that_has_not_begun(conference: Conference) -> None:
    with pytest.raises(KeyError):
        conference.end("tea", "It is late.")
    come(conference, "amy")
    with pytest.raises(KeyError):
        conference.dismiss("tea", "ben", "out with you")


def test_a_room_that_ends_on_a_tick_is_gone_after_it(conference: Conference, events: list[RoomEvent]) -> None:
    come(conference, "amy", connected=False)
    come(conference, "hana", "host")
    conference.leave("tea", "hana", "lost", "lost")
    for tick in range(HOST_GRACE_TICKS + 1):
        conference.tick(tick, tick * 20_000_000)
    assert conference.rooms == {}
    assert left(events) == [("hana", "lost", None), ("amy", "ended", None)]


def test_a_room_begins_as_it_was_meant_to_whatever_its_last_hosts_made_of_it(conference: Conference) -> None:
    come(conference, "amy")
    conference.rooms["tea"].set_policy(RoomPolicy(locked=True))
    conference.end("tea", "It is late.")
    come(conference, "ben")
    assert conference.rooms["tea"].policy == RoomPolicy(ends_with_host=True)


def test_all_rooms_may_take_as_much_work_for_a_packet_and_so_may_those_to_come(conference: Conference) -> None:
    come(conference, "amy")
    assert conference.rooms["tea"].complexity == 10
    conference.limit_complexity(7)
    conference.join("coffee", Participant(id="ben", name="ben", transport="local", joined_at=1.0))
    assert {room.complexity for room in conference.rooms.values()} == {7}


def test_a_room_that_is_observed_from_its_beginning_begins_with_what_it_may_take() -> None:
    begun: list[int] = []
    conference = Conference(opened=lambda room: begun.append(room.complexity))
    conference.limit_complexity(5)
    come(conference, "amy")
    assert begun == [5]
