from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from conference.room.events import ParticipantLeft, ParticipantUpdated, RoomEvent
from conference.settings import Settings
from tests.web.doubles import MERGE_PATCH, Site, problem


async def test_a_lost_connection_comes_back_into_the_same_seat() -> None:
    async with Site() as site:
        joined = await site.join(name="Amy")
        location, proof = joined.headers["Location"], joined.headers["Conference-Seat"]
        before = await (await site.client.get(location)).json()
        await site.client.patch(location, data='{"muted": true}', headers=MERGE_PATCH)
        seen: list[RoomEvent] = []
        site.server.conference.subscribe("tea", seen.append)

        again = await site.join(name="Somebody else", **{"Conference-Seat": proof})

        assert again.status == 201
        assert again.headers["Location"] == location
        assert again.headers["ETag"] != joined.headers["ETag"]
        after = await (await site.client.get(location)).json()
        assert (after["name"], after["muted"], after["joined_at"]) == ("Amy", True, before["joined_at"])
        assert [type(event) for event in seen] == [ParticipantUpdated]
        old, new = site.webrtc.peers
        assert (old.closed, new.closed) == (1, 0)
        assert site.server.conference.rooms["tea"].participants[after["id"]].source is new.source


async def test_the_end_of_the_replaced_connection_takes_nobody_along() -> None:
    async with Site() as site:
        joined = await site.join()
        old_end = site.webrtc.peers[0].on_end
        [participant] = site.server.conference.rooms["tea"].participants.values()
        old_hang_up = participant.hang_up
        await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})
        assert old_end is not None
        assert old_hang_up is not None
        old_end("connection lost")
        old_hang_up("too late")
        assert (await site.client.get(joined.headers["Location"])).status == 200


async def test_an_empty_seat_is_taken_again_with_its_mute() -> None:
    async with Site() as site:
        joined = await site.join()
        location = joined.headers["Location"]
        await site.client.patch(location, data='{"muted": true}', headers=MERGE_PATCH)
        on_end = site.webrtc.peers[0].on_end
        assert on_end is not None
        on_end("connection lost")
        assert site.server.conference.rooms == {}
        again = await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})
        assert again.headers["Location"] == location
        assert (await (await site.client.get(location)).json())["muted"] is True


async def test_a_seat_that_was_never_given_is_refused() -> None:
    async with Site() as site:
        proof = (await site.join()).headers["Conference-Seat"]
        flipped = proof[:-1] + ("0" if proof[-1] != "0" else "1")
        for wrong in (flipped, "", "x", proof + "0", "é"):
            response = await site.join(**{"Conference-Seat": wrong})
            assert response.status == 403, wrong
            await problem(response)


async def test_a_seat_is_good_for_its_own_room_only() -> None:
    async with Site() as site:
        proof = (await site.join("tea")).headers["Conference-Seat"]
        assert (await site.join("coffee", **{"Conference-Seat": proof})).status == 403


async def test_a_full_room_still_lets_its_own_people_back() -> None:
    async with Site(Settings(max_participants_per_room=1)) as site:
        proof = (await site.join()).headers["Conference-Seat"]
        assert (await site.join(**{"Conference-Seat": proof})).status == 201


async def leave(site: Site, joined: Any, query: str = "?hold=1", **headers: str) -> int:
    seat = headers or {"Conference-Seat": joined.headers["Conference-Seat"]}
    response = await site.client.delete(joined.headers["Location"] + query, headers=seat)
    status: int = response.status
    return status


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody calls
            await asyncio.sleep(0.01)


async def test_a_seat_is_held_while_its_page_is_loaded_anew_whatever_becomes_of_the_connection() -> None:
    async with Site(Settings(seat_hold=60.0)) as site:
        joined = await site.join(name="Amy")
        events: list[RoomEvent] = []
        site.server.conference.subscribe("tea", events.append)
        assert await leave(site, joined) == 204
        assert await leave(site, joined) == 204, "and twice does no harm"
        assert site.webrtc.peers[0].on_end is None, "its goodbye takes nobody along"
        assert (await site.client.get(joined.headers["Location"])).status == 200
        again = await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})
        assert again.headers["Location"] == joined.headers["Location"]
        assert [type(event) for event in events] == [ParticipantUpdated]
        assert [one.closed for one in site.webrtc.peers] == [1, 0]


async def test_whoever_does_not_come_back_into_a_held_seat_is_lost_and_may_come_back_later() -> None:
    async with Site(Settings(seat_hold=0.05)) as site:
        await site.join(name="Ben")
        joined = await site.join(name="Amy")
        events: list[RoomEvent] = []
        site.server.conference.subscribe("tea", events.append)
        await leave(site, joined)
        await until(lambda: events)
        [left] = events
        assert isinstance(left, ParticipantLeft)
        assert (left.participant.name, left.departure, left.reason) == ("Amy", "lost", "The page was closed.")
        await until(lambda: site.webrtc.peers[1].closed == 1)
        room = site.server.conference.rooms["tea"]
        room.set_policy(replace(room.policy, locked=True))
        again = await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})
        assert (again.status, again.headers["Location"]) == (201, joined.headers["Location"])


async def test_whoever_is_removed_from_a_held_seat_is_gone() -> None:
    async with Site(Settings(seat_hold=0.05)) as site:
        await site.join(name="Ben")
        joined = await site.join(name="Amy")
        await leave(site, joined)
        seat = joined.headers["Location"].rpartition("/")[2]
        site.server.conference.dismiss("tea", seat, "removed", by="Ben")
        await until(lambda: site.webrtc.peers[1].closed)
        await asyncio.sleep(0.1)  # longer than it would have been held
        assert site.webrtc.peers[1].closed == 1
        assert (await site.join(**{"Conference-Seat": joined.headers["Conference-Seat"]})).status == 403


@pytest.mark.parametrize(("hold", "query"), [(0.0, "?hold=1"), (60.0, "")])
async def test_without_a_hold_a_seat_is_given_up_at_once(hold: float, query: str) -> None:
    async with Site(Settings(seat_hold=hold)) as site:
        joined = await site.join()
        events: list[RoomEvent] = []
        site.server.conference.subscribe("tea", events.append)
        assert await leave(site, joined, query) == 204
        assert site.server.conference.rooms == {}
        assert [event.departure for event in events if isinstance(event, ParticipantLeft)] == ["left"]


async def test_somebody_elses_seat_is_not_held_but_ended() -> None:
    async with Site(Settings(seat_hold=60.0)) as site:
        joined = await site.join()
        assert await leave(site, joined, **{"X-Nobody": "1"}) == 204
        assert site.server.conference.rooms == {}
