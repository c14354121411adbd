"""A site of one's own that brings its conferences along: two servers in one process, and one event loop.

The site shows who is in the room "lobby", and rings a gong there for everybody: http://127.0.0.1:8000/gong

python examples/beside_aiohttp.py [SITE_PORT [CONFERENCE_PORT]]
"""

from __future__ import annotations

import asyncio
import sys

import numpy as np
from aiohttp import web

import conference

CONFERENCES: web.AppKey[conference.Server] = web.AppKey("conferences", conference.Server)

SECONDS = np.arange(48_000) / 48_000
GONG = (8000 * np.sin(2 * np.pi * 440 * SECONDS) * np.exp(-4 * SECONDS)).astype(np.int16)


async def index(request: web.Request) -> web.Response:
    server = request.app[CONFERENCES]
    names = [one.name for one in server.room("lobby").participants]
    return web.json_response({"join": f"{server.url}/join/lobby", "there": names})


async def gong(request: web.Request) -> web.Response:
    async with request.app[CONFERENCES].room("lobby").join("Gong", hears=False) as bot:
        bot.push(GONG)
        await bot.drain()
    return web.json_response({"rang": True})


async def main(port: int, conference_port: int) -> None:
    async with conference.Server(port=conference_port) as server:
        app = web.Application()
        app[CONFERENCES] = server
        app.add_routes([web.get("/", index), web.post("/gong", gong), web.get("/gong", gong)])
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            print(f"The site: http://127.0.0.1:{runner.addresses[0][1]}/", flush=True)
            print(f"The conferences: {server.url}/", flush=True)
            await asyncio.Event().wait()  # until Ctrl-C
        finally:
            await runner.cleanup()


if __name__ == "__main__":
    ports = [int(one) for one in sys.argv[1:]]
    asyncio.run(main(*(ports + [8000, 8080][len(ports) :])))
