"""One peer's incoming stream: its row of counters moves into the table once its packets are known."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from conference.playout.history import HISTORY_PACKETS
from conference.playout.receive_gate import KEPT_BYTES
from conference.webrtc.receive.fast_path import ReceivedFastPath
from conference.webrtc.receive.table import (
    BYTES,
    HEAD,
    HEARD_NS,
    MAX_AHEAD,
    MAX_UNREAD_NS,
    PACKETS,
    PASSED,
    PASSING,
    ROW_COLUMNS,
    SAME,
    SEEN_NS,
    SILENCE,
    TRAILER,
    ReceiveTable,
    StreamReceiver,
    ordinary_head,
)
from conference.webrtc.rtp.ordinary import ORDINARY_BYTES, ORDINARY_RATE
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.rtp.statistics import HIGHEST, TRANSIT, ReceptionStatistics, Row

_HEAD = struct.Struct("!qqq")


class ReceiveStream:
    """One peer's incoming stream, whose row is in the receive table or here.

    Satisfies `playout.receive_gate.SilenceBypass`.

    Args:
        clock_rate: of the RTP timestamps, in Hz.

    Attributes:
        row: :data:`ROW_COLUMNS` integers.
        reception: what has arrived, counted in this row.
        fast_path: where its packets are handed on without coming to the stream's source.
    """

    __slots__ = ("_index", "_kept", "_receiver", "_route", "_session", "_table", "fast_path", "reception", "row")

    def __init__(self, clock_rate: int) -> None:
        self.row: Row = array("q", bytes(8 * ROW_COLUMNS))
        self.reception = ReceptionStatistics(clock_rate, self.row)
        self._table: ReceiveTable | None = None
        self._index = -1
        self._session: SrtpSession | None = None
        self._route: Callable[[int | None], None] | None = None
        self._receiver: StreamReceiver | None = None
        self.fast_path = ReceivedFastPath()
        self._kept: list[bytes] = []  # the last packets that went by before it left the table

    @property
    def in_table(self) -> bool:
        """Whether the stream is in the receive table."""
        return self._index >= 0

    def attach(self, table: ReceiveTable, session: SrtpSession, route: Callable[[int | None], None]) -> None:
        """Say where the stream comes in.

        Args:
            table: of the port.
            session: takes off the SRTP.
            route: tells whoever knows the peer's addresses which row of the table is theirs; ``None``: none any more.
        """
        self._table, self._session, self._route = table, session, route
        self._enter()

    def identify(self, receiver: StreamReceiver, payload_type: int, ssrc: int, level_id: int) -> None:
        """Say which stream it is: of its packets, those with an audio level are ordinary."""
        rtcp = 64 <= payload_type < 96  # with the marker set, it would look like that (RFC 5761 section 4)
        if rtcp or not 0 < level_id < 15 or self.reception.clock_rate != ORDINARY_RATE:
            self._leave()
            self._receiver = None
            return
        for column, word in enumerate(ordinary_head(payload_type, ssrc, level_id).tolist(), HEAD):
            self.row[column] = word
        self._receiver = receiver
        self._enter()

    def _enter(self) -> None:
        table, session, receiver, route = self._table, self._session, self._receiver, self._route
        if table is None or session is None or receiver is None or route is None or self.in_table:
            return
        index = table.enter(self.row, session, receiver)
        if index is not None:
            for number, packet in enumerate(self._kept, self.row[PASSED] - len(self._kept)):
                table.keep(index, number, packet)
            self._index = index
            self.fast_path.enter(table.forwards, index)
            self.row = self.reception.row = memoryview(table.rows[index])
            route(index)

    def detach(self) -> None:
        """From now on the stream comes packet by packet."""
        self._leave()
        self._table = self._session = self._route = self._receiver = None

    def _leave(self) -> None:
        table, route, index = self._table, self._route, self._index
        if table is not None and route is not None and self.in_table:
            route(None)
            self.fast_path.leave()
            self._kept = table.kept(index, HISTORY_PACKETS)
            self._index, self.row = -1, array("q", self.row)
            self.reception.row = self.row
            table.leave(index)

    def open(self, packets: int, silent_dbov: int) -> None:
        """Let silent packets go by."""
        self.row[PASSING] = packets
        self.row[SILENCE] = -silent_dbov

    def close(self) -> int:
        """Let no packet go by any more. Returns how many still might have."""
        left, self.row[PASSING] = self.row[PASSING], 0
        return left

    @property
    def last_passed(self) -> int | None:
        """The sequence number of the packet that went by last."""
        last = self._last_kept(1)
        return int.from_bytes(last[-1][2:4], "big") if last else None

    def _last_kept(self, packets: int) -> list[bytes]:
        table = self._table if self.in_table else None
        return self._kept[-packets:] if table is None else table.kept(self._index, packets)

    def kept(self, packets: int) -> list[bytes]:
        """The payloads of the last packets that went by; empty where one was not authentic."""
        if self._receiver is None:
            return []
        return [self._receiver.reveal(packet) for packet in self._last_kept(packets)]

    def passes(self, packet: bytes, now_ns: int) -> bool:
        """Whether an SRTP packet goes by unread: what :meth:`table.ReceiveTable.take` does, for one by itself."""
        row = self.row
        table = self._table
        if not row[PASSING] or not row[TRAILER] or table is None or not self.in_table:
            return False
        length = len(packet) - ORDINARY_BYTES - row[TRAILER]
        if not 0 < length <= KEPT_BYTES or now_ns - row[HEARD_NS] >= MAX_UNREAD_NS:
            return False
        first, second, third = _HEAD.unpack_from(packet)
        if any((word ^ row[HEAD + number]) & SAME[number] for number, word in enumerate((first, second, third))):
            return False
        sequence, silent = first >> 32 & 0xFFFF, third >> 48 & 0x7F >= row[SILENCE]
        if not silent or row[TRANSIT] < 0 or not 0 < (sequence - row[HIGHEST]) & 0xFFFF <= MAX_AHEAD:
            return False
        self.reception.add(sequence, first & 0xFFFFFFFF, now_ns)
        row[PACKETS] += 1
        row[BYTES] += length
        row[SEEN_NS] = now_ns
        table.keep(self._index, row[PASSED], packet)
        row[PASSING] -= 1
        row[PASSED] += 1
        return True
