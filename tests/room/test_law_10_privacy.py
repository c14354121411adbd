"""Law 10, whatever is decided, and whenever: nobody gets a packet of somebody whom they may not hear, and everybody
hears whom they would hear in mixes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICK_NS, Samples
from conference.audio.noise_gate import GateSettings
from conference.room.sounds import Sound
from conference.room.voice import VoiceSettings
from tests.room.meeting import SENT_BEFORE_TICK_NS, Meeting, Person
from tests.room.test_law_10_forwarding import assert_one_line, hums

LOUD = VoiceSettings(gate=GateSettings(adaptive=False), levelling=False)
TONES = {"amy": 440, "ben": 1000, "cal": 1700, "dot": 2600}
NAMES = st.sampled_from(list(TONES))
PAIRS = st.tuples(NAMES, NAMES).filter(lambda pair: pair[0] != pair[1])
SETTLED_TICKS = 30


class Watched(Person):
    """Whoever sends them somebody's own packet is asked at once whether that is right."""

    gathering: Gathering

    def _transmit(self, packet: bytes) -> bool:
        self.gathering.check(self)
        return super()._transmit(packet)

    def speak(self, tick: int, now_ns: int, *, lost: bool = False) -> None:
        """What goes to anybody meanwhile is the very packet."""
        self.gathering.speaking = self
        super().speak(tick, now_ns, lost=lost)
        self.gathering.speaking = None


class Gathering(Meeting):
    """A meeting in which people say what they are told to, and come and go."""

    def __init__(self, names: list[str], *, forwarding: bool) -> None:
        self.talking = dict.fromkeys(TONES, False)
        self.speaking: Watched | None = None
        self.wrong: list[str] = []
        super().__init__(*(self.person(name) for name in names), voice=LOUD, forwarding=forwarding)

    def voice_of(self, name: str) -> Callable[[int], Samples]:
        def voice(tick: int) -> Samples:
            return hums(TONES[name], range(tick, tick + 1))(tick) if self.talking[name] else SILENCE

        return voice

    def person(self, name: str, *, levels: bool = True) -> Watched:
        person = Watched(name, self.voice_of(name), levels=levels)
        person.gathering = self
        return person

    def check(self, listener: Person) -> None:
        """Something is on its way to somebody."""
        if self.speaking is not None and not self.may_get(listener, self.speaking):
            self.wrong.append(f"{listener.name} gets a packet of {self.speaking.name}")

    def may_get(self, listener: Person, talker: Person) -> bool:
        room, ear, mouth = self.room, listener.participant.id, talker.participant.id
        if ear == mouth or not {ear, mouth} <= room.participants.keys():
            return False
        hears, speaks = room.participants[ear], room.participants[mouth]
        return (
            hears.sink is listener.sink
            and speaks.source is talker.source
            and speaks.may_be_heard
            and not (hears.absent or hears.deafened or room.sounds)
            and room.hearing.gain(ear, mouth) * room.volumes.of(ear).get(mouth, 1.0) == 1.0
        )

    def speak_early(self, name: str) -> None:
        """Send the next tick's packet now: between two ticks, and between two decisions."""
        for one in self.people:
            if one.name == name and name in self.room.participants and (not one.sent or one.sent[-1].tick <= self.tick):
                for each in self.people:
                    each.now_ns = (self.tick + 1) * TICK_NS - 2 * SENT_BEFORE_TICK_NS
                one.speak(self.tick + 1, one.now_ns)

    def go_on(self, ticks: int, lost: Callable[[str, int], bool] = lambda name, tick: False) -> None:
        for _ in range(ticks):
            early = {one.name for one in self.people if one.sent and one.sent[-1].tick > self.tick}
            self.tick += 1
            due_ns = self.tick * TICK_NS
            for one in self.people:
                one.now_ns = due_ns - SENT_BEFORE_TICK_NS
            for one in self.people:
                if one.name in self.room.participants and one.name not in early:
                    one.speak(self.tick, one.now_ns, lost=lost(one.name, self.tick))
            for one in self.people:
                one.now_ns = due_ns
            self.room.tick(self.tick, due_ns)

    def heard(self) -> dict[str, list[str]]:
        """Whose tones each hears."""
        return {
            one.name: sorted(name for name, hertz in TONES.items() if one.hears_now(hertz))
            for one in self.people
            if one.name in self.room.participants
        }


class Law10(RuleBasedStateMachine):
    """The same is done in a room with forwarding, and in one without."""

    def __init__(self) -> None:
        super().__init__()
        self.rooms: list[Gathering] = []

    @initialize(names=st.lists(NAMES, min_size=2, max_size=4, unique=True))
    def meet(self, names: list[str]) -> None:
        self.rooms = [Gathering(names, forwarding=forwarding) for forwarding in (True, False)]
        self.go_on(10)

    @rule(ticks=st.integers(1, 25))
    def go_on(self, ticks: int) -> None:
        for one in self.rooms:
            one.go_on(ticks)

    @rule(name=NAMES)
    def talk(self, name: str) -> None:
        for one in self.rooms:
            one.talking[name] = not one.talking[name]

    @rule(name=NAMES)
    def speak_early(self, name: str) -> None:
        for one in self.rooms:
            one.speak_early(name)

    @rule(name=NAMES, what=st.sampled_from(["muted", "held", "deafened", "waiting", "role"]))
    def decide(self, name: str, what: str) -> None:
        for one in self.rooms:
            participant = one.room.participants.get(name)
            if participant is not None:
                now = participant.moderation
                before = getattr(now, what)
                after: Any = ("listener" if before != "listener" else "speaker") if what == "role" else not before
                changed = replace(now, **{what: after})
                one.room.apply_moderation(name, changed)

    @rule(pair=PAIRS, what=st.sampled_from(["whisper", "speak_up", "sidebar", "rejoin", "own_volume"]))
    def part(self, pair: tuple[str, str], what: str) -> None:
        for one in self.rooms:
            match what:
                case "whisper":
                    one.room.whisper(pair[0], [pair[1]])
                case "speak_up":
                    one.room.speak_up(pair[0])
                case "sidebar":
                    one.room.sidebar(pair)
                case "rejoin":
                    one.room.rejoin(pair)
                case "own_volume":
                    one.room.set_volume(*pair, 0.0 if one.room.volumes.of(pair[0]).get(pair[1], 1.0) else 1.0)

    @rule(pair=PAIRS, gain=st.sampled_from([0.0, 0.5, 1.0, None]))
    def set_gain(self, pair: tuple[str, str], gain: float | None) -> None:
        for one in self.rooms:
            one.room.set_gain(*pair, gain)

    @rule(number=st.integers(0, 10**9))
    def play(self, number: int) -> None:
        for one in self.rooms:
            if not one.room.sounds:
                one.room.play(Sound(id=str(number), name="beep", samples=np.full(5 * FRAME_SAMPLES, 500, np.int16)))

    @rule(name=NAMES, levels=st.booleans())
    def come_or_go(self, name: str, levels: bool) -> None:
        for one in self.rooms:
            if name in one.room.participants:
                one.room.remove(name, "left")
            else:
                one.people = [each for each in one.people if each.name != name]
                person = one.person(name, levels=levels)
                one.people.append(person)
                one.room.add(person.participant)

    @rule(name=NAMES)
    def come_back(self, name: str) -> None:
        """Their connection was lost: they have another."""
        for one in self.rooms:
            if name in one.room.participants:
                place = next(number for number, each in enumerate(one.people) if each.name == name)
                person = one.person(name)
                person.participant = one.people[place].participant
                one.people[place] = person
                one.room.reconnect(name, person.source, person.sink, None)

    @rule()
    def listen(self) -> None:
        self.go_on(SETTLED_TICKS)
        forwarded, mixed = self.rooms
        assert forwarded.heard() == mixed.heard()

    @invariant()
    def on_one_line(self) -> None:
        for one in self.rooms:
            assert not one.wrong
            for person in one.people:
                assert_one_line(person)
                del person.received[:-1]

    def teardown(self) -> None:
        if self.rooms:
            self.listen()
            for one in self.rooms:
                for name in one.room.participants:
                    one.talking[name] = True
            self.listen()


TestLaw10 = Law10.TestCase
TestLaw10.settings = settings(max_examples=20, stateful_step_count=30, deadline=None)
