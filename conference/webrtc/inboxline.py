"""One peer's incoming stream: a row of counters that moves into the inbox once its packets are known, and out again."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from conference.webrtc.inbox import (
    HEAD,
    ORDINARY_RATE,
    PASSED,
    PASSING,
    ROW_COLUMNS,
    Inbox,
    Receiver,
    ordinary_head,
)
from conference.webrtc.reception import ReceptionStatistics, Row
from conference.webrtc.srtp import SrtpSession


class InboxLine:
    """One peer's incoming stream: its row, here or in an inbox. Satisfies `room.unheard.Door`.

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
        self._kept: list[bytes] = []

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
            self._kept = inbox.kept(lane)
            self._lane, self.row = -1, array("q", self.row)
            self.reception.row = self.row
            inbox.leave(lane)

    def open(self, packets: int) -> None:
        """Let silent packets go by."""
        self.row[PASSING], self.row[PASSED] = packets, 0
        self._kept = []

    def close(self) -> tuple[int, list[bytes]]:
        """Let no packet go by any more."""
        passed = self.row[PASSED]
        kept = self._inbox.kept(self._lane) if self._inbox is not None and passed and self.inside else self._kept
        self.row[PASSING] = self.row[PASSED] = 0
        self._kept = []
        return passed, kept
