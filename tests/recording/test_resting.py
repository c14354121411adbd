"""A room in which all is sent on rests while it is recorded, as without a recording, and all of it is kept."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.frame import SILENCE, Samples
from conference.capture.format import decode
from conference.recording.legs import Legs, segments_of
from conference.recording.mixdown import mix_frames
from conference.recording.recorder import RoomRecorder
from tests.recording.recorded import loudness, tone
from tests.room.meeting import Meeting, Person

TICKS = 600


class Kept:
    """Keeps what a recorder writes."""

    def __init__(self) -> None:
        self.records = bytearray()

    def write_records(self, block: bytes) -> None:
        self.records += block


def says(hertz: float, begins: int) -> Person:
    """Somebody who talks for two seconds of every six."""
    return Person(str(hertz), lambda tick: tone(hertz, tick) if (tick - begins) % 300 < 100 else SILENCE)


def recorded(monkeypatch: pytest.MonkeyPatch, *, lets_rest: bool) -> tuple[int, Samples]:
    """How many ticks were whole ones, and the mix of a recorded call of two who talk in turns."""
    monkeypatch.setattr(RoomRecorder, "lets_rest", lets_rest)
    meeting, kept = Meeting(says(500, 0), says(1300, 150)), Kept()
    whole, listen = 0, meeting.room._speaker_selector.listen

    def counted(*given: object) -> dict[str, Samples]:
        nonlocal whole
        whole += 1
        return listen(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(meeting.room._speaker_selector, "listen", counted)
    recorder = RoomRecorder(meeting.room, kept, started_ns=0, from_ns=0, unheard=False, dropped=lambda: None)
    meeting.go_on(TICKS)
    recorder.end("over")
    [segment] = segments_of(decode([bytes(kept.records)]))
    earlier = Legs().add(segment)
    return whole, np.concatenate([frame for _, frame in mix_frames(segment, earlier)])


def test_what_is_kept_of_a_room_that_rests_is_what_is_kept_of_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole, awake = recorded(monkeypatch, lets_rest=False)
    fewer, resting = recorded(monkeypatch, lets_rest=True)
    assert whole == TICKS
    assert fewer < TICKS * 3 / 4
    assert len(awake) == len(resting)
    assert np.array_equal(awake, resting)
    assert loudness(resting[20 * 960 : 90 * 960], 500) > 0.5
    assert loudness(resting[170 * 960 : 240 * 960], 1300) > 0.5
