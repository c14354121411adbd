"""One stay in a room, from the first connection to the end, through those that are lost in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from conference.audio.frame import TICKS_PER_SECOND
from conference.cli.stay.headless import HeadlessCall
from conference.cli.terminal.progress import Progress, Snapshot, clock, percent
from conference.client.backoff import Backoff
from conference.client.endings import Ending
from conference.client.held_seat import HeldSeat, MakePeer
from conference.codecs.base import Encoder
from conference.webrtc.client.peer import HeadlessPeer


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
        self._progress = progress
        self._stop = stop
        self._seat = HeldSeat(
            peer,
            make_peer,
            taken=lambda taken: call.encode_with(make_encoder(taken)),
            note=progress.note,
            over=lambda: call.over,
            backoff=backoff,
            stop=stop,
        )

    async def run(self) -> Ending:
        """The whole stay; the peer that is there at its end is left to be closed by :meth:`close`.

        Raises:
            MediaError: the recording can't be written.
        """
        return await self._seat.run(self._tick)

    async def close(self) -> None:
        """Leave."""
        await self._seat.close()

    def _tick(self, number: int, now_ns: int) -> None:
        if self._stop.is_set():
            return
        peer, call = self._seat.here, self._call
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
        call, stats, here = self._call, self._seat.peer.stats(), self._seat.here
        return Snapshot(
            elapsed_s=call.elapsed_s,
            remaining_s=None if call.ticks is None else call.ticks / TICKS_PER_SECOND - call.elapsed_s,
            level_in=call.level_in.read(),
            level_out=call.level_out.read() if call.speaks else None,
            packets_in=stats.packets_in,
            packets_out=stats.packets_out,
            lost=stats.lost_in,
            buffered_ms=None if here is None or here.source is None else here.source.buffered_ms,
        )

    def summary(self, ending: Ending | None) -> list[tuple[str, str]]:
        """The table at the end; of all connections together.

        Args:
            ending: how it ended; ``None`` if that is told otherwise.
        """
        last, call = self._seat.peer.stats(), self._call
        all_of_them = [*self._seat.before, last]
        received = sum(one.packets_in for one in all_of_them)
        lost = sum(one.lost_in for one in all_of_them)
        rows = [("in the room", clock(call.elapsed_s)), ("join answered in", f"{self._seat.peer.answer_ms:.0f} ms")]
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
        if self._seat.returns:
            rows.append(("reconnected", f"{self._seat.returns} times" if self._seat.returns > 1 else "once"))
        if ending is not None:
            rows.append(("ended", str(ending)))
        return rows
