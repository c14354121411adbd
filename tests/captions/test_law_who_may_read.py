"""The law of captions: whoever reads what somebody said has heard it.

Whatever is whispered, muted, put on hold or set aside, while people go on talking: each word of a caption that somebody
may read was in the mix that they heard themselves, or is their own.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.codecs.pcmu import PcmuCodec
from conference.room.local import LocalSink
from conference.room.participant import Mix
from conference.room.room import Room
from tests.captions.captioned import CaptionedConference
from tests.recording.recorded import AMPLITUDE, tone

NAMES = ("amy", "ben", "eve")
TICKS = 18
FIRST_HERTZ, STEP_HERTZ = 500, 100

Decision = Callable[[Room], None]


def decisions() -> st.SearchStrategy[tuple[str, str, str, bool]]:
    who = st.sampled_from(NAMES)
    what = st.sampled_from(["whisper", "speak up", "sidebar", "rejoin", "gain", "mute", "hold", "deafen", "listen"])
    return st.tuples(what, who, who, st.booleans())


def decide(room: Room, what: str, one: str, other: str, on: bool) -> None:
    """Carry out what was drawn, as far as it makes sense."""
    carry_out: dict[str, Callable[[], object]] = {
        "whisper": lambda: room.whisper(one, [other]),
        "speak up": lambda: room.speak_up(one),
        "sidebar": lambda: room.sidebar([one, other]),
        "rejoin": lambda: room.rejoin([one]),
        "gain": lambda: room.set_gain(other, one, 0.0 if on else None),
        "mute": lambda: room.set_muted(one, on),
        "hold": lambda: room.hold(one, on),
        "deafen": lambda: room.deafen(one, on),
        "listen": lambda: room.set_role(one, "listener" if on else "speaker"),
    }
    with suppress(ValueError):  # somebody is in a sidebar already, or whispers; or it is about one person twice
        carry_out[what]()


def hertz_of(epoch: int, name: str) -> int:
    """What somebody says between two decisions, and nobody at any other time."""
    return FIRST_HERTZ + STEP_HERTZ * (epoch * len(NAMES) + NAMES.index(name))


def heard_in(frames: list[Samples], hertz: int) -> bool:
    """Whether a tone is anywhere in what somebody heard."""
    wave = np.exp(-2j * np.pi * hertz * np.arange(FRAME_SAMPLES) / SAMPLE_RATE) * np.hanning(FRAME_SAMPLES)
    loudest = np.abs(np.stack(frames).astype(float) @ wave).max()
    return bool(2 * loudest / np.hanning(FRAME_SAMPLES).sum() > 0.2 * AMPLITUDE)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.lists(decisions(), max_size=2), min_size=2, max_size=6), st.booleans())
def test_nothing_that_somebody_did_not_hear_is_captioned_to_them(
    epochs: list[list[tuple[str, str, str, bool]]], by_phone: bool
) -> None:
    conference = CaptionedConference(forwarding=False)
    people = {name: conference.join(name, PcmuCodec(), by_messages=by_phone and name == "amy") for name in NAMES}
    heard: dict[str, list[Samples]] = {name: [] for name in NAMES}
    for name, person in people.items():
        person.participant.sink = LocalSink(keep(heard[name]))
    for epoch, decided in enumerate(epochs):
        for one in decided:
            decide(conference.room, *one)

        def speak(tick: int, epoch: int = epoch) -> None:
            for name, person in people.items():
                person.say(tone(float(hertz_of(epoch, name)), tick), conference.now_ns)

        conference.pass_ticks(TICKS, speak)
    conference.pass_ticks(60)
    for caption in conference.told:
        for reader in NAMES:
            if caption.audience.includes(reader) and reader != caption.participant_id:
                for word in caption.text.split():
                    assert heard_in(heard[reader], int(word)), f"{reader} reads {word} of {caption.participant_id}"


def keep(frames: list[Samples]) -> Callable[[Mix], None]:
    return lambda mix: frames.append(mix.samples)


def test_what_everybody_hears_is_captioned_to_everybody() -> None:
    """So that the law is not kept by captions that nobody may read."""
    conference = CaptionedConference(forwarding=False)
    amy = conference.join("Amy", PcmuCodec())
    conference.join("Ben", PcmuCodec())
    conference.pass_ticks(50, lambda tick: amy.say(tone(900.0, tick), conference.now_ns))
    conference.pass_ticks(60)
    assert [one.text for one in conference.final] == ["900"]
    assert all(one.audience.includes(who) for one in conference.told for who in ("amy", "ben", "late", None))


@pytest.mark.parametrize("way", ["whisper", "sidebar", "coach"])
def test_what_is_said_to_some_is_captioned_to_them_and_to_nobody_who_comes_later(way: str) -> None:
    conference = CaptionedConference()
    amy = conference.join("Amy")
    for name in ("Ben", "Eve"):
        conference.join(name)
    room = conference.room
    match way:
        case "whisper":
            room.whisper("amy", ["ben"])
        case "sidebar":
            room.sidebar(["amy", "ben"])
        case "coach":
            room.whisper("amy", ["ben"])
    conference.pass_ticks(50, lambda tick: amy.say(tone(900.0, tick), conference.now_ns))
    conference.pass_ticks(60)
    [caption] = conference.final
    assert [who for who in ("amy", "ben", "eve", "late", None) if caption.audience.includes(who)] == ["amy", "ben"]
    assert conference.captions.kept(room) == (caption,)
