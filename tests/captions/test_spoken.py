"""What eSpeak NG says for three people is captioned by PocketSphinx: with the right names, and when it was said."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from functools import cache

import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.captions.engines.base import Engine
from conference.codecs.pcmu import PcmuCodec
from conference.prompts.speech import speak
from tests.captions.captioned import CaptionedConference, at, frames_of
from tests.recording.recorded import Person

TOLERANCE_S = 0.3
VOICE = "en-us"
SAID = {"Amy": "two three four five", "Ben": "three four five", "Eve": "two three four"}
DIGITS = {"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero"}


@cache
def spoken(name: str) -> Samples:
    return speak(["espeak-ng", "--stdout", "-v", VOICE, "-s", "120"], SAID[name])


@pytest.fixture(scope="module")
def engine() -> Engine:
    if importlib.util.find_spec("pocketsphinx") is None:
        pytest.skip(
            "MISSING: pocketsphinx. Install it to recognise what is said (pip install 'conference[pocketsphinx]')."
        )
    if shutil.which("espeak-ng") is None:
        pytest.skip("MISSING: espeak-ng. Install it to have something said (Debian: apt-get install espeak-ng).")
    from conference.captions.engines.pocketsphinx import load_pocketsphinx

    return load_pocketsphinx()


def speaking(
    conference: CaptionedConference, people: dict[str, Person], begins: dict[str, int]
) -> Callable[[int], None]:
    """Each says what they have to say from their tick on."""

    def on_tick(tick: int) -> None:
        for name, person in people.items():
            frames, number = frames_of(spoken(name)), tick - begins[name]
            if 0 <= number < len(frames):
                person.say(frames[number], conference.now_ns)
            else:
                person.pause(1)

    return on_tick


@pytest.mark.parametrize("at_once", [False, True], ids=["in turns", "at once"])
def test_three_people_are_captioned_by_name_and_on_time(engine: Engine, at_once: bool) -> None:
    conference = CaptionedConference(engine)
    people = {
        "Amy": conference.join("Amy"), "Ben": conference.join("Ben", PcmuCodec()),
        "Eve": conference.join("Eve", by_messages=True),
    }  # fmt: skip
    began_ns = conference.now_ns
    begins = {name: 50 + (7 if at_once else 250) * place for place, name in enumerate(people)}
    conference.pass_ticks(50 + 250 * (1 if at_once else 3), speaking(conference, people, begins))
    found = {one.name: one for one in conference.final}
    assert len(conference.final) == 3
    assert set(found) == set(people)
    for name, caption in found.items():
        said_at = began_ns / 1e9 + begins[name] / 50
        begun, ended = at(caption)
        assert begun == pytest.approx(said_at, abs=TOLERANCE_S), (name, caption.text)
        assert ended == pytest.approx(said_at + len(spoken(name)) / SAMPLE_RATE, abs=TOLERANCE_S), (name, caption.text)
        assert caption.audience.is_everybody
    words = {word for one in conference.final for word in one.text.split()}
    assert len(words & DIGITS) >= 2, words
    assert any(not one.final for one in conference.told)
