"""What comes for many at once: what is media, who listens, and what is looked at for being authentic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from conference.load.batch import kernel, peers, sender
from conference.load.batch.arrivals import SequenceCounts
from conference.load.batch.peers import PeerBatch, PeerRow
from conference.load.signal.scripts import Script
from conference.webrtc.rtp.packet import build_rtp

pytestmark = pytest.mark.skipif(
    not kernel.AVAILABLE, reason="MISSING: the system calls for many packets at once, which only Linux has"
)


class Keys:
    handle = None


class Peer:
    """One who writes down what is handed to it."""

    def __init__(self, number: int, *, listens: bool = False, session: Any = Keys()) -> None:  # noqa: B008
        self.ssrc, self.descriptor, self.payload_type, self.level_id = number, number, 111, 0
        self.sequence, self.listens, self.arrivals = 0, listens, SequenceCounts()
        self.session, self.there = session, True
        self.taken: list[tuple[bytes, int]] = []
        self.checked: list[bytes] = []
        self.genuine = True

    def take(self, datagram: bytes, at_ns: int) -> None:
        self.taken.append((datagram, at_ns))

    def check(self, datagram: bytes) -> bool:
        self.checked.append(datagram)
        return self.genuine


class Net:
    """Takes the place of the kernel: what waits at each socket."""

    room = 8

    def __init__(self) -> None:
        self.data: NDArray[np.uint8] = np.zeros((64, 1600), np.uint8)
        self.waiting: dict[int, list[bytes]] = {}
        self.lengths: list[int] = []
        Net.made = self

    made: Net

    def read(self, descriptors: list[int], first: int) -> tuple[list[int], bool]:
        self.lengths, counts = [], []
        for descriptor in descriptors[first:]:
            count = 0
            queue = self.waiting.get(descriptor, [])
            while queue and len(self.lengths) < self.room:
                datagram = queue.pop(0)
                self.data[len(self.lengths), : len(datagram)] = np.frombuffer(datagram, np.uint8)
                self.lengths.append(len(datagram))
                count += 1
            counts.append(count)
            if len(self.lengths) == self.room:
                return counts, True
        return counts, False

    def sizes(self, count: int) -> NDArray[np.int64]:
        return np.array(self.lengths[:count], np.int64)

    def arrivals(self, count: int) -> NDArray[np.int64]:
        return np.arange(count, dtype=np.int64) + 1000


@pytest.fixture
def batch(monkeypatch: pytest.MonkeyPatch) -> PeerBatch:
    monkeypatch.setattr(peers, "Incoming", Net)
    monkeypatch.setattr(sender, "protect_in_place", lambda *_: [])
    monkeypatch.setattr(sender, "send", lambda *_: [])
    return PeerBatch()


def enter(batch: PeerBatch, *entering: Peer) -> list[PeerRow]:
    """Have them played for a while, so that all have had their turn to be taken in."""
    rows = [batch.enter(one, Script([None]), slot=0, offset=0) for one in entering]
    for step in range(40 * sender.SLOTS):
        batch.step(*divmod(step, sender.SLOTS))
    return rows


def rtp(sequence: int) -> bytes:
    return build_rtp(111, False, sequence, sequence * 960, 5, b"voice")


RTCP = bytes([0x80, 200]) + bytes(26)
STUN = bytes(20)
DTLS = bytes([22, 0xFE, 0xFD]) + bytes(20)


def test_what_comes_is_counted_for_whom_it_came(batch: PeerBatch) -> None:
    amy, ben = Peer(1), Peer(2)
    rows = enter(batch, amy, ben)
    Net.made.waiting = {1: [rtp(1), rtp(2), rtp(4)], 2: [rtp(7)]}
    batch.read(0, 1)
    assert [(one.reception.received, one.reception.lost) for one in rows] == [(3, 1), (1, 0)]
    assert (amy.taken, ben.taken) == ([], [])


def test_more_than_fits_at_once_is_read_in_turns(batch: PeerBatch) -> None:
    rows = enter(batch, Peer(1), Peer(2), Peer(3))
    Net.made.waiting = {1: [rtp(1)], 2: [rtp(number) for number in range(30)], 3: [rtp(9)]}
    batch.read(0, 1)
    assert [one.reception.received for one in rows] == [1, 30, 1]
    assert not any(Net.made.waiting.values())


@pytest.mark.parametrize("other", [RTCP, STUN, DTLS, b"\x80", rtp(5)[:11]])
def test_what_is_no_media_is_handed_on_with_its_time_and_not_counted(batch: PeerBatch, other: bytes) -> None:
    amy = Peer(1)
    [row] = enter(batch, amy)
    Net.made.waiting = {1: [rtp(1), other, rtp(2)]}
    batch.read(0, 1)
    assert amy.taken == [(other, 1001)]
    assert (row.reception.received, row.reception.lost) == (2, 0)


def test_who_listens_is_handed_everything(batch: PeerBatch) -> None:
    amy, ben = Peer(1, listens=True), Peer(2)
    rows = enter(batch, amy, ben)
    Net.made.waiting = {1: [rtp(1), RTCP], 2: [rtp(1)]}
    batch.read(0, 1)
    assert (amy.taken, ben.taken) == ([(rtp(1), 1000), (RTCP, 1001)], [])
    assert [one.reception.received for one in rows] == [1, 1]


def test_some_packet_of_each_reading_is_looked_at_and_counted_if_it_is_forged(batch: PeerBatch) -> None:
    amy = Peer(1)
    enter(batch, amy)
    for genuine in (True, False):
        amy.genuine = genuine
        Net.made.waiting = {1: [rtp(1), rtp(2), rtp(3)]}
        batch.read(0, 1)
    assert (batch.checked, batch.forged) == (2, 1)
    assert all(one in (rtp(1), rtp(2), rtp(3)) for one in amy.checked)
    Net.made.waiting = {}
    batch.read(0, 1)
    assert batch.checked == 2


def test_who_leaves_takes_their_counts_along_and_their_place_is_free_for_another(batch: PeerBatch) -> None:
    amy, eve = Peer(1), Peer(3)
    [row, *_] = enter(batch, amy, Peer(2))
    Net.made.waiting = {1: [rtp(1), rtp(2)]}
    batch.read(0, 1)
    row.leave()
    assert (amy.arrivals.received, len(batch)) == (2, 1)
    [other] = enter(batch, eve)
    assert other.row == row.row
    Net.made.waiting = {1: [rtp(3)], 3: [rtp(8)]}
    batch.read(0, 1)
    assert (amy.arrivals.received, other.reception.received) == (2, 1)
    assert other.transmission(0) is None, "nothing was sent"


def test_who_is_not_connected_cannot_be_played(batch: PeerBatch) -> None:
    with pytest.raises(ValueError, match="not connected"):
        enter(batch, Peer(1, session=None))
    assert len(batch) == 0
