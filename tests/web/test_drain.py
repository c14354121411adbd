"""A server that takes nobody new, and ends when the last has left."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError

from conference.cli.main import main
from conference.settings import Settings
from tests.web.doubles import OFFER, SDP, Site, problem
from tests.web.joining.test_calling import CONNECTED, call, people, start, until
from tests.web.passes import as_role, guarded, seat_of, token
from tests.web.process import Running


async def over(site: Site) -> None:
    """Wait until the server is empty."""
    async with asyncio.timeout(10):
        await site.server.drain.over()


async def test_nobody_joins_a_server_that_is_drained() -> None:
    async with Site() as site:
        await site.join()
        ready = await site.client.get("/readyz")
        assert ready.status == 200
        begun = await site.client.post("/drain")
        assert begun.status == 202
        state = await begun.json()
        assert (state["draining"], state["ends_at"], state["participants"]) == (True, None, 1)
        asked = [
            site.join(),
            site.join("milk"),
            site.client.post("/twilio/voice", data={"From": "+15551234567"}),
            site.client.get("/readyz"),
        ]
        for request in asked:
            response = await request
            assert response.status == 503
            assert int(response.headers["Retry-After"]) > 0
            assert (await problem(response))["title"].endswith(".")
        for path in ("/twilio/stream/tea", "/rooms/tea/audio"):
            with pytest.raises(WSServerHandshakeError) as refused:
                await site.client.ws_connect(path)
            assert refused.value.status == 503
        assert (await site.client.get("/healthz")).status == 200
        assert people(site) == ["Amy"]


async def test_whoever_has_lost_their_connection_comes_back() -> None:
    async with Site() as site:
        joined = await site.join()
        await site.join(name="Ben")
        await site.client.post("/drain")
        peer = site.webrtc.peers[0]
        assert peer.on_end is not None
        again = await site.join(**seat_of(joined))
        assert again.status == 201
        assert again.headers["Location"] == joined.headers["Location"]
        site.webrtc.peers[-1].on_end("lost")  # type: ignore[misc]
        assert people(site) == ["Ben"]
        assert (await site.join(**seat_of(joined))).status == 201
        assert sorted(people(site)) == ["Amy", "Ben"]


async def test_everybody_is_told_also_in_the_lobby() -> None:
    async with Site(guarded(lobby="admit")) as site:
        host = await site.join(**as_role("host"))
        await site.join(name="Ben", **as_role("speaker", identity="ben"))
        streams = [
            await site.client.get("/rooms/tea/events", headers=headers | {"Accept": "text/event-stream"})
            for headers in (as_role("host") | seat_of(host), as_role("speaker", identity="ben"))
        ]
        before = await site.client.post("/drain", json={"timeout": 500}, headers=as_role("host"))
        assert before.status == 403  # it is for those who may moderate every room
        begun = await site.client.post("/drain", json={"timeout": 500}, headers=as_role("host", None, name="Olga"))
        ends_at = (await begun.json())["ends_at"]
        for stream in streams:
            told: dict[str, Any] = {}
            async with asyncio.timeout(10):
                while "server.draining" not in told:
                    event = (await stream.content.readuntil(b"\n\n")).decode()
                    fields = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
                    if "event" in fields:
                        told[fields["event"]] = json.loads(fields["data"])
            assert told["server.draining"] == {"ends_at": ends_at, "by": "Olga"}


async def test_it_is_over_when_the_last_has_left() -> None:
    async with Site() as site:
        joined = await site.join()
        caller = await call(site, name="Ben")
        await until(lambda: len(people(site)) == 2)
        await site.client.post("/drain")
        await site.client.delete(joined.headers["Location"], headers=seat_of(joined))
        assert (await (await site.client.get("/drain")).json())["participants"] == 1
        waiting = asyncio.create_task(over(site))
        await asyncio.sleep(0)
        assert not waiting.done()
        await caller.close()
        await waiting


async def test_it_is_over_when_the_time_is_and_that_can_be_changed() -> None:
    async with Site(Settings(drain_timeout=86_400)) as site:
        await site.join()
        first = await (await site.client.post("/drain")).json()
        assert first["ends_at"] - first["began_at"] == pytest.approx(86_400)
        second = await (await site.client.post("/drain", json={"timeout": 0.01})).json()
        assert second["began_at"] == first["began_at"]
        await over(site)
        assert people(site) == ["Amy"]


async def test_an_empty_server_is_over_at_once() -> None:
    async with Site() as site:
        await site.client.post("/drain", json={})
        await over(site)


@pytest.mark.parametrize("body", ['{"timeout": -1}', '{"timeout": "1"}', '{"when": 1}', "[]", '{"timeout": 1e9}'])
async def test_a_drain_that_makes_no_sense_is_refused(body: str) -> None:
    async with Site() as site:
        response = await site.client.post("/drain", data=body, headers={"Content-Type": "application/json"})
        assert response.status == 400
        await problem(response)
        assert not site.server.drain.begun


async def test_a_caller_whose_stream_began_before_gets_no_room_after() -> None:
    async with Site() as site:
        await site.join()
        socket = await site.client.ws_connect("/twilio/stream/tea")
        await site.client.post("/drain")
        await socket.send_json(CONNECTED)
        await socket.send_json(start(name="Ben"))
        message = await socket.receive()
        while message.type is WSMsgType.TEXT:
            message = await socket.receive()
        assert message.type is WSMsgType.CLOSE
        assert people(site) == ["Amy"]


@pytest.mark.e2e
@pytest.mark.parametrize(("arguments", "number"), [((), signal.SIGUSR1), (("--drain-timeout", "3600"), signal.SIGTERM)])
async def test_a_server_that_is_told_to_drain_ends_well_when_the_last_has_left(
    arguments: tuple[str, ...], number: int
) -> None:
    server = await asyncio.to_thread(Running, *arguments)
    try:
        async with ClientSession(server.url) as session:
            caller = await session.ws_connect("/twilio/stream/tea")
            await caller.send_json(CONNECTED)
            await caller.send_json(start(name="Ben"))
            while (await caller.receive()).type is not WSMsgType.TEXT:
                pass
            server.process.send_signal(number)
            while "Draining" not in (said := await asyncio.to_thread(server.process.stdout.readline)):  # type: ignore[union-attr]
                assert said
            assert "the last of 1 has left" in said
            refused = await session.post("/rooms/tea/participants", data=OFFER, headers=SDP)
            assert refused.status == 503
            assert server.process.poll() is None
            await caller.close()
        _, errors = await asyncio.to_thread(server.process.communicate, timeout=30)
        assert server.process.returncode == 0
        assert [line for line in errors.splitlines() if " conference.audit: " not in line] == []
    finally:
        await asyncio.to_thread(server.kill)


@pytest.mark.e2e
def test_the_command_has_a_server_drained_and_waits_for_its_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret of the tests: 32 bytes and more", encoding="utf-8")
    server = Running("--secret-file", str(secret))
    try:
        assert main(["drain", server.url, "--token", token("host")]) == 1
        assert "Your token is for one room" in capsys.readouterr().err
        assert main(["drain", server.url, "--token", token("host", None), "--timeout", "60", "--wait"]) == 0
        assert capsys.readouterr().out == "Nobody is there: the server ends.\n"
        server.process.communicate(timeout=30)
        assert server.process.returncode == 0
    finally:
        server.kill()
