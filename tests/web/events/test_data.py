"""What an event tells is of the type that describes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from pydantic import ConfigDict, TypeAdapter, with_config

from conference.room.captioned import Caption
from conference.room.events import (
    BotInterrupted,
    Captioned,
    DigitPressed,
    HearingChanged,
    LevelsMeasured,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordingFailed,
    RecordingNotStored,
    RecordingPaused,
    RecordingReady,
    RecordingResumed,
    RecordingStarted,
    RecordingStopped,
    RecordingStored,
    RoomEvent,
    RoomUpdated,
    ServerDraining,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
    TransferUpdated,
    UnmuteRequested,
)
from conference.room.gains.gain_matrix import Rule
from conference.room.participant import Participant
from conference.room.policy import RoomPolicy
from conference.room.recorded import RecordingState
from conference.room.room import Room
from conference.room.transferred import TransferSnapshot
from conference.web.events.data import DATA_TYPES
from conference.web.events.event_json import BATCH_NAMES, EVENT_NAMES, batch_json, event_json
from conference.web.schemas.room_json import room_json

AMY = Participant(id="amy", name="Amy", transport="webrtc", joined_at=1.5, source=None, sink=None).state()
BEN = Participant(id="ben", name="Ben", transport="twilio", joined_at=2.5, source=None, sink=None).state()
KEPT = RecordingState("1", "recording", 4.5, "Amy")
EVENTS: list[RoomEvent] = [
    ParticipantJoined("tea", AMY),
    ParticipantLeft("tea", AMY, "gone", "removed", "Ben"),
    ParticipantUpdated("tea", AMY),
    RoomUpdated("tea", RoomPolicy(pin="1234", max_participants=3, lobby="admit"), "Ben"),
    HearingChanged("tea", (Rule("amy", None, 0.5),)),
    UnmuteRequested("tea", "amy", "Ben"),
    SoundStarted("tea", "1", "tone", frozenset({"amy"})),
    SoundStopped("tea", "1", "tone"),
    MessageSent("tea", None, "Office", "Hello", 3.5),
    DigitPressed("tea", "ben", "#"),
    Captioned("tea", Caption("c-0", "ben", "Ben", "good morning", True, 1, 2, 3.5, 4.25)),
    TalkingStarted("tea", "amy"),
    TalkingStopped("tea", "amy"),
    BotInterrupted("tea", "ben", "amy"),
    LevelsMeasured("tea", {"amy": -30.12}),
    TransferUpdated("tea", TransferSnapshot("1", "amy", "ben", "cleo", "calling"), "Ben"),
    ServerDraining("tea", 12.5, "Amy"),
    ServerDraining("tea", None),
    RecordingStarted("tea", KEPT, "Amy"),
    RecordingPaused("tea", replace(KEPT, status="paused"), "Amy"),
    RecordingResumed("tea", KEPT, "Amy"),
    RecordingStopped("tea", replace(KEPT, status="finishing", reason="Everybody has left.")),
    RecordingReady("tea", replace(KEPT, status="ready", reason="Everybody has left.")),
    RecordingFailed("tea", replace(KEPT, status="failed", reason="The disk is full.")),
    RecordingStored("tea", replace(KEPT, status="ready", reason="Amy stopped it.")),
    RecordingNotStored("tea", replace(KEPT, status="ready", reason="The storage is down.")),
]
BATCHES: list[list[RoomEvent]] = [
    [ParticipantLeft("tea", one, "over", "ended", "Ben") for one in (AMY, BEN)],
    [ParticipantUpdated("tea", one, "Ben", frozenset({"muted"})) for one in (AMY, BEN)],
]


def check(name: str, data: Any) -> None:
    """Whether data is exactly of the type of its event: nothing is converted, and nothing is over."""
    kind = with_config(ConfigDict(extra="forbid", strict=True))(DATA_TYPES[name])
    assert TypeAdapter(kind).validate_python(data) == data


@pytest.mark.parametrize("moderating", [True, False])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_of_its_type(event: RoomEvent, moderating: bool) -> None:
    check(*event_json(event, moderating=moderating))


@pytest.mark.parametrize("events", BATCHES, ids=lambda events: type(events[0]).__name__)
def test_what_is_told_of_many_at_once_is_of_its_type(events: list[RoomEvent]) -> None:
    [(name, data)] = batch_json(events, BATCH_NAMES)
    assert name in BATCH_NAMES.values()
    check(name, data)


def test_a_snapshot_is_of_its_type() -> None:
    room = Room("tea", 0.0, lambda _: None)
    room.add(Participant(id="amy", name="Amy", transport="local", joined_at=1.5, source=None, sink=None))
    check("room", room_json(room, moderating=True))


def test_every_event_has_a_type_and_every_type_an_event() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(RoomEvent)) == set(EVENT_NAMES)
    assert set(DATA_TYPES) == {"room", *EVENT_NAMES.values(), *BATCH_NAMES.values()}
