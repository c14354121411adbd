"""A room in which all is sent on as it comes has next to nothing to do on a tick, and most ticks need not come."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conference.audio.frame import TICK_NS, Samples
from conference.load.signal.voice import in_frames
from conference.room.conference import Conference
from conference.room.events import Published
from conference.room.room import Room
from tests.room.meeting import SENT_BEFORE_TICK_NS, Person
from tests.speech import spoken

VOICES = [in_frames(spoken(6.0, seed=seed)) for seed in range(3)]
SILENT_FRAME = VOICES[0][0] * 0


def voice(number: int, pauses: frozenset[int]) -> Callable[[int], Samples]:
    """Speech, with silence in those of every second's parts of a fifth whose numbers are given."""
    frames = VOICES[number]
    return lambda tick: SILENT_FRAME if tick // 10 in pauses else frames[tick % len(frames)]


class Meeting:
    """A room of which ticks are left out, or not."""

    def __init__(self, pauses: list[frozenset[int]], *, leaves_out: bool) -> None:
        random.seed(1)
        self.leaves_out = leaves_out
        self.left_out: list[int] = []
        self.events: list[Published] = []
        self.people = [Person(f"p{number}", voice(number, one)) for number, one in enumerate(pauses)]
        self.room = Room("tea", 0.0, self.events.append)
        self.seen: list[object] = []

    def go_on(self, ticks: range, actions: dict[int, tuple[str, int]]) -> None:
        for tick in ticks:
            due_ns = tick * TICK_NS
            if tick in actions:
                self._act(*actions[tick])
            for one in self.people:
                one.now_ns = due_ns - SENT_BEFORE_TICK_NS
            for one in self.people:
                if one.name in self.room.participants:
                    one.speak(tick, due_ns - SENT_BEFORE_TICK_NS)
            for one in self.people:
                one.now_ns = due_ns
            if self.leaves_out and self.room.rests_through(tick):
                self.left_out.append(tick)
            else:
                self.room.tick(tick, due_ns)
            self.seen.append(
                (dict(self.room.forwarded), [(one.participant.level, one.participant.talking) for one in self.people])
            )

    def _act(self, action: str, number: int) -> None:
        person = self.people[number % len(self.people)]
        here = person.name in self.room.participants
        if action == "come or go":
            if here:
                self.room.remove(person.name, "left")
            else:
                self.room.add(person.participant)
        elif here and action == "mute":
            self.room.set_muted(person.name, not person.participant.muted)
        elif here:
            self.room.set_gain(None, person.name, 0.5 if action == "quieter" else None)


def both(pauses: list[frozenset[int]], actions: dict[int, tuple[str, int]], *, here: int, ticks: int = 300) -> Meeting:
    """Let the same happen with all ticks and with those only that are needed. Returns the latter meeting."""
    meetings = [Meeting(pauses, leaves_out=leaves_out) for leaves_out in (False, True)]
    for meeting in meetings:
        for person in meeting.people[:here]:
            meeting.room.add(person.participant)
        meeting.go_on(range(1, ticks + 1), actions)
    every, needed = meetings
    assert needed.seen == every.seen
    assert needed.events == every.events
    for one, other in zip(every.people, needed.people, strict=True):
        assert one.received == other.received
    return needed


PAUSES = st.frozensets(st.integers(0, 29), max_size=25)
ACTIONS = st.tuples(st.sampled_from(["come or go", "mute", "quieter", "as they are"]), st.integers(0, 2))


@settings(max_examples=15, deadline=None, phases=[Phase.generate])
@given(
    pauses=st.lists(PAUSES, min_size=2, max_size=3),
    actions=st.dictionaries(st.integers(60, 290), ACTIONS, max_size=3),
    here=st.integers(1, 3),
)
def test_ticks_that_are_left_out_change_nothing(
    pauses: list[frozenset[int]], actions: dict[int, tuple[str, int]], here: int
) -> None:
    both(pauses, actions, here=here)


def test_a_call_of_two_needs_a_tick_in_five() -> None:
    needed = both([frozenset(), frozenset()], {}, here=2)
    late = [tick for tick in needed.left_out if tick > 100]
    assert len(late) >= 0.75 * 200


def test_rooms_at_rest_need_nothing_read_for_them_and_others_do() -> None:
    conference = Conference(phases=2)
    assert not conference.wants_media(0)
    assert not conference.wants_media(TICK_NS // 2)
    people = [Person(f"p{number}", voice(number, frozenset())) for number in range(2)]
    for one in people:
        conference.join("tea", one.participant)
    wanted = []
    for tick in range(1, 100):
        for one in people:
            one.now_ns = tick * TICK_NS
            one.speak(tick, tick * TICK_NS - SENT_BEFORE_TICK_NS)
        wanted.append(conference.wants_media(0))
        conference.tick(tick, tick * TICK_NS)
    assert wanted[0]
    assert sum(wanted[50:]) < 10
    assert not conference.wants_media(TICK_NS // 2)
    conference.join("tea", Person("p2", voice(2, frozenset())).participant)
    assert conference.wants_media(0)
