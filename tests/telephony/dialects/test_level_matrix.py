"""Callers of every provider in one room: each hears each of the others as loud as they are, and nobody themselves."""

from __future__ import annotations

import numpy as np

from conference.audio.frame import TICK_NS
from conference.audio.noise_gate import level_of
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.voice import VoiceSettings
from conference.telephony.dialects.known import DIALECTS
from conference.telephony.leg import Leg
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings
from tests.tones import tone

TICKS = 60
"""For which one of them talks; then all are silent for as long, so that nobody's words run into the next one's."""

SOUND = tone(440, TICKS * 0.02, -20.0)


class Callers:
    """One of each dialect, in a room."""

    def __init__(self) -> None:
        self.room = Room("tea", 0.0, lambda _: None, VoiceSettings(levelling=False))
        self.phones = {name: Phone(parameters={"name": name}, dialect=one) for name, one in DIALECTS.items()}
        self.legs = {name: Leg(one, "tea", LegSettings(mark_every_ms=0)) for name, one in DIALECTS.items()}
        self.ticks = 0
        for name, leg in self.legs.items():
            for message in self.phones[name].opening():
                leg.receive(message, 0)
            transport = leg.dialect.name
            self.room.add(
                Participant(id=name, name=name, transport=transport, joined_at=0.0, source=leg.source, sink=leg.sink)
            )

    def heard_while_talks(self, talker: str) -> dict[str, float]:
        """How loud it is for each of them, in dBov, while one talks."""
        encoder = self.phones[talker].codec.make_encoder()
        levels: dict[str, list[float]] = {name: [] for name in self.phones}
        for step in range(2 * TICKS):
            said = encoder.encode(SOUND[960 * step : 960 * step + 960]) if step < TICKS else None
            for name, level in self.tick(talker, said).items():
                levels[name].append(level)
        return {name: float(np.median(sorted(one)[-TICKS // 2 :])) for name, one in levels.items()}

    def tick(self, talker: str, said: bytes | None) -> dict[str, float]:
        now = self.ticks * TICK_NS
        for name, phone in self.phones.items():
            frame = said if said is not None and name == talker else phone.codec.silent_frame
            self.legs[name].receive(phone.say(frame), now)
        self.room.tick(self.ticks, now)
        self.ticks += 1
        levels = {}
        for name, phone in self.phones.items():
            for message in self.legs[name].take_output(now):
                phone.receive(message)
            levels[name] = level_of(phone.codec.decode_samples(phone.play()[0]))
        return levels


def test_every_pair_hears_each_other_as_loud_as_they_are() -> None:
    callers, expected = Callers(), level_of(SOUND)
    for talker in DIALECTS:
        for listener, level in callers.heard_while_talks(talker).items():
            if listener == talker:
                assert level < -80, f"{talker} hears themselves"
            else:
                assert abs(level - expected) < 1, f"{listener} hears {talker} at {level:.1f} dB, not {expected:.1f}"
