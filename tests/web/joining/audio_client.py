"""A client of an audio socket, as a stranger would write one from its documentation."""

from __future__ import annotations

import asyncio
import json
import struct
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

import numpy as np
from aiohttp import WSMsgType

from conference.audio.frame import Samples
from tests.web.doubles import Site


class AudioClient:
    """Notes all that it is told, and whose sound it gets.

    Args:
        socket: open.
    """

    def __init__(self, socket: Any) -> None:
        self.socket = socket
        self.told: list[dict[str, Any]] = []
        self.frames: dict[int, list[tuple[int, Samples]]] = defaultdict(list)
        self._reading = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, site: Site, room: str = "tea", **query: Any) -> Self:
        headers = query.pop("headers", {})
        return cls(await site.client.ws_connect(f"/rooms/{room}/audio", params=query, headers=headers))

    async def _read(self) -> None:
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.told.append(json.loads(message.data))
            elif message.type is WSMsgType.BINARY:
                voice, at = struct.unpack_from("<IQ", message.data)
                self.frames[voice].append((at, np.frombuffer(message.data, "<i2", offset=12)))

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        return [one for one in self.told if one["type"] in kinds]

    async def heard(self, kind: str, number: int = 1) -> dict[str, Any]:
        """Wait for the so-many-th message of a kind."""
        await until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]

    def samples(self, voice: int) -> Samples:
        parts = [samples for _, samples in self.frames[voice]]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def voice_of(self, name: str) -> int:
        """The number of somebody's voice; 0 if they have said nothing yet."""
        return next((one["voice"] for one in self.of("started") if one["name"] == name), 0)

    async def say(self, samples: Samples) -> None:
        await self.socket.send_bytes(samples.astype("<i2").tobytes())

    async def ask(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def close(self) -> None:
        await self.socket.close()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def __aenter__(self) -> Self:
        await self.heard("ready")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - the other end of a socket tells nothing
            await asyncio.sleep(0.005)
