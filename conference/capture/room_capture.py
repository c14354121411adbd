"""What arrives in a room, written down as it happens, with checks of what is heard there.

It goes to an `CaptureOutput`, about once a second. A capture that fails or is full ends; the room goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from conference.audio.frame import Samples
from conference.capture.digest import HeardSoFar, Ledger, mark_of_packet
from conference.capture.format import encode
from conference.capture.recipes import describe_source, describe_state, to_json
from conference.capture.records import (
    Changed,
    ComplexityLimited,
    Ended,
    FramePulled,
    Heard,
    Joined,
    Left,
    Opened,
    Reconnected,
    Record,
    Ruled,
    SoundBegan,
    SoundPulled,
    Ticked,
)
from conference.capture.taps import ABOUT, CapturedMessages, CapturedPackets
from conference.capture.versions import versions
from conference.codecs.base import Codec
from conference.playout.source import PacketSource
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Mix, Participant, Sink
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.telephony.intake import PacedSource

FLUSH_TICKS: Final = 50
"""Once a second what was noted is handed on, with a check of what each listener has heard."""

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
class _Captured:
    """A participant, and what was written down of them so far."""

    index: int
    participant: Participant
    heard: HeardSoFar = field(default_factory=HeardSoFar)
    codec: Codec | None = None
    said: dict[str, Any] = field(default_factory=dict)
    """What their sink said of itself."""

    by_frames: bool = False
    """Their source is captured by the frames that it gives."""

    untap: Callable[[], None] = lambda: None
    noted: dict[str, Any] = field(default_factory=dict)
    """What was written of their state."""

    left: bool = False
    """They have left on this tick, whose mixes they may still hear."""


class RoomCapture(RoomObserver):
    """The capture of one room, from its beginning.

    Args:
        room: nobody is in it yet.
        output: takes the capture.
    """

    about = ABOUT

    def __init__(self, room: Room, output: CaptureOutput) -> None:
        self._room = room
        self._output = output
        self._ended = False
        self._block = bytearray()  # what was noted since it was last handed on
        # What happens to people during a tick, and whose check is to be read then; None between ticks.
        self._later: list[Record | _Captured] | None = None
        self._ledger = Ledger()
        self._people: dict[str, _Captured] = {}
        self._joined = 0
        self._sounds: dict[str, int] = {}  # numbers, by id
        self._played = 0
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

    def participant_added(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people[participant.id] = _Captured(self._joined, participant)
        self._joined += 1
        about = {
            "id": participant.id,
            "transport": participant.transport,
            "joined_at": participant.joined_at,
        }
        one.noted = describe_state(participant)
        self._happened(Joined(one.index, about | one.noted | self._tap(one)))

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """See `RoomObserver`. With the last participant the capture ends."""
        del departure
        one = self._people.get(participant.id)
        if one is None:
            return
        one.untap()
        one.left = True
        self._happened(one, Left(one.index, reason))
        if self._later is None:
            self._forget_who_left()

    def _forget_who_left(self) -> None:
        for one in [one for one in self._people.values() if one.left]:
            del self._people[one.participant.id]
        if not self._people:
            self.end("Everybody has left.")

    def participant_reconnected(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None:
            one.untap()
            self._happened(Reconnected(one.index, self._tap(one)))

    def participant_renewed(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None:
            self._happened(Changed(one.index, {"renewed": True}))

    def participant_changed(self, participant: Participant) -> None:
        """See `RoomObserver`. What is new about somebody's state is written down."""
        one = self._people.get(participant.id)
        if one is None:
            return
        state = describe_state(participant)
        changed = {key: value for key, value in state.items() if one.noted.get(key) != value}
        one.noted = state
        if changed:
            self._happened(Changed(one.index, changed))

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
        self._sounds[sound.id] = self._played
        self._played += 1
        about = {
            "id": sound.id,
            "name": sound.name,
            "audience": None if sound.audience is None else sorted(sound.audience),
            "talk_gain": sound.talk_gain,
            "gain": sound.gain,
            "for_absent": sound.for_absent,
        }
        self._happened(SoundBegan(self._sounds[sound.id], about))

    def sound_pulled(self, sound: Sound, frame: Samples | None) -> None:
        """See `RoomObserver`."""
        index = self._sounds.get(sound.id)
        if index is not None:
            self._write(SoundPulled(index, sound.ended, None if frame is None else _plain(frame)))

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None and one.by_frames:
            self._write(FramePulled(one.index, _plain(frame)))

    def voice_failed(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None and one.by_frames:
            self._write(FramePulled(one.index, None))

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`. What sinks say of themselves is written down, where it is new."""
        del tick, now_ns
        self._later = []
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
        """See `RoomObserver`. What happened to people during the tick stands after it."""
        later, self._later = self._later or [], None
        self._happened(Ticked(tick, now_ns, self._ledger.sound, self._ledger.packets), *later)
        self._forget_who_left()
        if self._people and tick % FLUSH_TICKS == 0:
            self._happened(*self._people.values())
            self._flush()

    # The capture

    def dropped(self) -> None:
        """See `RoomObserver`."""
        self.end("The capture failed: the server's log says why.")

    def end(self, reason: str) -> None:
        """Write down what is left to be, and note no more. The room itself goes on."""
        if self._ended:
            return
        self._ended = True
        self._stop()
        for one in self._people.values():
            one.untap()
        self._people.clear()
        self._write(Ended(reason))
        self._flush(last=True)

    def _tap(self, one: _Captured) -> dict[str, Any]:
        """Listen in on a participant's source. Returns what source and sink are made of."""
        source, sink = one.participant.source, one.participant.sink
        about = describe_source(source)
        one.by_frames = False
        if isinstance(source, PacketSource) and about is not None and about["kind"] == "packets":
            one.untap = source.tap(CapturedPackets(one.index, self._block, self.dropped))
        elif isinstance(source, PacedSource):
            one.untap = source.tap(CapturedMessages(one.index, self._block, self.dropped))
        else:
            one.by_frames, one.untap = True, lambda: None
        if sink is None:
            return {"source": about, "sink": None}
        one.codec, one.said = sink.codec, _said(sink)
        return {"source": about, "sink": {"codec": to_json(one.codec)} | one.said}

    def _happened(self, *what: Record | _Captured) -> None:
        """Note what happened, and what somebody has heard since that was last noted.

        During a tick it stands after the tick, which ends with the people it began with.
        """
        if self._later is not None:
            self._later += what
            return
        for one in what:
            self._write(Heard(one.index, *one.heard.read()) if isinstance(one, _Captured) else one)

    def _write(self, record: Record) -> None:
        self._block += encode(record)

    def _flush(self, *, last: bool = False) -> None:
        if self._output.closed and not last:
            self.end("")
            return
        self._output.write(bytes(self._block), last=last)
        self._block.clear()


def _plain(frame: Samples) -> bytes:
    return frame.astype("<i2", copy=False).tobytes()


def _said(sink: Sink) -> dict[str, Any]:
    """What a sink says of itself, beside its codec: each of :data:`SAID`, or ``None`` where it does not say."""
    return {key: getattr(sink, key, None) for key in SAID}
