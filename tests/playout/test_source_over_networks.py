"""What a voice suffers on its way through every kind of network, and how late it is: the figures that we promise.

Nothing here waits or is left to chance: a network is a seed, an hour is 180 000 pulls.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from tests.netem import Network, every_20_ms, in_phases
from tests.playback import Playback, pcm, play
from tests.room.fakes import steady
from tests.speech import spoken

PHASES = (1.0, 4.0, 7.0, 14.0, 19.0)
"""When the room's tick comes, in milliseconds after a packet was sent."""

CALM = Network(seed=1, jitter_ms=1)
EVERY_PHASE = pytest.mark.parametrize("phase_ms", PHASES)
BOTH_VOICES = pytest.mark.parametrize("voice", ["talks without a pause", "talks in words"])


@cache
def said(voice: str) -> Samples:
    """A minute and some seconds of it."""
    sound = spoken(10)
    if voice == "talks without a pause":
        loud = np.abs(sound.astype(np.int32)).reshape(-1, 240).max(axis=1) > 400
        sound = sound.reshape(-1, 240)[loud].reshape(-1)
    times = -(-70 * SAMPLE_RATE // len(sound))
    return np.tile(sound, times)[: 70 * SAMPLE_RATE]


@cache
def packets(voice: str) -> list[bytes]:
    return pcm(said(voice))


def hear(voice: str, network: Network, *, seconds: int = 60, phase_ms: float = 7.0) -> Playback:
    arrivals = network.deliver(every_20_ms(seconds * 50 + 20))
    return play(packets(voice), arrivals, phase_ms=phase_ms, ticks=seconds * 50)


def gaps(playback: Playback, from_s: float, to_s: float) -> float:
    """Concealed frames among all, as a share."""
    return playback.concealed_between(from_s, to_s) / ((to_s - from_s) * 50)


@BOTH_VOICES
@EVERY_PHASE
def test_on_a_clean_network_sound_waits_for_its_tick_only(voice: str, phase_ms: float) -> None:
    playback = hear(voice, CALM, phase_ms=phase_ms, seconds=20)
    expected = phase_ms if phase_ms >= 3 else phase_ms + 20
    assert playback.delays(1) == pytest.approx(expected, abs=0.1)
    assert playback.concealed[-1] == 0
    assert playback.source.stats.shortened + playback.source.stats.lengthened == 0
    assert playback.delay_by_ear(said(voice), 10.2) == pytest.approx(expected, abs=1.1)


@BOTH_VOICES
@EVERY_PHASE
@pytest.mark.parametrize("seed", [1, 2])
def test_with_jitter_of_60_ms_there_is_no_gap_and_no_more_delay_than_it_takes(
    voice: str, phase_ms: float, seed: int
) -> None:
    playback = hear(voice, Network(seed=seed, jitter_ms=60), phase_ms=phase_ms)
    assert gaps(playback, 2, 60) < 0.002
    assert np.median(playback.delays(2)) <= 85
    assert np.percentile(playback.delays(2), 95) <= 90


@pytest.mark.parametrize("jitter_ms", [5, 20, 40, 80, 120])
def test_the_delay_follows_the_jitter(jitter_ms: int) -> None:
    playback = hear("talks in words", Network(seed=7, jitter_ms=jitter_ms), seconds=30)
    assert jitter_ms - 1 <= np.median(playback.delays(3)) <= jitter_ms * 1.08 + 22
    assert gaps(playback, 3, 30) < 0.005


@BOTH_VOICES
@EVERY_PHASE
def test_after_a_minute_of_100_ms_jitter_the_delay_is_back_within_seconds(voice: str, phase_ms: float) -> None:
    phases = [(100, CALM), (2500, Network(seed=2, jitter_ms=100)), (9999, CALM)]
    arrivals = in_phases(every_20_ms(3450), phases)
    playback = play(packets(voice), arrivals, phase_ms=phase_ms, ticks=3420)
    clean = float(np.median(playback.delays(1, 2)))
    assert np.median(playback.delays(5, 50)) > 90
    assert gaps(playback, 4, 52) < 0.002
    assert playback.delays(52 + 7) == pytest.approx(clean, abs=10)
    assert gaps(playback, 52, 68) == 0
    assert playback.delay_by_ear(said(voice), 66.2) == pytest.approx(clean, abs=11)


@BOTH_VOICES
@EVERY_PHASE
@pytest.mark.parametrize("seed", [1, 2])
def test_bursts_of_loss_leave_no_delay_behind(voice: str, phase_ms: float, seed: int) -> None:
    playback = hear(voice, Network(seed=seed, jitter_ms=1, loss=0.1, burst=3), phase_ms=phase_ms, seconds=40)
    clean = phase_ms if phase_ms >= 3 else phase_ms + 20
    assert np.median(playback.delays(1)) == pytest.approx(clean, abs=0.1)
    assert playback.delay_by_ear(said(voice), 38.2) == pytest.approx(clean, abs=2)
    assert playback.source.stats.jitter.late == 0


@EVERY_PHASE
def test_after_a_burst_of_loss_the_next_packet_is_heard_at_once(phase_ms: float) -> None:
    for burst in range(1, 12):
        arrivals = [one for one in CALM.deliver(every_20_ms(60)) if not 30 <= one[1] < 30 + burst]
        payloads = [steady(1000 + number).tobytes() for number in range(60)]
        playback = play(payloads, arrivals, phase_ms=phase_ms, ticks=60)
        first = next(tick for tick, one in enumerate(playback.frames) if one is not None and one[-1] == 1000)
        after = next(tick for tick, one in enumerate(playback.frames) if one is not None and one[-1] == 1030 + burst)
        assert after - first == 30 + burst


@EVERY_PHASE
@pytest.mark.parametrize("gone", [3, 50, 400])
def test_law_8_one_lost_packet_is_one_concealed_frame_and_no_delay(phase_ms: float, gone: int) -> None:
    """Loss: one lost packet costs at most one concealed frame: no stall, and no delay that stays."""
    arrivals = [one for one in CALM.deliver(every_20_ms(600)) if one[1] != gone]
    playback = play(packets("talks in words"), arrivals, phase_ms=phase_ms, ticks=600)
    assert playback.concealed[-1] == 1
    assert all(frame is not None for frame in playback.frames[gone - 1 : gone + 4])
    assert playback.behind_ms[gone + 3 :] == pytest.approx([playback.behind_ms[gone - 1]] * (600 - gone - 3), abs=1)


class Endless(list[bytes]):
    """Packets that come round again."""

    def __getitem__(self, index: int) -> bytes:  # type: ignore[override]
        return super().__getitem__(index % super().__len__())


@pytest.mark.parametrize("ppm", [-200, 200])
def test_an_hour_with_a_clock_that_is_off_by_200_ppm(ppm: int) -> None:
    sound = said("talks without a pause")[: 480 * FRAME_SAMPLES]
    arrivals = Network(seed=1, jitter_ms=1, drift_ppm=ppm, delay_ms=5000).deliver(every_20_ms(180_000))
    playback = play(Endless(pcm(sound)), arrivals, phase_ms=5008, ticks=179_000)
    delays = playback.delays(1, 3570)
    assert np.abs(delays - np.median(delays)).max() <= 20
    assert delays.max() <= 33
    assert playback.source.stats.concealed == 0
    assert playback.source.stats.jitter.late == 0
    heard = playback.sound_between(3000, 3570)
    assert loudness(heard) == pytest.approx(loudness(sound), abs=0.1)
    rounds = heard[: len(heard) // sound.size * sound.size].reshape(-1, sound.size)
    assert all(loudness(one) == pytest.approx(loudness(sound), abs=0.5) for one in rounds)
    steepest = np.abs(np.diff(np.append(sound, sound[0]).astype(np.int32))).max()
    assert np.abs(np.diff(heard.astype(np.int32))).max() <= 1.15 * steepest


def loudness(sound: NDArray[np.generic]) -> float:
    return 10 * float(np.log10(np.mean(sound.astype(np.float32) ** 2, dtype=np.float64)))


@pytest.mark.parametrize("voice", ["talks without a pause", "talks in words"])
def test_mu_law_over_a_connection_that_stalls_catches_up(voice: str) -> None:
    encoder = PcmuCodec().make_encoder()
    payloads = [encoder.encode(frame) for frame in said(voice)[: 3000 * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)]
    stalls = Network(seed=4, stall_every_ms=3000, stall_ms=200)
    arrivals = in_phases(every_20_ms(3000), [(2000, stalls), (9999, CALM)])
    decoder = PcmuCodec().make_decoder()
    playback = play(payloads, arrivals, decoder=decoder, ticks=2990, duration=160)
    assert playback.delays(0, 40).max() <= 240  # the stall, and a tick and what is left of a packet
    assert np.median(playback.delays(30, 40)) <= np.median(playback.delays(15, 25)) + 25
    assert playback.delays(48) == pytest.approx(7, abs=10)


@EVERY_PHASE
def test_duplicates_and_packets_out_of_order_cost_nothing_but_the_time_they_need(phase_ms: float) -> None:
    twice = hear("talks in words", Network(seed=3, duplicate=0.5), phase_ms=phase_ms, seconds=20)
    assert twice.concealed[-1] == 0
    assert twice.source.delay_ms == 3
    mixed = hear("talks in words", Network(seed=3, reorder=0.05, reorder_by_ms=30), phase_ms=phase_ms, seconds=20)
    assert gaps(mixed, 2, 20) < 0.005
    assert np.median(mixed.delays(2)) <= 55


@EVERY_PHASE
def test_a_pause_of_minutes_leaves_the_delay_as_it_was(phase_ms: float) -> None:
    sent = [*every_20_ms(200), *every_20_ms(200, start_ns=180_000_000_000)]
    network = Network(seed=1, jitter_ms=30, drift_ppm=100)
    pause = (sent[200] - sent[199]) // 20_000_000 - 1
    arrivals = network.deliver(sent)
    spoken = packets("talks in words")[:400]
    playback = play(spoken, arrivals, phase_ms=phase_ms, ticks=pause + 390, pauses={200: pause})
    delays = playback.delays()
    after = delays[pause + 220 : pause + 390]
    assert np.median(after) == pytest.approx(np.median(delays[100:190]), abs=20.5)
    assert playback.source.stats.jitter.restarts == 0


@BOTH_VOICES
def test_opus_survives_it_all_at_once(voice: str) -> None:
    encoder = OpusCodec(bitrate=32_000, expected_loss=10).make_encoder()
    frames = said(voice)[: 1500 * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    payloads = [encoder.encode(frame) for frame in frames]
    network = Network(seed=9, loss=0.05, burst=2, jitter_ms=50, duplicate=0.05, reorder=0.05, drift_ppm=150)
    decoder = OpusCodec().make_decoder()
    playback = play(payloads, network.deliver(every_20_ms(1500)), decoder=decoder, ticks=1450)
    assert np.median(playback.delays(2)) <= 100
    assert gaps(playback, 2, 29) < 0.07
    # (how it sounds is measured in bench/)
    assert loudness(playback.sound[96_000:]) == pytest.approx(loudness(frames.reshape(-1)[96_000:]), abs=1.0)


@EVERY_PHASE
def test_what_was_late_while_somebody_was_silent_does_not_delay_their_next_word(phase_ms: float) -> None:
    """Somebody who is silent costs next to nothing, and their next word comes without the delay of a bad minute."""
    phases = [(500, Network(seed=2, jitter_ms=100)), (9999, CALM)]
    arrivals = in_phases(every_20_ms(1000), phases)
    levels = [-127] * 800 + [-20] * 200
    silent_at_first = [bytes(2 * FRAME_SAMPLES)] * 800 + packets("talks without a pause")[800:]
    playback = play(silent_at_first, arrivals, phase_ms=phase_ms, ticks=990, levels=levels)
    clean = phase_ms if phase_ms >= 3 else phase_ms + 20
    assert playback.delays(16.5) == pytest.approx(clean, abs=0.1)
    assert playback.source.stats.decoded <= 3 + 200
    assert playback.source.stats.concealed == 0


@pytest.mark.parametrize("phase_ms", PHASES[1::2])
@pytest.mark.parametrize("packet_ms", [2.5, 10.0, 20.0, 60.0, 120.0])
def test_the_delay_of_a_single_stall_is_gone_within_five_seconds(phase_ms: float, packet_ms: float) -> None:
    size = round(packet_ms * SAMPLE_RATE / 1000)
    payloads = pcm(said("talks without a pause")[: 12 * SAMPLE_RATE], size)
    for begin_ms, length_ms in ((0.0, 120.0), (300.0, 215.0), (2000.0, 70.0), (3000.0, 170.0)):
        end_ms = begin_ms + length_ms
        sent = [number * packet_ms for number in range(len(payloads))]
        came = [end_ms if begin_ms <= at_ms < end_ms else at_ms for at_ms in sent]
        arrivals = [(round(at_ms * 1e6), number) for number, at_ms in enumerate(came)]
        ticks = round((end_ms + 5500) / 20)
        playback = play(payloads, arrivals, phase_ms=phase_ms, ticks=ticks, duration=size)
        assert playback.delays((end_ms + 5000) / 1000).max() <= max(packet_ms, 20.0) + 25
