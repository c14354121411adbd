"""Callers who are not in a room: what they hear, and how they get in with a PIN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.attendant.menu import KEYS
from conference.attendant.outside import AFTERWARDS_TICKS, OutsideCallers
from conference.attendant.pin_prompt import Answer, PinPrompt
from conference.audio.frame import SILENCE, TICK_NS, Samples
from conference.codecs.base import Codec
from conference.prompts.library import Library
from conference.room.participant import Mix
from tests.room.fakes import Ear

SECOND = 1_000_000_000
LIBRARY = Library()


class Mouth:
    """A source that counts how often it is pulled."""

    def __init__(self) -> None:
        self.pulled = 0

    def pull(self, now_ns: int) -> Samples | None:
        self.pulled += 1
        return None


class Broken:
    """A sink that fails."""

    codec: Codec | None = None

    def deliver(self, mix: Mix) -> None:
        raise OSError


class Visit:
    """One caller who is asked for the PIN of a room whose PIN is 1234."""

    def __init__(self, tries: int = 3, guesses: int = 100) -> None:
        self.outside = OutsideCallers()
        self.mouth, self.ear = Mouth(), Ear()
        self.prompt = PinPrompt(self.outside, LIBRARY, self.mouth, self.ear)
        self.now_ns = 0
        self.ticks = 0
        self.tried: list[str] = []
        self.ended = 0
        self.guesses = guesses
        self.prompt.ask_pin(self._try_pin, self._turn_away, tries=tries, timeout_ns=10 * SECOND)

    @property
    def inside(self) -> bool:
        return "1234" in self.tried

    def run(self, seconds: float = 0.02) -> None:
        for _ in range(round(seconds * 50)):
            self.outside.tick(self.ticks, self.now_ns)
            self.ticks += 1
            self.now_ns += TICK_NS

    def press(self, keys: str) -> None:
        for key in keys:
            self.prompt.press(key, self.now_ns)
            self.run()

    def heard(self) -> Samples:
        """All since the last time, without the silence at its ends."""
        samples = np.concatenate([np.zeros(1, np.int16), *(mix.samples for mix in self.ear.mixes)])
        self.ear.mixes.clear()
        return np.trim_zeros(samples)

    def _try_pin(self, pin: str) -> Answer:
        self.tried.append(pin)
        if pin == "1234":
            self.prompt.leave()
            return "right"
        self.guesses -= 1
        return "wrong" if self.guesses > 0 else "enough"

    def _turn_away(self) -> None:
        self.ended += 1
        self.prompt.leave()


def prompt(*names: str) -> Samples:
    return np.trim_zeros(LIBRARY.sequence(names))


def test_the_right_pin_lets_in() -> None:
    visit = Visit()
    visit.run(4)
    assert np.array_equal(visit.heard(), prompt("enter-pin"))
    visit.press("1234#")
    assert visit.inside
    assert len(visit.outside) == 0
    assert visit.ended == 0


def test_a_key_ends_the_question() -> None:
    visit = Visit()
    visit.run(0.5)
    visit.press("1")
    visit.heard()
    visit.run(3)
    assert not visit.heard().size
    visit.press("234#")
    assert visit.inside


def test_a_wrong_pin_is_said_to_be_wrong_and_another_is_asked_for() -> None:
    visit = Visit()
    visit.run(4)
    visit.press("999#")
    visit.heard()
    visit.press("998#")
    visit.run(8)
    said = prompt("wrong-pin", "enter-pin")
    assert np.array_equal(visit.heard()[-len(said) :], said)
    visit.press("1234#")
    assert visit.inside


def test_after_three_wrong_pins_the_call_ends_when_that_has_been_said() -> None:
    visit = Visit()
    visit.press("1#2#3#")
    assert visit.tried == ["1", "2", "3"]
    goodbye = prompt("too-many-tries")
    visit.heard()
    visit.run(len(goodbye) / 48_000)
    assert visit.ended == 0
    visit.press("1234#")
    assert not visit.inside
    visit.run(AFTERWARDS_TICKS / 50 + 0.5)
    assert visit.ended == 1
    assert len(visit.outside) == 0


def test_too_many_guesses_from_elsewhere_end_the_call_at_the_first() -> None:
    visit = Visit(guesses=1)
    visit.press("1#")
    visit.run(6)
    assert visit.ended == 1


def test_somebody_who_presses_nothing_is_asked_again_and_then_seen_off() -> None:
    visit = Visit(tries=2)
    visit.run(12.5)
    assert visit.ended == 0
    visit.run(4)
    first = visit.heard()
    assert np.array_equal(first[: len(prompt("enter-pin"))], prompt("enter-pin"))
    assert np.array_equal(first[-len(prompt("enter-pin")) :], prompt("enter-pin"))
    visit.run(20)
    assert visit.ended == 1
    assert visit.tried == []


def test_a_pin_without_a_hash_counts_after_a_while() -> None:
    visit = Visit()
    visit.press("1234")
    assert not visit.inside
    visit.run(10.1)
    assert visit.inside


def test_what_a_caller_says_out_here_does_not_pile_up() -> None:
    visit = Visit()
    visit.run(1)
    assert visit.mouth.pulled == 50


def test_somebody_who_hangs_up_in_the_middle_leaves_nothing_behind() -> None:
    visit = Visit()
    visit.run(1)
    visit.press("12")
    visit.prompt.leave()
    visit.prompt.leave()
    visit.press("34#")
    visit.run(30)
    assert len(visit.outside) == 0
    assert visit.tried == []
    assert visit.ended == 0


def test_goodbye_is_said_before_a_call_ends() -> None:
    outside, ear, ended = OutsideCallers(), Ear(), []
    pin_prompt = PinPrompt(outside, LIBRARY, None, ear)
    pin_prompt.say_goodbye(["removed"], lambda: ended.append(True))
    for tick in range(300):
        outside.tick(tick, tick * TICK_NS)
        if ended:
            pin_prompt.leave()
    samples = np.concatenate([mix.samples for mix in ear.mixes])
    assert np.array_equal(np.trim_zeros(samples), prompt("removed"))
    assert ended == [True]
    assert len(outside) == 0


def test_a_caller_whose_ear_fails_harms_nobody_else(caplog: pytest.LogCaptureFixture) -> None:
    outside, ear = OutsideCallers(), Ear()
    outside.enter(None, Broken())
    outside.enter(None, ear).say(LIBRARY.samples("alone"))
    for tick in range(5):
        outside.tick(tick, 0)
    assert "cannot be spoken to" in caplog.text
    assert len(outside) == 1
    assert len(ear.mixes) == 5
    assert ear.mixes[-1].samples is not SILENCE


def test_whoever_begins_anew_for_ever_is_seen_off() -> None:
    visit = Visit()
    for _ in range(60):
        visit.press("1*")
        visit.run(1)
    visit.run(10)
    assert visit.ended == 1
    assert visit.tried == []


def script() -> st.SearchStrategy[list[str | float]]:
    return st.lists(st.sampled_from(sorted(KEYS)) | st.floats(0.02, 15.0), max_size=60)


@settings(max_examples=30, deadline=None)
@given(script())
def test_whatever_is_pressed_the_call_ends_or_gets_in_within_its_tries(steps: list[str | float]) -> None:
    visit = Visit()
    for step in steps:
        if isinstance(step, str):
            visit.press(step)
        else:
            visit.run(step)
    assert len(visit.tried) <= 3
    assert all(pin and len(pin) <= 13 for pin in visit.tried)
    visit.run(60)  # nobody stays in `OutsideCallers` for ever
    assert len(visit.outside) == 0
    assert visit.ended == (0 if visit.inside else 1)
