"""What arrives in a room, written down as it happens, with checks of what is heard there.

It goes to a `CaptureOutput`, about once a second. A capture that fails or is full ends; the room goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from conference.capture.digest import HeardSoFar, Ledger, mark_of_packet
from conference.capture.recipes import to_json
from conference.capture.records import (
    Changed,
    ComplexityLimited,
    Ended,
    FramePulled,
    Heard,
    Opened,
    Ruled,
    Ticked,
)
from conference.capture.room_records import Noted, RoomRecords
from conference.capture.versions import versions
from conference.codecs.base import Codec
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.participant import Departure, Mix, Participant, Sink
from conference.room.room import Room
from conference.room.sounds import Sound

SAID: Final = ("expected_loss", "forwards", "max_bitrate", "paced")
"""What of a sink decides on what it gets; see `room.participant.Sink` and `room.forwarding.ForwardingSink`."""


class CaptureOutput(Protocol):
    """Where a capture goes. Must not block and must not raise."""

    @property
    def closed(self) -> bool:
        """Nothing more is taken."""
        ...

    def write(self, block: bytes, *, last: bool = False) -> None:
        """Take whole records."""
        ...


@dataclass(slots=True, eq=False)
class _Captured(Noted):
    """A participant, and what was written down of them and of what they hear."""

    heard: HeardSoFar = field(default_factory=HeardSoFar)
    codec: Codec | None = None
    said: dict[str, Any] = field(default_factory=dict)
    """What their sink said of itself."""

    def check(self) -> Heard:
        """What they have heard since this was last asked."""
        return Heard(self.index, *self.heard.read())


class RoomCapture(RoomRecords[_Captured]):
    """The capture of one room, from its beginning.

    Args:
        room: nobody is in it yet.
        output: takes the capture.
    """

    about = "the capture"
    wants_silence = True  # what is counted of it is replayed, too

    def __init__(self, room: Room, output: CaptureOutput) -> None:
        super().__init__(_Captured)
        self._output = output
        self._ledger = Ledger()
        about = {
            "versions": versions(),
            "room": room.name,
            "created_at": room.created_at,
            "voice": to_json(room.voice),
            "max_talkers": room.max_talkers,
            "forwarding": room.forwards,
            "complexity": room.complexity,
        }
        self._write(Opened(about))
        self._stop = room.observe(self)

    # People

    def _introduce(self, participant: Participant) -> dict[str, Any]:
        return {
            "id": participant.id,
            "transport": participant.transport,
            "joined_at": participant.joined_at,
            "hears_apart": participant.voices is not None,
            "bot": participant.bot,
        }

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """See `RoomObserver`. With the last participant the capture ends."""
        one = self._people.get(participant.id)
        if one is not None:
            self._happened(one.check)
        super().participant_removed(participant, reason, departure)

    def _forget_who_left(self) -> None:
        super()._forget_who_left()
        if not self._people:
            self.end("Everybody has left.")

    def participant_renewed(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None:
            self._happened(Changed(one.index, {"renewed": True}))

    def gains_changed(self, hearing: Hearing, volumes: Volumes) -> None:
        """See `RoomObserver`."""
        rules = [[rule.listener, rule.source, rule.gain] for rule in hearing.rules]
        self._happened(Ruled({"rules": rules, "volumes": [list(one) for one in volumes.all]}))

    def complexity_limited(self, complexity: int) -> None:
        """See `RoomObserver`."""
        self._happened(ComplexityLimited(complexity))

    # Sound

    def sound_played(self, sound: Sound) -> None:
        """See `RoomObserver`."""
        self._happened(self._sound_begins(sound))

    def voice_failed(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None and one.tap is None:
            self._write(FramePulled(one.index, None))

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`. What sinks say of themselves is written down, where it is new."""
        super().tick_begins(tick, now_ns)
        self._ledger.begin()
        for one in self._people.values():
            sink = one.participant.sink
            if sink is None:
                continue
            if sink.codec is not one.codec:
                one.codec = sink.codec
                self._write(Changed(one.index, {"codec": to_json(one.codec)}))
            if (said := _said(sink)) != one.said:
                self._write(Changed(one.index, {key: said[key] for key in SAID if said[key] != one.said[key]}))
                one.said = said

    def mix_delivered(self, mix: Mix, listeners: Collection[Participant]) -> None:
        """See `RoomObserver`."""
        mark = self._ledger.note(mix)
        for listener in listeners:
            one = self._people.get(listener.id)
            if one is not None:
                one.heard.note(mark)

    def packet_forwarded(
        self,
        talker: Participant,
        listeners: Collection[Participant],
        sequence: int,
        timestamp: int,
        duration: int,
        payload: bytes,
        arrival_ns: int,
    ) -> None:
        """See `RoomObserver`."""
        del talker, arrival_ns
        mark = mark_of_packet(sequence, timestamp, duration, payload)
        for listener in listeners:
            one = self._people.get(listener.id)
            if one is not None:
                one.heard.note_packet(mark)

    def forwarding_restarted(self, listener: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(listener.id)
        if one is not None:
            one.heard.restart()

    def tick_ends(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`. What is handed on ends with a check of what each listener has heard."""
        self._tick_is_over(Ticked(tick, now_ns, self._ledger.sound, self._ledger.packets))
        if self._people and self._is_due(now_ns):
            self._happened(*(one.check for one in self._people.values()))
            self._flush()

    # The capture

    def dropped(self) -> None:
        """See `RoomObserver`."""
        self.end("The capture failed: the server's log says why.")

    def _write_end(self, reason: str) -> None:
        self._write(Ended(reason))
        self._flush(last=True)

    def _tap(self, one: _Captured) -> dict[str, Any]:
        about, sink = super()._tap(one), one.participant.sink
        if sink is None:
            return about
        one.codec, one.said = sink.codec, _said(sink)
        return about | {"sink": {"codec": to_json(one.codec)} | one.said}

    def _flush(self, *, last: bool = False) -> None:
        if self._output.closed and not last:
            self.end("")
            return
        self._output.write(bytes(self._block), last=last)
        self._block.clear()


def _said(sink: Sink) -> dict[str, Any]:
    """What a sink says of itself, beside its codec: each of :data:`SAID`, or ``None`` where it does not say."""
    return {key: getattr(sink, key, None) for key in SAID}
