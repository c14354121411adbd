"""Whatever happens in a room: what everybody can hear is in the mix, what nobody can hear is not, nor is a pause."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.codecs.pcmu import PcmuCodec
from tests.recording.recorded import OPUS, Person, Studio, loudness, tone

STEP_TICKS = 30
SETTLE_TICKS = 14
"""By then a change has been heard: packets have crossed the buffer, and nothing fades any more."""

HERTZ = {"Amy": 440.0, "Ben": 1000.0, "Charlie": 1720.0}
NAMES = list(HERTZ)

ACTIONS = st.tuples(
    st.sampled_from(["join", "leave", "mute", "unmute", "hold", "unhold", "whisper", "speak up", "pause", "resume"]),
    st.sampled_from(NAMES),
)


class Story:
    """Goes through a sequence of actions, while everybody who is there hums a tone of their own."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.studio = Studio(folder, **settings)
        self.people: dict[str, Person] = {}
        self.join("Amy")
        self.about = self.studio.start()
        self.heard: list[tuple[set[str], set[str]]] = []  # of each step: who has to be in the mix, who may be anywhere

    def join(self, name: str) -> None:
        if name not in self.people:
            codec = {"Ben": PcmuCodec()}.get(name, OPUS)
            self.people[name] = self.studio.join(name, codec, by_messages=name == "Ben")

    def do(self, action: str, name: str) -> None:
        studio, key, here = self.studio, name.lower(), name in self.people
        going_on = self.about.status in ("recording", "paused")
        match action:
            case "join":
                self.join(name)
            case "leave" if here and len(self.people) > 1:
                studio.conference.leave("tea", key, "gone")
                del self.people[name]
            case "mute" | "unmute" if here:
                studio.room.set_muted(key, action == "mute")
            case "hold" | "unhold" if here:
                studio.room.hold(key, action == "hold")
            case "whisper" if here and len(self.people) > 1:
                studio.room.whisper(key, [one.lower() for one in self.people if one != name][:1])
            case "speak up" if here:
                studio.room.speak_up(key)
            case "pause" if going_on:
                studio.recordings.pause(self.about.id, by=None)
            case "resume" if going_on:
                studio.recordings.resume(self.about.id, by=None)
            case _:
                pass

    def hum(self) -> None:
        studio, going_on = self.studio, self.about.status == "recording"
        rules = {(one.listener, one.source) for one in studio.room.hearing.rules}
        audible = {
            name
            for name, person in self.people.items()
            if person.participant.may_be_heard and (None, name.lower()) not in rules
        }
        self.heard.append((audible if going_on else set(), set(self.people) if going_on else set()))
        studio.pass_ticks(STEP_TICKS, self.speak)

    def speak(self, tick: int) -> None:
        for name, person in self.people.items():
            person.say(tone(HERTZ[name], tick), self.studio.now_ns + TICK_NS)

    def check(self, folder: Path, *, unheard: bool = False) -> None:
        about = self.studio.finish(self.about)
        found = self.studio.wav(about, folder)
        of_people = {name.split("-")[1][:-4]: samples for name, samples in found.items() if name != "mix.wav"}
        for step, (audible, present) in enumerate(self.heard):
            piece = slice((step * STEP_TICKS + SETTLE_TICKS) * FRAME_SAMPLES, (step + 1) * STEP_TICKS * FRAME_SAMPLES)
            mix = found["mix.wav"][piece]
            for name, hertz in HERTZ.items():
                amount = loudness(mix, hertz)
                assert amount > 0.7 if name in audible else amount < 0.02, (step, name, amount)
                own = of_people.get(name, np.zeros(0, dtype=np.int16))[piece]
                kept = name in (present if unheard else audible)
                assert loudness(own, hertz) > 0.7 if kept else loudness(own, hertz) < 0.02, (step, name, "own")


def run(actions: list[tuple[str, str]], **settings: Any) -> None:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as wav:
        story = Story(Path(folder), **settings)
        story.hum()
        for action, name in actions:
            story.do(action, name)
            story.hum()
        story.check(Path(wav), unheard=settings.get("record_unheard", False))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(ACTIONS, max_size=8))
def test_what_is_heard_is_in_the_mix_and_nothing_else(actions: list[tuple[str, str]]) -> None:
    run([("join", "Ben"), ("join", "Charlie"), *actions])


def test_what_nobody_could_hear_is_kept_in_peoples_own_tracks_if_that_is_wanted() -> None:
    run(
        [("join", "Ben"), ("mute", "Amy"), ("whisper", "Ben"), ("hold", "Ben"), ("pause", "Amy"), ("resume", "Amy")],
        record_unheard=True,
    )
