"""A bot in Python: listens to each person by themselves, and answers whoever has said something.

pip install aiohttp
python examples/audio_socket.py ws://127.0.0.1:8080/rooms/standup/audio
"""

import array
import asyncio
import json
import math
import struct
import sys

import aiohttp

RATE = 16_000
REPLY = array.array("h", (round(8000 * math.sin(math.tau * 600 * n / RATE)) for n in range(3 * RATE)))
"""What a bot of yours would get from its model: 16 bits, little-endian, one channel. Here three seconds of a tone."""


async def main(url: str) -> None:
    voices: dict[int, list[tuple[int, bytes]]] = {}  # what each person has said since they began to talk
    names: dict[int, str] = {}
    replying = False
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, params={"name": "Bot", "rate": str(RATE)}) as socket,
    ):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                voice, at = struct.unpack_from("<IQ", message.data)  # whose, and when in milliseconds of Unix time
                voices[voice].append((at, message.data[12:]))  # for your recogniser
                continue
            said = json.loads(message.data)
            if said["type"] == "started":
                voices[said["voice"]], names[said["voice"]] = [], said["name"]
                print(f"{said['name']} begins", flush=True)
                if replying:
                    await socket.send_json({"type": "flush"})
            elif said["type"] == "stopped":
                seconds = sum(len(samples) for _, samples in voices[said["voice"]]) / 2 / RATE
                print(f"{names[said['voice']]} has talked for {seconds:.1f} s", flush=True)
                await socket.send_bytes(REPLY.tobytes())
                await socket.send_json({"type": "mark", "name": "reply"})
                replying = True
            elif said["type"] == "flushed":
                print(f"interrupted after {said['played_ms'] / 1000:.1f} s", flush=True)
            elif said["type"] == "mark":
                replying = False
                if said["played"]:
                    print("the reply was heard", flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
