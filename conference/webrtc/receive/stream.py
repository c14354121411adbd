"""One peer's incoming stream: a row of counters that moves into the inbox once its packets are known, and out again."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from conference.playout.gate import KEPT_BYTES
from conference.playout.history import HISTORY_PACKETS
from conference.webrtc.receive.table import (
    BYTES,
    HEAD,
    HEARD_NS,
    MAX_AHEAD,
    MAX_UNREAD_NS,
    ORDINARY_BYTES,
    ORDINARY_RATE,
    PACKETS,
    PASSED,
    PASSING,
    ROW_COLUMNS,
    SAME,
    SEEN_NS,
    SILENCE,
    TRAILER,
    Inbox,
    Receiver,
    ordinary_head,
)
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.rtp.statistics import HIGHEST, TRANSIT, ReceptionStatistics, Row

_HEAD = struct.Struct("!qqq")


class InboxLine:
    """One peer's incoming stream: its row, here or in an inbox. Satisfies `playout.gate.SilenceBypass`.

    Args:
        clock_rate: of the RTP timestamps, in Hz.

    Attributes:
        row: :data:`ROW_COLUMNS` integers.
        reception: what has arrived, counted in this row.
    """

    __slots__ = ("_inbox", "_kept", "_lane", "_receiver", "_route", "_session", "reception", "row")

    def __init__(self, clock_rate: int) -> None:
        self.row: Row = array("q", bytes(8 * ROW_COLUMNS))
        self.reception = ReceptionStatistics(clock_rate, self.row)
        self._inbox: Inbox | None = None
        self._lane = -1
        self._session: SrtpSession | None = None
        self._route: Callable[[int | None], None] | None = None
        self._receiver: Receiver | None = None
        self._kept: list[bytes] = []  # the last packets that went by before it left an inbox

    @property
    def inside(self) -> bool:
        """Whether the stream is in an inbox."""
        return self._lane >= 0

    def lead(self, inbox: Inbox, session: SrtpSession, route: Callable[[int | None], None]) -> None:
        """Say where the stream comes in.

        Args:
            inbox: of the port.
            session: takes off the SRTP.
            route: tells whoever knows the peer's addresses which lane is theirs; ``None``: none any more.
        """
        self._inbox, self._session, self._route = inbox, session, route
        self._enter()

    def follow(self, receiver: Receiver, payload_type: int, ssrc: int, level_id: int) -> None:
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
        inbox, session, receiver, route = self._inbox, self._session, self._receiver, self._route
        if inbox is None or session is None or receiver is None or route is None or self.inside:
            return
        lane = inbox.enter(self.row, session, receiver)
        if lane is not None:
            for number, packet in enumerate(self._kept, self.row[PASSED] - len(self._kept)):
                inbox.keep(lane, number, packet)
            self._lane = lane
            self.row = self.reception.row = memoryview(inbox.rows[lane])
            route(lane)

    def withdraw(self) -> None:
        """From now on the stream comes packet by packet."""
        self._leave()
        self._inbox = self._session = self._route = self._receiver = None

    def _leave(self) -> None:
        inbox, route, lane = self._inbox, self._route, self._lane
        if inbox is not None and route is not None and self.inside:
            route(None)
            self._kept = inbox.kept(lane, HISTORY_PACKETS)
            self._lane, self.row = -1, array("q", self.row)
            self.reception.row = self.row
            inbox.leave(lane)

    def open(self, packets: int, silent_dbov: int) -> None:
        """Let silent packets go by."""
        self.row[PASSING] = packets
        self.row[SILENCE] = -silent_dbov

    def close(self) -> int:
        """Let no packet go by any more. Returns how many still might have."""
        left, self.row[PASSING] = self.row[PASSING], 0
        return left

    def kept(self, packets: int) -> list[bytes]:
        """The payloads of the last packets that went by; empty where one was not authentic."""
        if self._receiver is None:
            return []
        inbox = self._inbox if self.inside else None
        last = self._kept[-packets:] if inbox is None else inbox.kept(self._lane, packets)
        return [self._receiver.reveal(packet) for packet in last]

    def passes(self, packet: bytes, now_ns: int) -> bool:
        """Whether an SRTP packet goes by unread: what :meth:`inbox.Inbox.take` does, for one by itself."""
        row = self.row
        inbox = self._inbox
        if not row[PASSING] or not row[TRAILER] or inbox is None or not self.inside:
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
        inbox.keep(self._lane, row[PASSED], packet)
        row[PASSING] -= 1
        row[PASSED] += 1
        return True
