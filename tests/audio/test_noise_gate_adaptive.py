"""The gate learns a source's background, lets voices through it whole, and swallows no steady sound that is meant."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.detector import OnsetDetector
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.noise_gate import GateSettings, NoiseGate
from conference.codecs.opus import OpusCodec
from tests.audio.backgrounds import Wave, at_level, noise, recorded
from tests.speech import spoken
from tests.tones import tone

TICKS_PER_SECOND = 50


@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
@pytest.mark.parametrize("level", [-70.0, -60.0, -50.0])
def test_steady_noise_is_learnt_within_two_seconds_and_then_never_opens_the_gate(colour: str, level: float) -> None:
    gate = NoiseGate(adaptive=True)
    heard = [gate.process(frame) for frame in recorded(noise(colour, 30.0, level))]
    assert not any(heard[2 * TICKS_PER_SECOND :])


@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
@pytest.mark.parametrize("level", [-70.0, -60.0, -50.0, -45.0])
def test_noise_that_came_over_opus_never_opens_the_gate(colour: str, level: float) -> None:
    codec = OpusCodec(bitrate=32_000, fec=False, expected_loss=0)
    encoder, decoder = codec.make_encoder(), codec.make_decoder()
    gate = NoiseGate(adaptive=True)
    heard = [
        gate.process(decoder.decode(encoder.encode(frame))) for frame in recorded(noise(colour, 20.0, level, seed=3))
    ]
    assert not any(heard[3 * TICKS_PER_SECOND :])


def test_the_fixed_gate_knows_no_noise() -> None:
    gate = NoiseGate()
    assert all(gate.process(frame) for frame in recorded(noise("pink", 3.0, -60.0)))
    assert GateSettings(adaptive=False).threshold == GateSettings().threshold


@pytest.mark.parametrize("frequency", [120.0, 440.0, 1000.0, 3000.0])
@pytest.mark.parametrize("level", [-36.0, -20.0, -6.0])
def test_a_steady_tone_stays_open_for_a_minute(frequency: float, level: float) -> None:
    gate = NoiseGate(adaptive=True)
    assert all(gate.process(frame) for frame in recorded(tone(frequency, 60.0, level + 3).astype(np.float64))[1:])


@pytest.mark.parametrize("snr", [30.0, 25.0, 20.0])
def test_words_keep_their_beginnings_in_noise(snr: float) -> None:
    """Less than 1 dB of the energy of any word's first 40 ms is lost, wherever in a frame it begins."""
    losses = []
    for seed in range(1, 7):
        lead = 2 * SAMPLE_RATE + seed * 149
        voice = np.concatenate([np.zeros(lead), at_level(spoken(6.0, seed=seed), -30.0)])
        gate = NoiseGate(adaptive=True, hangover_ticks=2)  # so that it closes before every word
        frames = recorded(voice + noise("pink", len(voice) / SAMPLE_RATE, -30.0 - snr, seed=seed))
        heard = np.repeat([gate.process(frame) for frame in frames], FRAME_SAMPLES)
        sounding = np.flatnonzero(voice[: len(heard)])
        for start in sounding[np.diff(sounding, prepend=0) > 0.06 * SAMPLE_RATE]:
            word = slice(start, start + SAMPLE_RATE // 25)
            energy = voice[: len(heard)][word] ** 2
            losses.append(10 * np.log10(energy.sum() / max(1e-9, float(energy @ heard[word]))))
    assert len(losses) > 20
    assert max(losses) <= 1.0


def test_a_word_that_begins_at_the_end_of_a_frame_opens_it_as_a_whole() -> None:
    gate = NoiseGate(adaptive=True)
    background = recorded(noise("white", 3.0, -60.0))
    for frame in background[:-1]:
        gate.process(frame)
    assert not gate.open
    onset = background[-1].copy()
    onset[-200:] += tone(500.0, 200 / SAMPLE_RATE, -32.0, fade=0.0)
    assert gate.process(onset)


def in_background(*decibels: float, level: float = -68.0) -> Samples:
    """A frame of a steady whistle where voices are, whose quarters are so many dB above what it is usually."""
    whistle = tone(2000.0, 0.02, level, fade=0.0).astype(np.float64).reshape(len(decibels), -1)
    louder = whistle * 10 ** (np.array(decibels) / 20)[:, np.newaxis]
    return np.rint(louder).astype(np.int16).reshape(-1)


@pytest.mark.parametrize(
    ("decibels", "opens"),
    [
        ((10.0,) * 4, True),  # the frame as a whole, though none of its parts by more than that
        ((0.0, 0.0, 0.0, 13.0), True),  # a part of it, though the frame as a whole is 7.7 dB above
        ((8.0,) * 4, False),
        ((0.0, 0.0, 0.0, 11.0), False),
    ],
)
def test_either_a_frame_or_a_quarter_of_it_that_stands_out_opens_the_gate(
    decibels: tuple[float, ...], opens: bool
) -> None:
    gate = NoiseGate(adaptive=True, hangover_ticks=0)
    for _ in range(100):
        gate.process(in_background(0.0))
    assert not gate.open
    assert gate.process(in_background(*decibels)) is opens


@pytest.mark.parametrize(("decibels", "stays"), [(7.0, True), (5.0, False)])
def test_an_open_gate_is_kept_open_by_less_than_opens_it(decibels: float, stays: bool) -> None:
    gate = NoiseGate(adaptive=True, hangover_ticks=1)
    for _ in range(100):
        gate.process(in_background(0.0))
    assert gate.process(in_background(12.0))
    for _ in range(2):
        gate.process(in_background(decibels))
    assert gate.open is stays


def test_a_voice_in_noise_is_not_chopped() -> None:
    voice = at_level(spoken(8.0), -35.0)
    frames = recorded(voice + noise("pink", 8.0, -55.0))
    gate = NoiseGate(adaptive=True)
    heard = np.repeat([gate.process(frame) for frame in frames], FRAME_SAMPLES)
    energy = voice[: len(heard)] ** 2
    assert float(energy @ heard) > 0.999 * energy.sum()
    assert np.count_nonzero(np.diff(heard.astype(int))) <= 4, "the pauses between words are bridged"


def test_whoever_speaks_without_a_pause_from_the_first_moment_is_heard_throughout() -> None:
    voice = spoken(10.0, seed=3)
    gapless = voice[np.abs(np.convolve(np.abs(voice.astype(float)), np.ones(480) / 480, "same")) > 100]
    gate = NoiseGate(adaptive=True)
    assert all(gate.process(frame) for frame in recorded(at_level(gapless, -45.0))[1:])


def test_the_floor_falls_at_once_when_the_fan_is_switched_off() -> None:
    gate = NoiseGate(adaptive=True)
    for frame in recorded(noise("white", 3.0, -50.0)):
        gate.process(frame)
    murmur = recorded(noise("white", 0.5, -56.0))
    assert not gate.process(murmur[0])
    gate.process(SILENCE)
    assert gate.process(murmur[1])


def test_comfort_noise_between_gaps_does_not_open_the_gate_but_a_long_pause_says_that_there_is_no_noise() -> None:
    gate = NoiseGate(adaptive=True)
    background = recorded(noise("white", 4.0, -60.0))
    for frame in background[:150]:
        gate.process(frame)
    for update in background[150:160]:  # Opus DTX: one frame in 400 ms
        for _ in range(19):
            assert not gate.silent()
        assert not gate.process(update)
    for _ in range(TICKS_PER_SECOND):
        gate.silent()
    assert gate.process(background[160])


def test_clearance_says_how_far_a_voice_stands_above_its_noise() -> None:
    gate = NoiseGate(adaptive=True)
    for frame in recorded(noise("white", 3.0, -55.0)):
        gate.process(frame)
    assert gate.clearance < 5
    gate.process(recorded(noise("white", 0.1, -30.0))[0])
    assert gate.clearance == pytest.approx(25, abs=4)
    gate.silent()
    assert gate.clearance == 0


def test_a_closed_gate_remembers_the_noise() -> None:
    gate = NoiseGate(adaptive=True)
    background = recorded(noise("white", 3.0, -55.0))
    for frame in background:
        gate.process(frame)
    gate.process(recorded(tone(500.0, 0.1, -20.0).astype(np.float64))[1])
    assert gate.open
    gate.close()
    assert not gate.process(background[0])


def burst(low: float, high: float, seconds: float, level: float, *, seed: int) -> Wave:
    """Noise between two frequencies, as loud as that in dBov."""
    length = round(seconds * SAMPLE_RATE)
    frequencies = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(length))
    spectrum[(frequencies < low) | (frequencies > high)] = 0
    wave: Wave = np.fft.irfft(spectrum, length)
    wave *= 32768 * 10 ** (level / 20) / wave.std()
    return wave


@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
@pytest.mark.parametrize(
    ("low", "high", "above"),
    [
        pytest.param(4000.0, 9000.0, 9.0, id="s"),
        pytest.param(3000.0, 10_000.0, 8.0, id="f"),
        pytest.param(150.0, 350.0, 20.0, id="m"),
    ],
)
def test_a_word_that_begins_beside_the_voice_loses_no_more_than_10_ms(
    colour: str, low: float, high: float, above: float
) -> None:
    """What it begins with stands out of the noise in its own band alone, and lasts for 90 ms."""
    for seed in range(8):
        background = noise(colour, 5.0, -50.0, seed=seed)
        start = 4 * SAMPLE_RATE + seed * 131
        spectrum = np.abs(np.fft.rfft(background)) ** 2
        frequencies = np.fft.rfftfreq(len(background), 1 / SAMPLE_RATE)
        there = spectrum[(frequencies >= low) & (frequencies <= high)].sum() / spectrum.sum()
        word = burst(low, high, 0.09, -50.0 + 10 * np.log10(there) + above, seed=seed)
        background[start : start + len(word)] += word
        gate = NoiseGate(adaptive=True)
        heard = np.repeat([gate.process(frame) for frame in recorded(background)], FRAME_SAMPLES)
        assert not heard[: start - FRAME_SAMPLES][2 * SAMPLE_RATE :].any()
        assert np.count_nonzero(~heard[start : start + len(word)]) <= SAMPLE_RATE // 100


def chord(level: float, seconds: float) -> Wave:
    moments = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.zeros(len(moments))
    for frequency in (220.0, 277.2, 329.6):
        for overtone in range(1, 7):
            wave += np.sin(2 * np.pi * frequency * overtone * moments + overtone) / overtone
    wave *= 32768 * 10 ** (level / 20) / wave.std()
    return wave


@pytest.mark.parametrize("level", [-45.0, -38.0, -20.0])
def test_a_chord_that_is_held_is_no_noise(level: float) -> None:
    gate = NoiseGate(adaptive=True)
    assert all(gate.process(frame) for frame in recorded(chord(level, 15.0) + noise("pink", 15.0, -75.0))[1:])
    assert gate.holds_tones


def test_neither_noise_nor_speech_is_taken_for_music() -> None:
    gate = NoiseGate(adaptive=True)
    for colour in ("white", "pink", "brown"):
        for frame in recorded(noise(colour, 6.0, -48.0)):
            gate.process(frame)
            assert not gate.holds_tones
    gate = NoiseGate(adaptive=True)
    held = []
    for frame in recorded(at_level(spoken(20.0, seed=2), -26.0) + noise("pink", 20.0, -60.0)):
        gate.process(frame)
        held.append(gate.holds_tones)
    assert np.mean(held) < 0.1


def test_a_shout_of_two_seconds_without_a_breath_is_not_taken_for_music() -> None:
    for seed in (1, 3, 5):
        voice = spoken(12.0, seed=seed)
        gapless = voice[np.abs(np.convolve(np.abs(voice.astype(float)), np.ones(480) / 480, "same")) > 100]
        shout = at_level(gapless[: 2 * SAMPLE_RATE], -12.0)
        talk = at_level(spoken(6.0, seed=seed), -40.0)
        gate = NoiseGate(adaptive=True)
        wave = np.concatenate([talk, shout, talk])
        for frame in recorded(wave + noise("pink", len(wave) / SAMPLE_RATE, -75.0)[: len(wave)]):
            gate.process(frame)
            assert not gate.holds_tones


def test_quiet_music_with_drums_is_taken_for_music() -> None:
    music = chord(-63.0, 10.0)
    for beat in range(0, len(music), SAMPLE_RATE // 2):
        music[beat : beat + SAMPLE_RATE // 12] += burst(100.0, 8000.0, 1 / 12, -42.0, seed=beat)
    gate = NoiseGate(adaptive=True)
    told = []
    for frame in recorded(music + noise("pink", 10.0, -80.0)):
        gate.process(frame)
        told.append(gate.holds_tones)
    assert np.mean(told[TICKS_PER_SECOND:]) > 0.9


def hums(chance: np.random.Generator, frames: int) -> list[float]:
    """The squares of noise in a band that is narrow: of nine degrees of freedom in a frame."""
    squares: list[float] = (1e4 * chance.chisquare(9, frames) / 9).tolist()
    return squares


def told(detector: OnsetDetector, squares: list[float]) -> list[bool]:
    """Whether anything stands out in each of these frames, where there is as much hiss and murmur as ever."""
    return [detector.stands_out([100.0] * 4, 1e3, square) for square in squares]


def test_an_hour_of_noise_in_a_narrow_band_never_stands_out() -> None:
    chance = np.random.default_rng(1)
    assert not any(told(OnsetDetector(1.0), hums(chance, 3600 * TICKS_PER_SECOND)))


@pytest.mark.parametrize(("above", "frames"), [(10.0, 1), (8.0, 2), (7.0, 3)])
def test_what_lasts_stands_out_by_less(above: float, frames: int) -> None:
    """In a band that is narrow some frames of noise together vary less than one, so they are looked at together."""
    detector = OnsetDetector(1.0)
    assert not any(told(detector, [1e4] * 100))
    assert told(detector, [1e4 * 10 ** (above / 10)] * frames) == [False] * (frames - 1) + [True]


@pytest.mark.parametrize("seed", range(5))
def test_the_noise_floor_is_near_the_mean_however_much_noise_varies(seed: int) -> None:
    detector = OnsetDetector(1.0)
    for square in hums(np.random.default_rng(seed), 500):
        detector.stands_out([100.0] * 4, 1e3, square)
    detector.stands_out([1e5] * 4, 1e6, 1e7)
    assert 29.9 < 10 * np.log10(detector.ratio) < 31.5


def test_a_third_of_a_second_is_not_learnt_as_noise() -> None:
    detector = OnsetDetector(1.0)
    told(detector, hums(np.random.default_rng(2), 500))
    assert all(told(detector, [1e6] * 17))
    told(detector, hums(np.random.default_rng(3), 20))
    assert all(told(detector, [1e6] * 3))


def test_noise_that_becomes_louder_by_a_decibel_a_second_does_not_open_the_gate() -> None:
    louder = 10 ** (np.arange(15 * SAMPLE_RATE) / SAMPLE_RATE / 20)
    gate = NoiseGate(adaptive=True)
    heard = [gate.process(frame) for frame in recorded(noise("white", 15.0, -65.0) * louder)]
    assert not any(heard[3 * TICKS_PER_SECOND :])


@pytest.mark.parametrize("value", [8, -8, 100, -300])
def test_a_constant_is_no_voice_even_if_it_is_above_the_threshold(value: int) -> None:
    gate = NoiseGate(adaptive=True)
    constant = np.full(FRAME_SAMPLES, value, np.int16)
    assert not any(gate.process(constant) for _ in range(200))
    word = recorded(at_level(spoken(1.0, seed=1), -30.0) + value)
    assert any(gate.process(frame) for frame in word)


def test_silence_after_a_long_silence_changes_nothing() -> None:
    gate, other = NoiseGate(adaptive=True), NoiseGate(adaptive=True)
    frames = recorded(noise("white", 3.0, -50.0))
    for one in (gate, other):
        for frame in frames:
            one.process(frame)
    for _ in range(60):
        gate.silent()
    for _ in range(500):
        other.silent()
    word = recorded(at_level(spoken(1.0, seed=1), -50.0) + noise("white", 1.0, -60.0))
    assert [gate.process(frame) for frame in word] == [other.process(frame) for frame in word]
