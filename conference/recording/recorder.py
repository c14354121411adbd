"""What a recording writes down of a room: enough to run it again, and to give each person their own packets back.

From a pause to the next, or to the end, is a *segment*, which stands for itself: it begins with who is there, and how
they are heard. A recorder writes one segment. Nothing is decoded, mixed or encoded for it, so that a room costs about
what it costs without a recording, and voices are forwarded as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from conference.audio.frame import Samples
from conference.capture.format import tick_bytes
from conference.capture.recipes import to_json
from conference.capture.records import (
    Changed,
    Ended,
    Opened,
    Restarted,
    Ruled,
    Ticked,
)
from conference.capture.room_records import Noted, RoomRecords
from conference.capture.taps import PacketRecords
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.sounds import Sound

FLUSH_BYTES: Final = 256 * 1024
"""What is handed on earlier than a second after the last."""

EVERYBODY: Final = "everybody"
"""Whom a recording stands for: a listener of whom nothing was decided, and for whom nothing alone is meant."""


class SegmentOutput(Protocol):
    """Where a segment goes. Must not block and must not raise."""

    def write_records(self, block: bytes) -> None:
        """Take whole records."""
        ...


@dataclass(slots=True, eq=False)
class _Recorded(Noted):
    """A participant, and how they are written down."""

    kept: bool = True
    """What they say is written down."""


class RoomRecorder(RoomRecords[_Recorded]):
    """Writes one segment of a recording.

    Args:
        room: which.
        output: takes what is written.
        started_ns: when the recording began, on the room's clock.
        from_ns: when this segment begins.
        unheard: whether what nobody can hear is written, too.
        dropped: is told if this fails.
    """

    about = "the recording"
    lets_rest = True  # what nobody decodes is decoded when the room is run again
    wants_silence = False  # what takes the bypass is a gap in a track, as the silence of a sender with DTX

    def __init__(
        self,
        room: Room,
        output: SegmentOutput,
        *,
        started_ns: int,
        from_ns: int,
        unheard: bool,
        dropped: Callable[[], None],
    ) -> None:
        super().__init__(_Recorded)
        self._room = room
        self._output = output
        self._unheard = unheard
        self._dropped = dropped
        self._flushed_ns = from_ns
        self.now_ns: int | None = None
        """Of the tick that is under way; ``None`` between ticks."""

        about = {
            "room": room.name,
            "created_at": room.created_at,
            "voice": to_json(room.voice),
            "max_talkers": room.max_talkers,
            "forwarding": False,  # what is heard is the same, and here all of it is to be in one mix
            "started_ns": started_ns,
            "from_ns": from_ns,
        }
        self._write(Opened(about))
        for participant in room.participants.values():
            self.participant_added(participant)
        if room.hearing.rules:
            self.gains_changed(room.hearing, room.volumes)
        self._stop = room.observe(self)

    # People

    def _introduce(self, participant: Participant) -> dict[str, Any]:
        return {
            "id": participant.id,
            "transport": participant.transport,
            "identity": participant.identity,
        }

    def participant_added(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        super().participant_added(participant)
        one = self._people[participant.id]
        voice = self._room.voice
        of_voice = {key: one.noted[key] for key in ("levelling", "noise_suppression", "asked_to_level")}
        if of_voice != {
            "levelling": voice.levelling,
            "noise_suppression": voice.noise_suppression,
            "asked_to_level": False,
        }:
            self._happened(Changed(one.index, of_voice))

    def participant_changed(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        super().participant_changed(participant)
        one = self._people.get(participant.id)
        if one is not None:
            self._see_whether_heard(one)

    def gains_changed(self, hearing: Hearing, volumes: Volumes) -> None:
        """See `RoomObserver`. What listeners set for themselves is nobody else's."""
        del volumes
        self._happened(Ruled({"rules": [[rule.listener, rule.source, rule.gain] for rule in hearing.rules]}))
        for one in self._people.values():
            self._see_whether_heard(one)

    def _see_whether_heard(self, one: _Recorded) -> None:
        """Begin or end to write down what somebody says, as it begins or ends to be heard."""
        kept = self._unheard or self._is_heard(one.participant)
        if kept == one.kept:
            return
        one.kept = kept
        if one.tap is not None:
            one.tap.keep(kept)
            if kept == isinstance(one.tap, PacketRecords):
                # Of packets, what came meanwhile is missing: what comes now is not behind it. Of messages, what has
                # come may hold more than was heard until now: the rest is not to be kept.
                self._write(Restarted(one.index, ""))

    def _is_heard(self, participant: Participant) -> bool:
        return participant.may_be_heard and self._room.hearing.gain(EVERYBODY, participant.id) > 0

    # Sound

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None and one.kept:
            super().voice_pulled(participant, frame)

    def sound_pulled(self, sound: Sound, frame: Samples | None) -> None:
        """See `RoomObserver`. Only what everybody hears is written."""
        if sound.audience is not None or sound.for_absent:
            return
        if sound.id not in self._sounds and frame is not None:
            self._write(self._sound_begins(sound))
        super().sound_pulled(sound, frame)

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        super().tick_begins(tick, now_ns)
        self.now_ns = now_ns

    def tick_ends(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        if self._later or self._leaving:
            self._tick_is_over(Ticked(tick, now_ns, 0, 0))
        else:  # as almost always, and so in a fraction of the time
            self._later = None
            self._block += tick_bytes(tick, now_ns)
        self.now_ns = None
        if self._is_due(now_ns, early=len(self._block) > FLUSH_BYTES):
            self._flush()

    # The segment

    def dropped(self) -> None:
        """See `RoomObserver`."""
        self._dropped()

    def _write_end(self, reason: str) -> None:
        later, self._later = self._later or [], None
        self._happened(*later, Ended(reason))
        self._flush()

    def _tap(self, one: _Recorded) -> dict[str, Any]:
        about = super()._tap(one)
        one.kept = self._unheard or self._is_heard(one.participant)
        if one.tap is not None:
            one.tap.keep(one.kept)
        return about

    def _flush(self) -> None:
        if self._block:
            self._output.write_records(bytes(self._block))
            self._block.clear()
