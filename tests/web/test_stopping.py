"""Whoever is in a room is told when the server stops."""

from __future__ import annotations

import asyncio
import signal

import pytest
from aiohttp import ClientSession, WSMsgType

from conference.webrtc.client.peer import HeadlessPeer
from tests.web.followed import parse
from tests.web.joining.test_calling import CONNECTED, start
from tests.web.process import Running

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_peers_callers_and_readers_are_told(number: int) -> None:
    server = await asyncio.to_thread(Running)
    peer = HeadlessPeer(server.url, "tea", "Amy")
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    peer.on_end = ended.set_result
    try:
        await peer.connect()
        async with ClientSession(server.url) as session:
            caller = await session.ws_connect("/twilio/stream/tea")
            await caller.send_json(CONNECTED)
            await caller.send_json(start(name="Ben"))
            reader = await session.get("/rooms/tea/events")
            while (await caller.receive()).type is not WSMsgType.TEXT:
                pass
            stopping = asyncio.create_task(asyncio.to_thread(server.stop, number))
            async with asyncio.timeout(5):
                while (await caller.receive()).type is WSMsgType.TEXT:
                    pass
                assert caller.close_code == 1001
                told = parse(await reader.content.read())
                await ended
                status, errors = await stopping
        assert status == 0
        assert [line for line in errors.splitlines() if " conference.audit: " not in line] == []
        assert [one.data["participant"]["name"] for one in told if one.name == "participant.left"] == ["Ben", "Amy"]
    finally:
        await peer.close()
        await asyncio.to_thread(server.kill)


async def test_a_second_signal_ends_at_once() -> None:
    server = await asyncio.to_thread(Running, "--shutdown-timeout", "30")
    try:
        async with (
            ClientSession(server.url) as session,
            session.ws_connect("/twilio/stream/tea", autoping=False) as caller,
        ):
            transport = caller._response.connection.transport  # type: ignore[union-attr]
            transport.pause_reading()  # type: ignore[union-attr]  # a caller that never answers the goodbye
            server.process.send_signal(signal.SIGINT)
            while "Stopping" not in await asyncio.to_thread(server.process.stdout.readline):  # type: ignore[union-attr]
                pass
            assert server.process.poll() is None
            status, _ = await asyncio.to_thread(server.stop, signal.SIGINT)
            assert status == -signal.SIGINT
            transport.resume_reading()  # type: ignore[union-attr]
    finally:
        await asyncio.to_thread(server.kill)
