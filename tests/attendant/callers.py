"""A conference with an attendant, and people made of code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from conference.attendant.attendant import Attendant
from conference.attendant.settings import AttendantSettings
from conference.audio.frame import TICK_NS, Samples
from conference.prompts.library import Library
from conference.room.conference import Conference
from conference.room.events import RecordingStarted, RecordingStopped, RoomEvent, SoundStarted
from conference.room.participant import CallState, Participant, Role, Transport
from conference.room.policy import RoomPolicy
from conference.room.recorded import RecordingState
from conference.room.room import Room
from tests.room.fakes import Ear

NO_POLICY = RoomPolicy()


class AttendedConference:
    """One conference, of which every sound that begins is noted."""

    def __init__(
        self, policy: RoomPolicy = NO_POLICY, *, speaking: bool = False, recording: bool = False, **settings: object
    ) -> None:
        self.conference = Conference(policy_of=lambda _: policy)
        self.names: dict[str, Samples] | None = None
        """What names sound like, if they can be spoken at all."""
        self.quiet: set[str] = set()
        self.moderators: set[str] = set()
        self.recorders: set[str] = set()
        self.said: list[tuple[str, str]] = []
        """To whom (``*`` for all), and the first prompt."""
        self.conference.subscribe(None, self._note)
        ids = count(1)
        self.attendant = Attendant(
            self.conference,
            Library(),
            AttendantSettings(**settings),  # type: ignore[arg-type]
            self,
            new_id=lambda: f"sound-{next(ids)}",
            wallclock=lambda: 1_700_000_000.0,
            speak_name=self._speak if speaking else None,
            record=self._record if recording else None,
        )
        self.now_ns = 0
        self.ticks = 0

    def wants_prompts(self, participant_id: str) -> bool:
        return participant_id not in self.quiet

    def may_moderate(self, room: str, participant_id: str) -> bool:
        return participant_id in self.moderators

    def may_record(self, room: str, participant_id: str) -> bool:
        return participant_id in self.recorders

    def _record(self, room: Room, by: str) -> None:
        state = RecordingState("1", "recording", 0.0, by)
        if room.recording is None:
            room.note_recording(RecordingStarted(room.name, state, by))
        else:
            room.note_recording(RecordingStopped(room.name, replace(state, status="finishing"), by))

    @property
    def room(self) -> Room:
        return self.conference.rooms["tea"]

    def join(
        self,
        name: str,
        *,
        transport: Transport = "twilio",
        role: Role = "speaker",
        room: str = "tea",
        call: CallState | None = None,
    ) -> Participant:
        participant = Participant(
            id=name, name=name.title(), transport=transport, joined_at=0.0, sink=Ear(), role=role, call=call
        )
        self.conference.join(room, participant)
        return participant

    def leave(self, name: str) -> None:
        self.conference.leave("tea", name, "left")

    def run(self, seconds: float = 0.02) -> None:
        for _ in range(round(seconds * 50)):
            self.attendant.tick(self.now_ns)
            self.conference.tick(self.ticks, self.now_ns)
            self.ticks += 1
            self.now_ns += TICK_NS

    def press(self, name: str, keys: str) -> None:
        for key in keys:
            self.room.press_digit(name, key)
            self.run()

    def heard(self) -> list[tuple[str, str]]:
        """What was said since the last time, when all of it has been."""
        quiet = 0
        while quiet < 10:
            self.run()
            quiet = 0 if any(not sound.loop for sound in self.room.sounds) else quiet + 1
        said, self.said = self.said, []
        return said

    def _speak(self, name: str, then: Callable[[Samples | None], None]) -> None:
        then((self.names or {}).get(name))

    def _note(self, event: RoomEvent) -> None:
        if isinstance(event, SoundStarted):
            self.said.append(("*" if event.audience is None else "+".join(sorted(event.audience)), event.name))
