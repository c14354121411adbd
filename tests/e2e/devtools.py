"""Requests with answers, and events, over one WebSocket: the Chrome DevTools Protocol, and WebDriver BiDi."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

import aiohttp


class DevToolsError(Exception):
    """The browser refused a command, or went away."""


class DevTools:
    """A connection to a browser, or to one page of it.

    Args:
        socket: connected to what drives the browser, or the page.
        on_event: called with the name and the parameters of every event.
    """

    def __init__(
        self, socket: aiohttp.ClientWebSocketResponse, on_event: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._socket = socket
        self._on_event = on_event
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read(), name="DevTools reader")

    async def call(self, method: str, within: float = 20, **parameters: Any) -> dict[str, Any]:
        """Run a command.

        Raises:
            DevToolsError: the browser refused it.
            TimeoutError: it did not answer in time.
        """
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._socket.send_json({"id": number, "method": method, "params": parameters})
            async with asyncio.timeout(within):
                return await answer
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """Close the socket, and wait for the reader."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type == aiohttp.WSMsgType.TEXT:
                self._take(json.loads(message.data))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(DevToolsError("the browser went away"))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self._on_event(message["method"], message["params"])
            return
        answer = self._waiting.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            error = message["error"]  # BiDi has a code here, and the sentence beside it
            answer.set_exception(DevToolsError((error if isinstance(error, dict) else message)["message"]))
        else:
            answer.set_result(message["result"])
