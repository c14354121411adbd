"""The receive gate: what becomes of packets by what came before them, and what always holds, however they are mixed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.playout.history import HISTORY_PACKETS
from conference.playout.items import JitterStats
from conference.playout.receive_gate import (
    HANGOVER_PACKETS,
    KEPT_BYTES,
    SAMPLE_EVERY,
    SAMPLE_PROVEN_EVERY,
    TABLE,
    GateAction,
    GateState,
    PacketKind,
    ReceiveGate,
)
from conference.playout.silence import DTX_BYTES, SILENT_DBOV, is_silent
from conference.playout.stream_stats import StreamStats

SILENT, NOISE, LOUD = -127, -60, -20
LEVELS = st.sampled_from([SILENT] * 12 + [SILENT_DBOV, SILENT_DBOV + 1, NOISE, LOUD, None])
PACKETS = st.lists(st.tuples(LEVELS, st.sampled_from([DTX_BYTES, 40, KEPT_BYTES, KEPT_BYTES + 1])), max_size=150)


class Bypass:
    """Lets by what it may, and keeps it."""

    def __init__(self) -> None:
        self.may, self.silent_dbov, self.passed = 0, SILENT_DBOV, list[bytes]()

    def open(self, packets: int, silent_dbov: int) -> None:
        assert packets >= 0
        self.may, self.silent_dbov = packets, silent_dbov

    last_passed: int | None = None

    def close(self) -> int:
        left, self.may = self.may, 0
        return left

    def kept(self, packets: int) -> list[bytes]:
        return self.passed[-packets:]

    def takes(self, level: int | None, payload: bytes) -> bool:
        if not self.may or level is None or level > self.silent_dbov or len(payload) > KEPT_BYTES:
            return False
        self.may -= 1
        self.passed.append(payload)
        return True


def a_gate(bypass: Bypass | None = None) -> tuple[ReceiveGate, StreamStats]:
    stats = StreamStats(JitterStats())
    gate = ReceiveGate(stats)
    gate.bypass = bypass
    return gate, stats


def in_silence(packets: int = SAMPLE_EVERY) -> ReceiveGate:
    gate, _ = a_gate()
    for _ in range(packets):
        gate.take(SILENT, 40)
    return gate


def test_the_table_says_what_becomes_of_every_kind_of_packet_in_every_state() -> None:
    for state, kind in product(GateState, PacketKind):
        after, action = TABLE[state][kind]
        if kind is PacketKind.SOUND:
            assert (after, action) == (GateState.SPEECH, GateAction.PLAY)
        if state in (GateState.SPEECH, GateState.HANGOVER):
            assert after is not GateState.BYPASSED
            assert action is not GateAction.SAMPLE
        if action is GateAction.SAMPLE:
            assert kind is PacketKind.DUE
            assert after is GateState.IDLE, "whoever samples says whether the next ones take the bypass"


@pytest.mark.parametrize(
    ("level", "size", "silent"),
    [(SILENT_DBOV, 99, True), (SILENT_DBOV + 1, 1, False), (None, DTX_BYTES, True), (None, DTX_BYTES + 1, False)],
)
def test_a_packet_is_silent_by_its_level_or_if_it_has_none_by_its_size(
    level: int | None, size: int, silent: bool
) -> None:
    assert is_silent(level, size) is silent


def test_the_end_of_a_word_is_played_and_then_one_in_ten_is_sampled() -> None:
    gate, _ = a_gate()
    gate.take(LOUD, 40)
    taken = []
    for _ in range(30):
        taken.append(gate.take(SILENT, 40))
        if taken[-1] is GateAction.SAMPLE:
            gate.sampled(SAMPLE_EVERY, bypass=True)
    assert taken[:HANGOVER_PACKETS] == [GateAction.PLAY] * HANGOVER_PACKETS
    assert [number for number, action in enumerate(taken, 1) if action is GateAction.SAMPLE] == [10, 20, 30]
    assert GateAction.PLAY not in taken[HANGOVER_PACKETS:]


@given(packets=PACKETS, settles=st.sets(st.integers(0, 150)), has_bypass=st.booleans())
def test_sound_is_played_each_packet_counts_once_and_no_silence_is_long_without_a_sample(
    packets: list[tuple[int | None, int]], settles: set[int], has_bypass: bool
) -> None:
    bypass = Bypass() if has_bypass else None
    gate, stats = a_gate(bypass)
    played = sampled = unseen = run = 0
    for number, (level, size) in enumerate(packets):
        silent = is_silent(level, size)
        run = run + 1 if silent else 0
        if bypass is not None and bypass.takes(level, bytes(size)):
            unseen += 1
        else:
            action = gate.take(level, size)
            played += action is GateAction.PLAY
            sampled += action is GateAction.SAMPLE
            unseen = unseen + 1 if action is GateAction.LEAVE_OUT else 0
            assert action is GateAction.PLAY or (silent and run > HANGOVER_PACKETS)
            if action is GateAction.SAMPLE:
                gate.sampled(SAMPLE_PROVEN_EVERY, bypass=True)
                assert (gate.state is GateState.BYPASSED) is has_bypass
        assert unseen < SAMPLE_PROVEN_EVERY
        if number in settles:
            gate.settle()
            assert stats.passed_over == number + 1 - played - sampled
    gate.settle()
    assert stats.passed_over == stats.jitter.received == len(packets) - played - sampled


@given(silent=st.integers(0, 60), settles=st.sets(st.integers(0, 60)))
def test_what_took_the_bypass_last_is_the_history_of_what_is_heard_next(silent: int, settles: set[int]) -> None:
    bypass = Bypass()
    gate, _ = a_gate(bypass)
    payloads = [bytes([number + 1] * 40) for number in range(silent)]
    for number, payload in enumerate(payloads):
        if bypass.takes(SILENT, payload):
            continue
        action = gate.take(SILENT, 40)
        if action is GateAction.SAMPLE:
            gate.sampled(SAMPLE_EVERY, bypass=True)
        gate.history.keep(payload)
        if number in settles:
            gate.settle()
    gate.take(LOUD, 40)

    class Noting:
        def __init__(self) -> None:
            self.decoded: list[bytes] = []

        def decode(self, payload: bytes) -> None:
            self.decoded.append(payload)

    decoder = Noting()
    gate.history.prime(decoder)  # type: ignore[arg-type]
    assert decoder.decoded == payloads[-HISTORY_PACKETS:]


def test_what_is_louder_than_the_squelch_ends_it() -> None:
    gate = in_silence()
    gate.silent_dbov = NOISE
    assert gate.take(NOISE, 40) is not GateAction.PLAY
    assert gate.squelched
    assert gate.take(NOISE + 1, 40) is GateAction.PLAY
    assert not gate.squelched


def test_a_packet_recovered_from_the_noise_of_somebody_squelched_ends_no_squelch() -> None:
    gate = in_silence()
    gate.silent_dbov = NOISE
    assert gate.take(NOISE, 40, redundant=True) is GateAction.LEAVE_OUT
    assert gate.squelched


def test_a_packet_recovered_from_a_word_of_somebody_squelched_is_played() -> None:
    gate = in_silence()
    gate.silent_dbov = NOISE
    assert gate.take(LOUD, 40, redundant=True) is GateAction.PLAY


def test_a_recovered_packet_of_somebody_not_squelched_is_played_whatever_it_came_in() -> None:
    assert in_silence().take(SILENT, 40, redundant=True) is GateAction.PLAY


def test_a_redundant_packet_is_no_sample_of_the_network() -> None:
    gate = in_silence(SAMPLE_EVERY - 1)
    assert gate.take(None, DTX_BYTES, redundant=True) is GateAction.LEAVE_OUT
    assert gate.take(SILENT, 40) is GateAction.SAMPLE


def test_a_large_silent_packet_never_takes_the_bypass_and_leaves_it_open() -> None:
    bypass = Bypass()
    gate, _ = a_gate(bypass)
    for _ in range(SAMPLE_EVERY):
        action = gate.take(SILENT, 40)
    assert action is GateAction.SAMPLE
    gate.sampled(SAMPLE_EVERY, bypass=True)
    assert bypass.may == SAMPLE_EVERY - 1
    assert gate.take(SILENT, KEPT_BYTES + 1) is GateAction.LEAVE_OUT
    assert (gate.state, bypass.may) == (GateState.BYPASSED, SAMPLE_EVERY - 2)
