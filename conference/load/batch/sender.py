"""Some participants' packets, written and protected several ticks ahead, and each sent when it is time for it.

To touch a participant at all is dear: what libsrtp and Python keep of it has left the processor's caches since its last
packet. So whoever is touched has ten packets written at once, in a table with those of others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES
from conference.load.batch.kernel import Packets, send
from conference.load.batch.pool import Pool
from conference.webrtc.rtp.packet import HEADER_BYTES
from conference.webrtc.rtp.srtp import TRAILER_BYTES, SrtpSession, protect_in_place

SLOTS: Final = 10
"""Parts of a tick, of 2 ms: each participant sends in one of them."""

AHEAD: Final = 10
"""Ticks that are written at a time."""

MAX_PEERS: Final = 64
"""Most that are in a batch: their packets fit into the processor's cache."""

PLACE_BYTES: Final = 448
"""An odd number of cache lines, so that the beginnings of all places don't share the same few."""

MAX_PAYLOAD: Final = PLACE_BYTES - HEADER_BYTES - TRAILER_BYTES

HEADER = np.dtype(
    [("first", "u1"), ("type", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4")], align=False
)


class SendingPeer(Protocol):
    """What is to be known of a participant. Satisfied by `load.batch.peers.PeerRow`."""

    row: int
    """In `SendCounters`."""
    slot: int
    """In which it sends."""
    start: int
    """Where its script begins in the pool."""
    period: int
    """Packets of its script."""
    offset: int
    """With which of them it begins."""
    descriptor: int
    """Of its socket."""
    session: SrtpSession
    """Kept alive as long as libsrtp may be asked to use it."""

    @property
    def there(self) -> bool: ...


class SendCounters:
    """What was sent, a row for each participant.

    Attributes:
        headers: of the next packet of each.
        sent: packets that went out.
        octets: payload in them.
    """

    def __init__(self) -> None:
        self.headers: NDArray[np.void] = np.zeros(0, HEADER)
        self.sent: NDArray[np.int64] = np.zeros(0, np.int64)
        self.octets: NDArray[np.int64] = np.zeros(0, np.int64)

    def enter(self, row: int, header: tuple[int, int, int, int, int]) -> None:
        """A new participant."""
        if row >= len(self.headers):
            more = row + 1 + len(self.headers)
            headers = np.zeros(len(self.headers) + more, HEADER)  # `concatenate` would turn the bytes of the numbers
            headers[: len(self.headers)] = self.headers
            self.headers = headers
            self.sent, self.octets = (np.append(one, np.zeros(more, np.int64)) for one in (self.sent, self.octets))
        self.headers[row] = header
        self.sent[row] = self.octets[row] = 0

    def add(self, rows: NDArray[np.int64], packets: NDArray[np.int64], octets: NDArray[np.int64]) -> None:
        """So many packets have had their turn."""
        self.headers["sequence"][rows] += packets.astype(np.uint16)
        self.sent[rows] += packets
        self.octets[rows] += octets


class _Columns:
    """What never changes of some peers, as columns, in the order of their slots."""

    def __init__(self, peers: list[SendingPeer]) -> None:
        self.peers = sorted(peers, key=lambda peer: peer.slot)
        self.rows = self._column("row")
        self.slots = self._column("slot")
        self.start, self.period, self.offset = map(self._column, ("start", "period", "offset"))
        self.edges: list[int] = np.searchsorted(self.slots, np.arange(SLOTS + 1)).tolist()
        self.descriptors = [peer.descriptor for peer in self.peers]
        self.handles = [peer.session.handle for peer in self.peers for _ in range(AHEAD)]

    def _column(self, name: str) -> NDArray[np.int64]:
        return np.array([getattr(peer, name) for peer in self.peers], np.int64)


@dataclass(slots=True)
class _Turn:
    """What is sent in a tick, by the slots."""

    edges: list[int]
    """Where each slot begins, and where the last one ends."""
    descriptors: list[int]
    pointers: list[Any]
    sizes: list[int]
    positions: list[int] | None
    """Whose each is among the columns; ``None``: everybody's in turn."""


class BatchSender:
    """Sends what some participants say.

    Args:
        pool: what there is to say.
        counters: where it is noted.
        phase: sheets end with the ticks that leave this remainder, so that not all senders write in the same tick.
        on_burst: told when a burst went in: how many samples before the end of its packet it begins.
    """

    def __init__(self, pool: Pool, counters: SendCounters, phase: int, on_burst: Callable[[int], None]) -> None:
        self.peers: list[SendingPeer] = []
        self.columns = _Columns([])
        self._pool, self._counters = pool, counters
        self._phase = phase % AHEAD
        self._on_burst = on_burst
        self._packets = Packets(MAX_PEERS * AHEAD, PLACE_BYTES)
        self._stale = False
        self._first = self._end = self._tick = 0
        self._slot = -1
        self._says = np.zeros((0, AHEAD), np.bool_)
        self._octets = np.zeros((0, AHEAD), np.int64)
        self._turns: list[_Turn] = []
        self._bursts: dict[tuple[int, int], list[int]] = {}
        self._gone: list[int] = []

    @property
    def full(self) -> bool:
        """Whether nobody more fits in."""
        return len(self.peers) >= MAX_PEERS

    def add(self, peer: SendingPeer) -> None:
        """From the next tick on, send what this one says."""
        self.peers.append(peer)
        self._stale = True

    def remove(self, peer: SendingPeer) -> None:
        """Send nothing more of this one, whose socket may be closed from now on."""
        self.peers.remove(peer)
        self._stale = True
        if peer not in self.columns.peers:
            return
        place = self.columns.peers.index(peer)
        self._settle([place])
        self._gone.append(place)
        own = self.columns.descriptors[place]
        for turn in self._turns:
            turn.descriptors = [-1 if one == own else one for one in turn.descriptors]

    def refresh(self) -> None:
        """Leave out those who have lost their connection."""
        self._stale = self._stale or not all(peer.there for peer in self.columns.peers)

    def step(self, tick: int, slot: int) -> None:
        """Send what is due. Call it for each slot of each tick, in order."""
        if tick >= self._end or (self._stale and slot == 0):
            self._write(tick)
        self._tick, self._slot = tick, slot
        if not self._turns:
            return
        index = tick - self._first
        turn = self._turns[index]
        begin, end = turn.edges[slot], turn.edges[slot + 1]
        if begin < end:
            failed = send(turn.descriptors[begin:end], turn.pointers[begin:end], turn.sizes[begin:end])
            if failed:
                self._forget([begin + one for one in failed], turn, index)
        for samples in self._bursts.get((index, slot), ()):
            self._on_burst(samples)
        if slot == SLOTS - 1 and tick == self._end - 1:
            self._write(tick + 1)

    def _write(self, tick: int) -> None:
        """Write the next sheet."""
        self._settle(range(len(self.columns.peers)))
        if self._stale:
            self.columns = _Columns([peer for peer in self.peers if peer.there])
            self._stale = False
        self._gone.clear()
        self._first, self._tick, self._slot = tick, tick, -1
        self._end = tick + AHEAD - (tick - self._phase) % AHEAD
        mine, pool = self.columns, self._pool
        ticks = tick + np.arange(AHEAD)
        chosen = mine.start[:, None] + (ticks + mine.offset[:, None]) % mine.period[:, None]
        self._octets = pool.lengths[chosen]
        self._says = self._octets > 0
        self._turns = self._turns_of(self._protected(ticks, chosen)) if self._says.any() else []
        self._note_bursts(pool.bursts[chosen])

    def _protected(self, ticks: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Write and protect the packets. Returns which there are."""
        says, packets, said = self._says, self._packets, self._pool.data
        headers = np.repeat(self._counters.headers[self.columns.rows], AHEAD).reshape(chosen.shape)
        headers["timestamp"] = ticks * FRAME_SAMPLES & 0xFFFFFFFF
        handles, pointers, length_pointers = self.columns.handles, packets.pointers, packets.length_pointers
        packets.lengths[: says.size] = self._octets.ravel() + HEADER_BYTES
        places: Any = slice(says.size)
        if says.all():
            headers["sequence"] += np.arange(AHEAD, dtype=np.uint16)
        else:
            headers["sequence"] += np.cumsum(says, axis=1, dtype=np.uint16) - says
            places, keep = np.flatnonzero(says), says.ravel().tolist()
            handles, pointers, length_pointers = (list(compress(a, keep)) for a in (handles, pointers, length_pointers))
        packets.data[places, :HEADER_BYTES] = headers.ravel()[places].view(np.uint8).reshape(-1, HEADER_BYTES)
        packets.data[places, HEADER_BYTES : HEADER_BYTES + said.shape[1]] = said[chosen.ravel()[places]]
        refused = protect_in_place(handles, pointers, length_pointers)
        if refused:
            says = says.copy()
            says.ravel()[np.arange(says.size)[places][refused]] = False
            self._octets[~says] = 0
        return says

    def _turns_of(self, says: NDArray[np.bool_]) -> list[_Turn]:
        """What is to be sent in each tick."""
        mine, packets, count = self.columns, self._packets, len(says)
        sizes = packets.lengths[: says.size].reshape(count, AHEAD).T.tolist()
        pointers = packets.pointers
        if says.all():
            return [
                _Turn(mine.edges, mine.descriptors, pointers[index : says.size : AHEAD], sizes[index], None)
                for index in range(AHEAD)
            ]
        turns = []
        for index in range(AHEAD):
            positions = np.flatnonzero(says[:, index])
            edges: list[int] = np.searchsorted(mine.slots[positions], np.arange(SLOTS + 1)).tolist()
            chosen: list[int] = positions.tolist()
            turns.append(
                _Turn(
                    edges,
                    [mine.descriptors[one] for one in chosen],
                    [pointers[one * AHEAD + index] for one in chosen],
                    [sizes[index][one] for one in chosen],
                    chosen,
                )
            )
        return turns

    def _note_bursts(self, bursts: NDArray[np.int64]) -> None:
        self._bursts = {}
        for place, index in np.argwhere((bursts >= 0) & self._says).tolist():
            when = (index, int(self.columns.slots[place]))
            self._bursts.setdefault(when, []).append(FRAME_SAMPLES - int(bursts[place, index]))

    def _settle(self, places: Any) -> None:
        """Note what of the sheet has been sent, of these that were not settled before."""
        chosen = np.array([place for place in places if place not in self._gone], np.int64)
        if not chosen.size or not self._says.size:
            return
        # In the tick that is under way only those have had their turn whose slot is over.
        ticks = self._tick - self._first + (self.columns.slots[chosen] <= self._slot)
        done = self._says[chosen] & (np.arange(AHEAD) < ticks[:, None])
        octets = np.where(done, self._octets[chosen], 0).sum(axis=1)
        self._counters.add(self.columns.rows[chosen], done.sum(axis=1), octets)

    def _forget(self, places: list[int], turn: _Turn, index: int) -> None:
        """These did not go out."""
        positions = places if turn.positions is None else [turn.positions[place] for place in places]
        for one in positions:
            if one not in self._gone:
                row = self.columns.rows[one]
                self._counters.sent[row] -= 1
                self._counters.octets[row] -= self._octets[one, index]
                self._octets[one, index] = 0
