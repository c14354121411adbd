from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.load.batch import kernel, sender
from conference.load.batch.arrivals import SequenceCounts
from conference.load.batch.peers import PeerBatch, PeerRow
from conference.load.signal.scripts import Script
from conference.webrtc.rtp.packet import RtpPacket, parse_rtp
from conference.webrtc.udp import libc

pytestmark = pytest.mark.skipif(
    not kernel.AVAILABLE, reason="MISSING: the system calls for many packets at once, which only Linux has"
)

LEVEL_ID = 3
TALK = Script([bytes((1, number)) * (10 + number) for number in range(9)])
HUM = Script([bytes((2, number)) * 20 for number in range(7)], [-number for number in range(7)])
PAUSING = Script([b"p" if number == 4 else None for number in range(11)], [-127] * 11)
SCRIPTS = (TALK, HUM, PAUSING)


class Keys:
    handle = None


class BatchPeer:
    def __init__(self, number: int) -> None:
        self.ssrc, self.descriptor, self.payload_type, self.level_id = number, number, 111, LEVEL_ID
        self.sequence, self.listens, self.arrivals = 0xFFF0, False, SequenceCounts()
        self.session: Any = Keys()
        self.there = True

    def take(self, datagram: bytes, at_ns: int) -> None:
        raise AssertionError(datagram, at_ns)

    def check(self, datagram: bytes) -> bool:
        raise AssertionError(datagram)


class Wire:
    """Takes what is sent, unprotected."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.packets: dict[int, list[RtpPacket]] = defaultdict(list)
        self.fails = False
        monkeypatch.setattr(sender, "protect_in_place", lambda *_: [])
        monkeypatch.setattr(sender, "send", self.send)

    def send(self, descriptors: list[int], pointers: list[Any], sizes: list[int]) -> list[int]:
        for one, pointer, size in zip(descriptors, pointers, sizes, strict=True):
            if one >= 0:
                self.packets[one].append(parse_rtp(bytes(libc.ffi.buffer(pointer, size)), LEVEL_ID))
        return list(range(len(sizes))) if self.fails else []


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    return Wire(monkeypatch)


@settings(max_examples=20, deadline=None)
@given(people=st.integers(1, 90), gap=st.integers(1, 23), leaving=st.integers(0, 400))
def test_everybody_says_their_script_without_a_gap_while_others_come_and_go(
    people: int, gap: int, leaving: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        wire, batch = Wire(patch), PeerBatch()
        peers = [BatchPeer(number) for number in range(people)]
        peer_rows: list[PeerRow] = []
        for step in range(people * gap + 400):
            if step % gap == 0 and len(peer_rows) < people:
                number = len(peer_rows)
                peer_rows.append(
                    batch.enter(peers[number], SCRIPTS[number % 3], slot=number * 7 % sender.SLOTS, offset=number * 37)
                )
            if step == leaving and len(peer_rows) > 1:
                before = len(wire.packets[0])
                peer_rows[0].leave()
                assert peers[0].sequence == (0xFFF0 + before) & 0xFFFF
            batch.step(*divmod(step, sender.SLOTS))
        for number, packets in wire.packets.items():
            script = SCRIPTS[number % 3]
            assert [one.sequence for one in packets] == [(0xFFF0 + at) & 0xFFFF for at in range(len(packets))]
            assert {one.ssrc for one in packets} == {number}
            for one in packets:
                index = (one.timestamp // 960 + number * 37) % len(script.payloads)
                assert one.payload == script.payloads[index]
                assert one.level == (None if script.levels is None else script.levels[index])
            times = np.diff([one.timestamp // 960 for one in packets])
            assert set(times.tolist()) <= ({11} if script is PAUSING else {1})
        if leaving >= people * gap + 400 or people == 1:
            assert len(wire.packets[0]) >= 390 // sender.SLOTS


def test_what_did_not_go_out_is_not_counted(wire: Wire) -> None:
    batch = PeerBatch()
    peer_row = batch.enter(BatchPeer(5), TALK, slot=3, offset=0)
    for step in range(40 * sender.SLOTS):
        wire.fails = step >= 20 * sender.SLOTS
        batch.step(*divmod(step, sender.SLOTS))
    assert len(wire.packets[5]) == 40
    assert peer_row.sent == 20
    peer_row.leave()
    assert len(batch) == 0


def test_who_has_lost_the_connection_falls_silent(wire: Wire) -> None:
    batch, one, other = PeerBatch(), BatchPeer(1), BatchPeer(2)
    for peer in (one, other):
        batch.enter(peer, TALK, slot=0, offset=0)
    for step in range(40 * sender.SLOTS):
        if step == 20 * sender.SLOTS:
            one.there = False
            batch.refresh(0, 1)
        batch.step(*divmod(step, sender.SLOTS))
    assert (len(wire.packets[1]), len(wire.packets[2])) == (20, 40)


def test_a_burst_is_told_when_its_packet_goes(wire: Wire) -> None:
    told: list[float] = []
    batch = PeerBatch(told.append)
    script = Script([b"0", b"1", b"2", b"3"], bursts={1: 480})
    batch.enter(BatchPeer(1), script, slot=2, offset=0)
    for step in range(30 * sender.SLOTS):
        batch.step(*divmod(step, sender.SLOTS))
        assert len(told) == sum(one.payload == b"1" for one in wire.packets[1])
    assert told


def test_one_whose_packets_are_too_long_is_not_taken() -> None:
    with pytest.raises(ValueError, match="more than"):
        PeerBatch().enter(BatchPeer(1), Script([bytes(400)]), slot=0, offset=0)
