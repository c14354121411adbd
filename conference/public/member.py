"""Somebody in a room of this process: how they leave, and how they learn that they were sent away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from conference.ids import new_id
from conference.room.conference import Conference


class Member:
    """Somebody in a room. As a context manager, they leave at the end of the block.

    Attributes:
        id: of the participant: opaque text, unique on the server.
        name: what the others see.
        room: the room's name.
    """

    def __init__(self, conference: Conference, room: str, name: str, gone: Callable[[Member], None]) -> None:
        self.id = new_id()
        self.name = name
        self.room = room
        self._conference = conference
        self._gone = gone
        self._reason: str | None = None
        self._ended = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether they have left, or were sent away."""
        return self._reason is not None

    async def ended(self) -> str:
        """Wait until they have left. Returns why, for people to read."""
        await self._ended.wait()
        return self._reason or ""

    def leave(self) -> None:
        """Leave the room. Doing it twice does no harm."""
        if not self.over:
            self._close("left")
            self._conference.leave(self.room, self.id, "left")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def _hung_up(self, reason: str) -> None:
        """They are sent away: the room takes them out by itself."""
        self._close(reason)

    def _close(self, reason: str) -> None:
        if self.over:
            return
        self._reason = reason
        self._let_go()
        self._ended.set()
        self._gone(self)

    def _let_go(self) -> None:
        """Release what is only for the time in the room."""
