"""Observing a room: all of it is told, and with an observer, even one that raises, the room is the same."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import TICK_NS, Samples
from conference.codecs.base import Codec
from conference.codecs.pcmu import PcmuCodec
from conference.room.conference import Conference
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.local import LocalSource
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Mix, Participant
from conference.room.room import Room
from conference.room.sounds import Sound
from tests.tones import tone

VOICE = tone(300.0, 0.02, -20.0, fade=0)


class Diary(RoomObserver):
    """Keeps what it is told, and raises at the nth thing."""

    about = "the diary"

    def __init__(self, fails_at: int = -1) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.heard: dict[str, list[Mix]] = {}
        self.fails_at = fails_at
        self.was_dropped = 0

    def _note(self, *what: Any) -> None:
        if len(self.told) == self.fails_at:
            raise RuntimeError("the diary is full")
        self.told.append(what)

    def dropped(self) -> None:
        self.was_dropped += 1

    def participant_added(self, participant: Participant) -> None:
        self._note("added", participant.id)

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        self._note("removed", participant.id, reason, departure)

    def participant_reconnected(self, participant: Participant) -> None:
        self._note("reconnected", participant.id, participant.source)

    def participant_renewed(self, participant: Participant) -> None:
        self._note("renewed", participant.id)

    def participant_changed(self, participant: Participant) -> None:
        self._note("changed", participant.id, participant.name)

    def gains_changed(self, hearing: Hearing, volumes: Volumes) -> None:
        self._note("gains", [rule.gain for rule in hearing.rules], volumes.all)

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        self._note("voice", participant.id, frame.tobytes())

    def voice_failed(self, participant: Participant) -> None:
        self._note("failed", participant.id)

    def sound_played(self, sound: Sound) -> None:
        self._note("played", sound.id)

    def sound_pulled(self, sound: Sound, frame: Samples | None) -> None:
        self._note("sound", sound.id, frame is not None, sound.ended)

    def tick_begins(self, tick: int, now_ns: int) -> None:
        self._note("begins", tick, now_ns)

    def tick_ends(self, tick: int, now_ns: int) -> None:
        self._note("ends", tick, now_ns)

    def mix_delivered(self, mix: Mix, listeners: Collection[Participant]) -> None:
        self._note("mix", tuple(one.id for one in listeners))
        for one in listeners:
            self.heard.setdefault(one.id, []).append(mix)

    def of(self, kind: str) -> list[list[Any]]:
        return [rest for one, *rest in self.told if one == kind]


class Broken(LocalSource):
    """A source that fails on its fourth tick."""

    def pull(self, now_ns: int) -> Samples | None:
        if now_ns >= 4 * TICK_NS:
            raise OSError
        return super().pull(now_ns)


class Ear:
    codec: Codec | None = PcmuCodec()

    def __init__(self) -> None:
        self.mixes: list[Mix] = []

    def deliver(self, mix: Mix) -> None:
        self.mixes.append(mix)


class Story:
    """Something of everything, in a room."""

    def __init__(self, *observers: RoomObserver) -> None:
        self.events: list[object] = []
        self.room = Room("tea", 0.0, self.events.append)
        self.stops = [self.room.observe(one) for one in observers]
        self.sources = {name: LocalSource() for name in ("amy", "ben")} | {"eve": Broken()}
        self.ears = {name: Ear() for name in self.sources}

    def run(self) -> Story:
        room = self.room
        for name, source in self.sources.items():
            room.add(
                Participant(id=name, name=name, transport="local", joined_at=0.0, source=source, sink=self.ears[name])
            )
        steps: dict[int, Callable[[], object]] = {
            1: lambda: room.rename("ben", "Benjamin"),
            2: lambda: room.set_gain("ben", "amy", 0.5),
            3: lambda: room.set_volume("amy", "ben", 0.25),
            5: lambda: room.play(Sound(id="s1", name="beep", samples=tone(1000.0, 0.04, -20.0))),
            6: lambda: room.renew("amy"),
            7: lambda: room.reconnect("amy", self.sources["eve"], self.ears["amy"], None),
            8: lambda: room.remove("ben", "bored"),
        }
        for tick in range(10):
            if tick in steps:
                steps[tick]()
            for name in ("amy", "ben", "eve"):
                self.sources[name].push(VOICE, tick * TICK_NS)
            room.tick(tick, tick * TICK_NS)
        return self

    @property
    def heard(self) -> dict[str, list[tuple[bytes, bytes | None]]]:
        return {name: [(mix.samples.tobytes(), mix.payload) for mix in ear.mixes] for name, ear in self.ears.items()}


def test_all_that_happens_in_a_room_is_told_in_its_order() -> None:
    diary = Diary()
    story = Story(diary).run()
    assert diary.told[:4] == [("added", "amy"), ("added", "ben"), ("added", "eve"), ("begins", 0, 0)]
    assert diary.of("begins") == diary.of("ends") == [[tick, tick * TICK_NS] for tick in range(10)]
    assert diary.of("changed") == [["ben", "Benjamin"], ["amy", "amy"]]
    assert diary.of("gains") == [[[0.5], []], [[0.5], [("amy", "ben", 0.25)]], [[0.5], []]]
    assert diary.of("failed") == [["eve"], ["amy"]]
    assert diary.of("removed") == [
        ["eve", "internal error", "failed"], ["amy", "internal error", "failed"], ["ben", "bored", "left"]
    ]  # fmt: skip
    assert diary.of("played") == [["s1"]]
    assert diary.of("sound") == [["s1", True, False], ["s1", True, True]]
    assert diary.of("renewed") == [["amy"]]
    assert diary.of("reconnected") == [["amy", story.sources["eve"]]]
    assert ["amy", VOICE.tobytes()] in diary.of("voice")
    assert {name: ear.mixes for name, ear in story.ears.items()} == diary.heard
    inside = False
    for kind, *_ in diary.told:
        inside = kind == "begins" or (inside and kind != "ends")
        assert inside or kind not in {"mix", "voice", "sound", "failed"}


PLAIN = Story().run()
WHOLE = Diary()
Story(WHOLE).run()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(WHOLE.told)))
def test_an_observer_that_raises_takes_nothing_with_it_whenever_it_does(fails_at: int) -> None:
    broken, other = Diary(fails_at), Diary()
    story = Story(broken, other).run()
    assert story.heard == PLAIN.heard
    assert story.events == PLAIN.events
    assert len(broken.told) == fails_at
    assert broken.was_dropped == (fails_at < len(WHOLE.told))
    assert [one[:2] for one in other.told if one[0] != "reconnected"] == [
        one[:2] for one in WHOLE.told if one[0] != "reconnected"
    ]


def test_what_made_an_observer_fail_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    Story(Diary(7)).run()
    (record,) = [one for one in caplog.records if "diary" in one.getMessage()]
    assert record.getMessage() == "room tea: the diary failed, and is told no more"
    assert record.exc_info is not None


def test_an_observer_may_come_and_go_between_two_ticks_and_during_one() -> None:
    class Guest(Diary):
        def tick_begins(self, tick: int, now_ns: int) -> None:
            super().tick_begins(tick, now_ns)
            if tick == 3:
                stop()
                stop()

    guest, follower = Guest(), Diary()
    story = Story(guest)
    (stop,) = story.stops
    story.run()
    assert guest.told[-1] == ("begins", 3, 3 * TICK_NS)
    story.room.observe(follower)
    story.room.tick(10, 10 * TICK_NS)
    assert follower.told[0] == ("begins", 10, 10 * TICK_NS)


def test_an_observer_that_writes_nothing_is_one_too() -> None:
    assert Story(RoomObserver()).run().heard == PLAIN.heard


@pytest.mark.parametrize("fails", [False, True])
def test_a_conference_tells_of_each_room_before_anybody_is_in_it(fails: bool) -> None:
    opened: list[tuple[str, int]] = []

    def note(room: Room) -> None:
        opened.append((room.name, len(room.participants)))
        if fails:
            raise RuntimeError("no place for a recording")

    conference = Conference(opened=note)
    for number, name in enumerate(("tea", "tea", "milk")):
        conference.join(name, Participant(id=str(number), name="x", transport="local", joined_at=0.0))
    assert opened == [("tea", 0), ("milk", 0)]
    assert sorted(conference.rooms) == ["milk", "tea"]
