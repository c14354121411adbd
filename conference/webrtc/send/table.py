"""Sends all packets of a tick together: headers as columns of numbers, SRTP in place, one system call for many packets.

What a packet costs in a busy server is mostly Python, and memory that is not in the caches: a dozen attributes of a
peer's objects, each somewhere else. So what is needed to send to a peer is one row of a table here. The rows of all who
hear the same are handled together, and so are those to whom packets of one read are sent on; a packet then takes one
call of libsrtp.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from conference.playout.silence import SILENT_DBOV
from conference.webrtc.rtp.ordinary import ORDINARY_RATE
from conference.webrtc.rtp.packet import EXTENSION_BYTES, HEADER_BYTES, build_rtp
from conference.webrtc.rtp.srtp import TRAILER_BYTES, SrtpSession, protect_in_place
from conference.webrtc.rtp.statistics import Column
from conference.webrtc.send.continuity import LINE_COLUMNS, place_all
from conference.webrtc.udp.datagrams import NAME_BYTES, DatagramBatch, pack_name, unpack_name

LINE_ROWS: Final = 8192
"""Streams of the table whose lines are in it, too; only those that are used take memory."""

PLACES = 256
"""Packets that are built and sent at a time: what fits into the processor's cache."""

PLACE_BYTES = 512
MAX_PACKET = PLACE_BYTES - TRAILER_BYTES
MAX_PAYLOAD = MAX_PACKET - HEADER_BYTES - EXTENSION_BYTES
"""Longer ones go one by one."""

AT_ONCE = 512
"""After so many packets, what has come in has its turn."""

TYPE: Final = 0
"""Payload type."""

SEQUENCE: Final = 1
"""Of the next packet."""

SSRC: Final = 2
ORIGIN: Final = 3
"""Timestamp of tick 0."""

SAMPLES: Final = 4
"""Timestamp units in a tick."""

TICK: Final = 5
"""Of the last packet."""

PACKETS: Final = 6
BYTES: Final = 7
"""Payload."""

FAILED: Final = 8
"""Packets that did not go out."""

LEVEL_ID: Final = 9
"""Of the header extension for levels (RFC 6464); 0: there is none."""

ROW_COLUMNS: Final = 16
"""Two cache lines."""

NEVER: Final = -2
"""No tick was before the first one."""

SendRow: TypeAlias = NDArray[np.int64]
"""What is known of one stream: shape ``(ROW_COLUMNS,)``."""

_STARTS = np.array((0x80 << 56, 0x80 << 56 | 0x80 << 48), np.uint64).view(np.int64)
"""Version 2 of RTP, without and with the marker, which stands after a gap."""


_Sound: TypeAlias = tuple[bytes, int]
"""What is in a packet: its payload, and its level, as `rtp.packet.level_extension` gives it."""

_EXTENDED: Final = 0x10
"""The bit in a header's first byte that tells of an extension."""

_HALF_WORD: Final = np.dtype(">u4")  # as all numbers in headers are
_ONE_WORD: Final = 0xBEDE0001  # of an extension whose elements have headers of one byte (RFC 8285 section 4.2)


class Socket(Protocol):
    """What is needed of a `webrtc.udp.sockets.SharedSocket`."""

    sock: socket.socket

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool: ...

    def note_sent(self, sent: int, failed: int) -> None: ...


class SendTable:
    """What goes out through one socket.

    Args:
        shared: the socket.
        soon: has the event loop call something, as soon as it is through with what it does now.
        now: the monotonic clock, in nanoseconds.
    """

    def __init__(self, shared: Socket, soon: Callable[[Callable[[], None]], object], now: Callable[[], int]) -> None:
        self.shared = shared
        self.now = now
        self.rows: NDArray[np.int64] = np.zeros((64, ROW_COLUMNS), np.int64)
        self._names = np.zeros((64, NAME_BYTES // 8), np.int64)
        self.lines: Column = np.zeros((LINE_ROWS, LINE_COLUMNS), np.int64)
        """The lines of sequence numbers and timestamps (`Continuity`) of the first of the rows."""

        self.sessions: list[SrtpSession | None] = [None] * len(self.rows)
        self._handles: list[Any] = [None] * len(self.rows)
        self._free = list(range(len(self.rows)))
        self._soon = soon
        self._pending: dict[_Sound, list[int]] = {}
        self._queue: deque[tuple[_Sound, list[int]]] = deque()
        self._forwards: list[tuple[int, bytes, int]] = []  # index, packet, bytes of its payload
        self._batch = DatagramBatch(PLACES, PLACE_BYTES)
        self._batch.set_family(shared.sock.family)
        self._halves = self._batch.data.view(_HALF_WORD)
        self.tick = NEVER
        """The one whose packets were posted last."""

        self.tick_ns = 0
        """When its first one was."""

        self.forwarded_ns = -(1 << 62)
        """When packets were last sent on."""

    def enter(self, row: SendRow, session: SrtpSession, address: tuple[str, int]) -> int:
        """Take in a stream. Returns its place.

        Raises:
            OSError: the address cannot be sent to through this socket.
        """
        name = np.frombuffer(pack_name(address, self.shared.sock.family), np.int64)
        if not self._free:
            self._free = list(range(len(self.rows), 2 * len(self.rows)))
            self.sessions += [None] * len(self.rows)
            self._handles += [None] * len(self.rows)
            self._names = np.concatenate((self._names, np.zeros_like(self._names)))
            self.rows = np.concatenate((self.rows, np.zeros_like(self.rows)))
        index = self._free.pop()
        self.rows[index] = row
        self._names[index] = name
        self.sessions[index], self._handles[index] = session, session.handle
        return index

    def leave(self, index: int) -> SendRow:
        """Free a stream's row, and drop its packets that are still to be sent. Returns a copy of the row."""
        for _, indices in (*self._pending.items(), *self._queue):
            if index in indices:
                indices.remove(index)
        self._forwards = [one for one in self._forwards if one[0] != index]
        self.sessions[index] = self._handles[index] = None
        self._free.append(index)
        row: SendRow = self.rows[index].copy()
        return row

    def post(self, index: int, tick: int, payload: bytes, extension: int = 0) -> None:
        """Send a packet soon: when all of this tick have been posted.

        Args:
            index: of the stream's row.
            tick: number of the tick.
            payload: what is in the packet.
            extension: the header extension with its level, see `rtp.packet.level_extension`; 0: there is none.
        """
        if tick != self.tick:
            if self._pending or self._queue:
                self._flush_all()
            self.tick, self.tick_ns = tick, self.now()
        sound = payload, extension
        indices = self._pending.get(sound)
        if indices is None:
            if not self._pending and not self._forwards:
                self._soon(self._flush)
            self._pending[sound] = [index]
        else:
            indices.append(index)

    def forward(self, index: int, packet: bytes, payload_bytes: int) -> None:
        """Send on a packet soon: when all that was read with it has been posted.

        Args:
            index: of the stream's row.
            packet: with its header, see `rtp.packet.build_rtp`.
            payload_bytes: how long its payload is.
        """
        if not self._forwards and not self._pending:
            self._soon(self._flush)
        self._forwards.append((index, packet, payload_bytes))

    def forward_all(
        self,
        indices: Column,
        lines: Column,
        payloads: Column,
        sizes: Column,
        levels: Column,
        sequences: Column,
        timestamps: Column,
        arrivals_ns: Column,
        durations: Column,
    ) -> None:
        """Send on packets of other streams at once, none of which is out of the ordinary; see `continuity.place_all`.

        Args:
            indices: of the streams' rows, each once.
            lines: a copy of these of :attr:`lines`.
            payloads: as words of 64 bits, each after four bytes that do not count: shape ``(packets, words)``.
            sizes: of the payloads in bytes.
            levels: how loud they are, in -dBov.
            sequences: the talkers', 16 bits.
            timestamps: the talkers', 32 bits.
            arrivals_ns: when they came.
            durations: in timestamp units.
        """
        self._send_forwards()  # of these streams there may be earlier ones
        self.forwarded_ns = self.now()
        sequences, timestamps, markers = place_all(lines, sequences, timestamps, durations, arrivals_ns, ORDINARY_RATE)
        self.lines[indices] = lines
        rows = self.rows.take(indices, axis=0)
        first = rows[:, TYPE] << 48 | sequences << 32 | timestamps
        first |= np.where(markers, _STARTS[1], _STARTS[0])
        for begin in range(0, len(indices), PLACES):
            part = slice(begin, begin + PLACES)
            self._write_on(rows[part], first[part], payloads[part], sizes[part], levels[part])
            self._send_written(indices[part], rows[part], sizes[part])

    def _write_on(self, rows: Column, first: Column, payloads: Column, sizes: Column, levels: Column) -> None:
        """Write packets, each with a header that begins with its number of 64 bits."""
        told = rows[:, LEVEL_ID] > 0
        if told.all():
            self._write_some(slice(len(rows)), rows, first, payloads, sizes, levels)
        elif not told.any():
            self._write_some(slice(len(rows)), rows, first, payloads, sizes, None)
        else:
            which = np.flatnonzero(told)
            self._write_some(which, rows[which], first[which], payloads[which], sizes[which], levels[which])
            which = np.flatnonzero(~told)
            self._write_some(which, rows[which], first[which], payloads[which], sizes[which], None)

    def _write_some(
        self,
        places: slice | Column,
        rows: Column,
        first: Column,
        payloads: Column,
        sizes: Column,
        levels: Column | None,
    ) -> None:
        """Write packets into some places, all with levels or all without."""
        batch, halves = self._batch, self._halves
        begin = 1 if levels is None else 2
        batch.raw_words[places, 0] = (first if levels is None else first | _EXTENDED << 56).byteswap()
        batch.lengths[places] = sizes + (HEADER_BYTES if levels is None else HEADER_BYTES + EXTENSION_BYTES)
        batch.raw_words[places, begin : begin + payloads.shape[1]] = payloads
        halves[places, 2] = rows[:, SSRC]
        if levels is not None:
            halves[places, 3] = _ONE_WORD
            halves[places, 4] = rows[:, LEVEL_ID] << 28 | (levels < -SILENT_DBOV) << 23 | levels << 16

    def _send_written(self, indices: Column, rows: Column, sizes: Column) -> None:
        """Protect what was written for some rows, send it, and count it."""
        count, batch, handles = len(indices), self._batch, self._handles
        batch.name_words[:count] = self._names.take(indices, axis=0)
        protecting = [handles[index] for index in indices.tolist()]
        failed = self._transmit(count, protect_in_place(protecting, batch.pointers, batch.length_pointers))
        rows[:, PACKETS] += 1
        rows[:, BYTES] += sizes
        if failed:
            rows[failed, PACKETS] -= 1
            rows[failed, BYTES] -= sizes[failed]
            rows[failed, FAILED] += 1
        self.rows[indices] = rows
        self.shared.note_sent(count - len(failed), len(failed))

    def settle(self, index: int) -> None:
        """Send at once what was posted of a stream, if anything was."""
        if any(index in indices for _, indices in (*self._pending.items(), *self._queue)):
            self._flush_all()

    def _flush(self) -> None:
        """Send what was posted; if that is much, a part of it."""
        self._send_forwards()
        self._queue.extend(self._pending.items())
        self._pending = {}
        sent = 0
        while self._queue and sent < AT_ONCE:
            sent += self._send_next()
        if self._queue:
            self._soon(self._flush)

    def _flush_all(self) -> None:
        """The next tick has come before this one's packets have gone."""
        self._send_forwards()
        self._queue.extend(self._pending.items())
        self._pending = {}
        while self._queue:
            self._send_next()

    def _send_next(self) -> int:
        """Fill the places, and send what is in them. Returns how many there were."""
        pieces: list[tuple[_Sound, int]] = []
        chosen: list[int] = []
        while self._queue and len(chosen) < PLACES:
            sound, indices = self._queue.popleft()
            room = PLACES - len(chosen)
            if len(indices) > room:
                self._queue.appendleft((sound, indices[room:]))
                indices = indices[:room]
            if len(sound[0]) > MAX_PAYLOAD:
                for index in indices:
                    self._send_long(index, *sound)
            elif indices:
                pieces.append((sound, len(indices)))
                chosen += indices
        if chosen:
            self._send(chosen, pieces)
        return len(chosen)

    def _send(self, chosen: list[int], pieces: list[tuple[_Sound, int]]) -> None:
        indices = np.array(chosen)
        rows = self.rows.take(indices, axis=0)
        lengths = self._fill(rows, pieces)
        rows[:, SEQUENCE] += 1
        rows[:, TICK] = self.tick
        self._send_written(indices, rows, lengths)

    def _send_forwards(self) -> None:
        """Send on what was handed in, all of it: nobody is to wait for the tick."""
        if self._forwards:
            self.forwarded_ns = self.now()
        forwards, self._forwards = self._forwards, []
        chosen: list[tuple[int, bytes, int]] = []
        for one in forwards:
            is_long = len(one[1]) > MAX_PACKET
            if chosen and (is_long or len(chosen) == PLACES):
                self._send_on(chosen)
                chosen = []
            if is_long:
                self._send_on_long(*one)
            else:
                chosen.append(one)
        if chosen:
            self._send_on(chosen)

    def _send_on(self, chosen: list[tuple[int, bytes, int]]) -> None:
        count, batch, handles = len(chosen), self._batch, self._handles
        places, packets, sizes = zip(*chosen, strict=True)
        indices = np.array(places)
        batch.name_words[:count] = self._names.take(indices, axis=0)
        batch.write(packets)
        refused = protect_in_place([handles[index] for index in places], batch.pointers, batch.length_pointers)
        failed = self._transmit(count, refused)
        amounts = np.zeros((count, 3), np.int64)
        amounts[:, 0], amounts[:, 1] = 1, sizes
        if failed:
            amounts[failed] = 0, 0, 1
        np.add.at(self.rows[:, PACKETS : FAILED + 1], indices, amounts)  # a stream may be there twice
        self.shared.note_sent(count - len(failed), len(failed))

    def _send_on_long(self, index: int, packet: bytes, payload_bytes: int) -> None:
        session = self.sessions[index]
        if session is not None:
            self._count(self.rows[index], payload_bytes, went=self._protect_and_send(index, session, packet))

    def _protect_and_send(self, index: int, session: SrtpSession, packet: bytes) -> bool:
        protected = session.protect(packet)
        return protected is not None and self.shared.sendto(protected, unpack_name(self._names[index].tobytes()))

    def _count(self, row: SendRow, payload_bytes: int, *, went: bool) -> None:
        row[PACKETS] += went
        row[BYTES] += payload_bytes if went else 0
        row[FAILED] += not went

    def _fill(self, rows: NDArray[np.int64], pieces: list[tuple[_Sound, int]]) -> NDArray[np.int64]:
        """Write a packet for each row. Returns how long their payloads are."""
        count, batch = len(rows), self._batch
        first = rows[:, TYPE] << 48 | (rows[:, SEQUENCE] & 0xFFFF) << 32
        first |= rows[:, ORIGIN] + rows[:, SAMPLES] * self.tick & 0xFFFFFFFF
        first |= np.where(rows[:, TICK] == self.tick - 1, *_STARTS)
        batch.raw_words[:count, 0] = first.byteswap()
        batch.raw_words[:count, 1] = (rows[:, SSRC] << 32).byteswap()
        lengths, start = np.empty(count, np.int64), 0
        for sound, people in pieces:
            end = start + people
            self._write(start, end, sound)
            lengths[start:end] = len(sound[0])
            start = end
        return lengths

    def _write(self, start: int, end: int, sound: _Sound) -> None:
        """Write the same behind the fixed headers of some packets, and note how long these are."""
        payload, extension = sound
        batch, header = self._batch, HEADER_BYTES
        if extension:
            header += EXTENSION_BYTES
            batch.data[start:end, 0] |= _EXTENDED
            batch.data[start:end, HEADER_BYTES:header] = _extension(extension)
        batch.data[start:end, header : header + len(payload)] = np.frombuffer(payload, np.uint8)
        batch.lengths[start:end] = header + len(payload)

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

    def _send_long(self, index: int, payload: bytes, extension: int) -> None:
        session = self.sessions[index]
        if session is None:
            return
        row = self.rows[index]
        number, sequence, ssrc, origin, samples, tick = row[: TICK + 1].tolist()
        stamp = (origin + samples * self.tick) & 0xFFFFFFFF
        packet = build_rtp(number, tick != self.tick - 1, sequence & 0xFFFF, stamp, ssrc, payload, extension)
        went = self._protect_and_send(index, session, packet)
        row[SEQUENCE] += 1
        row[TICK] = self.tick
        self._count(row, len(payload), went=went)


@lru_cache(4096)
def _extension(word: int) -> NDArray[np.uint8]:
    """A header extension of one word, of elements with headers of one byte (RFC 8285 section 4.2), as bytes."""
    return np.frombuffer((_ONE_WORD << 32 | word).to_bytes(8, "big"), np.uint8)
