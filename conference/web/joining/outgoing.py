"""What is sent over one connection: at once as long as the other end takes all of it, and else as fast as it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

import aiohttp

from conference.telephony.dialect import Message


class Line(Protocol):
    """What messages are sent over."""

    @property
    def takes_all(self) -> bool:
        """It is open, and all that was written has been taken, so that more can be written at once."""
        ...

    def write(self, messages: Sequence[Message]) -> None:
        """Send messages at once, without a wait: to be asked only while the other end :attr:`takes_all`."""
        ...

    async def send(self, message: Message) -> None:
        """Send a message, and wait until the other end takes it.

        Raises:
            ConnectionError, aiohttp.ClientError: the connection is lost.
        """
        ...


class Outgoing:
    """All that is sent over one connection, in order.

    Args:
        line: what it is sent over.
        take: takes what there is to be sent.
    """

    def __init__(self, line: Line, take: Callable[[], Sequence[Message]]) -> None:
        self._line = line
        self._take = take
        self._wanted = asyncio.Event()  # there is something to send which cannot be written at once
        self._waits = False  # something is being sent, and waits for the other end to take it

    def write(self) -> None:
        """There is something to send. As long as all is taken that comes, it is written at once: without a task."""
        if self._waits or not self._line.takes_all:
            self._wanted.set()
        else:
            self._line.write(self._take())

    async def run(self) -> None:
        """Send what cannot be written at once, until the connection is lost."""
        try:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                self._waits = True
                for message in self._take():
                    await self._line.send(message)
                self._waits = False
        except (ConnectionError, aiohttp.ClientError):
            pass  # whoever reads sees it, too
