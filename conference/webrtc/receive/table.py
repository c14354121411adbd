"""Handles all packets of one read together: headers as columns of numbers, SRTP in place, silence without decryption.

The counterpart of `webrtc.send.table`, for the same reason: what is needed to receive from a peer is one row of a table
here, instead of a dozen attributes of its objects, each somewhere else in memory. A packet in which somebody is heard
then takes one call of libsrtp and one of its source.

In a long silence (`playout.receive_gate`) nearly all packets *go by unread*: they are counted by their headers and
dropped without being decrypted, for it does not matter whether a dropped packet was authentic. Whoever forged such
packets could make our reception reports wrong by a few packets, and nothing else: the last ones are kept as they came
and are authenticated before they are decoded, and none of them counts as a sign of life.

Only packets with ordinary headers, of known streams, are handled here. All others (a peer's first packets, RTCP,
redundant audio, strange headers) are handed back to be handled one by one. Both ways do the same to the same rows.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from conference.codecs.base import Decoder
from conference.playout.fast_path import FastPath
from conference.playout.history import HISTORY_PACKETS
from conference.playout.receive_gate import KEPT_BYTES, SilenceBypass
from conference.webrtc.forward.table import ForwardTable
from conference.webrtc.rtp import statistics
from conference.webrtc.rtp.ordinary import (
    ARRIVAL,
    FIELDS,
    INDEX,
    LENGTH,
    LEVEL,
    ORDINARY_BYTES,
    ORDINARY_RATE,
    PLACE,
    SEQUENCE,
    TIMESTAMP,
)
from conference.webrtc.rtp.srtp import SrtpSession, unprotect_in_place
from conference.webrtc.rtp.statistics import Column, Row
from conference.webrtc.udp.datagrams import DatagramBatch
from conference.webrtc.udp.directory import NOBODY, Directory
from conference.webrtc.udp.sockets import MuxStats

logger = logging.getLogger(__name__)

TABLE_ROWS = 8192
"""Rows of the table; streams beyond that are handled packet by packet. Only rows that are used take memory."""

COLUMNS_FROM = 24
"""Fewer packets at once are handled faster one by one."""

FORWARDING_FROM = 12
"""The same if some of them may be forwarded without a look at each: from eleven on it pays."""

PACKETS: Final = statistics.COLUMNS
BYTES: Final = PACKETS + 1
"""Payload."""

HEARD_NS: Final = PACKETS + 2
"""When the last packet came that is known to be authentic."""

SEEN_NS: Final = PACKETS + 3
"""When the last one came."""

TRAILER: Final = PACKETS + 4
"""Bytes that SRTP has added to each packet; 0 as long as nobody knows."""

PASSING: Final = PACKETS + 5
"""So many silent packets may still go by."""

PASSED: Final = PACKETS + 6
"""So many ever went by."""

SILENCE: Final = PACKETS + 7
"""What is as quiet as that is silent, in -dBov, as headers have it."""

HEAD: Final = PACKETS + 8
"""Three columns: how the packets begin that are ordinary, without marker, sequence number, timestamp and level."""

ROW_COLUMNS: Final = 16
"""Two cache lines."""

MAX_AHEAD: Final = 16
"""A silent packet goes by unread only if its sequence number is ahead of the highest so far by at most this."""

MAX_UNREAD_NS: Final = 1_500_000_000
"""No packet goes by unread when the last authentic one is older: so senders of few packets (DTX) are known to be there,
too, without being asked."""

_HEAD_BYTES: Final = 24
SAME: Final = (0xFF7F << 48, (1 << 64) - 1, 0xFF << 56)
"""The bits that :data:`HEAD` is about."""

_SAME = np.array(SAME, np.uint64).view(np.int64)
_KEPT_BYTES: Final = ORDINARY_BYTES + KEPT_BYTES + 16
"""With the trailers that are in use (RFC 5764, RFC 7714)."""


class PacketReceiver(Protocol):
    """What takes the packets: `conference.playout.source.PacketSource`."""

    bypass: SilenceBypass | None
    """What lets silent packets go by."""

    fast_path: FastPath | None
    """What hands on packets that are only forwarded."""

    def push(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        level: int | None = None,
        *,
        redundant: bool = False,
    ) -> None: ...

    def restart(self, decoder: Decoder | None = None) -> None: ...


class StreamReceiver(Protocol):
    """What a stream is for: `webrtc.receive.ingress.Ingress`."""

    source: PacketReceiver

    def accept(self, packet: bytes, now_ns: int) -> None:
        """Take an authentic packet that is not ordinary."""
        ...

    def refuse(self) -> None:
        """A packet was not authentic."""
        ...

    def reveal(self, packet: bytes) -> bytes:
        """Give the payload of an ordinary packet that went by; empty if it was not authentic."""
        ...


class ReceiveTable:
    """The streams that come in through one port.

    Args:
        stats: where what goes wrong is counted.

    Attributes:
        rows: shape ``(TABLE_ROWS + 1, ROW_COLUMNS)``, int64; the last one is of nobody.
        directory: whose stream comes from which address.
        forwards: the sources whose packets are only forwarded.
        columns_from: fewer packets than that are left over.
        forwarding_from: the same while there are such sources.
    """

    def __init__(self, stats: MuxStats) -> None:
        self.columns_from, self.forwarding_from = COLUMNS_FROM, FORWARDING_FROM
        self.forwards = ForwardTable(TABLE_ROWS)
        self._stats = stats
        self.rows: Column = np.zeros((TABLE_ROWS + 1, ROW_COLUMNS), np.int64)
        self.directory = Directory()
        self._kept = np.zeros((TABLE_ROWS, HISTORY_PACKETS, _KEPT_BYTES), np.uint8)
        self._kept_lengths = np.zeros((TABLE_ROWS, HISTORY_PACKETS), np.uint8)
        self._receivers: list[StreamReceiver | None] = []
        self._sessions: list[SrtpSession | None] = []
        self._handles: list[Any] = []
        self._free: list[int] = []

    def enter(self, row: Row, session: SrtpSession, receiver: StreamReceiver) -> int | None:
        """Take in a stream. Returns the number of its row; ``None`` if there is no room."""
        if self._free:
            index = self._free.pop()
        elif len(self._handles) < TABLE_ROWS:
            index = len(self._handles)
            for column in (self._receivers, self._sessions, self._handles):
                column.append(None)
        else:
            return None
        self.rows[index] = row
        self._kept_lengths[index] = 0
        self._receivers[index], self._sessions[index], self._handles[index] = receiver, session, session.handle
        return index

    def leave(self, index: int) -> None:
        """Free a stream's row. Its addresses must have been taken out of :attr:`directory` before."""
        self._receivers[index] = self._sessions[index] = self._handles[index] = None
        self.rows[index] = 0
        self._free.append(index)

    def kept(self, index: int, packets: int) -> list[bytes]:
        """The last packets of a stream that went by, as they came, the oldest first.

        Args:
            index: number of the stream's row.
            packets: how many to look for: of the last :data:`HISTORY_PACKETS` at most.
        """
        passed = int(self.rows[index, PASSED])
        slots = [number % HISTORY_PACKETS for number in range(max(0, passed - packets), passed)]
        return [self._kept[index, slot, : self._kept_lengths[index, slot]].tobytes() for slot in slots]

    def keep(self, index: int, number: int, packet: bytes) -> None:
        """Put aside a packet that goes by.

        Args:
            index: number of its stream's row.
            number: how many went by before.
            packet: as it came.
        """
        slot = number % HISTORY_PACKETS
        self._kept[index, slot, : len(packet)] = np.frombuffer(packet, np.uint8)
        self._kept_lengths[index, slot] = len(packet)

    def take(self, batch: DatagramBatch, count: int, arrivals_ns: Column) -> list[int] | range:
        """Handle the datagrams that were received.

        Args:
            batch: with them.
            count: how many there are.
            arrivals_ns: when each came, shape ``(count,)``.

        Returns:
            The places of those that have to be handled one by one.
        """
        self.forwards.crowded = count >= self.forwarding_from
        if count < self._columns_from:
            return range(count)
        indices = self.directory.find(batch.name_words[:count])
        rows = self.rows.take(indices, axis=0)
        heads = batch.words(count, _HEAD_BYTES // 8)
        different = (heads ^ rows[:, HEAD : HEAD + 3]) & _SAME
        ordinary = (different[:, 0] | different[:, 1] | different[:, 2]) == 0
        ordinary &= indices != NOBODY
        packets = np.empty((FIELDS, count), np.int64)
        packets[PLACE] = np.arange(count)
        packets[INDEX] = indices
        packets[SEQUENCE] = heads[:, 0] >> 32 & 0xFFFF
        packets[TIMESTAMP] = heads[:, 0] & 0xFFFFFFFF
        packets[LEVEL] = heads[:, 2] >> 48 & 0x7F
        packets[ARRIVAL] = arrivals_ns
        packets[LENGTH] = batch.lengths[:count]
        others = np.flatnonzero(~ordinary).tolist()
        if others:
            packets, rows = packets.compress(ordinary, axis=1), rows.compress(ordinary, axis=0)
        later = self._take_firsts(batch, packets, rows) if packets.size else []
        return sorted(others + later) if later else others

    @property
    def _columns_from(self) -> int:
        return min(self.columns_from, self.forwarding_from) if self.forwards.in_use else self.columns_from

    def _take_firsts(self, batch: DatagramBatch, packets: Column, rows: Column) -> list[int]:
        """Handle ordinary packets. Where a stream has several, one of each stream at a time, in their order.

        Args:
            batch: where they are.
            packets: they.
            rows: of their streams.

        Returns:
            The places of those that have to be handled one by one, for there are few left to go with them.
        """
        indices = packets[INDEX]
        while len(set(indices.tolist())) < len(indices):
            _, firsts = np.unique(indices, return_index=True)
            if len(firsts) < self._columns_from:  # few streams, one of them with many
                places: list[int] = packets[PLACE].tolist()
                return places
            self._take(batch, packets.take(firsts, axis=1), rows.take(firsts, axis=0))
            packets = np.delete(packets, firsts, axis=1)
            indices = packets[INDEX]
            rows = self.rows.take(indices, axis=0)
        self._take(batch, packets, rows)
        return []

    def _take(self, batch: DatagramBatch, packets: Column, rows: Column) -> None:
        """Take in ordinary packets, one of each stream."""
        lengths = packets[LENGTH]
        lengths -= ORDINARY_BYTES + rows[:, TRAILER]  # of what goes by; of what is read, libsrtp will say
        in_order = statistics.ordinary(rows, packets[SEQUENCE])
        passing = rows[:, PASSING] > 0
        if passing.any():  # where all talk, none may
            passing &= in_order & (rows[:, TRAILER] > 0)
            passing &= (packets[LEVEL] >= rows[:, SILENCE]) & (packets[ARRIVAL] - rows[:, HEARD_NS] < MAX_UNREAD_NS)
            passing &= statistics.within(packets[SEQUENCE] - rows[:, statistics.HIGHEST] & 0xFFFF, MAX_AHEAD)
            passing &= statistics.within(lengths, KEPT_BYTES)
        read = np.flatnonzero(~passing)
        if len(read):
            done = self._read(batch, packets, read, in_order)
            if done:
                rows, passing = np.delete(rows, done, axis=0), np.delete(passing, done)
                packets = np.delete(packets, done, axis=1)
        if packets.size:
            self._count(batch, rows, packets, passing)

    def _read(self, batch: DatagramBatch, packets: Column, read: Column, in_order: NDArray[np.bool_]) -> list[int]:
        """Take off the SRTP, and hand on what is out of the ordinary. Returns which packets are done with.

        Args:
            batch: where they are.
            packets: some of which are to be read.
            read: these.
            in_order: whether each of the packets comes after those before it.
        """
        which: slice | Column = slice(None) if len(read) == len(in_order) else read  # all: nothing is copied
        at = packets[PLACE, which]
        indices, places = packets[INDEX, which].tolist(), at.tolist()
        refused = unprotect_in_place(
            [self._handles[index] for index in indices],
            [batch.pointers[place] for place in places],
            [batch.length_pointers[place] for place in places],
        )
        packets[LENGTH, which] = lengths = batch.lengths[at].view(np.int64) - ORDINARY_BYTES
        usual = in_order[which] & (lengths > 0)
        if not refused and usual.all():
            return []
        strange = ~usual
        strange[refused] = False
        for number in refused:
            receiver = self._receivers[indices[number]]
            if receiver is not None:
                receiver.refuse()
        done: list[int] = read[refused].tolist()
        if strange.any():
            self._accept(batch, packets[:, read[strange]])
            done += read[strange].tolist()
        return done

    def _count(self, batch: DatagramBatch, rows: Column, packets: Column, passing: NDArray[np.bool_]) -> None:
        """Take in what is authentic and what goes by.

        Args:
            batch: where the packets are.
            rows: of their streams.
            packets: one of each stream, in order.
            passing: which of them go by.
        """
        indices, lengths, arrivals_ns = packets[INDEX], packets[LENGTH], packets[ARRIVAL]
        statistics.add_all(rows, packets[SEQUENCE], packets[TIMESTAMP], arrivals_ns, ORDINARY_RATE)
        rows[:, PACKETS] += 1
        rows[:, BYTES] += lengths
        rows[:, SEEN_NS] = arrivals_ns
        gone = np.flatnonzero(passing)
        if not len(gone):
            rows[:, HEARD_NS] = arrivals_ns
        else:
            np.copyto(rows[:, HEARD_NS], arrivals_ns, where=~passing)
            slots = indices[gone], rows[gone, PASSED] % HISTORY_PACKETS
            rows[:, PASSING] -= passing
            rows[:, PASSED] += passing
            self._kept[slots] = batch.data[packets[PLACE, gone], :_KEPT_BYTES]
            self._kept_lengths[slots] = batch.lengths[packets[PLACE, gone]]
        self.rows[indices] = rows
        if len(gone) < len(indices):
            packets = packets.compress(~passing, axis=1) if len(gone) else packets
            self._push(batch, self.forwards.take(batch, packets))

    def _push(self, batch: DatagramBatch, packets: Column) -> None:
        """Hand on what is to be heard."""
        for place, index, sequence, timestamp, level, arrival_ns, length in packets.T.tolist():
            receiver = self._receivers[index]
            if receiver is None:
                continue
            payload = batch.read(place, ORDINARY_BYTES, ORDINARY_BYTES + length)
            try:
                receiver.source.push(sequence, timestamp, payload, arrival_ns, -level)
            except Exception:
                self._stats.errors += 1
                logger.exception("a packet could not be handled")

    def _accept(self, batch: DatagramBatch, packets: Column) -> None:
        """Hand on what is authentic, and not ordinary."""
        for place, index, arrival_ns, length in packets[[PLACE, INDEX, ARRIVAL, LENGTH]].T.tolist():
            receiver = self._receivers[index]
            if receiver is not None:
                receiver.accept(batch.read(place, 0, ORDINARY_BYTES + length), arrival_ns)


def ordinary_head(payload_type: int, ssrc: int, level_id: int) -> Column:
    """What :data:`HEAD` says of a stream: shape ``(3,)``, int64."""
    words = (0x90 << 56 | payload_type << 48, ssrc << 32 | 0xBEDE0001, level_id << 60)
    return np.array(words, np.uint64).view(np.int64)
