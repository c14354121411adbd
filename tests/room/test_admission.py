"""Who may come in, who has to wait, and when a room ends for want of a host."""

from __future__ import annotations

import pytest

from conference.room.errors import RoomFull, RoomLocked
from conference.room.events import ParticipantJoined, ParticipantLeft
from conference.room.people import HOST_GRACE_TICKS
from conference.room.policy import RoomPolicy
from tests.room.moderated import Scene, matrix


@pytest.mark.parametrize(("lobby", "waits"), [("off", False), ("host", True), ("admit", True)])
def test_who_comes_before_the_host_waits_if_there_is_a_lobby(lobby: str, waits: bool) -> None:
    scene = Scene((), RoomPolicy(lobby=lobby))  # type: ignore[arg-type]
    assert scene.join("amy").waiting == waits
    scene.join("ben", "host")
    assert scene.room.participants["amy"].waiting == (lobby == "admit")
    assert scene.join("cleo").waiting == (lobby == "admit")
    scene.room.admit(["amy", "cleo"], by="ben")
    assert matrix(scene)["amy"] == {"ben", "cleo"}


def test_who_waits_in_the_lobby_neither_hears_nor_is_heard() -> None:
    scene = Scene((), RoomPolicy(lobby="admit"))
    scene.join("ben", "host")
    scene.join("cleo", "host")
    scene.join("amy")
    assert matrix(scene) == {"amy": set(), "ben": {"cleo"}, "cleo": {"ben"}}


def test_nobody_is_in_a_room_twice_and_who_was_there_stays() -> None:
    scene = Scene(("amy",))
    there = scene.room.participants["amy"]
    told = len(scene.told(ParticipantJoined))
    with pytest.raises(ValueError, match="amy is in the room already"):
        scene.join("amy", "host", returning=True)
    assert scene.room.participants == {"amy": there}
    assert len(scene.told(ParticipantJoined)) == told


def test_a_locked_room_lets_in_hosts_and_those_who_come_back() -> None:
    scene = Scene(("amy",), RoomPolicy(locked=False))
    scene.room.set_policy(RoomPolicy(locked=True))
    with pytest.raises(RoomLocked):
        scene.join("ben")
    scene.join("cleo", "host")
    scene.room.remove("amy", "lost", "lost")
    scene.join("amy", returning=True)
    assert scene.room.participants.keys() == {"amy", "cleo"}


def test_a_room_holds_as_many_as_its_host_wants_hosts_aside() -> None:
    scene = Scene(("amy",), RoomPolicy(max_participants=1))
    with pytest.raises(RoomFull):
        scene.join("ben")
    scene.join("cleo", "host")


def test_a_room_that_ends_with_its_host_sends_everybody_home() -> None:
    scene = Scene(("amy", "ben"), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "left")
    assert not scene.room.participants
    assert [event.departure for event in scene.told(ParticipantLeft)] == ["left", "ended", "ended"]  # type: ignore[union-attr]


def test_a_host_whose_line_broke_has_half_a_minute_to_come_back() -> None:
    scene = Scene(("amy",), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "lost", "lost")
    scene.tick(HOST_GRACE_TICKS - 1)
    scene.join("cleo", "host", returning=True)
    scene.tick(HOST_GRACE_TICKS + 1)
    assert scene.room.participants.keys() == {"amy", "cleo"}
    scene.room.remove("cleo", "lost", "lost")
    scene.tick(HOST_GRACE_TICKS + 1)
    assert not scene.room.participants


def test_a_host_who_went_by_an_error_of_ours_has_half_a_minute_too() -> None:
    scene = Scene(("amy",), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "internal error", "failed")
    assert scene.room.participants.keys() == {"amy"}
    scene.tick(HOST_GRACE_TICKS + 1)
    assert not scene.room.participants


def test_a_room_told_not_to_end_with_its_host_does_not_end_though_one_was_waited_for() -> None:
    scene = Scene(("amy",), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.room.remove("cleo", "lost", "lost")
    scene.room.set_policy(RoomPolicy(ends_with_host=False))
    scene.tick(HOST_GRACE_TICKS + 1)
    assert scene.room.participants.keys() == {"amy"}


@pytest.mark.parametrize("ends_with_host", [False, True])
def test_a_room_that_never_had_a_host_waits_for_none(ends_with_host: bool) -> None:
    scene = Scene(("amy", "ben"), RoomPolicy(ends_with_host=ends_with_host))
    scene.room.remove("ben", "lost", "lost")
    scene.tick(HOST_GRACE_TICKS + 1)
    assert scene.room.participants.keys() == {"amy"}


def test_everybody_is_told_who_ended_a_room_that_would_end_with_its_host_anyway() -> None:
    scene = Scene((), RoomPolicy(ends_with_host=True))
    scene.join("cleo", "host")
    scene.join("amy")
    scene.room.end("Ended.", by="cleo")
    left = [(event.departure, event.by) for event in scene.told(ParticipantLeft)]  # type: ignore[union-attr]
    assert left == [("ended", "cleo")] * 2
