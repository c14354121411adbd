"""The headless client against servers that don't do as they should; with real ones it is in most of the e2e tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from conference.webrtc.client.peer import HeadlessPeer, JoinError
from tests.webrtc.stock import Room, eventually, resources, running

pytestmark = pytest.mark.e2e

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def created(sdp: str) -> web.Response:
    headers = {"Location": "/rooms/r/participants/p", "Content-Type": "application/sdp"}
    return web.Response(status=201, text=sdp, headers=headers)


async def test_a_server_that_is_not_there_is_said_in_a_sentence() -> None:
    before = resources()
    peer = HeadlessPeer("http://127.0.0.1:9", "r")
    with pytest.raises(JoinError, match=r"cannot be reached: .*\."):
        await peer.connect()
    await peer.close()
    await eventually(lambda: resources() == before)


async def test_who_has_not_joined_has_no_seat_and_has_sent_nothing() -> None:
    peer = HeadlessPeer("http://127.0.0.1:9", "r")
    peer.send(b"sound")
    peer.send(b"sound", 7)
    assert (peer.location, peer.proof, peer.ended, peer.expected_loss) == (None, None, False, 0)
    stats = peer.stats()
    assert (stats.packets_out, stats.packets_in, stats.lost_in) == (0, 0, 0)
    assert await peer.farewell(0) is None
    await peer.close()
    await peer.close()


async def test_the_title_of_a_refusal_is_passed_on() -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"title": "The room is full."}, status=409, content_type="application/problem+json")

    async with serving(refuse) as url:
        with pytest.raises(JoinError, match=r"^The room is full\.$"):
            await HeadlessPeer(url, "r").connect()


@pytest.mark.parametrize("sdp", ["", "hello", "v=0\r\n"])
async def test_an_answer_that_is_none_is_said_and_the_seat_is_given_back(sdp: str) -> None:
    requests: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append(f"{request.method} {request.path}")
        return created(sdp) if request.method == "POST" else web.Response(status=204)

    async with serving(answer) as url:
        with pytest.raises(JoinError, match="answer can't be used"):
            await HeadlessPeer(url, "r").connect()
    assert requests == ["POST /rooms/r/participants", "DELETE /rooms/r/participants/p"]


async def test_a_status_without_a_problem_is_said_too() -> None:
    async def fail(_: web.Request) -> web.Response:
        return web.Response(status=502, text="<html>")

    async with serving(fail) as url:
        with pytest.raises(JoinError, match="HTTP status 502"):
            await HeadlessPeer(url, "r").connect()


async def test_names_and_rooms_are_quoted() -> None:
    seen: list[tuple[str, str]] = []

    async def refuse(request: web.Request) -> web.Response:
        seen.append((request.raw_path.partition("?")[0], request.query["name"]))
        return web.Response(status=400)

    async with serving(refuse) as url:
        with pytest.raises(JoinError):
            await HeadlessPeer(url, "a/b?c", "Ämy & Ben").connect()
    assert seen == [("/rooms/a%2Fb%3Fc/participants", "Ämy & Ben")]


@pytest.mark.parametrize(("speaks", "hears"), [(True, True), (True, False), (False, True)])
async def test_it_speaks_and_hears_as_it_was_told(speaks: bool, hears: bool) -> None:
    async with running() as webrtc:
        before = resources()
        server = webrtc.new_peer()

        async def join(request: web.Request) -> web.Response:
            return created(await server.accept(await request.text())) if request.method == "POST" else web.Response()

        async with serving(join) as url:
            peer = HeadlessPeer(url, "r", speaks=speaks, hears=hears)
            await peer.connect()
            room = Room(server)
            assert peer.codec is not None
            assert (server.source is not None, server.sink is not None) == (speaks, hears)
            assert (peer.source is not None) == hears
            payload = peer.codec.make_encoder().encode_silence() or b"\xf8"
            for _ in range(25):
                peer.send(payload)
                await asyncio.sleep(0.02)
            assert (server.stats().packets_in > 20) == speaks
            assert (peer.stats().packets_in > 15) == hears
            ended: list[str] = []
            peer.on_end = ended.append
            await server.close()
            await eventually(lambda: peer.ended)
            assert ended == ["The connection was closed by the server."]
            await room.close()
            await peer.close()
            await peer.close()
        await eventually(lambda: resources() == before)
