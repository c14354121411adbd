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

from conference.attendant.actions import Actions
from conference.attendant.announcer import Desk
from conference.attendant.keypad import Keypad
from conference.attendant.settings import AttendantSettings
from conference.audio.frame import Samples
from conference.prompts.library import Library
from conference.room.conference import Conference
from conference.room.events import (
    DigitPressed,
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    RoomUpdated,
    SoundStopped,
    TalkingStarted,
    TalkingStopped,
    UnmuteRequested,
)
from conference.room.participant import ParticipantState

log = logging.getLogger(__name__)

EVENTS_A_TICK = 50
"""Events that are seen to on one tick, so that a decision about hundreds of people does not hold up the sound."""

_OF_NO_INTEREST = (LevelsMeasured, TalkingStarted, TalkingStopped)

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
    ) -> None:
        self._conference = conference
        self._library = library
        self._settings = settings
        self._callers = callers
        self._new_id = new_id
        self._speak_name = speak_name
        self._actions = Actions(conference, settings.menu, callers.may_moderate, wallclock)
        self._desks: dict[str, Desk] = {}
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
        desk = self._desk(event)
        if desk is None:
            return
        match event:
            case ParticipantJoined(participant=state):
                self._joined(desk, state)
            case ParticipantLeft(participant=state):
                self._left(desk, state)
            case ParticipantUpdated(participant=state):
                self._updated(desk, state)
            case RoomUpdated():
                self._policy_changed(desk)
            case UnmuteRequested(participant_id=participant_id):
                desk.tell(participant_id, ["unmute-request", *self._actions.explain("mute")])
            case DigitPressed(participant_id=participant_id, digit=digit):
                self._pressed(desk, participant_id, digit, now_ns)
            case _Spoken():
                self._announce_name(desk, event)
            case SoundStopped(sound_id=sound_id):
                desk.stopped(sound_id)
            case _:
                pass

    def _desk(self, event: RoomEvent | _Spoken) -> Desk | None:
        """The desk of the room that an event is about; ``None`` if the room is gone."""
        room, desk = self._conference.get(event.room), self._desks.get(event.room)
        if room is None:
            self._desks.pop(event.room, None)
            return None
        if desk is None or desk.room is not room:
            desk = self._desks[event.room] = Desk(room, self._library, self._new_id)
        return desk

    def _joined(self, desk: Desk, state: ParticipantState) -> None:
        if state.id not in desk.room.participants:
            return
        desk.people[state.id] = state
        if state.transport == "twilio":
            desk.keypads[state.id] = Keypad(self._settings.menu, round(self._settings.key_timeout * 1e9))
            if self._settings.prompts and self._callers.wants_prompts(state.id):
                desk.prompted.add(state.id)
        if not state.waiting:
            self._announce(desk, state, "join")
        self._greet(desk, state)
        desk.see_to_music()

    def _greet(self, desk: Desk, state: ParticipantState) -> None:
        greeting = ["welcome"]
        if state.waiting:
            greeting.append(desk.waiting_prompt)
        elif desk.others(state.id):
            greeting.append(desk.count_prompt(state.id))
        if state.role == "listener":
            greeting.append("listening")
        elif state.muted:
            greeting.append("muted")
        desk.tell(state.id, greeting)
        if not state.waiting:
            self._tell_the_only_one(desk)

    def _left(self, desk: Desk, state: ParticipantState) -> None:
        if state.id in desk.room.participants:
            return  # they are back already, as the next event says
        desk.forget(state.id)
        if not state.waiting:
            self._announce(desk, state, "leave")
            self._tell_the_only_one(desk)
        desk.see_to_music()

    def _tell_the_only_one(self, desk: Desk) -> None:
        here = desk.others("")
        if len(here) != 1 or self._settings.alone == "nobody":
            return
        if desk.room.participants[here[0]].transport == "twilio":
            desk.tell(here[0], ["alone"])
        elif self._settings.alone == "everybody":
            desk.say(here[0], ["alone"])

    def _announce(self, desk: Desk, state: ParticipantState, what: _What) -> None:
        if desk.policy.announce == "off" or not desk.others(state.id):
            return
        if desk.policy.announce == "tones":
            desk.announce([f"{what}-tone"])
        elif self._speak_name is None:
            self._announce_name(desk, _Spoken(desk.room.name, what, None))
        elif not desk.speaker.is_busy(None):
            room = desk.room.name
            self._speak_name(state.name, lambda spoken: self._happened.append(_Spoken(room, what, spoken)))

    def _announce_name(self, desk: Desk, spoken: _Spoken) -> None:
        done = "joined" if spoken.what == "join" else "left"
        words: list[str | Samples]
        words = [f"somebody-{done}"] if spoken.name is None else [spoken.name, f"has-{done}"]
        desk.announce([f"{spoken.what}-tone", *words])

    def _updated(self, desk: Desk, state: ParticipantState) -> None:
        before = desk.people.get(state.id)
        if before is None:
            return
        desk.people[state.id] = state
        if before.waiting and not state.waiting:
            desk.speaker.hush(state.id)  # that they should wait
            if state.id in desk.prompted:
                desk.tell(state.id, ["admitted", desk.count_prompt(state.id)])
            self._announce(desk, state, "join")
        for prompt in _news(before, state):
            desk.tell(state.id, [prompt])
        desk.see_to_music()

    def _policy_changed(self, desk: Desk) -> None:
        before = desk.policy
        desk.policy = desk.room.policy  # not the event's: that may be of an earlier room of this name
        if before.locked != desk.policy.locked:
            for participant_id in desk.prompted:
                if self._actions.is_host(desk, participant_id):
                    desk.tell(participant_id, ["locked" if desk.policy.locked else "unlocked"])
        desk.see_to_music()

    def _pressed(self, desk: Desk, participant_id: str, key: str, now_ns: int) -> None:
        keypad = desk.keypads.get(participant_id)
        if keypad is None or participant_id not in desk.room.participants:
            return
        desk.speaker.hush(participant_id)
        if self._settings.prompts and self._callers.wants_prompts(participant_id):
            desk.prompted.add(participant_id)  # they may not have wanted any until they pressed a key
        action = keypad.press(key, now_ns)
        if action is not None:
            desk.tell(participant_id, self._actions.do(action, desk, participant_id))


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
