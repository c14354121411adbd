from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from conference.room.events import DigitPressed, LevelsMeasured, TalkingStarted, TalkingStopped
from conference.room.policy import RoomPolicy
from conference.settings import Settings
from conference.web.events.sse import Subscription
from conference.web.events.views import Viewer
from conference.web.http.problems import Problem
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.followed import FollowedConference


class Stream:
    """Reads events from an answer, one after the other."""

    def __init__(self, response: Any) -> None:
        self._response = response

    async def next(self) -> tuple[str, Any]:
        """The next event, comments left out."""
        name = ""
        async with asyncio.timeout(2):
            while line := (await self._response.content.readline()).decode():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ").strip()
                if line.startswith("data: "):
                    return name, json.loads(line.removeprefix("data: "))
        return "end", None


async def test_the_stream_begins_with_a_snapshot_and_goes_on_with_what_happens() -> None:
    async with Site() as site:
        amy = (await site.join(name="Amy")).headers["Location"]
        async with site.client.get("/rooms/tea/events") as response:
            assert response.status == 200
            assert response.content_type == "text/event-stream"
            stream = Stream(response)
            name, room = await stream.next()
            assert name == "room"
            assert room == await (await site.client.get("/rooms/tea")).json()
            ben = (await site.join(name="Ben")).headers["Location"]
            name, data = await stream.next()
            assert (name, data["participant"]["name"]) == ("participant.joined", "Ben")
            assert data["participant"] == (await (await site.client.get("/rooms/tea")).json())["participants"][1]
            await site.client.patch(amy, data='{"muted": true}', headers=MERGE_PATCH)
            name, data = await stream.next()
            assert (name, data["participant"]["muted"]) == ("participant.updated", True)
            await site.client.delete(ben)
            name, data = await stream.next()
            assert (name, data["participant"]["name"]) == ("participant.left", "Ben")
            assert data["departure"] in ("left", "removed")


async def test_talking_levels_and_digits_are_told() -> None:
    async with Site() as site:
        await site.join()
        async with site.client.get("/rooms/tea/events") as response:
            stream = Stream(response)
            await stream.next()
            room = site.server.conference.rooms["tea"]
            for event in (
                TalkingStarted("tea", "a1"),
                LevelsMeasured("tea", {"a1": -23.456}),
                DigitPressed("tea", "a1", "#"),
                TalkingStopped("tea", "a1"),
            ):
                room._publish(event)
            assert await stream.next() == ("talking.started", {"id": "a1"})
            assert await stream.next() == ("levels", {"levels": {"a1": -23.5}})
            assert await stream.next() == ("digit", {"id": "a1", "digit": "#"})
            assert await stream.next() == ("talking.stopped", {"id": "a1"})


async def test_nothing_can_be_heard_from_a_room_that_is_not_there() -> None:
    async with Site() as site:
        response = await site.client.get("/rooms/tea/events")
        assert response.status == 404
        await problem(response)


async def test_silence_is_broken_by_comments() -> None:
    async with Site(Settings(event_heartbeat=0.02)) as site:
        await site.join()
        async with site.client.get("/rooms/tea/events") as response, asyncio.timeout(2):
            while (await response.content.readline()) != b": still here\n":
                pass


async def test_a_reader_who_goes_is_forgotten() -> None:
    async with Site(Settings(event_heartbeat=0.02)) as site:
        await site.join()
        async with site.client.get("/rooms/tea/events") as response:
            await Stream(response).next()
            assert len(site.server.feeds) == 1
        async with asyncio.timeout(2):
            while len(site.server.feeds):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)


async def test_a_reader_who_does_not_read_is_cut_off() -> None:
    async with Site(Settings(max_event_backlog=50)) as site:
        await site.join()
        async with site.client.get("/rooms/tea/events") as response:
            await Stream(response).next()
            flood = LevelsMeasured("tea", {f"{number:016x}": -1.0 for number in range(5000)})
            async with asyncio.timeout(5):
                while len(site.server.feeds):
                    site.server.conference.rooms["tea"]._publish(flood)
                    await asyncio.sleep(0)


async def test_streams_tell_that_everybody_went_and_end_when_the_server_stops() -> None:
    async with Site() as site:
        await site.join()
        response = await site.client.get("/rooms/tea/events")
        stream = Stream(response)
        await stream.next()
        await site.app.shutdown()
        name, data = await stream.next()
        assert (name, data["departure"]) == ("participant.left", "lost")
        assert data["reason"] == "The server is being stopped."
        assert (await stream.next())[0] == "end"


async def test_there_are_only_so_many_streams() -> None:
    async with Site(Settings(max_event_streams=1)) as site:
        await site.join()
        async with site.client.get("/rooms/tea/events"):
            response = await site.client.get("/rooms/tea/events")
            assert response.status == 503
            assert "Retry-After" in response.headers
            await problem(response)


async def test_each_event_is_made_once_for_all_who_see_the_same_of_it() -> None:
    followed = FollowedConference()
    followed.join("amy")
    readers = [Viewer(), Viewer(participant_id="amy"), Viewer(moderates=True), Viewer(moderates=True)]
    streams = [followed.feeds.subscribe("tea", one) for one in readers]
    for stream in streams:
        await stream.next(1)  # the snapshot
    followed.room.rename("amy", "Amy Pond")
    first, *others = [await stream.next(1) for stream in streams]
    assert all(one is first for one in others)
    followed.room.set_policy(RoomPolicy(pin="2468"))
    member, seated, moderator, other_moderator = [await stream.next(1) for stream in streams]
    assert member is seated
    assert moderator is other_moderator
    assert b"2468" in moderator
    assert b"2468" not in member
    for stream in streams:
        followed.feeds.unsubscribe("tea", stream)
    assert len(followed.feeds) == 0
    assert "tea" not in followed.conference._subscribers


async def test_a_subscription_holds_only_so_much() -> None:
    cut_off = []
    subscription = Subscription(2)
    subscription.on_overflow = lambda: cut_off.append(True)
    for data in (b"1", b"2"):
        subscription.push(data)
    assert await subscription.next(1) == b"12"
    for data in (b"3", b"4", b"5", b"6"):
        subscription.push(data)
    assert cut_off == [True]
    assert subscription.closed
    assert await subscription.next(1) == b""


async def test_what_waits_is_still_read_when_a_subscription_ends() -> None:
    subscription = Subscription(2)
    subscription.push(b"1")
    subscription.finish()
    subscription.push(b"2")
    assert await subscription.next(1) == b"1"
    assert subscription.over
    assert await subscription.next(1) == b""


async def test_one_subscription_too_many_is_refused() -> None:
    followed = FollowedConference(max_streams=1)
    followed.join("amy")
    followed.feeds.subscribe("tea", Viewer())
    with pytest.raises(Problem):
        followed.feeds.subscribe("tea", Viewer())
