"""What docs/interfaces.md promises of rooms, seats, events and the smaller addresses, from outside."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from conference.iceservers import parse_ice_server
from conference.options.option import options_of
from conference.settings import Settings
from conference.web.events.event_json import BATCH_NAMES, EVENT_NAMES
from tests.e2e.documented import MERGE_PATCH, PARTICIPANT, SDP, TRICKLE, Reader, client, column, section
from tests.e2e.people import webrtc_person
from tests.e2e.running import RunningServer, eventually, running_server
from tests.tones import tone
from tests.webrtc.stock import StockPeer

pytestmark = pytest.mark.e2e


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the server."""
    async with client(server) as session:
        yield session


async def test_a_whip_client_joins_trickles_is_muted_comes_back_and_leaves() -> None:
    servers = (parse_ice_server("stun:stun.example.org"), parse_ice_server("turn:user:secret@turn.example.org"))
    async with running_server(Settings(port=0, ice_servers=servers)) as server, client(server) as http:
        peer, again = StockPeer("recvonly"), StockPeer("recvonly")
        offer = await peer.offer()
        joined = await http.post("/rooms/tea/participants?name=Amy", data=offer, headers=SDP)
        assert joined.status == 201
        assert joined.content_type == "application/sdp"
        location, etag = joined.headers["Location"], joined.headers["ETag"]
        assert re.fullmatch(r"/rooms/tea/participants/[A-Za-z0-9_-]+", location)
        assert re.fullmatch(r'"[^"]+"', etag)
        assert joined.headers["Accept-Patch"] == f"{TRICKLE['Content-Type']}, {MERGE_PATCH['Content-Type']}"
        links = joined.headers.getall("Link")
        assert links == [one.link() for one in servers]

        told = await http.options("/rooms/tea/participants")
        assert (told.status, told.headers["Allow"]) == (204, "POST, OPTIONS")
        assert told.headers["Accept-Post"] == SDP["Content-Type"]
        assert told.headers.getall("Link") == links

        fragment = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\na=candidate:1 1 udp 1 127.0.0.1 50000 typ host\r\n"
        for headers in ({"If-Match": etag}, {}):
            trickled = await http.patch(location, data=fragment, headers=TRICKLE | headers)
            assert (trickled.status, await trickled.text()) == (204, "")
        await peer.take(await joined.text())
        await eventually(lambda: peer.pc.connectionState == "connected", "the peer connects")

        patched = await http.patch(location, data='{"muted": true, "name": "Amelia"}', headers=MERGE_PATCH)
        amy = await patched.json()
        assert (patched.status, set(amy), amy["muted"], amy["name"]) == (200, PARTICIPANT, True, "Amelia")
        shown = await (await http.get(location)).json()
        assert set(shown) == PARTICIPANT | {"connection", "voice"}
        example = next(line for line in section("Rooms and participants").splitlines() if '"jitter_ms"' in line)
        assert set(re.findall(r'"(\w+)": ', example)) <= set(shown["connection"])
        assert shown["connection"]["state"] == "connected"
        options = await http.options(location)
        assert (options.status, options.headers["Allow"]) == (204, "GET, PATCH, DELETE, OPTIONS")

        seat = {"Conference-Seat": joined.headers["Conference-Seat"]}
        back = await http.post("/rooms/tea/participants?name=Amy", data=await again.offer(), headers=SDP | seat)
        assert (back.status, back.headers["Location"]) == (201, location)
        assert back.headers["ETag"] != etag
        assert back.headers["Conference-Seat"] == joined.headers["Conference-Seat"]
        assert (await (await http.get("/rooms")).json())["rooms"][0]["participants"] == 1

        left = await http.delete(location)
        assert (left.status, await left.text()) == (204, "")
        assert (await http.delete(location)).status == 404
        await asyncio.gather(peer.close(), again.close())


@pytest.mark.alone
async def test_rooms_and_the_event_stream_tell_who_comes_talks_and_goes(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    async with webrtc_person(server.url, "tea", "Amy"), http.get("/rooms/tea/events") as response:
        assert response.content_type == "text/event-stream"
        reader = Reader(response)
        async with webrtc_person(server.url, "tea", "Ben", tone(500.0, 0.8), loop=False):
            events = await reader.until("talking.stopped")
            room = await (await http.get("/rooms/tea")).json()
            rooms = await (await http.get("/rooms")).json()
        events += await reader.until("participant.left")
    assert [name for name, _ in events if name != "levels"] == [
        "room", "participant.joined", "talking.started", "talking.stopped", "participant.left",
    ]  # fmt: skip
    data = dict(events)
    assert set(data["room"]) == set(room) == {
        "name", "created_at", "participants", "policy", "sounds", "hearing", "recording",
    }  # fmt: skip
    assert [one["name"] for one in data["room"]["participants"]] == ["Amy"]
    ben = data["participant.joined"]["participant"]
    assert set(ben) == PARTICIPANT
    assert (ben["name"], ben["transport"], ben["talking"], ben["level"]) == ("Ben", "webrtc", False, -127.0)
    assert data["talking.started"] == data["talking.stopped"] == {"id": ben["id"]}
    assert set(data["participant.left"]) == {"participant", "reason", "departure", "by"}
    assert set(data["participant.left"]["participant"]) == PARTICIPANT
    assert data["participant.left"]["reason"] in ("left", "The participant left.")
    levels = [data["levels"] for name, data in events if name == "levels"]
    assert levels[-1] == {}
    assert max(one.get(ben["id"], -127.0) for one in levels) == pytest.approx(-15.0, abs=2.0)  # a sine of -12 dBFS
    assert rooms == {"rooms": [{"name": "tea", "participants": 2, "created_at": room["created_at"]}]}
    assert {"room", *EVENT_NAMES.values(), *BATCH_NAMES.values()} == set(
        column(section("Event stream").partition("###")[0])
    )


async def test_the_metrics_are_those_of_the_document(http: aiohttp.ClientSession) -> None:
    response = await http.get("/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    exposed = set(re.findall(r"^# TYPE (conference_\w+)", await response.text(), re.MULTILINE))
    documented = {name for name in column(section("Metrics")) if name.startswith("conference_")}
    # Those of captions, recordings and nodes are there where there are any.
    elsewhere = re.compile(r"conference_(captions|recordings|nodes|trunk|redis)(_|$)")
    assert exposed == {name for name in documented if not elsewhere.match(name)}


async def test_pages_of_an_allowed_site_may_use_the_api_and_others_may_not() -> None:
    site = "https://intranet.example.org"
    async with running_server(Settings(port=0, allowed_origins=(site,))) as server, client(server) as http:
        allowed = await http.options("/rooms/standup/participants", headers={"Origin": site})
        promised = re.findall(r"^(Access-Control-[\w-]+|Vary): (.+)$", section("CORS"), re.MULTILINE)
        assert len(promised) == 6
        assert {name: allowed.headers[name] for name, _ in promised} == dict(promised)
        for path in ("/rooms", "/nowhere"):
            other = await http.get(path, headers={"Origin": "https://evil.example"})
            assert not [name for name in other.headers if name.startswith("Access-Control-")]
            assert other.headers["Vary"] == "Origin"


async def test_the_webhook_the_configuration_and_the_health_are_as_shown(
    server: RunningServer, http: aiohttp.ClientSession
) -> None:
    voice = await http.post("/twilio/voice?room=standup", data={"From": "+15551234567", "CallSid": "CA1"})
    example = next(line for line in section("Voice webhook").splitlines() if line.startswith("<?xml"))
    host = server.url.removeprefix("http://")
    assert await voice.text() == example.replace("127.0.0.1:8080", host)
    default = ET.fromstring(await (await http.post("/twilio/voice?name=Amy")).text()).find("Connect/Stream")
    assert default is not None
    assert default.get("url") == f"ws://{host}/twilio/stream/lobby"
    assert [one.attrib for one in default] == [{"name": "name", "value": "Amy"}, {"name": "prompts", "value": "on"}]
    assert await (await http.get("/config")).json() == {
        "access": "open",
        "iceServers": [],
        "maxNameLength": 64,
        "captions": False,
        "calls": {"bots": False, "phones": False},
        "frameAncestors": [],
    }
    health = await http.get("/healthz")
    assert (health.status, await health.text()) == (200, "ok\n")
    assert (await http.head("/rooms")).status == 200


def test_the_limits_are_the_defaults_of_the_options_that_are_named() -> None:
    units = {"": 1, " s": 1, " KiB": 1024}
    rows = re.findall(r"^\| [^|]+ \| (\d+)( KiB| s|) \| `--([a-z-]+)` \|", section("Limits"), re.MULTILINE)
    fields = {one.flag: one.field for one in options_of(Settings)}
    documented: dict[str, Any] = {fields[f"--{option}"]: int(number) * units[unit] for number, unit, option in rows}
    assert len(documented) >= 9
    assert replace(Settings(), **documented) == Settings()
