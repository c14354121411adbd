"""Who is in a room, and what was decided about them. What they hear is decided in `room.room`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from conference.audio.frame import SILENT_LEVEL
from conference.room.admission import check_entry, has_host, must_wait
from conference.room.events import (
    DigitPressed,
    EventBatch,
    MessageSent,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Published,
    RecordingChange,
    RoomEvent,
    RoomUpdated,
    TalkingStarted,
    TalkingStopped,
    UnmuteRequested,
)
from conference.room.observer import Observers, RoomObserver
from conference.room.participant import (
    AnsweredBy,
    CallState,
    Departure,
    ModerationState,
    Participant,
    Role,
    Sink,
    Source,
)
from conference.room.policy import RoomPolicy
from conference.room.recorded import RecordingState
from conference.room.voice import Voice, VoiceSettings

log = logging.getLogger(__name__)

HOST_GRACE_TICKS = 1500
"""How long a room that ends with its host waits for one whose connection was lost: 30 s."""


class People:
    """The participants of one room, by id.

    What changes about them is published at once; what one decision changes about many, as one batch. ``by`` always
    names who did it, if it was somebody else than they themselves.

    Args:
        name: as in the URL.
        created_at: unix time in seconds.
        publish: takes every event, and every batch, at once and in order.
        voice: how the voices of those who join are treated.
        policy: how the room is run, to begin with.
    """

    def __init__(
        self,
        name: str,
        created_at: float,
        publish: Callable[[Published], None],
        voice: VoiceSettings,
        policy: RoomPolicy,
    ) -> None:
        self.name = name
        self.created_at = created_at
        self.participants: dict[str, Participant] = {}
        self.policy = policy
        self.recording: RecordingState | None = None
        """What is being kept of what is said here, if anything is."""
        self._publish_now = publish
        self._observers = Observers(name)
        self._batch: list[RoomEvent] | None = None  # what the decision that is being carried out has brought about
        self._voice = voice
        self._without_host = 0  # ticks since the last host was lost, if the room ends with them

    @property
    def voice(self) -> VoiceSettings:
        """How the voices of those who join are treated."""
        return self._voice

    def observe(self, observer: RoomObserver) -> Callable[[], None]:
        """Have somebody told of all that happens here. Returns how to end that, which may be called more than once."""
        return self._observers.add(observer)

    # Coming and going

    def add(self, participant: Participant, *, returning: bool = False) -> None:
        """Let somebody in, to the lobby if the policy says so.

        Args:
            participant: who.
            returning: they were here before and lost their connection: what was decided about them stands.

        Raises:
            ValueError: somebody with that id is here already.
            RoomLocked, RoomFull: the policy keeps them out.
            SuppressionUnavailable: voices are to be freed of noise, and the library for it is not there.
        """
        if participant.id in self.participants:
            raise ValueError(f"participant {participant.id} is in the room already")
        if not returning:
            check_entry(self.policy, self.participants.values(), participant)
            participant.waiting = must_wait(self.policy, self.participants.values(), participant)
            participant.muted = participant.muted or (self.policy.mute_on_entry and participant.role != "host")
        participant.voice = Voice(
            replace(self._voice, original_sound=True) if participant.original_sound else self._voice
        )
        self.participants[participant.id] = participant
        self._stir(participant.id)
        if self._observers.all:
            self._observers.tell(lambda one: one.participant_added(participant))
        self._publish(ParticipantJoined(self.name, participant.state()))
        if participant.role == "host":
            self._host_is_here()

    def remove(self, participant_id: str, reason: str, departure: Departure = "left") -> Participant | None:
        """Take somebody out. Does not end their connection. ``None`` if they were not here."""
        participant = self.participants.pop(participant_id, None)
        if participant is None:
            return None
        self._stir(participant_id)
        self._set_talking(participant, False)
        how, by = participant.leaving or (departure, None)
        if self._observers.all:
            self._observers.tell(lambda one: one.participant_removed(participant, reason, how))
        self._publish(ParticipantLeft(self.name, participant.state(), reason, how, by))
        if participant.role == "host" and how != "ended":
            self._host_is_gone(may_return=how in ("lost", "failed"))
        return participant

    def dismiss(
        self, participant_id: str, reason: str, departure: Departure = "removed", *, by: str | None = None
    ) -> None:
        """Send somebody away, and end their connection.

        Raises:
            KeyError: they are not here.
        """
        participant = self.participants[participant_id]
        participant.leaving = (departure, by)
        if participant.hang_up is not None:
            try:
                participant.hang_up(reason)
            except Exception:  # they are to go all the same, and those after them
                log.exception("room %s: the connection of participant %s cannot be ended", self.name, participant_id)
        self.remove(participant_id, reason)  # unless ending the connection did that

    def end(self, reason: str, departure: Departure = "ended", *, by: str | None = None) -> None:
        """Send everybody away."""
        with self._one_decision():
            for participant_id in list(self.participants):
                if participant_id in self.participants:
                    self.dismiss(participant_id, reason, departure, by=by)

    def reconnect(
        self,
        participant_id: str,
        source: Source | None,
        sink: Sink | None,
        hang_up: Callable[[str], None] | None,
    ) -> Callable[[str], None] | None:
        """Give a participant another connection. Returns how to end the one they had.

        Raises:
            KeyError: they are not here.
        """
        participant = self.participants[participant_id]
        replaced, participant.hang_up = participant.hang_up, hang_up
        participant.source, participant.sink = source, sink
        self._stir(participant_id)
        if self._observers.all:
            self._observers.tell(lambda one: one.participant_reconnected(participant))
        self._updated(participant)
        return replaced

    # What is decided about them. All of these raise KeyError for somebody who is not here.

    def set_muted(self, participant_id: str, muted: bool, *, by: str | None = None) -> None:
        """Mute or unmute: whoever is muted is not heard. Muted by somebody else, they are not to unmute themselves."""
        muted_by = by if muted else None
        before = self.participants[participant_id]
        if muted and before.muted and muted_by is None:
            muted_by = before.muted_by
        self._set(participant_id, by, muted=muted, muted_by=muted_by)

    def mute_all(self, spared: Collection[str], *, by: str | None = None) -> list[str]:
        """Mute everybody but hosts and those who are spared. Returns who is muted now, by id."""
        muted = [one.id for one in self.participants.values() if one.role != "host" and one.id not in spared]
        with self._one_decision():
            for participant_id in muted:
                self.set_muted(participant_id, True, by=by)
        return muted

    def apply_moderation(self, participant_id: str, moderation: ModerationState) -> None:
        """Put on somebody all that was decided about them at another time."""
        self._set(participant_id, None, **asdict(moderation))

    def ask_to_unmute(self, participant_id: str, *, by: str | None = None) -> None:
        """Let somebody unmute themselves again, and ask them to."""
        self._set(participant_id, by, muted_by=None)
        self._publish(UnmuteRequested(self.name, participant_id, by))

    def hold(self, participant_id: str, held: bool, *, by: str | None = None) -> None:
        """Put somebody on hold, or take them back: they are not heard, and hear nobody."""
        self._set(participant_id, by, held=held)

    def deafen(self, participant_id: str, deafened: bool, *, by: str | None = None) -> None:
        """Have somebody hear nobody, or hear again."""
        self._set(participant_id, by, deafened=deafened)

    def admit(self, participant_ids: Iterable[str], *, by: str | None = None) -> None:
        """Let people in from the lobby."""
        with self._one_decision():
            for participant_id in participant_ids:
                self._set(participant_id, by, waiting=False)

    def admit_all(self, *, by: str | None = None) -> None:
        """Let everybody in who waits in the lobby."""
        self.admit([one.id for one in self.participants.values() if one.waiting], by=by)

    def set_role(self, participant_id: str, role: Role, *, by: str | None = None) -> None:
        """Make somebody a host, a speaker or a listener."""
        self._set(participant_id, by, role=role)
        if role == "host":
            self._host_is_here()

    def raise_hand(self, participant_id: str, at: float | None, *, by: str | None = None) -> None:
        """Raise a hand, at a unix time in seconds; or (``None``) lower it."""
        before = self.participants[participant_id].hand_raised_at
        if at is None or before is None:
            self._set(participant_id, by, hand_raised_at=at)

    def set_call_state(self, participant_id: str, state: CallState) -> None:
        """It has come so far with somebody whom the room calls."""
        self._set(participant_id, None, call=state)

    def set_answered_by(self, participant_id: str, who: AnsweredBy) -> None:
        """It has been found out who has answered."""
        self._set(participant_id, None, answered_by=who)

    def rename(self, participant_id: str, name: str, *, by: str | None = None) -> None:
        """Change what others see."""
        self._set(participant_id, by, name=name)

    def treat_voice(
        self,
        participant_id: str,
        *,
        levelling: bool | None = None,
        noise_suppression: bool | None = None,
        original_sound: bool | None = None,
        by: str | None = None,
    ) -> None:
        """Switch stages of a participant's voice on or off; ``None`` leaves one as it is.

        Raises:
            SuppressionUnavailable: the library for it is not there.
        """
        participant = self.participants[participant_id]
        changed = participant.voice.change(
            levelling=levelling, noise_suppression=noise_suppression, original_sound=original_sound
        )
        self._stir(participant_id)
        if changed:
            self._updated(participant, by)
        elif self._observers.all:  # that it was asked for counts, too
            self._observers.tell(lambda one: one.participant_changed(participant))

    def set_policy(self, policy: RoomPolicy, *, by: str | None = None) -> None:
        """Run the room in another way from now on. Those whom it would not let in any more stay."""
        if policy == self.policy:
            return
        self.policy = policy
        if not policy.ends_with_host:
            self._without_host = 0
        with self._one_decision():
            self._publish(RoomUpdated(self.name, policy, by))
            if policy.lobby == "off" or (policy.lobby == "host" and has_host(self.participants.values())):
                self.admit_all(by=by)

    # What is kept of them

    def note_recording(self, event: RecordingChange) -> None:
        """The room's recording began, changed, or is over: everybody is told."""
        going_on = event.recording.status in ("recording", "paused")
        self.recording = event.recording if going_on else None
        self._publish(event)

    # What they say without sound

    def press_digit(self, participant_id: str, digit: str) -> None:
        """A key of a participant's telephone was pressed."""
        if participant_id in self.participants:
            self._publish(DigitPressed(self.name, participant_id, digit))

    def send_message(self, participant_id: str | None, name: str, text: str, sent_at: float) -> None:
        """Somebody writes to everybody; ``None`` for somebody who is not in the room."""
        self._publish(MessageSent(self.name, participant_id, name, text, sent_at))

    def _set(self, participant_id: str, by: str | None, **changes: Any) -> None:
        participant = self.participants[participant_id]
        changed = {field for field, value in changes.items() if getattr(participant, field) != value}
        if not changed:
            return
        for field in changed:
            setattr(participant, field, changes[field])
        self._stir(participant_id)
        if not participant.may_be_heard:
            changed.update(("talking", "level"))
            self._set_talking(participant, False)
            participant.level = SILENT_LEVEL
        self._updated(participant, by, changed)

    def _host_is_here(self) -> None:
        self._without_host = 0
        if self.policy.lobby == "host":
            self.admit_all()

    def _host_is_gone(self, *, may_return: bool) -> None:
        if not self.policy.ends_with_host or has_host(self.participants.values()):
            return
        if may_return:
            self._without_host = 1
        else:
            self.end("The host has ended the conference.")

    def _wait_for_host(self) -> None:
        """Let a tick pass without a host, if one is waited for."""
        if self._without_host:
            self._without_host += 1
            if self._without_host > HOST_GRACE_TICKS:
                self._without_host = 0
                self.end("The host is gone.")

    def _stir(self, participant_id: str) -> None:
        """Somebody has come or gone, or what was decided about them has changed."""

    def _set_talking(self, participant: Participant, talking: bool) -> None:
        if participant.talking == talking:
            return
        participant.talking = talking
        event = TalkingStarted if talking else TalkingStopped
        self._publish(event(self.name, participant.id))

    def _updated(self, participant: Participant, by: str | None = None, changed: Iterable[str] = ()) -> None:
        if self._observers.all:
            self._observers.tell(lambda one: one.participant_changed(participant))
        self._publish(ParticipantUpdated(self.name, participant.state(), by, frozenset(changed)))

    def _publish(self, event: RoomEvent) -> None:
        if self._batch is None:
            self._publish_now(event)
        else:
            self._batch.append(event)

    @contextmanager
    def _one_decision(self) -> Iterator[None]:
        """Publish what happens meanwhile as one batch, if it is more than one event."""
        if self._batch is not None:
            yield  # it is part of another
            return
        self._batch = []
        try:
            yield
        finally:
            batch, self._batch = self._batch, None
            if len(batch) == 1:
                self._publish_now(batch[0])
            elif batch:
                self._publish_now(EventBatch(self.name, tuple(batch)))
