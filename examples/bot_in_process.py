"""A bot in the server's own process: whoever joins the room "echo" hears themselves a second later.

python examples/bot_in_process.py [PORT]
"""

from __future__ import annotations

import asyncio
import sys

import conference


async def main(port: int) -> None:
    async with conference.Server(port=port) as server:
        print(f"Join at {server.url}/join/echo; Ctrl-C ends it.", flush=True)
        async with server.room("echo").join("Echo") as bot:
            async for frame in bot.frames():  # 20 ms of everybody else, silence included
                bot.push(frame.samples, at=frame.time + 1.0)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080))
