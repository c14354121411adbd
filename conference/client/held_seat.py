"""A seat in a room that is kept from the first connection to the end, through those that are lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

from conference.client.backoff import Backoff
from conference.client.endings import DONE, ENDED, LOST, REFUSED, REMOVED, SERVER_STOPPED, STOPPED, Ending
from conference.engine.clock import Clock, Tick
from conference.webrtc.client.peer import HeadlessPeer, JoinError
from conference.webrtc.client.whip import REMOVED_KIND, SERVER_STOPS, Farewell
from conference.webrtc.rtp_session import SessionStats

NEWS_S: Final = 1.0
"""How long the news of why a connection has ended may come after its end."""

MakePeer = Callable[[str | None], HeadlessPeer]
"""Makes a peer; its argument proves the seat to come back to."""


class HeldSeat:
    """Keeps a seat in a room.

    Args:
        peer: in the room.
        make_peer: makes those that come after it.
        taken: is told of each peer with which it goes on, the first one included.
        note: is told in a sentence what happens.
        over: whether the time is up, once ``stop`` is set.
        backoff: says when to try to come back; ``None`` for never.
        stop: set from outside to end it.

    Attributes:
        peer: the one that is there, or that was there last.
        here: the one that is there; ``None`` while the connection is lost.
        before: what was sent and received over the connections that were lost.
        returns: how often it came back.
    """

    def __init__(
        self,
        peer: HeadlessPeer,
        make_peer: MakePeer,
        taken: Callable[[HeadlessPeer], None],
        note: Callable[[str], None],
        over: Callable[[], bool],
        backoff: Backoff | None,
        stop: asyncio.Event,
    ) -> None:
        self.here: HeadlessPeer | None = None
        self.before: list[SessionStats] = []
        self.returns = 0
        self._make_peer = make_peer
        self._taken = taken
        self._note = note
        self._over = over
        self._backoff = backoff
        self._stop = stop
        self._gone = asyncio.Event()
        self._proof: str | None = None
        self.peer = peer
        self._take(peer)

    async def run(self, tick: Tick) -> Ending:
        """Hold it to its end. The peer that is there then is left to be closed by :meth:`close`.

        Args:
            tick: called every 20 ms, with its number and the time in nanoseconds, whether there is a connection or
                not; what it raises ends all, and is raised here.
        """
        ticking = asyncio.create_task(Clock(tick).run(), name="ticks of a seat")
        ticking.add_done_callback(lambda _: self._stop.set())
        try:
            ending = await self._hold()
        finally:
            ticking.cancel()
            failure = (await asyncio.gather(ticking, return_exceptions=True))[0]
        if isinstance(failure, Exception):
            raise failure
        return ending

    async def _hold(self) -> Ending:
        while True:
            await unless(self._stop, self._gone.wait())
            if self._stop.is_set():
                return DONE if self._over() else STOPPED
            ending = ending_of(await self.peer.farewell(NEWS_S))
            self.here = None
            if not ending.comes_back or self._backoff is None:
                return ending
            self._note(f"{ending.sentence.capitalize()}. Reconnecting…")
            given_up = await self._come_back(ending, self._backoff)
            if given_up is not None:
                return given_up
            self.returns += 1
            self._note("Back in the room.")

    async def close(self) -> None:
        """Leave."""
        await self.peer.close()

    async def _come_back(self, ending: Ending, backoff: Backoff) -> Ending | None:
        """Try until there is a connection again.

        Returns:
            ``None`` if there is; else how it ends.
        """
        backoff.lost()
        asked = 0.0
        while (wait := backoff.next(asked)) is not None:
            peer: HeadlessPeer | None = None
            if await unless(self._stop, asyncio.sleep(wait)):
                peer = self._make_peer(self._proof)
            try:
                if peer is None or not await unless(self._stop, peer.connect()):
                    if peer is not None:
                        await peer.close()
                    return ending if self._over() else STOPPED
            except JoinError as error:
                asked = error.retry_after
                if error.kind == REMOVED_KIND:
                    return REMOVED
                if error.status == 403 and self._proof is not None:
                    self._proof = None  # the server was restarted and knows of no seat: take a new one
                elif not error.passing:
                    return REFUSED.because(str(error))
                continue
            backoff.back()
            lost = self.peer
            self.before.append(lost.stats())
            self._take(peer)
            await lost.close(leave=False)  # only now: whoever says goodbye without another connection has left
            return None
        return LOST.because(f"{ending.sentence}, and there was no way back within {backoff.patience:g} s").for_good()

    def _take(self, peer: HeadlessPeer) -> None:
        """Go on with a peer that is connected."""
        self._gone.clear()
        self.peer = self.here = peer
        self._proof = peer.proof or self._proof
        self._taken(peer)
        peer.on_end = lambda _: self._gone.set()
        if peer.ended:  # before anybody listened
            self._gone.set()


async def unless(stop: asyncio.Event, work: Coroutine[None, None, object]) -> bool:
    """Do some work unless ``stop`` is set before it is done; then it is cancelled. Returns whether it was done."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


def ending_of(farewell: Farewell | None) -> Ending:
    """How a stay ended, by what the server said of it."""
    match farewell:
        case Farewell(departure="removed"):
            return REMOVED
        case Farewell(departure="ended" | "left"):
            return ENDED.because(farewell.reason or ENDED.sentence)
        case Farewell(reason=reason) if reason == SERVER_STOPS:
            return SERVER_STOPPED
        case _:
            return LOST
