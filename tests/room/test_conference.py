"""Rooms by name: made by their first join, gone with the last to leave, however they go."""

from __future__ import annotations

import pytest

from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, RoomEvent
from conference.room.participant import Participant, Role
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
