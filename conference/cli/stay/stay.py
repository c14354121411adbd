"""One stay in a room, from the first connection to the end, through those that are lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Final

from conference.audio.frame import TICKS_PER_SECOND
from conference.cli.stay.backoff import Backoff
from conference.cli.stay.endings import DONE, ENDED, LOST, REFUSED, REMOVED, SERVER_STOPPED, STOPPED, Ending
from conference.cli.stay.headless import HeadlessCall
from conference.cli.terminal.progress import Progress, Snapshot, clock, percent
from conference.codecs.base import Encoder
from conference.engine.clock import Clock
from conference.webrtc.client.peer import HeadlessPeer, JoinError
from conference.webrtc.client.whip import REMOVED_KIND, SERVER_STOPS, Farewell
from conference.webrtc.rtp_session import SessionStats

NEWS_S: Final = 1.0
"""How long the news of why a connection has ended may come after its end."""

MakePeer = Callable[[str | None], HeadlessPeer]
"""Makes a peer; its argument proves the seat to come back to."""


class Stay:
    """Keeps a call going for as long as it is to last.

    While there is no connection, nothing is sent, time goes on, and the recording holds silence.

    Args:
        peer: in the room.
        call: what is said and kept.
        make_peer: makes those that come after it.
        make_encoder: makes the encoder for what a peer sends.
        progress: shows it.
        backoff: says when to try to come back; ``None`` for never.
        stop: set from outside to end it.
    """

    def __init__(
        self,
        peer: HeadlessPeer,
        call: HeadlessCall,
        make_peer: MakePeer,
        make_encoder: Callable[[HeadlessPeer], Encoder],
        progress: Progress,
        backoff: Backoff | None,
        stop: asyncio.Event,
    ) -> None:
        self._call = call
        self._make_peer = make_peer
        self._make_encoder = make_encoder
        self._progress = progress
        self._backoff = backoff
        self._stop = stop
        self._gone = asyncio.Event()
        self._proof: str | None = None
        self._here: HeadlessPeer | None = None
        self._before: list[SessionStats] = []  # of the connections that were lost
        self._peer = peer
        self.returns = 0
        self._take(peer)

    async def run(self) -> Ending:
        """The whole stay; the peer that is there at its end is left to be closed by :meth:`close`.

        Raises:
            MediaError: the recording can't be written.
        """
        ticking = asyncio.create_task(Clock(self._tick).run())
        ticking.add_done_callback(lambda _: self._stop.set())
        try:
            ending = await self._until_the_end()
        finally:
            ticking.cancel()
            failure = (await asyncio.gather(ticking, return_exceptions=True))[0]
        if isinstance(failure, Exception):
            raise failure
        return ending

    async def close(self) -> None:
        """Leave."""
        await self._peer.close()

    async def _until_the_end(self) -> Ending:
        while True:
            await unless(self._stop, self._gone.wait())
            if self._stop.is_set():
                return DONE if self._call.over else STOPPED
            ending = _ending(await self._peer.farewell(NEWS_S))
            self._here = None
            if not ending.comes_back or self._backoff is None:
                return ending
            self._progress.note(f"{ending.sentence.capitalize()}. Reconnecting…")
            given_up = await self._come_back(ending, self._backoff)
            if given_up is not None:
                return given_up
            self.returns += 1
            self._progress.note("Back in the room.")

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
                    return ending if self._call.over else STOPPED
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
            lost = self._peer
            self._before.append(lost.stats())
            self._take(peer)
            await lost.close(leave=False)  # only now: whoever says goodbye without another connection has left
            return None
        return LOST.because(f"{ending.sentence}, and there was no way back within {backoff.patience:g} s").for_good()

    def _take(self, peer: HeadlessPeer) -> None:
        """Go on with a peer that is connected."""
        self._gone.clear()
        self._peer = self._here = peer
        self._proof = peer.proof or self._proof
        self._call.encode_with(self._make_encoder(peer))
        peer.on_end = lambda _: self._gone.set()
        if peer.ended:  # before anybody listened
            self._gone.set()

    def _tick(self, number: int, now_ns: int) -> None:
        if self._stop.is_set():
            return
        peer, call = self._here, self._call
        heard = None if peer is None or peer.source is None else peer.source.pull(now_ns)
        payload = call.tick(number, heard)
        if call.speaks and peer is not None:
            peer.send(payload, number)
            if number % TICKS_PER_SECOND == 0:
                call.expect_loss(peer.expected_loss)
        if self._progress.due(call.elapsed_s):
            self._progress.update(self._snapshot())
        if call.over:
            self._stop.set()

    def _snapshot(self) -> Snapshot:
        call, stats = self._call, self._peer.stats()
        return Snapshot(
            elapsed_s=call.elapsed_s,
            remaining_s=None if call.ticks is None else call.ticks / TICKS_PER_SECOND - call.elapsed_s,
            level_in=call.level_in.read(),
            level_out=call.level_out.read() if call.speaks else None,
            packets_in=stats.packets_in,
            packets_out=stats.packets_out,
            lost=stats.lost_in,
            buffered_ms=None if self._here is None or self._here.source is None else self._here.source.buffered_ms,
        )

    def summary(self, ending: Ending | None) -> list[tuple[str, str]]:
        """The table at the end; of all connections together.

        Args:
            ending: how it ended; ``None`` if that is told otherwise.
        """
        last, call = self._peer.stats(), self._call
        all_of_them = [*self._before, last]
        received = sum(one.packets_in for one in all_of_them)
        lost = sum(one.lost_in for one in all_of_them)
        rows = [("in the room", clock(call.elapsed_s)), ("join answered in", f"{self._peer.answer_ms:.0f} ms")]
        if call.speaks:
            rows.append(("packets sent", str(sum(one.packets_out for one in all_of_them))))
        rows += [
            ("packets received", str(received)),
            ("lost", f"{lost} ({percent(lost, received + lost)})"),
            ("jitter", f"{last.jitter_ms:.1f} ms"),
            ("something to hear", clock(call.heard_ticks / TICKS_PER_SECOND)),
        ]
        if last.round_trip_ms is not None:
            rows.append(("round trip", f"{last.round_trip_ms:.0f} ms"))
        if self.returns:
            rows.append(("reconnected", f"{self.returns} times" if self.returns > 1 else "once"))
        if ending is not None:
            rows.append(("ended", str(ending)))
        return rows


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


def _ending(farewell: Farewell | None) -> Ending:
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
