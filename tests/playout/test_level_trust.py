"""Who talks is known from what packets say of themselves (RFC 6464), and whoever says what is not so is found out."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.opus import OpusCodec
from conference.playout.level_trust import FAR_OFF_DB, LAST_CHECK, LevelTrust
from conference.playout.silence import SILENT_DBOV
from conference.playout.source import PacketSource
from tests.room.fakes import PcmDecoder, at, steady
from tests.speech import spoken


def play(source: PacketSource, payloads: list[bytes], levels: list[int | None], *, first: int = 0) -> list[bool]:
    """Push and pull in turn. Returns on which ticks something came out."""
    heard = []
    for number, (payload, level) in enumerate(zip(payloads, levels, strict=True), first):
        source.push(number & 0xFFFF, number * FRAME_SAMPLES, payload, at(number), level)
        frame = source.pull(at(number) + 10_000_000)
        if frame is not None:
            source.compare(level_of(frame))
        heard.append(frame is not None)
    return heard


def opus(sound: Samples) -> list[bytes]:
    encoder = OpusCodec(bitrate=32_000, fec=False).make_encoder()
    return [encoder.encode(frame) for frame in sound.reshape(-1, FRAME_SAMPLES)]


@given(st.lists(st.tuples(st.floats(-75, 0), st.floats(-FAR_OFF_DB, FAR_OFF_DB)), max_size=300))
def test_who_says_about_what_is_so_is_never_found_out(said: list[tuple[float, float]]) -> None:
    trust = LevelTrust()
    for level, difference in said:
        trust.compare(level, level + difference)
    assert trust.trusted
    assert abs(trust.correction) <= FAR_OFF_DB + 1e-9


@given(difference=st.floats(FAR_OFF_DB + 5, 100), louder=st.booleans())
def test_who_is_far_off_is_found_out_within_two_seconds(difference: float, louder: bool) -> None:
    trust = LevelTrust()
    for _ in range(100):
        trust.compare(-50.0, -50.0 + (difference if louder else -difference))
    assert not trust.trusted


@given(sizes=st.lists(st.integers(3, 1276), min_size=400, max_size=400), quiet=st.floats(-127, -70))
def test_silence_that_is_silent_is_looked_into_seldomer_and_seldomer(sizes: list[int], quiet: float) -> None:
    trust = LevelTrust()
    checks = []
    for number, size in enumerate(sizes):
        if trust.is_due(size):
            trust.check_silence(-127, quiet)
            checks.append(number)
    assert trust.trusted
    assert 2 <= len(checks) <= 10
    assert 400 - checks[-1] <= LAST_CHECK


@given(said=st.floats(-127, -40), more=st.floats(0, 60))
def test_what_counts_as_silent_may_be_as_loud_as_it_was_said_to_be(said: float, more: float) -> None:
    trust = LevelTrust()
    for _ in range(10):
        trust.check_silence(said, said + more)
    assert trust.trusted == (said + more <= max(said, SILENT_DBOV) + FAR_OFF_DB)


def test_a_sender_that_speaks_and_says_that_it_is_silent_is_soon_heard(caplog: pytest.LogCaptureFixture) -> None:
    sound = spoken(4)
    source = PacketSource(OpusCodec().make_decoder())
    source.owner = "participant ben"
    with caplog.at_level(logging.WARNING):
        heard = play(source, opus(sound), [-127] * 200)
    assert source.stats.mistrusted == 1
    assert all(heard[-150:]), "within a second of which 200 ms are silent, and ever after"
    assert [one.getMessage() for one in caplog.records] == [
        "participant ben is louder or quieter than its packets say (RFC 6464): believed no more"
    ]


def test_a_sender_that_was_found_out_says_nothing_of_its_loudness_any_more() -> None:
    source = PacketSource(PcmDecoder())
    payloads = [steady(40)] * 100  # -58 dBov
    play(source, [one.tobytes() for one in payloads[:5]], [-20] * 5)
    assert source.expected_level == pytest.approx(-58, abs=1), "what was decoded counts"
    play(source, [one.tobytes() for one in payloads], [-20] * 100, first=5)
    assert source.stats.mistrusted == 1
    assert source.expected_level is None
    play(source, [bytes(2 * FRAME_SAMPLES)] * 20, [-127] * 20, first=105)
    assert source.stats.passed_over == 0, "its silence is decoded, too"


def test_another_stream_from_the_same_peer_is_believed_again() -> None:
    source = PacketSource(PcmDecoder())
    play(source, [steady(40).tobytes()] * 100, [-20] * 100)
    assert source.expected_level is None
    source.restart()
    play(source, [steady(3277).tobytes()], [-20])
    assert source.expected_level == pytest.approx(-20, abs=0.1)


def test_an_honest_sender_is_believed_through_speech_and_pauses() -> None:
    sound = np.concatenate([spoken(8), np.zeros(FRAME_SAMPLES * 300, np.int16), spoken(4, seed=2)])
    frames = sound.reshape(-1, FRAME_SAMPLES)
    levels: list[int | None] = [max(-127, round(level_of(frame))) for frame in frames]
    source = PacketSource(OpusCodec().make_decoder())
    play(source, opus(sound), levels)
    assert source.stats.mistrusted == 0
    assert source.stats.passed_over > 280
    assert source.expected_level is not None


def test_what_nobody_is_to_hear_is_not_decoded_and_waits_no_longer_for_it() -> None:
    source = PacketSource(OpusCodec().make_decoder())
    payloads = opus(spoken(4))
    play(source, payloads[:50], [-20] * 50)
    decoded, behind = source.stats.decoded, source.behind_ms(at(50) + 10_000_000)
    for number in range(50, 150):
        source.push(number, number * FRAME_SAMPLES, payloads[number], at(number), -20)
        source.skip(at(number) + 10_000_000)
    assert source.stats.decoded == decoded
    assert source.stats.passed_over >= 99
    assert source.behind_ms(at(150) + 10_000_000) == pytest.approx(behind, abs=1)


def test_a_voice_that_is_to_be_heard_again_sounds_as_if_it_had_been_decoded_all_along() -> None:
    """The decoder is given the history that its encoder leaned on."""
    payloads = opus(spoken(4))
    always, again = (PacketSource(OpusCodec().make_decoder()) for _ in range(2))
    for number, payload in enumerate(payloads):
        frames = []
        for source in (always, again):
            source.push(number, number * FRAME_SAMPLES, payload, at(number), -20)
            if source is again and 20 <= number < 100:
                source.skip(at(number) + 10_000_000)
            else:
                frames.append(source.pull(at(number) + 10_000_000))
        if number > 100:
            whole, part = (np.zeros(FRAME_SAMPLES) if one is None else one.astype(np.float64) for one in frames)
            error = float(np.square(whole - part).mean())
            assert error <= max(float(np.square(whole).mean()) / 30, 400.0), number


def test_a_source_wakes_with_the_next_packet_that_is_to_be_played_and_not_with_silence() -> None:
    woken = []
    source = PacketSource(PcmDecoder())
    play(source, [bytes(2 * FRAME_SAMPLES)] * 10, [-127] * 10)
    assert source.idle
    source.wake = lambda: woken.append(True)
    play(source, [bytes(2 * FRAME_SAMPLES)] * 100, [-127] * 100, first=10)
    assert not woken
    assert source.idle
    for number in (110, 111):
        source.push(number, number * FRAME_SAMPLES, steady(4000).tobytes(), at(number), -20)
    assert woken == [True]
    assert not source.idle
