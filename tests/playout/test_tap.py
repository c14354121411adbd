"""Listening in on a source: all that arrives is told, and the source does what it does without that."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.codecs.base import Decoder
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.telephony.intake import PacedSource
from conference.telephony.settings import LegSettings
from tests.tones import tone

MS = 1_000_000
VOICE = [OpusCodec().make_encoder().encode(tone(300.0, 0.02, -20.0, fade=0)) for _ in range(3)]
SILENCE = OpusCodec().make_encoder().encode(np.zeros(960, np.int16))


class Tap:
    """Keeps what it is told, and raises when it is told so many things."""

    about = "a test"

    def __init__(self, *, wants_silence: bool = False, fails_at: int = -1) -> None:
        self.wants_silence = wants_silence
        self.told: list[tuple[Any, ...]] = []
        self.fails_at = fails_at
        self.was_dropped = 0

    def _note(self, *what: Any) -> None:
        if len(self.told) == self.fails_at:
            raise RuntimeError("the tap is broken")
        self.told.append(what)

    def packet_arrived(
        self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
    ) -> None:
        self._note(sequence, timestamp, payload, arrival_ns, level, redundant)

    def restarted(self, decoder: Decoder | None) -> None:
        self._note("restarted", decoder)

    def message_arrived(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        self._note(payload, timestamp_ms, now_ns)

    def dropped(self) -> None:
        self.was_dropped += 1


class Bypass:
    """Lets silent packets go by, as the table of what is received does."""

    def __init__(self) -> None:
        self.left = 0

    def open(self, packets: int, silent_dbov: int) -> None:
        del silent_dbov
        self.left = packets

    last_passed: int | None = None

    def close(self) -> int:
        left, self.left = self.left, 0
        return left

    def kept(self, packets: int) -> list[bytes]:
        return [SILENCE] * packets


def make_source() -> PacketSource:
    return PacketSource(OpusCodec().make_decoder())


packets = st.lists(
    st.tuples(st.integers(0, 0xFFFF), st.sampled_from(VOICE), st.sampled_from([None, -127, -90, -30]), st.booleans()),
    max_size=40,
)


@settings(max_examples=40, deadline=None)
@given(packets, st.integers(0, 40), st.booleans())
def test_a_tap_is_told_of_every_packet_and_the_source_plays_what_it_plays_without(
    arriving: list[tuple[int, bytes, int | None, bool]], fails_at: int, wants_silence: bool
) -> None:
    plain, tapped = make_source(), make_source()
    whole, broken = Tap(wants_silence=wants_silence), Tap(fails_at=fails_at)
    tapped.tap(broken)
    tapped.tap(whole)
    sent = []
    for number, (sequence, payload, level, redundant) in enumerate(arriving):
        packet = sequence, number * 960, payload, number * 20 * MS, level
        for source in (plain, tapped):
            source.push(*packet, redundant=redundant)
        sent.append((*packet, redundant))
        first, second = (source.pull(number * 20 * MS + 5) for source in (plain, tapped))
        assert (first is None) == (second is None)
        assert first is None or second is None or first.tobytes() == second.tobytes()
    assert whole.told == sent
    assert broken.told == sent[:fails_at]
    assert broken.was_dropped == (len(sent) > fails_at)
    assert plain.stats == tapped.stats


def test_a_tap_is_told_of_restarts_until_it_is_taken_off(caplog: pytest.LogCaptureFixture) -> None:
    source, tap, other = make_source(), Tap(), Tap(fails_at=0)
    untap = source.tap(tap)
    source.tap(other)
    decoder = OpusCodec().make_decoder()
    source.restart(decoder)
    assert source.decoder is decoder
    assert tuple(source.taps) == (tap,)
    assert "a test failed" in caplog.text
    source.restart()
    untap()
    untap()
    source.restart()
    assert tap.told == [("restarted", decoder), ("restarted", None)]


def silence(source: PacketSource, bypass: Bypass, begin: int = 0) -> int:
    """Send silence. Returns how many packets took the bypass."""
    passed = 0
    for number in range(begin, begin + 60):
        if bypass.left:
            bypass.left -= 1
            passed += 1
        else:
            source.push(number, number * 960, SILENCE, number * 20 * MS, -127)
        source.pull(number * 20 * MS + 5)
    return passed


@pytest.mark.parametrize("wants_silence", [False, True])
def test_silent_packets_go_by_unless_a_tap_wants_them(wants_silence: bool) -> None:
    source, bypass, tap = make_source(), Bypass(), Tap(wants_silence=wants_silence)
    source.bypass = bypass
    untap = source.tap(tap)
    assert (source.bypass is bypass) is not wants_silence
    passed = silence(source, bypass)
    assert len(tap.told) == 60 - passed
    assert (passed > 0) is not wants_silence
    assert source.stats.passed_over + source.stats.decoded == 60 - source.buffered_ms // 20
    untap()
    assert source.bypass is bypass
    assert silence(source, bypass, 60) > 0


def test_a_bypass_that_is_offered_while_somebody_wants_silence_is_taken_up_later() -> None:
    source, bypass = make_source(), Bypass()
    first, second = source.tap(Tap(wants_silence=True)), source.tap(Tap(wants_silence=True))
    source.bypass = bypass
    bypasses = [source.bypass]
    for untap in (first, second):
        untap()
        bypasses.append(source.bypass)
    assert bypasses == [None, None, bypass]


def test_another_source_keeps_its_bypass() -> None:
    tapped, other = make_source(), make_source()
    tapped.bypass, other.bypass = Bypass(), (kept := Bypass())
    tapped.tap(Tap(wants_silence=True))
    assert [tapped.bypass, other.bypass] == [None, kept]


def test_a_tap_that_cannot_even_come_to_its_end_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Hopeless(Tap):
        def dropped(self) -> None:
            raise RuntimeError("not even that")

    source, other = make_source(), Tap()
    source.tap(Hopeless(fails_at=0))
    source.tap(other)
    source.push(1, 0, VOICE[0], 0)
    assert len(other.told) == 1
    assert "could not come to its end" in caplog.text


@pytest.mark.parametrize("fails_at", [-1, 0, 5])
def test_the_messages_of_a_caller_are_told_too(fails_at: int) -> None:
    chance = random.Random(1)
    plain, tapped = (PacedSource(PcmuCodec().make_decoder(), LegSettings()) for _ in range(2))
    tap = Tap(fails_at=fails_at)
    untap: Callable[[], None] = tapped.tap(tap)
    lengths = [chance.choice((0, 80, 160, 400)) for _ in range(20)]
    messages = [(chance.randbytes(length), n * 20, n * 20 * MS) for n, length in enumerate(lengths)]
    for message in messages:
        assert plain.push(*message) == tapped.push(*message)
        first, second = plain.pull(message[2] + 1), tapped.pull(message[2] + 1)
        assert (None if first is None else first.tobytes()) == (None if second is None else second.tobytes())
    assert tap.told == messages[: None if fails_at < 0 else fails_at]
    assert tap.was_dropped == (fails_at >= 0)
    untap()
    tapped.push(*messages[0])
    assert len(tapped.taps) == 0
