"""A phone call without a phone: calls a bot or a room on its Twilio-compatible stream, beeps, presses keys, listens.

python examples/phone_caller.py [WS_URL [KEYS]]
"""

from __future__ import annotations

import asyncio
import sys

import numpy as np

import conference

BEEP = (8000 * np.sin(2 * np.pi * 440 * np.arange(24_000) / 48_000)).astype(np.int16)  # half a second


async def report(phone: conference.PhoneCall) -> None:
    async for event in phone.events():
        print(event.name, dict(event.data), flush=True)


async def main(url: str = "ws://127.0.0.1:8080/twilio/stream/echo", keys: str = "1") -> None:
    async with conference.call(url, name="Ben") as phone, asyncio.TaskGroup() as tasks:
        reporting = tasks.create_task(report(phone))
        frames = phone.frames()
        phone.push(BEEP)
        phone.press(keys)
        heard = [(await anext(frames)).samples for _ in range(150)]  # three seconds
        print(f"The loudest that was heard: {np.abs(np.concatenate(heard)).max()}", flush=True)
        reporting.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
