"""Follows what happens in the rooms, and says it to those whom it concerns and who have no page that would show it.

What happens is looked at before the next tick, when it is over; what happens to hundreds at once, in the course of the
next few. It costs nothing while nothing happens.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from conference.attendant.actions import Actions, Record
from conference.attendant.announcer import Announcer
from conference.attendant.keypad import Keypad
from conference.attendant.settings import AttendantSettings
from conference.audio.frame import Samples
from conference.prompts.library import Library
from conference.room.conference import Conference
from conference.room.events import (
    Captioned,
    DigitPressed,
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RecordingPaused,
    RecordingResumed,
    RecordingStarted,
    RecordingStopped,
    RoomEvent,
    RoomUpdated,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
    UnmuteRequested,
)
from conference.room.participant import STREAM_TRANSPORTS, ParticipantState

log = logging.getLogger(__name__)

EVENTS_A_TICK = 50
"""Events that are seen to on one tick, so that a decision about hundreds of people does not hold up the sound."""

_OF_NO_INTEREST = (LevelsMeasured, TalkingStarted, TalkingStopped, Captioned)

SpeakName: TypeAlias = Callable[[str, Callable[[Samples | None], None]], None]
"""Has a name spoken, and calls back, at once or later, with what that sounds like; ``None`` if it cannot be spoken."""

_What: TypeAlias = Literal["join", "leave"]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """It has been found out what a name sounds like."""

    room: str
    what: _What
    name: Samples | None


class Callers(Protocol):
    """What a server knows about those who call."""

    def wants_prompts(self, participant_id: str) -> bool:
        """Whether a caller is to be told what happens; programs may not want to be."""
        ...

    def may_moderate(self, room: str, participant_id: str) -> bool:
        """Whether somebody may do what hosts do."""
        ...

    def may_record(self, room: str, participant_id: str) -> bool:
        """Whether somebody may record a room."""
        ...


class Attendant:
    """Looks after all rooms of a conference.

    Args:
        conference: whose rooms.
        library: what can be played.
        settings: how.
        callers: tells about those who call.
        new_id: makes the ids of sounds.
        wallclock: unix time in seconds.
        speak_name: makes speech of people's names; without it they are announced as somebody.
        record: begins the recording of a room, or ends it, for somebody; ``None`` if nothing is recorded here.
    """

    def __init__(
        self,
        conference: Conference,
        library: Library,
        settings: AttendantSettings,
        callers: Callers,
        *,
        new_id: Callable[[], str],
        wallclock: Callable[[], float],
        speak_name: SpeakName | None = None,
        record: Record | None = None,
    ) -> None:
        self._conference = conference
        self._library = library
        self._settings = settings
        self._callers = callers
        self._new_id = new_id
        self._speak_name = speak_name
        self._actions = Actions(conference, settings.menu, callers.may_moderate, wallclock, record, callers.may_record)
        self._announcers: dict[str, Announcer] = {}
        self._happened: deque[RoomEvent | _Spoken] = deque()
        conference.subscribe(None, self._note)

    def tick(self, now_ns: int) -> None:
        """See to what has happened since the last tick: of very much, to some of it. Never raises."""
        for _ in range(min(len(self._happened), EVENTS_A_TICK)):
            event = self._happened.popleft()
            try:
                self._see_to(event, now_ns)
            except Exception:
                log.exception("room %s: the attendant failed", event.room)

    def _note(self, event: RoomEvent) -> None:
        if not isinstance(event, _OF_NO_INTEREST):
            self._happened.append(event)

    def _see_to(self, event: RoomEvent | _Spoken, now_ns: int) -> None:
        announcer = self._announcer(event)
        if announcer is None:
            return
        match event:
            case ParticipantJoined(participant=state):
                self._joined(announcer, state)
            case ParticipantLeft(participant=state):
                self._left(announcer, state)
            case ParticipantUpdated(participant=state):
                self._updated(announcer, state)
            case RoomUpdated():
                self._policy_changed(announcer)
            case UnmuteRequested(participant_id=participant_id):
                announcer.tell(participant_id, ["unmute-request", *self._actions.explain("mute")])
            case DigitPressed(participant_id=participant_id, digit=digit):
                self._pressed(announcer, participant_id, digit, now_ns)
            case _Spoken():
                self._announce_name(announcer, event)
            case SoundStopped(sound_id=sound_id):
                announcer.stopped(sound_id)
            case _:
                self._tell_of_recording(announcer, event)

    def _tell_of_recording(self, announcer: Announcer, event: RoomEvent) -> None:
        match event:
            case RecordingStarted() | RecordingResumed():
                prompt = "recorded"
            case RecordingPaused():
                prompt = "recording-paused"
            case RecordingStopped():
                prompt = "recording-over"
            case _:
                return
        self._tell_callers(announcer, prompt)

    def _tell_callers(self, announcer: Announcer, prompt: str) -> None:
        """Tell all callers what becomes of what they say."""
        for one in announcer.people.values():
            if self._is_told_what_becomes_of_it(one):
                announcer.say(one.id, [prompt])

    def _is_told_what_becomes_of_it(self, state: ParticipantState) -> bool:
        """Callers are, whether or not they are told things; but for programs, which would take it for talk."""
        return state.transport in STREAM_TRANSPORTS and self._callers.wants_prompts(state.id)

    def _announcer(self, event: RoomEvent | _Spoken) -> Announcer | None:
        """The announcer of the room that an event is about; ``None`` if the room is gone."""
        room, announcer = self._conference.get(event.room), self._announcers.get(event.room)
        if room is None:
            self._announcers.pop(event.room, None)
            return None
        if announcer is None or announcer.room is not room:
            announcer = self._announcers[event.room] = Announcer(room, self._library, self._new_id)
        return announcer

    def _joined(self, announcer: Announcer, state: ParticipantState) -> None:
        if state.id not in announcer.room.participants:
            return
        announcer.people[state.id] = state
        if state.transport in STREAM_TRANSPORTS:
            announcer.keypads[state.id] = Keypad(self._actions.menu, round(self._settings.key_timeout * 1e9))
            if self._settings.phone_prompts and self._callers.wants_prompts(state.id):
                announcer.prompted.add(state.id)
        if _is_called(state):
            return  # there is nobody yet
        if not state.waiting:
            self._announce(announcer, state, "join")
        self._greet(announcer, state)
        announcer.see_to_music()

    def _greet(self, announcer: Announcer, state: ParticipantState) -> None:
        greeting = ["welcome"]
        if state.waiting:
            greeting.append(announcer.waiting_prompt)
        elif announcer.others(state.id):
            greeting.append(announcer.count_prompt(state.id))
        if state.role == "listener":
            greeting.append("listening")
        elif state.muted:
            greeting.append("muted")
        recording = announcer.room.recording
        recorded = ["recorded"] if recording is not None and recording.status == "recording" else []
        kept = recorded + (["captioned"] if announcer.room.policy.captions else [])
        if state.id in announcer.prompted:
            announcer.say(state.id, greeting + kept)
        elif kept and self._is_told_what_becomes_of_it(state):
            announcer.say(state.id, kept)
        if not state.waiting:
            self._tell_the_only_one(announcer)

    def _left(self, announcer: Announcer, state: ParticipantState) -> None:
        if state.id in announcer.room.participants:
            return  # they are back already, as the next event says
        announcer.forget(state.id)
        if not state.waiting and not _is_called(state):
            self._announce(announcer, state, "leave")
            self._tell_the_only_one(announcer)
        announcer.see_to_music()

    def _tell_the_only_one(self, announcer: Announcer) -> None:
        here = announcer.others("")
        if len(here) != 1 or self._settings.alone_prompt == "nobody":
            return
        if announcer.room.participants[here[0]].transport in STREAM_TRANSPORTS:
            announcer.tell(here[0], ["alone"])
        elif self._settings.alone_prompt == "everybody":
            announcer.say(here[0], ["alone"])

    def _announce(self, announcer: Announcer, state: ParticipantState, what: _What) -> None:
        if announcer.policy.announce == "off" or not announcer.others(state.id):
            return
        if announcer.policy.announce == "tones":
            announcer.announce([f"{what}-tone"])
        elif self._speak_name is None:
            self._announce_name(announcer, _Spoken(announcer.room.name, what, None))
        elif not announcer.prompt_player.is_busy(None):
            room = announcer.room.name
            self._speak_name(state.name, lambda spoken: self._happened.append(_Spoken(room, what, spoken)))

    def _announce_name(self, announcer: Announcer, spoken: _Spoken) -> None:
        done = "joined" if spoken.what == "join" else "left"
        words: list[str | Samples]
        words = [f"somebody-{done}"] if spoken.name is None else [spoken.name, f"has-{done}"]
        announcer.announce([f"{spoken.what}-tone", *words])

    def _updated(self, announcer: Announcer, state: ParticipantState) -> None:
        before = announcer.people.get(state.id)
        if before is None:
            return
        announcer.people[state.id] = state
        if _is_called(before) and not _is_called(state):
            self._joined(announcer, state)
            return
        if before.waiting and not state.waiting:
            announcer.prompt_player.hush(state.id)  # that they should wait
            if state.id in announcer.prompted:
                announcer.tell(state.id, ["admitted", announcer.count_prompt(state.id)])
            self._announce(announcer, state, "join")
        for prompt in _news(before, state):
            announcer.tell(state.id, [prompt])
        announcer.see_to_music()

    def _policy_changed(self, announcer: Announcer) -> None:
        before = announcer.policy
        announcer.policy = announcer.room.policy  # not the event's: that may be of an earlier room of this name
        if before.locked != announcer.policy.locked:
            for participant_id in announcer.prompted:
                if self._actions.is_host(announcer, participant_id):
                    announcer.tell(participant_id, ["locked" if announcer.policy.locked else "unlocked"])
        if before.captions != announcer.policy.captions:
            self._tell_callers(announcer, "captioned" if announcer.policy.captions else "captions-over")
        announcer.see_to_music()

    def _pressed(self, announcer: Announcer, participant_id: str, key: str, now_ns: int) -> None:
        keypad = announcer.keypads.get(participant_id)
        participant = announcer.room.participants.get(participant_id)
        if keypad is None or participant is None or participant.remote:  # whom another node serves, its attendant does
            return
        announcer.prompt_player.hush(participant_id)
        if self._settings.phone_prompts and self._callers.wants_prompts(participant_id):
            announcer.prompted.add(participant_id)  # they may not have wanted any until they pressed a key
        action = keypad.press(key, now_ns)
        if action is not None:
            announcer.tell(participant_id, self._actions.do(action, announcer, participant_id))


def _is_called(state: ParticipantState) -> bool:
    """Whether somebody is being called, and has not answered."""
    return state.call is not None and state.call != "answered"


def _news(before: ParticipantState, after: ParticipantState) -> list[str]:
    """What a caller is told of a change."""
    news = []
    if after.held != before.held:
        news.append("on-hold" if after.held else "off-hold")
    if after.role != before.role and after.role == "listener":
        news.append("listening")
    if after.muted != before.muted or (after.muted_by is not None and before.muted_by is None):
        news.append("muted-by-host" if after.muted_by is not None else "muted" if after.muted else "unmuted")
    if (after.hand_raised_at is None) != (before.hand_raised_at is None):
        news.append("hand-lowered" if after.hand_raised_at is None else "hand-raised")
    return news
