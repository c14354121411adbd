"""Several nodes with a real Redis: one conference, whichever of them somebody asks."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conference.audio.frame import SAMPLE_RATE
from conference.cluster.cluster import Cluster
from conference.settings import Settings
from conference.web.http_server import HttpServer, StartError
from tests.e2e.people import webrtc_person
from tests.e2e.redis_server import RedisServer, running_redis
from tests.e2e.running import RunningServer, eventually, running_server
from tests.tones import levels_at, tone

pytestmark = pytest.mark.e2e

ROOM = "tea"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    async with running_redis(tmp_path) as server:
        yield server


@pytest.fixture
async def nodes(redis: RedisServer) -> AsyncIterator[list[RunningServer]]:
    settings = Settings(port=0, redis=redis.url, node_timeout=2.0, node_grace=1.0)
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(running_server(settings)) for _ in range(2)]
        await eventually(lambda: all(len(cluster_of(one).nodes) == 2 for one in servers), "they see each other")
        yield servers


def cluster_of(server: RunningServer) -> Cluster:
    assert server.live.cluster is not None
    return server.live.cluster


def with_redis(server: RunningServer) -> bool:
    return cluster_of(server).node.unavailable_since is None


def people_on(server: RunningServer) -> list[str]:
    room = server.live.conference.get(ROOM)
    return [] if room is None else [one.name for one in room.participants.values()]


class Client:
    """Asks one node."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(self, method: str, path: str, body: Any = None, merge: bool = False) -> tuple[int, Any, Any]:
        kind = "application/merge-patch+json" if merge else "application/json"
        data, headers = (None, {}) if body is None else (json.dumps(body), {"Content-Type": kind})
        async with self._session.request(method, self._url + path, data=data, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None, response.headers

    async def trickle(self, path: str, fragment: str) -> tuple[int, str]:
        headers = {"Content-Type": "application/trickle-ice-sdpfrag"}
        async with self._session.patch(self._url + path, data=fragment, headers=headers) as response:
            return response.status, await response.text()

    async def people(self) -> dict[str, dict[str, Any]]:
        status, room, _ = await self.ask("GET", f"/rooms/{ROOM}")
        return {one["name"]: one for one in room["participants"]} if status == 200 else {}


@pytest.fixture
async def clients(nodes: list[RunningServer]) -> AsyncIterator[list[Client]]:
    async with aiohttp.ClientSession() as session:
        yield [Client(session, one.url) for one in nodes]


class Events:
    """An event stream that is read in the background."""

    def __init__(self, session: aiohttp.ClientSession, url: str, last: str | None = None) -> None:
        self.told: list[tuple[str, str, Any]] = []
        self._task = asyncio.create_task(self._read(session, url, {} if last is None else {"Last-Event-ID": last}))

    async def _read(self, session: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with session.get(f"{url}/rooms/{ROOM}/events", headers=headers, timeout=timeout) as response:
            event: dict[str, str] = {}
            async for line in response.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                event[name] = value
                if not name and "data" in event:
                    self.told.append((event.get("id", ""), event["event"], json.loads(event["data"])))
                    event = {}

    def logged(self) -> list[tuple[str, str]]:
        """The id and the name of each event that has one."""
        return [(number, name) for number, name, _ in self.told if number and name != "room"]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def test_two_nodes_are_one_conference(nodes: list[RunningServer], clients: list[Client]) -> None:
    first, second = clients
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        await stack.enter_async_context(webrtc_person(nodes[0].url, ROOM, "Amy"))
        streams = [Events(session, one.url) for one in nodes]
        for one in streams:
            stack.push_async_callback(one.close)
        await eventually(lambda: all(one.told for one in streams), "both streams show the room")
        await stack.enter_async_context(webrtc_person(nodes[1].url, ROOM, "Ben"))
        people = await second.people()
        assert people.keys() == {"Amy", "Ben"}
        assert people["Amy"]["node"] != people["Ben"]["node"]
        amy, ben = people["Amy"]["id"], people["Ben"]["id"]

        # Whatever is asked of either is so on both.
        seat = f"/rooms/{ROOM}/participants"
        status, shown, _ = await second.ask("PATCH", f"{seat}/{amy}", {"muted": True, "name": "Amelia"}, merge=True)
        assert (status, shown["muted"], shown["name"]) == (200, True, "Amelia")
        assert nodes[0].live.conference.rooms[ROOM].participants[amy].muted
        status, room, _ = await first.ask("PATCH", f"/rooms/{ROOM}", {"locked": True}, merge=True)
        assert (status, room["policy"]["locked"]) == (200, True)
        assert (await second.ask("PUT", f"{seat}/{amy}/hears/{ben}", {"gain": 0.5}))[0] == 200
        assert (await first.ask("POST", f"/rooms/{ROOM}/messages", {"text": "hi"}))[0] == 204
        assert (await first.ask("DELETE", f"{seat}/{ben}"))[0] == 204
        await eventually(lambda: all(len(one.logged()) >= 7 for one in streams), "all is told")
        assert streams[0].logged() == streams[1].logged()
        assert [name for _, name in streams[0].logged()] == [
            "participant.joined", "participant.updated", "participant.updated", "room.updated", "hearing.changed",
            "message", "participant.left",
        ]  # fmt: skip
        assert (await second.people()).keys() == {"Amelia"}

        # Whoever lost the stream goes on at the other node.
        last = streams[0].logged()[3][0]
        again = Events(session, nodes[1].url, last)
        stack.push_async_callback(again.close)
        await eventually(lambda: len(again.told) >= 3, "what was missed is told")
        assert again.logged() == streams[0].logged()[4:]

        status, listed, _ = await second.ask("GET", "/nodes")
        assert status == 200
        assert {one["url"] for one in listed["nodes"]} == {one.url for one in nodes}
    await eventually(lambda: not any(one.live.conference.rooms for one in nodes), "the room is gone on both")


async def test_a_room_of_one_node_is_known_on_the_other_and_so_is_its_lock(
    nodes: list[RunningServer], clients: list[Client]
) -> None:
    async with webrtc_person(nodes[0].url, ROOM, "Amy"):
        assert (await clients[0].ask("PATCH", f"/rooms/{ROOM}", {"locked": True}, merge=True))[0] == 200
        status, problem, _ = await clients[1].ask("PATCH", "/rooms/none", {"locked": True}, merge=True)
        assert status == 404, problem
        assert (await clients[1].people()).keys() == {"Amy"}

        async def listed() -> list[str]:
            return [one["name"] for one in (await clients[1].ask("GET", "/rooms"))[1]["rooms"]]

        assert await listed() == [ROOM]
        with pytest.raises(Exception, match="locked"):
            async with webrtc_person(nodes[1].url, ROOM, "Ben"):
                pass


async def test_while_redis_is_gone_changes_are_refused_and_afterwards_all_is_as_before(
    redis: RedisServer, nodes: list[RunningServer], clients: list[Client]
) -> None:
    async with (
        webrtc_person(nodes[0].url, ROOM, "Amy"),
        webrtc_person(nodes[1].url, ROOM, "Ben"),
    ):
        assert (await clients[0].ask("PATCH", f"/rooms/{ROOM}", {"mute_on_entry": True}, merge=True))[0] == 200
        await redis.stop()
        await eventually(lambda: not any(map(with_redis, nodes)), "they notice")
        status, problem, headers = await clients[0].ask("PATCH", f"/rooms/{ROOM}", {"locked": True}, merge=True)
        assert (status, headers["Retry-After"]) == (503, "2"), problem
        status, room, headers = await clients[1].ask("GET", f"/rooms/{ROOM}")
        assert (status, len(room["participants"])) == (200, 2)
        assert "Conference-Stale-Since" in headers

        await redis.start()  # with nothing in it
        await eventually(lambda: all(map(with_redis, nodes)), "it is back", within=20)
        await eventually(lambda: all(set(people_on(one)) == {"Amy", "Ben"} for one in nodes), "as before", within=20)
        status, room, _ = await clients[1].ask("PATCH", f"/rooms/{ROOM}", {"locked": True}, merge=True)
        assert (status, room["policy"]["locked"], room["policy"]["mute_on_entry"]) == (200, True, True)
        assert nodes[0].live.conference.rooms[ROOM].policy.locked


async def test_what_only_the_node_can_do_that_serves_somebody_is_passed_on_to_it(
    nodes: list[RunningServer], clients: list[Client]
) -> None:
    async with webrtc_person(nodes[0].url, ROOM, "Amy") as amy:
        assert amy.peer
        participant = (await clients[1].people())["Amy"]
        path = f"/rooms/{ROOM}/participants/{participant['id']}"
        status, shown, _ = await clients[1].ask("GET", path)
        assert (status, shown["name"]) == (200, "Amy")
        assert "connection" in shown
        fragment = "a=ice-ufrag:wrong\r\na=ice-pwd:wrong\r\n"
        status, problem = await clients[1].trickle(path, fragment)
        assert (status, problem) == await clients[0].trickle(path, fragment)
        assert status in (400, 422)  # refused by whoever knows the session
        assert (await clients[1].ask("DELETE", f"{path}?hold"))[0] == 204


async def test_a_node_that_dies_leaves_no_ghosts_and_the_room_as_it_was(
    redis: RedisServer, nodes: list[RunningServer], clients: list[Client]
) -> None:
    options = ("--port", "0", "--redis", redis.url, "--node-timeout", "2", "--node-grace", "1")
    doomed = await asyncio.create_subprocess_exec(sys.executable, "server.py", *options, stdout=asyncio.subprocess.PIPE)
    try:
        assert doomed.stdout is not None
        url = await address_told(doomed.stdout)
        async with webrtc_person(nodes[0].url, ROOM, "Amy"), webrtc_person(url, ROOM, "Ben"):
            assert (await clients[1].people()).keys() == {"Amy", "Ben"}
            assert (await clients[0].ask("PATCH", f"/rooms/{ROOM}", {"locked": True}, merge=True))[0] == 200
            doomed.kill()
            gone = "whoever was on the node that died has left, on both that are there"
            await eventually(lambda: all(people_on(one) == ["Amy"] for one in nodes), gone, within=30)
            assert nodes[0].live.conference.rooms[ROOM].policy.locked
            assert len((await clients[0].ask("GET", "/nodes"))[1]["nodes"]) == 2
    finally:
        if doomed.returncode is None:
            doomed.kill()
        await doomed.wait()


async def address_told(output: asyncio.StreamReader) -> str:
    """Where a server says that it can be reached."""
    async with asyncio.timeout(60):
        while True:
            line = (await output.readline()).decode()
            assert line, "it has ended"
            if line.split()[:1] == ["Open"]:
                return line.split()[1].rstrip("/")


async def test_people_on_different_nodes_hear_each_other_and_never_themselves(nodes: list[RunningServer]) -> None:
    tones = {"Amy": 440.0, "Ben": 620.0, "Cleo": 880.0}
    places = {"Amy": 0, "Ben": 1, "Cleo": 1}
    async with AsyncExitStack() as stack:
        people = {
            name: await stack.enter_async_context(webrtc_person(nodes[places[name]].url, ROOM, name, tone(hertz, 2.0)))
            for name, hertz in tones.items()
        }
        heard = dict(zip(people, await asyncio.gather(*(one.hear(4.0) for one in people.values())), strict=True))
        for name, samples in heard.items():
            levels = levels_at(samples[-2 * SAMPLE_RATE :], SAMPLE_RATE, tones)
            own = levels.pop(name)
            assert min(levels.values()) > -40, (name, levels)
            assert own < -60, (name, own)
        figures = await (await stack.enter_async_context(aiohttp.ClientSession())).get(f"{nodes[0].url}/metrics")
        assert "conference_nodes 2.0" in await figures.text()


async def test_a_port_for_sound_between_nodes_that_is_taken_is_named(redis: RedisServer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        server = HttpServer(Settings(port=0, redis=redis.url, trunk_port=port))
        with pytest.raises(StartError, match=f"UDP port {port} is in use.*--trunk-port"):
            await server.start()
        await server.stop()
