"""Somebody in a room who is made of code in the server's own process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from conference.audio.frame import Samples
from conference.codecs.base import Codec
from conference.ids import new_id
from conference.public.line import Line
from conference.room.conference import Conference
from conference.room.participant import Mix, Participant, Role


class Bot(Line):
    """A participant made of code: hears the room through :meth:`frames`, and speaks through :meth:`push`.

    Made by `room.Room.join`. As a context manager it leaves at the end of the block::

        async with room.join("Echo") as bot:
            async for frame in bot.frames():
                bot.push(frame.samples)

    Attributes:
        id: of the participant: opaque text, unique on the server.
        name: what the others see.
        room: the room's name.
    """

    def __init__(
        self,
        conference: Conference,
        room: str,
        name: str,
        *,
        hears: bool,
        role: Role,
        interruptible: bool,
        max_heard: float,
        max_said: float,
        gone: Callable[[Bot], None],
    ) -> None:
        super().__init__(max_heard, max_said)
        self.id = new_id()
        self.name = name
        self.room = room
        self._conference = conference
        self._gone = gone
        self._reason: str | None = None
        self._ended = asyncio.Event()
        self._now_ns = 0
        self._first_tick: int | None = None
        conference.join(
            room,
            Participant(
                id=self.id,
                name=name,
                transport="local",
                joined_at=time.time(),
                source=_Mouth(self._speak),
                sink=_Ear(self._listen) if hears else None,
                hang_up=self._hung_up,
                role=role,
                bot=True,
                interrupt=(lambda _: self.clear()) if interruptible else None,
            ),
        )

    @property
    def over(self) -> bool:
        """Whether it has left, or was sent away."""
        return self._over

    async def ended(self) -> str:
        """Wait until it has left. Returns why, for people to read."""
        await self._ended.wait()
        return self._reason or ""

    def leave(self) -> None:
        """Leave the room. Doing it twice does no harm."""
        if not self._over:
            self._close("left")
            self._conference.leave(self.room, self.id, "left")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()

    def _speak(self, now_ns: int) -> Samples | None:
        self._now_ns = now_ns
        return self._pull(now_ns)

    def _listen(self, mix: Mix) -> None:
        if self._first_tick is None:
            self._first_tick = mix.tick
        self._hear(mix.samples, mix.tick - self._first_tick, self._now_ns)

    def _hung_up(self, reason: str) -> None:
        """It is sent away: the room takes it out by itself."""
        self._close(reason)

    def _close(self, reason: str) -> None:
        if not self._over:
            self._reason = reason
            self._end()
            self._ended.set()
            self._gone(self)


class _Mouth:
    """See `room.participant.Source`."""

    def __init__(self, pull: Callable[[int], Samples | None]) -> None:
        self.pull = pull


class _Ear:
    """See `room.participant.Sink`."""

    codec: Codec | None = None

    def __init__(self, deliver: Callable[[Mix], None]) -> None:
        self.deliver = deliver
