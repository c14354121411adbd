"""Voices come to a common loudness; what is no voice, and a voice that is loud enough, passes as it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.audio.levelling import TARGET, Leveller
from conference.audio.limiter import CEILING
from conference.audio.noise_gate import NoiseGate
from tests.audio.backgrounds import Wave, active_level, at_level, in_ticks, noise, power, recorded
from tests.speech import spoken
from tests.tones import tone

LEVELS = (-45.0, -38.0, -30.0, -26.0, -20.0, -12.0)


def levelled(wave: Wave, leveller: Leveller | None = None) -> Samples:
    """As a room would: only what an adaptive gate lets through."""
    leveller = leveller or Leveller()
    gate = NoiseGate(adaptive=True)
    heard = []
    for frame in recorded(wave):
        if gate.process(frame):
            heard.append(leveller.process(frame, gate.level, gate.clearance, loud=gate.loud))
        else:
            leveller.rest()
            heard.append(np.zeros(FRAME_SAMPLES, np.int16))
    return np.concatenate(heard)


def after_three_seconds_of_speech(voice: Wave) -> int:
    """The sample by which somebody has spoken for three seconds, pauses not counted."""
    squares = (in_ticks(voice) ** 2).mean(axis=1)
    speaking = np.cumsum(squares > squares.max() * 10**-2.5)
    return int(np.argmax(speaking >= 150)) * FRAME_SAMPLES


@pytest.mark.parametrize("background", [None, -70.0])
def test_talkers_from_45_to_12_below_full_scale_are_within_3_db_after_3_s_of_speech(background: float | None) -> None:
    loudness = []
    for seed in (1, 2, 3, 5):
        for level in LEVELS:
            voice = at_level(spoken(8.0, seed=seed), level)
            sound = voice if background is None else voice + noise("pink", 8.0, background, seed=seed)
            loudness.append(active_level(levelled(sound)[after_three_seconds_of_speech(voice) :]))
    assert max(loudness) - min(loudness) <= 3.0
    assert np.mean(loudness) == pytest.approx(TARGET, abs=1.5)


@pytest.mark.parametrize(("level", "background"), [(-45.0, -70.0), (-45.0, -63.0), (-38.0, -58.0), (-30.0, -55.0)])
def test_the_noise_between_a_quiet_talkers_words_is_not_raised_by_3_db(level: float, background: float) -> None:
    voice = at_level(spoken(12.0, seed=2), level)
    leveller = Leveller()
    heard = in_ticks(levelled(voice + noise("pink", 12.0, background), leveller))
    pauses = np.flatnonzero(np.abs(in_ticks(voice)).max(axis=1) == 0)
    pauses = pauses[pauses > 4 * 50]
    assert len(pauses) > 40
    assert leveller.gain_db > -level + TARGET - 3, "the voice itself is raised"
    assert power(heard[pauses]) <= background + 3


def test_noise_alone_is_never_raised() -> None:
    for colour in ("white", "pink", "brown"):
        assert power(levelled(noise(colour, 10.0, -55.0))) <= -55.0 + 0.1


def test_a_voice_of_about_the_right_loudness_is_untouched_bit_for_bit() -> None:
    for level in (TARGET - 1.5, TARGET, TARGET + 1.5):
        voice = at_level(spoken(6.0), level)
        np.testing.assert_array_equal(levelled(voice), np.concatenate(recorded(voice)))


@pytest.mark.parametrize("level", [-50.0, -23.0, -3.0])
def test_tones_pass_untouched_however_loud(level: float) -> None:
    for sound in (tone(440.0, 8.0, level), tone(440.0, 8.0, level - 6) + tone(613.0, 8.0, level - 6)):
        frames = recorded(sound.astype(np.float64))
        leveller, gate = Leveller(), NoiseGate()
        for frame in frames:
            gate.process(frame)
            assert leveller.process(frame, gate.level, gate.clearance, loud=gate.loud) is frame


def test_a_tone_that_the_network_has_torn_is_still_no_voice() -> None:
    """Every fifth to tenth frame is concealed or half empty, as on a machine that stalls."""
    chance = np.random.default_rng(3)
    leveller = Leveller()
    sound = in_ticks(tone(1000.0, 12.0, -12.0).astype(np.float64))
    at = 0
    while (at := at + int(chance.integers(5, 11))) < len(sound):
        sound[at] *= chance.choice([0.0, 0.3, 0.6])
    levelled(sound.ravel(), leveller)
    assert leveller.gain_db == 0


def test_somebody_loud_after_somebody_quiet_is_no_blast() -> None:
    """At no time does the gain for the quiet one make the loud one louder than they are."""
    quiet, loud = at_level(spoken(8.0, seed=1), -45.0), at_level(spoken(8.0, seed=2), -14.0)
    sound = np.concatenate([quiet, loud])
    came, heard = np.concatenate(recorded(sound)), levelled(sound)
    second = slice(len(quiet), len(quiet) + SAMPLE_RATE)
    louder = in_ticks(heard[second]) ** 2 / np.maximum(in_ticks(came[second]) ** 2, 1)
    speaking = (in_ticks(came[second]) ** 2).mean(axis=1) > 1e6
    assert np.median(louder[speaking]) <= 1.05
    assert power(heard[second]) <= power(came[second]) + 0.2
    settled = len(quiet) + after_three_seconds_of_speech(loud)
    assert active_level(heard[settled:]) == pytest.approx(TARGET, abs=2.5)


def test_somebody_quiet_after_somebody_loud_is_heard_as_well() -> None:
    quiet, loud = at_level(spoken(8.0, seed=1), -42.0), at_level(spoken(8.0, seed=2), -14.0)
    heard = levelled(np.concatenate([loud, quiet]))
    settled = len(loud) + after_three_seconds_of_speech(quiet) + SAMPLE_RATE
    assert active_level(heard[settled:]) == pytest.approx(TARGET, abs=2.5)


def test_once_settled_the_gain_hardly_moves() -> None:
    voice = at_level(spoken(20.0, seed=4), -40.0)
    leveller = Leveller()
    levelled(voice[: 8 * SAMPLE_RATE], leveller)
    before = leveller.gain_db
    levelled(voice[8 * SAMPLE_RATE :], leveller)
    assert leveller.gain_db == pytest.approx(before, abs=2)


def test_the_gain_has_no_steps() -> None:
    """Samples of one magnitude in each frame tell the gain at every sample."""
    chance = np.random.default_rng(1)
    leveller, gate = Leveller(), NoiseGate(adaptive=True)
    gains = []
    for tick in range(500):
        size = 2000 if tick == 400 else chance.choice([60, 200, 350, 500])
        frame = (size * chance.choice([-1, 1], FRAME_SAMPLES)).astype(np.int16)
        gate.process(frame)
        out = leveller.process(frame, gate.level, gate.clearance, loud=gate.loud)
        gains.append(out / frame)
    curve = np.concatenate(gains)
    assert curve.max() > 3
    assert np.abs(np.diff(curve)).max() < curve.max() / 240 + 2 / 60, "a fast ramp, and the rounding of small samples"


@given(seed=st.integers(0, 2**32), ticks=st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_whatever_comes_nothing_wraps_and_what_is_changed_stays_below_the_ceiling(seed: int, ticks: int) -> None:
    chance = np.random.default_rng(seed)
    leveller, gate = Leveller(), NoiseGate(adaptive=bool(chance.integers(2)))
    leveller.gain_db = float(chance.uniform(-18, 24))
    for _ in range(ticks):
        size = 10 ** chance.uniform(0, 4.5)
        frame = np.clip(chance.standard_normal(FRAME_SAMPLES) * size, -32768, 32767).astype(np.int16)
        gate.process(frame)
        out = leveller.process(frame, gate.level, gate.clearance, loud=gate.loud)
        assert out.dtype == np.int16
        assert (out.astype(int) * frame >= 0).all()
        assert out is frame or np.abs(out.astype(int)).max() <= CEILING
        assert -18 <= leveller.gain_db <= 24


@pytest.mark.parametrize("shout", [(-10.0, 0.4), (-10.0, 1.0), (-10.0, 2.0), (-20.0, 1.0), (-28.0, 1.0)])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_second_after_a_shout_a_quiet_talker_is_as_loud_as_before(shout: tuple[float, float], seed: int) -> None:
    level, seconds = shout
    talk = at_level(spoken(12.0, seed=seed), -40.0)
    loud = at_level(spoken(4.0, seed=seed + 10), level)
    loud = loud[np.abs(loud) > 0][: round(seconds * SAMPLE_RATE)]  # nobody pauses while shouting
    came = (
        np.concatenate([talk[: 8 * SAMPLE_RATE], loud, talk[8 * SAMPLE_RATE :]])
        + noise("pink", 12.0 + len(loud) / SAMPLE_RATE, -75.0)[: len(talk) + len(loud)]
    )
    heard = in_ticks(levelled(came))
    gain = 10 * np.log10((heard**2).mean(axis=1) + 1e-9) - 10 * np.log10((in_ticks(came) ** 2).mean(axis=1) + 1e-9)
    speaking = (in_ticks(came) ** 2).mean(axis=1) > 32768**2 * 10**-5
    end = 8 * 50 + len(loud) // FRAME_SAMPLES
    before = np.median(gain[5 * 50 : 8 * 50][speaking[5 * 50 : 8 * 50]])
    after = np.median(gain[end + 50 : end + 75][speaking[end + 50 : end + 75]])
    assert before > 9
    assert after == pytest.approx(before, abs=3)
    shouted = slice(8 * 50 + 1, end)
    loudest = (in_ticks(came) ** 2).mean(axis=1)[shouted] > 32768**2 * 10**-1.6
    assert not loudest.any() or np.median(gain[shouted][loudest]) < 2


def test_somebody_else_who_is_louder_for_seconds_is_no_shout() -> None:
    quiet, loud = at_level(spoken(6.0, seed=1), -42.0), at_level(spoken(10.0, seed=2), -18.0)
    leveller = Leveller()
    heard = levelled(np.concatenate([quiet, loud]), leveller)
    assert active_level(heard[-4 * SAMPLE_RATE :]) == pytest.approx(TARGET, abs=2.5)


def test_after_a_pause_a_quiet_voice_is_raised_from_where_it_is_and_not_at_a_stroke() -> None:
    leveller = Leveller()
    frame = np.full(FRAME_SAMPLES, 100, np.int16)
    leveller.gain_db = 20.0
    for _ in range(100):
        leveller.process(frame, -50.0, 40.0, loud=True)
    assert abs(int(leveller.process(frame, -50.0, 40.0, loud=True)[0])) > 500
    leveller.rest()
    assert abs(int(leveller.process(frame, -50.0, 40.0, loud=True)[0])) < 150
