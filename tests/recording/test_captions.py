"""What was said is in a recording in words, too: what everybody could hear, and nothing of a pause."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.captions.captions import Captions
from conference.captions.settings import CaptionSettings
from conference.recording.subtitles import Cue, cues_of, transcript, web_vtt
from conference.room.policy import RoomPolicy
from tests.captions.captioned import LatePool, LocalPool, Tones
from tests.recording.recorded import Person, Studio, tone

SECOND = 50


class CaptionedStudio(Studio):
    """One in which what is said is captioned."""

    def __init__(self, folder: Path, pool: type[LocalPool] = LocalPool) -> None:
        super().__init__(folder)
        self.conference._policy_of = lambda _: RoomPolicy(captions=True)
        settings, numbers = CaptionSettings(), count(1)
        self.captions = Captions(
            settings,
            self.conference,
            new_id=lambda: f"u{next(numbers)}",
            monotonic_ns=lambda: self.now_ns,
            wallclock=lambda: 1_700_000_000.0 + self.now_ns / 1e9,
            pool=pool(settings, Tones),
        )
        self.recordings._conclude = self.captions.conclude

    def say(self, person: Person, hertz: float, ticks: int = SECOND, *, pause: int = 2 * SECOND) -> None:
        self.pass_ticks(ticks, lambda tick: person.say(tone(hertz, tick), self.now_ns))
        person.pause(pause)
        self.pass_ticks(pause)


def test_what_everybody_heard_is_in_it_by_name_and_in_its_place(tmp_path: Path) -> None:
    studio = CaptionedStudio(tmp_path)
    amy, ben = studio.join("Amy <b>"), studio.join("Ben")
    studio.say(amy, 800.0)
    about = studio.start()
    studio.pass_ticks(SECOND)
    studio.say(amy, 900.0)
    studio.room.whisper(amy.participant.id, ["ben"])
    studio.say(amy, 1500.0)
    studio.room.speak_up(amy.participant.id)
    studio.say(ben, 1200.0)
    ready = studio.finish(about)
    assert [one["name"] for one in ready.files][-2:] == ["captions.vtt", "transcript.txt"]
    found = [one for one in studio.events(about) if one["event"] == "caption"]
    assert [(one["data"]["name"], one["data"]["text"]) for one in found] == [("Amy <b>", "900"), ("Ben", "1200")]
    assert abs(found[0]["t"] - 1.0) < 0.15
    assert abs(found[1]["t"] - 7.0) < 0.15
    vtt = (tmp_path / about.id / "captions.vtt").read_text(encoding="utf-8")
    assert vtt.startswith("WEBVTT\n\n00:00:01.0")
    assert "<v Amy &lt;b&gt;>900\n" in vtt
    assert (tmp_path / about.id / "transcript.txt").read_text(encoding="utf-8").startswith("[00:00:01] Amy <b>: 900\n")
    times = [one["t"] for one in studio.events(about)]
    assert times == sorted(times)


def test_nothing_of_a_pause_is_in_it_and_all_that_was_said_before(tmp_path: Path) -> None:
    studio = CaptionedStudio(tmp_path)
    amy = studio.join("Amy")
    studio.join("Ben")
    about = studio.start()
    studio.say(amy, 800.0, pause=0)
    studio.recordings.pause(about.id, by=None)
    studio.say(amy, 1500.0, pause=0)
    studio.recordings.resume(about.id, by=None)
    studio.say(amy, 2500.0, pause=0)
    studio.finish(about)
    said = [one["data"]["text"] for one in studio.events(about) if one["event"] == "caption"]
    assert said == ["800", "2500"]


def test_what_is_being_said_as_the_last_one_leaves_is_in_it(tmp_path: Path) -> None:
    studio = CaptionedStudio(tmp_path, LatePool)
    amy = studio.join("Amy")
    about = studio.start()
    studio.say(amy, 800.0, pause=0)
    studio.conference.leave("tea", "amy", "left")
    studio.finish(about)
    assert [one["data"]["text"] for one in studio.events(about) if one["event"] == "caption"] == ["800"]


def test_without_captions_there_is_no_file_of_them(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(SECOND)
    assert [one["name"] for one in studio.finish(about).files] == ["recording.mka", "mix.opus", "events.jsonl"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.builds(Cue, st.floats(0, 1e6), st.floats(0, 1e6), TEXT, TEXT), max_size=5))
def test_whatever_was_said_is_one_cue_and_one_line_each(cues: list[Cue]) -> None:
    events = [
        {"t": one.begins, "event": "caption",
         "data": {"name": one.name, "text": one.text, "begins_at": 0.0, "ends_at": one.ends}}
        for one in cues
    ]  # fmt: skip
    found = cues_of(events)
    assert web_vtt(found).count(" --> ") - sum("-->" in one.text + one.name for one in found) <= len(cues)
    assert len(transcript(found).split("\n")) == len(cues) + 1
    blocks = web_vtt(found).split("\n\n")
    assert len(blocks) == len(cues) + 1
    assert np.all(np.diff([one.begins for one in found]) >= 0)
