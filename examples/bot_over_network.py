"""A bot in a room of a server that runs elsewhere: it greets whoever comes, and says again what it hears.

python examples/bot_over_network.py [URL [ROOM [TOKEN]]]
"""

from __future__ import annotations

import asyncio
import sys

import conference


async def greet(call: conference.Call) -> None:
    async for event in call.events():
        if event.name == "participant.joined":
            await call.send_message(f"Hello, {event.data['participant']['name']}!")


async def main(url: str = "http://127.0.0.1:8080", room: str = "echo", token: str | None = None) -> None:
    async with conference.connect(url, room=room, name="Echo", token=token) as call, asyncio.TaskGroup() as tasks:
        print(f"In room {room} as {call.id}; Ctrl-C leaves.", flush=True)
        greeting = tasks.create_task(greet(call))
        async for frame in call.frames():  # goes on through lost connections, and ends if somebody ends it
            call.push(frame.samples)
        greeting.cancel()
    print(f"It is over: {await call.ended()}.", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
