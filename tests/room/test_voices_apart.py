"""Each voice apart, while all others get what they got before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from conference.audio.frame import TICK_NS, Samples
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.talking_voice import TalkingVoice
from tests.room.meeting import Meeting, Person, tone_power
from tests.room.test_law_10_forwarding import assert_one_line, hums
from tests.tones import tone


class Ears:
    """Keeps what came of each voice."""

    def __init__(self) -> None:
        self.calls = 0
        self.samples: dict[str, list[bytes]] = {}
        self.fails = False

    def hear(self, talking: Sequence[TalkingVoice], now_ns: int) -> None:
        self.calls += 1
        if self.fails:
            raise RuntimeError
        for one in talking:
            samples = one.linear(16_000)
            if samples is not None:
                self.samples.setdefault(one.id, []).append(samples)


def scribe(name: str, ears: Ears) -> Participant:
    return Participant(id=name, name=name, transport="audio", joined_at=0.0, voices=ears)


def power(ears: Ears, name: str, hertz: float) -> float:
    samples = np.frombuffer(b"".join(ears.samples[name]), "<i2").repeat(3)  # to 48 kHz, roughly
    return tone_power(samples[9600:19_200].astype(np.int16), hertz)


def test_a_call_of_two_is_forwarded_as_before_and_each_voice_is_decoded_once_for_who_listens() -> None:
    amy, ben = Person("amy", hums(440, range(60, 160))), Person("ben", hums(1000, range(180, 280)))
    meeting = Meeting(amy, ben)
    meeting.go_on(20)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    ears, others = Ears(), Ears()
    meeting.room.add(scribe("scribe", ears))
    meeting.room.add(scribe("other", others))
    meeting.go_on(30)
    assert ears.calls == 0  # nobody talks
    meeting.go_on(250)
    assert meeting.room.forwarded == {"amy": "ben", "ben": "amy"}
    assert_one_line(ben)
    assert {one.payload for one in amy.sent if 60 <= one.tick < 160} <= {packet.payload for _, packet in ben.received}
    assert set(ears.samples) == {"amy", "ben"}
    assert 95 <= len(ears.samples["amy"]) <= 125  # and a hangover of 20
    assert power(ears, "amy", 440) > power(ears, "amy", 1000) + 30
    assert power(ears, "ben", 1000) > power(ears, "ben", 440) + 30
    assert ears.samples == others.samples
    assert ears.samples["amy"][50] is others.samples["amy"][50]  # one conversion for all
    decoded = amy.source.stats.decoded
    for name in ("scribe", "other"):
        meeting.room.remove(name, "left")
    assert not meeting.room._observers.all
    meeting.go_on(50)
    assert not amy.source.plays
    assert amy.source.stats.decoded <= decoded + 10


def test_ears_that_fail_cost_nobody_else_anything() -> None:
    amy, ben = Person("amy", hums(440, range(20, 120))), Person("ben", hums(1000, range(0)))
    meeting = Meeting(amy, ben)
    broken, ears = Ears(), Ears()
    broken.fails = True
    meeting.room.add(scribe("broken", broken))
    meeting.room.add(scribe("scribe", ears))
    meeting.go_on(100)
    assert set(meeting.room.participants) == {"amy", "ben", "scribe"}
    assert broken.calls == 1
    assert len(ears.samples["amy"]) > 70


class Hum:
    """A voice that goes on and on."""

    def __init__(self, level: int) -> None:
        self._frame = tone(440, 0.02, level, fade=0.0)

    def pull(self, now_ns: int) -> Samples:
        return self._frame


class Roll:
    """Keeps who was handed out on each tick."""

    def __init__(self) -> None:
        self.ticks: list[set[str]] = []

    def hear(self, talking: Sequence[TalkingVoice], now_ns: int) -> None:
        self.ticks.append({one.id for one in talking})


def test_of_more_voices_than_are_mixed_the_loudest_are_handed_out() -> None:
    room, roll = Room("tea", 0.0, lambda _: None, max_talkers=3), Roll()
    room.add(Participant(id="scribe", name="scribe", transport="audio", joined_at=0.0, voices=roll))
    for number in range(6):
        room.add(
            Participant(
                id=f"{number}", name="", transport="local", joined_at=0.0, source=Hum(-40 + 4 * number),
                original_sound=True,
            )
        )  # fmt: skip
    for tick in range(100):
        room.tick(tick, tick * TICK_NS)
    assert max(len(one) for one in roll.ticks) == 3
    assert roll.ticks[-1] == {"3", "4", "5"}
