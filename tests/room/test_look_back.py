"""A word that begins faintly is heard from its beginning, late at first, and nothing of it twice or out of order."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.room.look_back import LOOK_BACK_TICKS, LookBack
from conference.room.voice import Voice, VoiceSettings
from tests.audio.backgrounds import noise, recorded
from tests.speech import spoken
from tests.tones import tone


def voiced(seconds: float) -> list[Samples]:
    """A voice of 200 Hz."""
    return recorded(
        np.sum([tone(200.0 * k, seconds, -20.0 - 3 * k, fade=0.0) for k in range(1, 8)], axis=0, dtype=float)
    )


@pytest.mark.parametrize("kept", range(LOOK_BACK_TICKS + 1))
def test_what_was_kept_comes_first_and_the_delay_is_given_back(kept: int) -> None:
    frames = voiced(3.0)
    look_back = LookBack()
    look_back.begin(frames[:kept])
    heard = [look_back.play(frame, background=False) for frame in frames[kept:]]
    begun = np.concatenate(heard[:5])
    np.testing.assert_array_equal(begun, np.concatenate(frames)[: len(begun)])
    assert look_back.delay == 0
    for one, came in zip(heard[-5:], frames[-5:], strict=True):
        np.testing.assert_array_equal(one, came)
    assert all(len(one) == FRAME_SAMPLES for one in heard)
    steps = np.abs(np.diff(np.concatenate(heard).astype(int))).max()
    assert steps <= 1.1 * np.abs(np.diff(np.concatenate(frames).astype(int))).max(), "no seam clicks"


def test_in_quiet_the_delay_is_gone_at_once_once_the_word_is_under_way() -> None:
    frames = recorded(noise("pink", 0.4, -60.0))
    look_back = LookBack()
    look_back.begin(frames[:2])
    for frame in frames[2:14]:
        look_back.play(frame, background=True)
    assert look_back.delay == 0


def test_of_what_was_kept_only_what_is_right_before_is_taken() -> None:
    frames = voiced(0.2)
    look_back = LookBack()
    look_back.keep(frames[0], -40.0, 5.0, faint=True)
    for frame in frames[1:5]:
        look_back.keep(frame, -60.0, 0.0, faint=False)
    assert not look_back.take()
    for frame in frames:
        look_back.keep(frame, -40.0, 5.0, faint=True)
    kept = look_back.take()
    assert [one.frame is frame for one, frame in zip(kept, frames[-LOOK_BACK_TICKS:], strict=True)] == [True] * 4
    assert not look_back.take()
    look_back.keep(frames[0], -40.0, 5.0, faint=True)
    look_back.forget()
    assert not look_back.take()


@pytest.mark.parametrize(
    ("faint", "kept"),
    [
        ("f", 1),
        ("f.", 2),
        ("f..", 0),
        ("f.f", 3),
        ("..f.f", 3),
        ("f.f.f", 3),
        ("ff.ff", 4),
        ("f.f..", 0),
        ("ffffff", 4),
    ],
)
def test_play_begins_with_what_could_be_made_out_and_goes_over_a_moment_in_which_nothing_could(
    faint: str, kept: int
) -> None:
    look_back, frames = LookBack(), voiced(0.2)
    for frame, one in zip(frames, faint, strict=False):
        look_back.keep(frame, -60.0, 3.0, faint=one == "f")
    assert look_back.keeps is (kept > 0)
    taken = look_back.take()
    assert len(taken) == kept
    came = frames[len(faint) - kept : len(faint)]
    assert all(one.frame is frame for one, frame in zip(taken, came, strict=True))


@pytest.mark.parametrize("late", range(1, LOOK_BACK_TICKS + 1))
def test_nothing_of_the_first_100_ms_is_left_out_even_if_it_is_quiet(late: int) -> None:
    frames = recorded(noise("pink", 0.6, -60.0))
    look_back = LookBack()
    look_back.begin(frames[:late])
    heard = np.concatenate([look_back.play(frame, background=True) for frame in frames[late:]])
    begun = np.concatenate(frames)[: FRAME_SAMPLES * late + SAMPLE_RATE // 10]
    np.testing.assert_array_equal(heard[: len(begun)], begun)
    assert look_back.delay == 0


def test_what_is_left_when_the_gate_closes_fades_into_what_comes() -> None:
    frames = voiced(0.2)
    look_back = LookBack()
    look_back.begin(frames[:1])
    look_back.play(frames[1], background=False)
    ended = look_back.end(frames[2])
    np.testing.assert_array_equal(ended[FRAME_SAMPLES // 2 :], frames[2][FRAME_SAMPLES // 2 :])
    assert look_back.delay == 0
    assert look_back.end(frames[3]) is frames[3]


def faintly_begun(seed: int) -> tuple[list[Samples], int]:
    """Four seconds of noise, and a word that begins with a hum which is barely more than that; and its first tick."""
    start = 4 * SAMPLE_RATE
    word = np.concatenate([tone(160.0, 0.14, -58.0 + seed % 4, fade=0.02), spoken(2.0, seed=seed)])
    wave = noise("white", (start + len(word)) / SAMPLE_RATE + 1, -50.0, seed=seed)
    wave[start : start + len(word)] += word
    return recorded(wave), start // FRAME_SAMPLES


def test_a_word_that_begins_faintly_is_heard_from_before_the_gate_opened() -> None:
    late = 0
    for seed in range(1, 9):
        frames, _ = faintly_begun(seed)
        voice = Voice(VoiceSettings(levelling=False, comfort_noise=False))
        heard, opened = [], None
        for tick, frame in enumerate(frames):
            was_open = voice.talking
            one = voice.process(frame)
            heard.append(one)
            if tick > 150 and voice.talking and not was_open:
                opened = tick if opened is None else opened
        assert opened is not None
        first = heard[opened]
        assert first is not None
        behind = [
            back for back in range(LOOK_BACK_TICKS + 1) if np.array_equal(first[240:], frames[opened - back][240:])
        ]
        assert behind, "the first that is heard came at most four ticks ago"
        late += behind[0] > 0
        again = heard[opened + 75]
        assert again is not None
        np.testing.assert_array_equal(again, frames[opened + 75])
    assert late >= 4


def test_what_was_heard_with_the_background_is_not_heard_again() -> None:
    frames, _ = faintly_begun(1)
    talk = recorded(noise("white", 4.0, -50.0, seed=9))
    talk[100:150] = [
        np.clip(a.astype(int) + b, -32768, 32767).astype(np.int16)
        for a, b in zip(talk[100:150], recorded(spoken(1.0, seed=4).astype(float)), strict=True)
    ]
    voice = Voice(VoiceSettings(levelling=False))
    for frame in talk:
        voice.process(frame)
    opened = None
    for frame in frames[120:]:
        was_open = voice.talking
        one = voice.process(frame)
        if voice.talking and not was_open:
            opened = one, frame
    assert opened is not None
    assert opened[0] is not None
    np.testing.assert_array_equal(opened[0][240:], opened[1][240:], "what came before the word was heard, too")
