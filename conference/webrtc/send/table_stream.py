"""A stream of ours that is sent with those of all others: its row in the send table, and whose packets are on it."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable

import numpy as np

from conference.audio.frame import TICKS_PER_SECOND
from conference.playout.silence import DTX_BYTES
from conference.webrtc.rtp.packet import build_rtp, level_extension
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.continuity import Continuity, LineState
from conference.webrtc.send.stream import SendStats, first_sequence
from conference.webrtc.send.table import (
    BYTES,
    FAILED,
    LEVEL_ID,
    LINE_ROWS,
    NEVER,
    ORIGIN,
    PACKETS,
    ROW_COLUMNS,
    SAMPLES,
    SEQUENCE,
    TICK,
    TYPE,
    SendRow,
    SendTable,
)


class TableStream:
    """A stream that goes with all others. Satisfies `webrtc.send.stream.SendStream`.

    Args:
        agreed: payload type and clock rate.
        ssrc: of the stream.
        level_id: id of the header extension for levels (RFC 6464); 0: packets do not say how loud they are.
    """

    def __init__(self, agreed: Format, ssrc: int, *, level_id: int = 0) -> None:
        self._level_id = level_id
        self._clock_rate = agreed.clock_rate
        self._table: SendTable | None = None
        self._index = 0
        self._ssrc = ssrc
        self._payload_type = agreed.payload_type
        self._next_type: int | None = None  # of the packets from the next one on, if it is another
        self._continuity = Continuity(agreed.clock_rate)
        self._row: SendRow = np.zeros(ROW_COLUMNS, np.int64)  # while it is in no table
        self._row[: TICK + 1] = (
            agreed.payload_type,
            first_sequence(),
            ssrc,
            random.getrandbits(32),
            agreed.clock_rate // TICKS_PER_SECOND,
            NEVER,
        )
        self._row[LEVEL_ID] = level_id if 0 < level_id < 15 else 0
        self._end_fast_path: Callable[[], None] | None = None

    def attach(self, table: SendTable, session: SrtpSession, address: tuple[str, int]) -> None:
        """From now on it goes there.

        Args:
            table: of the socket to send through.
            session: protects the packets.
            address: of the peer.
        """
        self._withdraw()
        try:
            self._index = table.enter(self._row, session, address)
        except OSError:  # ICE does not choose a path that this socket can't take
            return
        self._table = table
        if self._index < LINE_ROWS:
            table.lines[self._index] = self._continuity.row
            self._continuity.row = memoryview(table.lines[self._index])

    def _withdraw(self) -> None:
        self.end_fast_path()
        if self._table is not None:
            self._continuity.row = array("q", self._continuity.row)
            self._row = self._table.leave(self._index)
            self._table = None
            if self._continuity.forwarded_last:
                self._row[SEQUENCE] = self._continuity.next_sequence

    @property
    def _now(self) -> SendRow:
        return self._row if self._table is None else self._table.rows[self._index]

    @property
    def payload_type(self) -> int:
        """Of the packets from now on."""
        return self._payload_type

    @payload_type.setter
    def payload_type(self, number: int) -> None:
        self._payload_type = self._next_type = number
        self.end_fast_path()

    @property
    def tells_levels(self) -> bool:
        """Packets say how loud they are."""
        return self._level_id > 0

    def post(self, tick: int, payload: bytes, level: int | None = None) -> None:
        """Send the packet of a tick with those of the others."""
        if self._table is not None:
            if self._continuity.forwarded_last:
                self._take_over(self._table, tick)
            self._table.post(self._index, tick, payload, level_extension(self._level_id, level))
            if self._next_type is not None:  # only now has the packet of the tick before gone for certain
                self._table.rows[self._index, TYPE] = self._next_type
                self._next_type = None

    def _take_over(self, table: SendTable, tick: int) -> None:
        """Post our own packets again: continue the numbers of those that were forwarded."""
        row = table.rows[self._index]
        samples = int(row[SAMPLES])
        row[SEQUENCE] = self._continuity.next_sequence
        row[ORIGIN] = self._continuity.take_over(table.now(), samples) - tick * samples
        row[TICK] = tick - 1

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """Send on a packet of somebody else's stream, with all that was read together."""
        table = self._table
        if table is None:
            return
        if not self._continuity.forwarding:
            table.settle(self._index)
        pauses = len(payload) <= DTX_BYTES
        place = self._continuity.place(sequence, timestamp, duration, arrival_ns, self._next, pauses=pauses)
        if place is None:
            return
        sequence, timestamp, marker = place
        extension = level_extension(self._level_id, level)
        packet = build_rtp(self._payload_type, marker, sequence, timestamp, self._ssrc, payload, extension)
        table.forward(self._index, packet, len(payload))

    def begin_fast_path(self, end: Callable[[], None]) -> tuple[SendTable, int] | None:
        """Have somebody's packets sent on by the table from now on, without a call for each, if that is possible.

        Args:
            end: is called when it is not possible any more.

        Returns:
            The table, and the number of the row in it; ``None`` if it is not possible.
        """
        table = self._table
        if table is None or self._index >= LINE_ROWS or not self._continuity.forwarding:
            return None
        if self._next_type is not None:
            table.settle(self._index)  # the packets before the first one that has the new type
            table.rows[self._index, TYPE], self._next_type = self._next_type, None
        self.end_fast_path()
        self._end_fast_path = end
        return table, self._index

    def end_fast_path(self) -> None:
        """Have packets that are sent on come one by one again."""
        end, self._end_fast_path = self._end_fast_path, None
        if end is not None:
            end()

    def restart_forwarding(self) -> None:
        """The next packet that is sent on is the first of another stream."""
        self._continuity.restart()

    def _next(self, now_ns: int) -> LineState:
        """Where our own packets have left the line."""
        row, continuity = self._now, self._continuity
        sequence = continuity.next_sequence if continuity.forwarded_last else int(row[SEQUENCE])
        origin = int(row[ORIGIN])
        if row[TICK] == NEVER or self._table is None:
            return LineState(sequence, origin, origin)
        end = (origin + (int(row[TICK]) + 1) * int(row[SAMPLES])) & 0xFFFFFFFF
        return LineState(sequence, self._own_timestamp(self._table, row, now_ns), end)

    def timestamp(self, now_ns: int) -> int | None:
        """The RTP timestamp of a moment."""
        if self._continuity.forwarded_last:
            return self._continuity.timestamp(now_ns)
        table, row = self._table, self._now
        if table is None or row[TICK] == NEVER:
            return None
        return self._own_timestamp(table, row, now_ns)

    def _own_timestamp(self, table: SendTable, row: SendRow, now_ns: int) -> int:
        """The same, by the clock of our own packets."""
        elapsed = (now_ns - table.tick_ns) * self._clock_rate // 1_000_000_000
        return (int(row[ORIGIN]) + table.tick * int(row[SAMPLES]) + elapsed) & 0xFFFFFFFF

    @property
    def stats(self) -> SendStats:
        """What went out."""
        row = self._now
        return SendStats(int(row[PACKETS]), int(row[BYTES]), int(row[FAILED]))

    def close(self) -> None:
        """Send nothing any more, not even what was posted just now."""
        self._withdraw()
