"""Somebody in a room who is made of code in the server's own process."""

from __future__ import annotations

import time
from collections.abc import Callable

from conference.audio.frame import Samples
from conference.codecs.base import Codec
from conference.public.line import Line
from conference.public.member import Member
from conference.room.conference import Conference
from conference.room.participant import Mix, Participant, Role


class Bot(Member, Line):
    """A participant made of code: hears the room through :meth:`frames`, and speaks through :meth:`push`.

    Made by `room.Room.join`. As a context manager it leaves at the end of the block::

        async with room.join("Echo") as bot:
            async for frame in bot.frames():
                bot.push(frame.samples)
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
        gone: Callable[[Member], None],
    ) -> None:
        Member.__init__(self, conference, room, name, gone)
        Line.__init__(self, max_heard, max_said)
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

    def _speak(self, now_ns: int) -> Samples | None:
        self._now_ns = now_ns
        return self._pull(now_ns)

    def _listen(self, mix: Mix) -> None:
        if self._first_tick is None:
            self._first_tick = mix.tick
        self._hear(mix.samples, mix.tick - self._first_tick, self._now_ns)

    def _let_go(self) -> None:
        self._end()


class _Mouth:
    """See `room.participant.Source`."""

    def __init__(self, pull: Callable[[int], Samples | None]) -> None:
        self.pull = pull


class _Ear:
    """See `room.participant.Sink`."""

    codec: Codec | None = None

    def __init__(self, deliver: Callable[[Mix], None]) -> None:
        self.deliver = deliver
