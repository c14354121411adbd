"""What is heard of somebody's background while they pause: it neither breaks off nor comes back all at once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from conference.audio.comfort_noise import RESIDUE_DB
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.room.voice import Voice, VoiceSettings
from tests.audio.backgrounds import Wave, at_level, in_ticks, noise, recorded
from tests.speech import spoken
from tests.tones import tone


def play(voice: Voice, sound: list[Samples] | list[Samples | None]) -> Samples:
    heard = [voice.process(frame) for frame in sound]
    return np.concatenate([SILENCE if one is None else one for one in heard])


def talk_in_noise(pauses: tuple[float, ...], level: float = -50.0, colour: str = "pink") -> tuple[Wave, Wave]:
    """Words with such pauses after them: what is said, and that with the noise of a room."""
    words = np.split(at_level(spoken(4.0, seed=3), -26.0), 8)
    pieces = [np.zeros(2 * SAMPLE_RATE)]
    for word, pause in zip(words, pauses, strict=False):
        pieces += [word, np.zeros(round(pause * SAMPLE_RATE))]
    said = np.concatenate(pieces)
    return said, said + noise(colour, len(said) / SAMPLE_RATE, level)[: len(said)]


def changes(said: Wave, came: Samples, heard: Samples) -> NDArray[np.float64]:
    """From one tick to the next, between words: by how many dB the loudness of the background changes."""

    def quiet(sound: NDArray[np.generic]) -> NDArray[np.float64]:
        loudness: NDArray[np.float64] = 10 * np.log10((in_ticks(sound) ** 2).mean(axis=1) + 1e-9) - 90.3
        bounded: NDArray[np.float64] = np.maximum(loudness, -85.0)
        return bounded

    gain = quiet(heard) - quiet(came)
    bare = np.abs(in_ticks(said)).max(axis=1) == 0
    steps: NDArray[np.float64] = np.abs(np.diff(gain))
    between: NDArray[np.float64] = steps[bare[1:] & bare[:-1]][100:]
    return between


@pytest.mark.parametrize("colour", ["white", "pink", "brown"])
def test_between_words_the_background_does_not_change_by_more_than_6_db_at_once(colour: str) -> None:
    said, wave = talk_in_noise((0.6, 0.9, 1.4, 2.2, 3.0, 0.8), colour=colour)
    came = np.concatenate(recorded(wave))
    heard = play(Voice(VoiceSettings(levelling=False)), recorded(wave))
    assert changes(said, came, heard).max() <= 6
    broken_off = play(Voice(VoiceSettings(levelling=False, comfort_noise=False)), recorded(wave))
    assert changes(said, came, broken_off).max() > 20, "or the test would show nothing"


def test_a_background_fades_to_nothing_in_the_end_and_the_voice_is_at_rest() -> None:
    said, wave = talk_in_noise((8.0,))
    voice = Voice()
    heard = play(voice, [*recorded(wave), *[None] * 40])
    came = np.concatenate(recorded(wave))
    assert changes(said, came, heard[: len(came)]).max() <= 6
    assert not heard[-2 * SAMPLE_RATE :].any()
    assert voice.at_rest


def test_a_background_goes_when_somebody_else_talks() -> None:
    _, wave = talk_in_noise((4.0,))
    voice, waiting = Voice(), recorded(wave)
    play(voice, waiting[: 2 * 50])
    heard = []
    while voice.talking or len(waiting) > 180:
        heard.append(voice.process(waiting.pop(0)))
    assert heard[-1] is not None
    voice.covered = True
    rest = play(voice, waiting[:30])
    assert rest[: 5 * FRAME_SAMPLES].any()
    assert not rest[16 * FRAME_SAMPLES :].any()


def test_the_background_of_a_sender_that_sends_nothing_in_pauses_is_made_up() -> None:
    """Discontinuous transmission: 200 ms after the word nothing comes any more."""
    word = at_level(spoken(2.0, seed=3), -26.0)
    background = noise("pink", 5.2, -50.0)
    background[3 * SAMPLE_RATE : 5 * SAMPLE_RATE] += word
    came: list[Samples | None] = [*recorded(background), *[None] * 100]
    heard = play(Voice(), came)
    loudness = 10 * np.log10((in_ticks(heard) ** 2).mean(axis=1) + 1e-9) - 90.3
    assert np.abs(np.diff(loudness[252:340])).max() <= 6
    assert loudness[300:340] == pytest.approx(-50 - RESIDUE_DB, abs=4)
    made_up, real = (
        np.abs(np.fft.rfft(heard[300 * FRAME_SAMPLES : 340 * FRAME_SAMPLES])) ** 2,
        np.abs(np.fft.rfft(background[2 * SAMPLE_RATE : 2 * SAMPLE_RATE + 40 * FRAME_SAMPLES])) ** 2,
    )
    for low, high in ((100, 400), (400, 1600), (1600, 6400), (6400, 20_000)):
        band = slice(round(low * 0.8), round(high * 0.8))
        assert 10 * np.log10(real[band].sum() / made_up[band].sum()) == pytest.approx(RESIDUE_DB, abs=3)


def test_a_word_after_a_pause_begins_without_a_fade_of_its_own() -> None:
    said, wave = talk_in_noise((1.5, 1.5, 1.5))
    came = np.concatenate(recorded(wave))
    heard = play(Voice(VoiceSettings(levelling=False)), recorded(wave))
    loud = np.flatnonzero(np.abs(said[: len(heard)]) > 300)
    assert np.count_nonzero(heard[loud] != came[loud]) < 3 * 240


@pytest.mark.parametrize("sound", ["noise", "music"])
def test_original_sound_is_left_as_it_is(sound: str) -> None:
    if sound == "noise":
        came = recorded(noise("pink", 4.0, -60.0))
    else:
        came = recorded(np.sum([tone(one, 6.0, -32.0) for one in (220.0, 277.0, 330.0)], axis=0, dtype=np.float64))
    voice = Voice()
    assert voice.change(original_sound=True)
    np.testing.assert_array_equal(play(voice, list(came)), np.concatenate(came))
    assert voice.is_untouched
    assert voice.change(original_sound=False)
    assert not voice.change(original_sound=False)
    assert not play(voice, list(recorded(noise("pink", 9.0, -60.0))))[-SAMPLE_RATE:].any()
