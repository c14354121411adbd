"""All packets that one read brings at once: headers as columns of numbers, SRTP in place, and what is silent goes by.

The counterpart of `outbox`, for the same reason: what receiving needs of a peer is kept here, as one row of a table,
and not in a dozen attributes of its objects, each somewhere else in memory. What is left for each packet is a call of
libsrtp; and for those in which somebody is heard, a call of their source's.

Only ordinary packets of streams that are known take this way: the peer's first ones, RTCP, redundant audio, strange
headers and all else is handed back, and goes its way one by one. Both ways do the same to the same rows.
"""

from __future__ import annotations

import logging
from typing import Any, Final, Protocol

import numpy as np

from conference.audio.items import SILENT_DBOV
from conference.codecs.base import Decoder
from conference.room.unheard import KEPT_BYTES, PRIMING_PACKETS, Door
from conference.webrtc import reception
from conference.webrtc.datagrams import Batch
from conference.webrtc.reception import Column, Row
from conference.webrtc.sockets import MuxStats
from conference.webrtc.srtp import SrtpSession, unprotect_in_place

logger = logging.getLogger(__name__)

LANES = 8192
"""Streams that there is room for; those of others go packet by packet. Memory is taken by those that are used."""

COLUMNS_FROM = 24
"""Fewer packets at once are handled faster one by one."""

PACKETS: Final = reception.COLUMNS
BYTES: Final = PACKETS + 1
"""Payload."""

HEARD_NS: Final = PACKETS + 2
"""When the last packet came."""

PASSING: Final = PACKETS + 3
"""So many silent packets may still go by."""

PASSED: Final = PACKETS + 4
"""So many went by since they may."""

HEAD: Final = PACKETS + 5
"""Three columns: how the packets begin that are ordinary, without marker, sequence number, timestamp and level."""

ROW_COLUMNS: Final = 16
"""Two cache lines."""

ORDINARY_RATE: Final = 48_000
"""Clock rate of the streams that come here: Opus, which is nearly all."""

_HEAD_BYTES: Final = 24
_ORDINARY_BYTES: Final = 20
"""Of a header that has one extension element, with the level: of version 2, without padding and contributing sources,
then (RFC 8285 section 4.2) 0xBEDE, a length of one word, and the element."""

_SAME = np.array((0xFF7F << 48, (1 << 64) - 1, 0xFF << 56), np.uint64).view(np.int64)
"""The bits that :data:`HEAD` is about."""

_PLACE, _LANE, _SEQUENCE, _TIMESTAMP, _LEVEL, _ARRIVAL, _LENGTH, _FIELDS = range(8)  # of a packet; rows of an array


class PacketReceiver(Protocol):
    """What takes the packets: `conference.room.stream.PacketSource`."""

    door: Door | None
    """What lets silent packets go by."""

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


class Receiver(Protocol):
    """What a stream is for: `ingress.Ingress`."""

    source: PacketReceiver

    def accept(self, packet: bytes, now_ns: int) -> None:
        """Take an authentic packet that is not ordinary."""
        ...

    def refuse(self) -> None:
        """A packet was not authentic."""
        ...


class Inbox:
    """The streams that come in through one port.

    Args:
        stats: where what goes wrong is counted.

    Attributes:
        rows: shape ``(LANES + 1, ROW_COLUMNS)``, int64; the last one is of nobody.
        lanes: by the sender's address, as the kernel names it.
        columns_from: fewer packets than that are left over.
    """

    def __init__(self, stats: MuxStats) -> None:
        self.columns_from = COLUMNS_FROM
        self._stats = stats
        self.rows: Column = np.zeros((LANES + 1, ROW_COLUMNS), np.int64)
        self.lanes: dict[bytes, int] = {}
        self._kept = np.zeros((LANES, PRIMING_PACKETS, KEPT_BYTES), np.uint8)
        self._kept_lengths = np.zeros((LANES, PRIMING_PACKETS), np.uint8)
        self._receivers: list[Receiver | None] = []
        self._sessions: list[SrtpSession | None] = []
        self._handles: list[Any] = []
        self._free: list[int] = []

    def enter(self, row: Row, session: SrtpSession, receiver: Receiver) -> int | None:
        """Take in a stream. Returns its lane; ``None`` if there is no room."""
        if self._free:
            lane = self._free.pop()
        elif len(self._handles) < LANES:
            lane = len(self._handles)
            for column in (self._receivers, self._sessions, self._handles):
                column.append(None)
        else:
            return None
        self.rows[lane] = row
        self._receivers[lane], self._sessions[lane], self._handles[lane] = receiver, session, session.handle
        return lane

    def leave(self, lane: int) -> None:
        """Let go of a stream. Nobody may be on their way to it any more: see :attr:`lanes`."""
        self._receivers[lane] = self._sessions[lane] = self._handles[lane] = None
        self.rows[lane] = 0
        self._free.append(lane)

    def kept(self, lane: int) -> list[bytes]:
        """The payloads of the last packets of a stream that went by, the oldest first."""
        passed = int(self.rows[lane, PASSED])
        slots = [number % PRIMING_PACKETS for number in range(max(0, passed - PRIMING_PACKETS), passed)]
        return [self._kept[lane, slot, : self._kept_lengths[lane, slot]].tobytes() for slot in slots]

    def take(self, batch: Batch, count: int, arrivals_ns: Column) -> list[int] | range:
        """Handle the datagrams that were received.

        Args:
            batch: with them.
            count: how many there are.
            arrivals_ns: when each came, shape ``(count,)``.

        Returns:
            The places of those that have to be handled one by one.
        """
        if count < self.columns_from:
            return range(count)
        lane_of = self.lanes.get
        chosen = [lane_of(name, -1) for name in batch.senders(count)]
        lanes = np.array(chosen)
        heads = batch.words(count, _HEAD_BYTES // 8)
        same = (heads ^ self.rows[lanes, HEAD : HEAD + 3]) & _SAME
        others = np.flatnonzero(same.any(axis=1) | (lanes < 0)).tolist()
        packets = np.empty((_FIELDS, count), np.int64)
        packets[_PLACE] = np.arange(count)
        packets[_LANE] = lanes
        packets[_SEQUENCE] = heads[:, 0] >> 32 & 0xFFFF
        packets[_TIMESTAMP] = heads[:, 0] & 0xFFFFFFFF
        packets[_LEVEL] = heads[:, 2] >> 48 & 0x7F
        packets[_ARRIVAL] = arrivals_ns
        if others:
            packets = np.delete(packets, others, axis=1)
            chosen = packets[_LANE].tolist()
        if chosen:
            self._unprotect(batch, packets, chosen)
        return others

    def _unprotect(self, batch: Batch, packets: Column, lanes: list[int]) -> None:
        handles, places = self._handles, packets[_PLACE]
        refused = unprotect_in_place(
            [handles[lane] for lane in lanes],
            [batch.pointers[place] for place in places.tolist()],
            [batch.length_pointers[place] for place in places.tolist()],
        )
        packets[_LENGTH] = batch.lengths[places]
        packets[_LENGTH] -= _ORDINARY_BYTES
        if refused:
            for number in refused:
                if (receiver := self._receivers[lanes[number]]) is not None:
                    receiver.refuse()
            packets = np.delete(packets, refused, axis=1)
            lanes = packets[_LANE].tolist()
        while len(set(lanes)) < len(lanes):  # of several packets of one stream, the first comes first
            _, firsts = np.unique(packets[_LANE], return_index=True)
            self._count(batch, packets[:, firsts])
            packets = np.delete(packets, firsts, axis=1)
            lanes = packets[_LANE].tolist()
        if lanes:
            self._count(batch, packets)

    def _count(self, batch: Batch, packets: Column) -> None:
        """Take in authentic packets, one of each stream."""
        rows = self.rows[packets[_LANE]]
        ordinary = reception.ordinary(rows, packets[_SEQUENCE]) & (packets[_LENGTH] > 0)
        if not ordinary.all():
            self._accept(batch, packets[:, ~ordinary])
            rows, packets = rows[ordinary], packets[:, ordinary]
        lanes, lengths = packets[_LANE], packets[_LENGTH]
        reception.add_all(rows, packets[_SEQUENCE], packets[_TIMESTAMP], packets[_ARRIVAL], ORDINARY_RATE)
        rows[:, PACKETS] += 1
        rows[:, BYTES] += lengths
        rows[:, HEARD_NS] = packets[_ARRIVAL]
        passing = (rows[:, PASSING] > 0) & (packets[_LEVEL] >= -SILENT_DBOV) & (lengths <= KEPT_BYTES)
        gone = np.flatnonzero(passing)
        if len(gone):
            slots = lanes[gone], rows[gone, PASSED] % PRIMING_PACKETS
            rows[:, PASSING] -= passing
            rows[:, PASSED] += passing
            self._kept[slots] = batch.data[packets[_PLACE, gone], _ORDINARY_BYTES : _ORDINARY_BYTES + KEPT_BYTES]
            self._kept_lengths[slots] = lengths[gone]
        self.rows[lanes] = rows
        if len(gone) < len(lanes):
            self._push(batch, packets[:, ~passing])

    def _push(self, batch: Batch, packets: Column) -> None:
        """Hand on what is to be heard."""
        for place, lane, sequence, timestamp, level, arrival_ns, length in packets.T.tolist():
            receiver = self._receivers[lane]
            if receiver is None:
                continue
            payload = batch.read(place, _ORDINARY_BYTES, _ORDINARY_BYTES + length)
            try:
                receiver.source.push(sequence, timestamp, payload, arrival_ns, -level)
            except Exception:
                self._stats.errors += 1
                logger.exception("a packet could not be handled")

    def _accept(self, batch: Batch, packets: Column) -> None:
        """Hand on what is authentic, and not ordinary."""
        for place, lane, arrival_ns, length in packets[[_PLACE, _LANE, _ARRIVAL, _LENGTH]].T.tolist():
            receiver = self._receivers[lane]
            if receiver is not None:
                receiver.accept(batch.read(place, 0, _ORDINARY_BYTES + length), arrival_ns)


def ordinary_head(payload_type: int, ssrc: int, level_id: int) -> Column:
    """What :data:`HEAD` says of a stream: shape ``(3,)``, int64."""
    words = (0x90 << 56 | payload_type << 48, ssrc << 32 | 0xBEDE0001, level_id << 60)
    return np.array(words, np.uint64).view(np.int64)
