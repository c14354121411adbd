"""All packets of a tick at once: headers as columns of numbers, SRTP in place, and one system call for many of them.

What a packet costs in a busy server is mostly Python and its cold caches: a dozen attributes of a peer's objects, each
somewhere else in memory. So what sending needs of a peer is kept here, as one row of a table; the rows of all who hear
the same are worked on together, and what remains for each is one call of libsrtp.
"""

from __future__ import annotations

import random
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from conference.webrtc.datagrams import NAME_BYTES, Batch, pack_name, unpack_name
from conference.webrtc.lines import TICKS_PER_SECOND, LineStats, first_sequence
from conference.webrtc.offer import Format
from conference.webrtc.rtp import HEADER_BYTES, build_rtp
from conference.webrtc.srtp import SrtpSession, protect_in_place

PLACES = 128
"""Packets that are built and sent at a time: what fits into the processor's cache."""

PLACE_BYTES = 512
TRAILER_BYTES = 144
"""Most that SRTP adds to a packet (SRTP_MAX_TRAILER_LEN)."""

MAX_PAYLOAD = PLACE_BYTES - HEADER_BYTES - TRAILER_BYTES
"""Longer ones go one by one."""

AT_ONCE = 512
"""After so many packets, what has come in has its turn."""

_HEADER = np.dtype(
    [("version", "u1"), ("type", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")], align=False
)
_ROW = np.dtype(
    [
        ("type", "u1"),
        ("sequence", "u2"),
        ("ssrc", "u4"),
        ("origin", "u4"),
        ("samples", "u4"),
        ("tick", "i8"),
        ("packets", "i8"),
        ("bytes", "i8"),
        ("failed", "i8"),
        ("name", "u1", NAME_BYTES),
    ]
)
_NEVER = -2
"""No tick was before the first one."""


class Socket(Protocol):
    """What is needed of a `mux.SharedSocket`."""

    sock: socket.socket

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool: ...

    def note_sent(self, sent: int, failed: int) -> None: ...


class Outbox:
    """What goes out through one socket.

    Args:
        shared: the socket.
        soon: has the event loop call something, as soon as it is through with what it does now.
        now: the monotonic clock, in nanoseconds.
    """

    def __init__(self, shared: Socket, soon: Callable[[Callable[[], None]], object], now: Callable[[], int]) -> None:
        self.shared = shared
        self.now = now
        self.rows = np.zeros(64, _ROW)
        self.sessions: list[SrtpSession | None] = [None] * len(self.rows)
        self._handles: list[Any] = [None] * len(self.rows)
        self._free = list(range(len(self.rows)))
        self._soon = soon
        self._pending: dict[bytes, list[int]] = {}
        self._queue: deque[tuple[bytes, list[int]]] = deque()
        self._batch = Batch(PLACES, PLACE_BYTES)
        self._batch.set_family(shared.sock.family)
        self._headers = np.zeros(PLACES, _HEADER)
        self._headers["version"] = 0x80
        self._header_bytes = self._headers.view(np.uint8).reshape(PLACES, HEADER_BYTES)
        self.tick = _NEVER
        """The one whose packets were posted last."""

        self.tick_ns = 0
        """When its first one was."""

    def enter(self, row: Any, session: SrtpSession, address: tuple[str, int]) -> int:
        """Take in a stream. Returns its place.

        Raises:
            OSError: the address cannot be sent to through this socket.
        """
        name = np.frombuffer(pack_name(address, self.shared.sock.family), np.uint8)
        if not self._free:
            self._free = list(range(len(self.rows), 2 * len(self.rows)))
            self.sessions += [None] * len(self.rows)
            self._handles += [None] * len(self.rows)
            self.rows = np.concatenate((self.rows, np.zeros(len(self.rows), _ROW)))
        lane = self._free.pop()
        self.rows[lane] = row
        self.rows["name"][lane] = name
        self.sessions[lane], self._handles[lane] = session, session.handle
        return lane

    def leave(self, lane: int) -> Any:
        """Let go of a stream, and of what of it is still to be sent. Returns its row."""
        for _, lanes in (*self._pending.items(), *self._queue):
            if lane in lanes:
                lanes.remove(lane)
        self.sessions[lane] = self._handles[lane] = None
        self._free.append(lane)
        return self.rows[lane].copy()

    def post(self, lane: int, tick: int, payload: bytes) -> None:
        """Send a packet soon: when all of this tick have been posted."""
        if tick != self.tick:
            if self._pending or self._queue:
                self._flush_all()
            self.tick, self.tick_ns = tick, self.now()
        lanes = self._pending.get(payload)
        if lanes is None:
            if not self._pending:
                self._soon(self._flush)
            self._pending[payload] = [lane]
        else:
            lanes.append(lane)

    def _flush(self) -> None:
        """Send what was posted; if that is much, a part of it."""
        self._queue.extend(self._pending.items())
        self._pending = {}
        sent = 0
        while self._queue and sent < AT_ONCE:
            sent += self._send_next()
        if self._queue:
            self._soon(self._flush)

    def _flush_all(self) -> None:
        """The next tick has come before this one's packets have gone."""
        self._queue.extend(self._pending.items())
        self._pending = {}
        while self._queue:
            self._send_next()

    def _send_next(self) -> int:
        """Fill the places, and send what is in them. Returns how many there were."""
        pieces: list[tuple[bytes, int]] = []
        chosen: list[int] = []
        while self._queue and len(chosen) < PLACES:
            payload, lanes = self._queue.popleft()
            room = PLACES - len(chosen)
            if len(lanes) > room:
                self._queue.appendleft((payload, lanes[room:]))
                lanes = lanes[:room]
            if len(payload) > MAX_PAYLOAD:
                for lane in lanes:
                    self._send_long(lane, payload)
            elif lanes:
                pieces.append((payload, len(lanes)))
                chosen += lanes
        if chosen:
            self._send(chosen, pieces)
        return len(chosen)

    def _send(self, chosen: list[int], pieces: list[tuple[bytes, int]]) -> None:
        count, rows, batch, headers = len(chosen), self.rows, self._batch, self._headers
        index = np.array(chosen)
        mine = rows[index]
        headers["type"][:count] = mine["type"] | (mine["tick"] != self.tick - 1).astype(np.uint8) << 7
        headers["sequence"][:count] = mine["sequence"]
        headers["timestamp"][:count] = mine["origin"] + mine["samples"] * np.uint32(self.tick & 0xFFFFFFFF)
        headers["ssrc"][:count] = mine["ssrc"]
        batch.data[:count, :HEADER_BYTES] = self._header_bytes[:count]
        batch.names[:count] = mine["name"]
        lengths, start = np.empty(count, np.int64), 0
        for payload, people in pieces:
            end = start + people
            batch.data[start:end, HEADER_BYTES : HEADER_BYTES + len(payload)] = np.frombuffer(payload, np.uint8)
            lengths[start:end] = len(payload)
            start = end
        batch.lengths[:count] = lengths + HEADER_BYTES
        handles = self._handles
        refused = protect_in_place([handles[lane] for lane in chosen], batch.pointers, batch.length_pointers)
        rows["sequence"][index] = mine["sequence"] + np.uint16(1)
        rows["tick"][index] = self.tick
        failed = self._transmit(count, refused)
        went = np.ones(count, bool)
        went[failed] = False
        rows["packets"][index] += went
        rows["bytes"][index] += np.where(went, lengths, 0)
        rows["failed"][index] += ~went
        self.shared.note_sent(count - len(failed), len(failed))

    def _transmit(self, count: int, refused: list[int]) -> list[int]:
        """Send all but those that could not be protected. Returns the places of what did not go out."""
        descriptor = self.shared.sock.fileno()
        if descriptor < 0:
            return list(range(count))
        failed, first = list(refused), 0
        for place in (*refused, count):
            failed += self._batch.send(descriptor, first, place)
            first = place + 1
        return failed

    def _send_long(self, lane: int, payload: bytes) -> None:
        row, session = self.rows[lane], self.sessions[lane]
        if session is None:
            return
        stamp = (int(row["origin"]) + int(row["samples"]) * self.tick) & 0xFFFFFFFF
        gap = bool(row["tick"] != self.tick - 1)
        packet = build_rtp(int(row["type"]), gap, int(row["sequence"]), stamp, int(row["ssrc"]), payload)
        protected = session.protect(packet)
        went = protected is not None and self.shared.sendto(protected, unpack_name(row["name"].tobytes()))
        row["sequence"] = (int(row["sequence"]) + 1) & 0xFFFF
        row["tick"] = self.tick
        row["packets"] += went
        row["bytes"] += len(payload) if went else 0
        row["failed"] += not went


class OutboxLine:
    """A stream that goes with all others. Satisfies `lines.Line`.

    Args:
        agreed: payload type and clock rate.
        ssrc: of the stream.
    """

    def __init__(self, agreed: Format, ssrc: int) -> None:
        self._clock_rate = agreed.clock_rate
        self._outbox: Outbox | None = None
        self._lane = 0
        self._row = row = np.zeros((), _ROW)  # while it is in no outbox
        row["type"], row["sequence"], row["ssrc"] = agreed.payload_type, first_sequence(), ssrc
        row["origin"], row["samples"] = random.getrandbits(32), agreed.clock_rate // TICKS_PER_SECOND
        row["tick"] = _NEVER

    def lead(self, outbox: Outbox, session: SrtpSession, address: tuple[str, int]) -> None:
        """From now on it goes there.

        Args:
            outbox: of the socket to send through.
            session: protects the packets.
            address: of the peer.
        """
        self._withdraw()
        try:
            self._lane = outbox.enter(self._row, session, address)
        except OSError:  # ICE does not choose a path that this socket can't take
            return
        self._outbox = outbox

    def _withdraw(self) -> None:
        if self._outbox is not None:
            self._row = self._outbox.leave(self._lane)
            self._outbox = None

    @property
    def _now(self) -> Any:
        return self._row if self._outbox is None else self._outbox.rows[self._lane]

    @property
    def payload_type(self) -> int:
        """Of the packets from now on."""
        return int(self._now["type"])

    @payload_type.setter
    def payload_type(self, number: int) -> None:
        self._now["type"] = number

    def post(self, tick: int, payload: bytes) -> None:
        """Send the packet of a tick with those of the others."""
        if self._outbox is not None:
            self._outbox.post(self._lane, tick, payload)

    def timestamp(self, now_ns: int) -> int | None:
        """The RTP timestamp of a moment."""
        outbox, row = self._outbox, self._now
        if outbox is None or row["tick"] == _NEVER:
            return None
        elapsed = (now_ns - outbox.tick_ns) * self._clock_rate // 1_000_000_000
        return (int(row["origin"]) + outbox.tick * int(row["samples"]) + elapsed) & 0xFFFFFFFF

    @property
    def stats(self) -> LineStats:
        """What went out."""
        row = self._now
        return LineStats(int(row["packets"]), int(row["bytes"]), int(row["failed"]))

    def close(self) -> None:
        """Send nothing any more, not even what was posted just now."""
        self._withdraw()
