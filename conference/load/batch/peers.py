"""Many participants as rows of tables: their packets are written, protected, sent, read and counted by the batch.

What a packet costs otherwise is mostly Python. What remains for each is a call of libsrtp's and one of the kernel's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES
from conference.load.batch.arrivals import SequenceCounts
from conference.load.batch.kernel import Incoming
from conference.load.batch.pool import Pool
from conference.load.batch.reception_table import ReceptionTable
from conference.load.batch.reports import Reception, Transmission
from conference.load.batch.sender import HEADER, MAX_PAYLOAD, BatchSender, SendCounters
from conference.load.signal.scripts import Script
from conference.webrtc.rtp.packet import HEADER_BYTES
from conference.webrtc.rtp.srtp import SrtpSession

_MAX_PASSES = 64
_STRIDE = 7919
_NS_PER_SAMPLE = 1e9 / 48_000


class BatchPeer(Protocol):
    """A client that can be one of a batch."""

    ssrc: int
    payload_type: int
    level_id: int
    sequence: int
    """Of the next packet."""
    listens: bool
    """Whether it takes each RTP packet."""
    arrivals: SequenceCounts
    """What came before."""

    @property
    def there(self) -> bool: ...
    @property
    def session(self) -> SrtpSession | None: ...
    @property
    def descriptor(self) -> int: ...
    def take(self, datagram: bytes, at_ns: int) -> None: ...
    def check(self, datagram: bytes) -> bool: ...


class PeerRow:
    """One peer's row in the tables of a batch. Satisfies `load.batch.sender.SendingPeer`."""

    def __init__(
        self, batch: PeerBatch, peer: BatchPeer, session: SrtpSession, script: Script, row: int, slot: int, offset: int
    ) -> None:
        self.peer, self.session = peer, session
        self.descriptor = peer.descriptor
        self.row, self.slot, self.offset = row, slot, offset
        self.start = batch.pool.place(script, peer.level_id)
        self.period = len(script.payloads)
        self._batch = batch

    @property
    def there(self) -> bool:
        """Whether the connection is up."""
        return self.peer.there

    @property
    def sent(self) -> int:
        """Packets that went out; those of the last fifth of a second come later."""
        return int(self._batch.counters.sent[self.row])

    @property
    def gaps(self) -> int:
        """As in `ReceptionTable.gaps`."""
        return self._batch.reception.gaps(self.row)

    @property
    def reception(self) -> Reception:
        """What came."""
        return self._batch.reception.reception(self.row)

    def transmission(self, now_ns: int) -> Transmission | None:
        """What was sent; ``None``: nothing was."""
        octets = int(self._batch.counters.octets[self.row])
        return Transmission(self.sent, octets, self._batch.timestamp(now_ns)) if self.sent else None

    def leave(self) -> None:
        """Take the peer out of the batch; what was counted goes back to it."""
        self._batch.leave(self)


class PeerBatch:
    """All peers of a process whose packets are sent and read together, in groups of one `BatchSender` each.

    Args:
        on_burst: told when a burst went in: the time in ns (monotonic) at which its first sample was spoken, as if its
            packet had been sent without delay once its last sample was there.
    """

    def __init__(self, on_burst: Callable[[float], None] = lambda _: None) -> None:
        self.pool = Pool(MAX_PAYLOAD)
        self.counters = SendCounters()
        self.reception = ReceptionTable()
        self.checked = self.forged = 0
        """Packets that were decrypted, one in some hundred; and those of them that were not authentic."""
        self._on_burst = on_burst
        self._senders: list[BatchSender] = []
        self._where: dict[PeerRow, BatchSender] = {}
        self._peer_rows: list[PeerRow | None] = []
        self._listens: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._free: list[int] = []
        self._in = Incoming()
        self._arrived = self._in.data[:, :HEADER_BYTES].view(HEADER)[:, 0]
        self._tick, self._tick_ns = 0, 0
        self._turn = 0

    def __len__(self) -> int:
        return len(self._where)

    def enter(self, peer: BatchPeer, script: Script, *, slot: int, offset: int) -> PeerRow:
        """Send and count a peer's packets from now on.

        Args:
            peer: connected.
            script: what it says, over and over.
            slot: in which it sends, below `load.batch.sender.SLOTS`.
            offset: with which packet it begins.

        Raises:
            ValueError: it is not connected, or a packet of it would be too long.
        """
        session = peer.session
        if session is None:
            raise ValueError("not connected")
        row = self._free[-1] if self._free else len(self._peer_rows)
        peer_row = PeerRow(self, peer, session, script, row, slot, offset)
        if self._free:
            self._free.pop()
        else:
            self._peer_rows.append(None)
            self._listens = np.append(self._listens, False)
        levels = script.levels is not None and peer.level_id > 0
        header = (0x90 if levels else 0x80, peer.payload_type, peer.sequence, 0, peer.ssrc)
        self.counters.enter(row, header)
        self.reception.enter(row, peer.arrivals)
        self._listens[row] = peer.listens
        self._peer_rows[row] = peer_row
        sender = next((one for one in self._senders if not one.full), None)
        if sender is None:
            sender = BatchSender(self.pool, self.counters, 3 * len(self._senders), self._burst)
            self._senders.append(sender)
        sender.add(peer_row)
        self._where[peer_row] = sender
        return peer_row

    def leave(self, peer_row: PeerRow) -> None:
        """Take a peer out of the batch; what was counted of it goes back to the peer."""
        self._where.pop(peer_row).remove(peer_row)
        peer_row.peer.arrivals = self.reception.leave(peer_row.row)
        peer_row.peer.sequence = int(self.counters.headers["sequence"][peer_row.row])
        self._peer_rows[peer_row.row] = None
        self._free.append(peer_row.row)

    def timestamp(self, now_ns: int) -> int:
        """Of a moment, for all peers of the batch: they have one clock."""
        return self._tick * FRAME_SAMPLES + round((now_ns - self._tick_ns) / _NS_PER_SAMPLE)

    def step(self, tick: int, slot: int) -> None:
        """Send what is due. Call it for each slot of each tick, in order."""
        if slot == 0:
            self._tick, self._tick_ns = tick, time.monotonic_ns()
        for sender in self._senders:
            sender.step(tick, slot)

    def read(self, number: int, parts: int) -> None:
        """Read and count what has come for one of so many parts of all."""
        for sender in self._senders[number::parts]:
            self._read(sender)

    def refresh(self, number: int, parts: int) -> None:
        """Let those of a part who have lost their connection be silent."""
        for sender in self._senders[number::parts]:
            sender.refresh()

    def _burst(self, samples: int) -> None:
        self._on_burst(time.monotonic_ns() - samples * _NS_PER_SAMPLE)

    def _read(self, sender: BatchSender) -> None:
        descriptors, rows, first = sender.columns.descriptors, sender.columns.rows, 0
        for _ in range(_MAX_PASSES):
            if first >= len(descriptors):
                return
            counts, more = self._in.read(descriptors, first)
            self._take(np.repeat(rows[first : first + len(counts)], counts))
            first += len(counts) - more

    def _take(self, rows: NDArray[np.int64]) -> None:
        count = len(rows)
        if not count:
            return
        data, sizes, at_ns = self._in.data[:count], self._in.sizes(count), self._in.arrivals(count)
        # RFC 7983 tells media from the rest, RFC 5761 tells RTP from RTCP.
        media = (sizes >= HEADER_BYTES) & (data[:, 0] & 0xC0 == 0x80) & ((data[:, 1] < 192) | (data[:, 1] > 223))
        wanted = ~media | self._listens[rows]
        self._turn += 1
        place = self._turn * _STRIDE % count  # any of them, in turn
        if not wanted[place]:
            self._check(self._peer_rows[rows[place]], data[place, : sizes[place]].tobytes())
        if wanted.any():
            self._hand_on(np.flatnonzero(wanted).tolist(), rows, sizes, at_ns)
        headers = self._arrived[:count]
        if not media.all():
            rows, headers, at_ns = rows[media], headers[media], at_ns[media]
        self.reception.note(rows, headers["sequence"], headers["timestamp"], at_ns)

    def _check(self, peer_row: PeerRow | None, datagram: bytes) -> None:
        """See whether a packet of somebody who doesn't listen is one that the server made for it."""
        if peer_row is not None:
            self.checked += 1
            self.forged += not peer_row.peer.check(datagram)

    def _hand_on(
        self, places: Sequence[int], rows: NDArray[np.int64], sizes: NDArray[np.int64], at_ns: NDArray[np.int64]
    ) -> None:
        for place in places:
            peer_row = self._peer_rows[rows[place]]
            if peer_row is not None:
                peer_row.peer.take(self._in.data[place, : sizes[place]].tobytes(), int(at_ns[place]))
