"""Leaving, being removed, being lost, and coming back: over HTTP, and as everybody is told."""

from __future__ import annotations

import pytest

from conference.room.events import ParticipantLeft
from conference.room.participant import Departure, Participant
from conference.room.people import HOST_GRACE_TICKS
from conference.room.remembered_seats import RememberedSeats
from conference.room.room import Room
from conference.web.http.problems import REMOVED
from conference.webrtc.peer import GOODBYE
from tests.web.api.moderated import Scene, site_is_empty
from tests.web.doubles import FakePeer, Site, problem
from tests.web.joining.test_calling import call, people, until
from tests.web.passes import as_role, guarded


async def test_leaving_and_being_removed_are_told_apart(scene: Scene) -> None:
    assert (await scene.client.delete(scene.paths["Amy"], headers=scene.seats["Amy"])).status == 204
    assert (await scene.delete(scene.paths["Ben"])).status == 204
    left = [(one.participant.name, one.departure, one.by) for one in scene.told(ParticipantLeft)]
    assert left == [("Amy", "left", None), ("Ben", "removed", "Hana")]
    assert [one.closed for one in scene.site.webrtc.peers] == [0, 1, 1]


async def test_whoever_was_removed_cannot_come_back_into_the_seat(scene: Scene) -> None:
    await scene.delete(scene.paths["Amy"])
    refused = await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
    assert refused.status == 403
    assert (await problem(refused))["type"] == REMOVED
    assert [one.name for one in scene.room.participants.values()] == ["Hana", "Ben"]
    anew = await scene.come("Amy", **as_role("speaker"))
    assert anew.status == 201, "to keep somebody out, lock the room"


async def test_whoever_is_removed_while_they_come_back_is_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = FakePeer.accept

    async def meanwhile(peer: FakePeer, offer: str) -> str:
        await scene.delete(scene.paths["Amy"])
        return await accept(peer, offer)

    monkeypatch.setattr(FakePeer, "accept", meanwhile)
    refused = await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
    assert (refused.status, (await problem(refused))["type"]) == (403, REMOVED)
    assert [one.name for one in scene.room.participants.values()] == ["Hana", "Ben"]
    assert scene.site.webrtc.peers[-1].closed == 1


async def test_a_caller_who_hangs_up_is_told_from_one_whose_line_breaks() -> None:
    async with Site() as site:
        scene = Scene(site)
        hanging_up, breaking = await call(site, name="Amy"), await call(site, name="Ben")
        await until(lambda: len(people(site)) == 2)
        await hanging_up.close()
        await until(lambda: len(people(site)) == 1)
        breaking._response.connection.transport.abort()
        await until(lambda: not site.server.conference.rooms)
        left = {one.participant.name: one.departure for one in scene.told(ParticipantLeft)}
        assert left == {"Amy": "left", "Ben": "lost"}


def test_coming_and_going_does_not_make_the_server_forget_whom_it_removed() -> None:
    remembered = RememberedSeats(limit=3)
    room = Room("tea", 0.0, lambda event: None)

    def go(name: str, departure: Departure) -> None:
        remembered.remember(room, Participant(id=name, name=name, transport="local", joined_at=0.0), departure)

    go("amy", "removed")
    for number in range(10):
        go(f"ben{number}", "left")
    assert remembered.removed("tea", "amy")
    assert not remembered.removed("tea", "ben9")
    for number in range(3):
        go(f"cleo{number}", "removed")
    assert not remembered.removed("tea", "amy"), "so many are kept, and no more"


@pytest.mark.parametrize(("reason", "departure"), [("The connection failed.", "lost"), (GOODBYE, "left")])
async def test_a_line_that_breaks_is_told_from_a_goodbye(scene: Scene, reason: str, departure: str) -> None:
    scene.lose("Amy", reason)
    assert [one.departure for one in scene.told(ParticipantLeft)] == [departure]


async def test_what_was_decided_about_somebody_survives_a_lost_connection(scene: Scene) -> None:
    await scene.patch("Amy", {"muted": True, "held": True, "role": "listener"}, scene.host)
    await scene.policy(locked=True)
    before = scene.person("Amy").moderation
    scene.lose("Amy")
    assert (await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))).status == 201
    assert scene.person("Amy").moderation == before


async def test_who_left_by_themselves_meets_a_locked_door_and_is_still_muted(scene: Scene) -> None:
    await scene.patch("Amy", {"muted": True}, scene.host)
    seat = scene.seats["Amy"] | as_role("speaker")
    await scene.client.delete(scene.paths["Amy"], headers=seat)
    await scene.policy(locked=True)
    assert (await scene.come("Amy", **seat)).status == 423
    await scene.policy(locked=False)
    assert (await scene.come("Amy", **seat)).status == 201
    assert scene.person("Amy").muted_by == "Hana"


async def test_a_seat_of_yesterday_opens_no_lobby_of_today() -> None:
    async with Site(guarded()) as site:
        scene = Scene(site)
        await scene.come("Amy", **as_role("speaker"))
        scene.lose("Amy")
        await scene.come("Hana", **scene.host)
        await scene.policy(lobby="admit")
        await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
        assert scene.person("Amy").waiting


@pytest.mark.parametrize(("lobby", "waits"), [("off", False), ("host", False), ("admit", True)])
async def test_who_lost_their_line_in_the_lobby_does_not_wait_for_what_has_come_meanwhile(
    lobby: str, waits: bool
) -> None:
    async with Site(guarded(lobby="host")) as site:
        scene = Scene(site)
        for name in ("Amy", "Ben"):
            await scene.come(name, **as_role("speaker"))
        assert scene.person("Amy").waiting
        scene.lose("Amy")
        await scene.come("Hana", **scene.host)
        await scene.policy(lobby=lobby)
        await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
        assert scene.person("Amy").waiting == waits


async def test_ending_a_room_sends_everybody_home_and_takes_it_away(scene: Scene) -> None:
    assert (await scene.delete("/rooms/tea")).status == 204
    assert {(one.departure, one.by) for one in scene.told(ParticipantLeft)} == {("ended", "Hana")}
    assert len(scene.told(ParticipantLeft)) == 3
    assert site_is_empty(scene)
    assert [one.closed for one in scene.site.webrtc.peers] == [1, 1, 1]
    assert (await scene.delete("/rooms/tea")).status == 404


async def test_a_room_that_ends_with_its_host_is_gone_at_once_or_after_a_while(scene: Scene) -> None:
    await scene.policy(ends_with_host=True)
    scene.lose("Hana")
    conference = scene.site.server.conference
    for number in range(HOST_GRACE_TICKS - 100):
        conference.tick(number, number * 20_000_000)
    assert [one.name for one in scene.room.participants.values()] == ["Amy", "Ben"]
    for number in range(HOST_GRACE_TICKS - 100, HOST_GRACE_TICKS + 1):
        conference.tick(number, number * 20_000_000)
    assert site_is_empty(scene)
    assert [one.departure for one in scene.told(ParticipantLeft)] == ["lost", "ended", "ended"]
