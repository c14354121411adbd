"""Who sends nothing is asked whether they are there, and lost if they do not say so."""

from __future__ import annotations

import asyncio

from conference.web.joining.heartbeat import Heartbeat


class Far:
    """The other end of a connection."""

    def __init__(self, *, answers: bool) -> None:
        self.answers = answers
        self.received = self.asked = 0
        self.enough = asyncio.Event()
        self.lost = asyncio.Event()

    def ask(self) -> None:
        self.asked += 1
        self.received += self.answers
        if self.asked == 3:
            self.enough.set()

    def heartbeat(self) -> Heartbeat:
        return Heartbeat(0.01, lambda: self.received, self.ask, self.lost.set)


async def test_who_answers_is_asked_again_and_again_and_stays() -> None:
    far = Far(answers=True)
    heartbeat = far.heartbeat()
    await asyncio.wait_for(far.enough.wait(), 5)
    assert not far.lost.is_set()
    heartbeat.stop()


async def test_who_does_not_is_asked_once_and_lost() -> None:
    far = Far(answers=False)
    far.heartbeat()
    await asyncio.wait_for(far.lost.wait(), 5)
    assert far.asked == 1
