from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.room.events import DigitPressed, LevelsMeasured, MessageSent, TalkingStarted, TalkingStopped
from conference.room.participant import Participant
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.settings import Settings
from conference.web.events.views import Viewer
from conference.web.http.problems import Problem
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.followed import FollowedConference, parse


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
            flood = MessageSent("tea", None, "Amy", 100_000 * "x", 0.0)
            async with asyncio.timeout(30):
                while len(site.server.feeds):
                    site.server.conference.rooms["tea"]._publish(flood)
                    await asyncio.sleep(0)
            assert site.server.feeds.cut_off == 1
            with pytest.raises(aiohttp.ClientPayloadError):  # what waits in the network is all that still comes
                async with asyncio.timeout(30):
                    await response.read()


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


def test_each_event_is_made_once_for_all_who_see_the_same_of_it() -> None:
    followed = FollowedConference()
    followed.join("amy")
    readers = [Viewer(), Viewer(participant_id="amy"), Viewer(moderates=True), Viewer(moderates=True)]
    streams = [followed.feeds.subscribe("tea", one) for one in readers]
    for stream in streams:
        stream.take()  # the snapshot
    followed.room.rename("amy", "Amy Pond")
    first, *others = [stream.take() for stream in streams]
    assert all(one is first for one in others)
    followed.room.set_policy(RoomPolicy(pin="2468"))
    member, seated, moderator, other_moderator = [stream.take() for stream in streams]
    assert member is seated
    assert moderator is other_moderator
    assert b"2468" in moderator
    assert b"2468" not in member
    for stream in streams:
        followed.feeds.unsubscribe("tea", stream)
    assert len(followed.feeds) == 0
    assert "tea" not in followed.conference._subscribers


def test_one_subscription_too_many_is_refused() -> None:
    followed = FollowedConference(max_streams=1)
    followed.join("amy")
    followed.feeds.subscribe("tea", Viewer())
    with pytest.raises(Problem):
        followed.feeds.subscribe("tea", Viewer())


async def test_who_does_not_want_levels_is_told_all_else() -> None:
    async with Site() as site:
        await site.join()
        async with site.client.get("/rooms/tea/events?levels=0") as response:
            stream = Stream(response)
            await stream.next()
            room = site.server.conference.rooms["tea"]
            for event in (LevelsMeasured("tea", {"a1": -20.0}), DigitPressed("tea", "a1", "#")):
                room._publish(event)
            assert (await stream.next())[0] == "digit"
        refused = await site.client.get("/rooms/tea/events?levels=loud")
        assert refused.status == 400
        assert "levels" in (await problem(refused))["title"]


async def test_a_stream_of_http_1_0_is_not_cut_into_chunks() -> None:
    async with Site() as site:
        await site.join()
        address = site.client.server
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET /rooms/tea/events HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"chunked" not in head
            body = await reader.readuntil(b"event: room\ndata: ")
            assert body.startswith(b"retry: 1000\n\nid: ")
            site.server.conference.rooms["tea"]._publish(DigitPressed("tea", "a1", "#"))
            assert (await reader.readuntil(b"}\n\nid: ")).count(b"\r") == 0
        writer.close()


async def test_who_reads_slowly_gets_all_of_it_once_they_read() -> None:
    async with Site(Settings(max_event_backlog=200)) as site:
        await site.join()
        async with site.client.get("/rooms/tea/events") as response:
            stream = Stream(response)
            await stream.next()
            room = site.server.conference.rooms["tea"]
            for turn in range(100):  # each more than a connection that nobody reads takes at once
                room._publish(MessageSent("tea", None, str(turn), 100_000 * "x", 0.0))
                await asyncio.sleep(0)
            assert [(await stream.next())[1]["name"] for _ in range(100)] == [str(turn) for turn in range(100)]


class Hum:
    """A source that goes on at -20 dBov."""

    def pull(self, now_ns: int) -> Samples | None:
        return np.full(FRAME_SAMPLES, 3277, np.int16)


def humming(policy: RoomPolicy = DEFAULT_POLICY) -> FollowedConference:
    followed = FollowedConference(policy)
    amy = Participant(id="amy", name="amy", transport="local", joined_at=0.0, role="host", source=Hum())
    followed.conference.join("tea", amy)
    for tick in range(10):
        followed.conference.tick(tick, tick * 20_000_000)
    return followed


def test_who_begins_to_look_is_told_how_loud_everybody_is_now() -> None:
    followed = humming()
    first, second = parse(followed.feeds.subscribe("tea", Viewer()).take())
    assert (first.name, second.name, second.data) == ("room", "levels", {"levels": {"amy": -20.0}})
    [again] = parse(followed.feeds.subscribe("tea", Viewer(), first.id).take())
    assert again == second
    assert len(parse(followed.feeds.subscribe("tea", Viewer(levels=False)).take())) == 1
    in_lobby = humming(RoomPolicy(lobby="admit")).feeds.subscribe("tea", Viewer())
    assert [one.name for one in parse(in_lobby.take())] == ["room"]


def test_of_two_streams_of_one_seat_the_other_goes_on_where_one_ends() -> None:
    followed = FollowedConference(RoomPolicy(lobby="admit"))
    followed.join("host", role="host")
    followed.join("amy")
    first, second = (followed.feeds.subscribe("tea", Viewer(participant_id="amy")) for _ in range(2))
    first.take()
    assert [one.name for one in parse(second.take())] == ["room"]
    followed.feeds.unsubscribe("tea", first)
    followed.room.admit(["amy"])
    assert [one.name for one in parse(second.take())] == ["room"]
    assert not first.take()
