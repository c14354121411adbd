"""What a recording writes down of a room: enough to run it again, and to give each person their own packets back.

From a pause to the next, or to the end, is a *segment*, which stands for itself: it begins with who is there, and how
they are heard. A recorder writes one segment. Nothing is decoded, mixed or encoded for it, so that a room costs about
what it costs without a recording, and voices are forwarded as before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from conference.audio.frame import Samples
from conference.capture.format import encode, packet_writer
from conference.capture.recipes import decoder_name, describe_source, describe_state, to_json
from conference.capture.records import (
    Changed,
    Ended,
    FramePulled,
    Joined,
    Left,
    Opened,
    Reconnected,
    Record,
    Restarted,
    Ruled,
    SoundArrived,
    SoundBegan,
    SoundPulled,
    Ticked,
)
from conference.codecs.base import Decoder
from conference.playout.source import PacketSource
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Participant
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.telephony.intake import PacedSource

FLUSH_TICKS: Final = 50
"""Once a second what was noted is handed on: so much a crash can take, and what the disk has not written by then."""

FLUSH_BYTES: Final = 256 * 1024
"""What is handed on earlier than that."""

EVERYBODY: Final = "everybody"
"""Whom a recording stands for: a listener of whom nothing was decided, and for whom nothing alone is meant."""

ABOUT: Final = "the recording"


class SegmentOutput(Protocol):
    """Where a segment goes. Must not block and must not raise."""

    def write_records(self, block: bytes) -> None:
        """Take whole records."""
        ...


@dataclass(slots=True, eq=False)
class _Recorded:
    """A participant, and how they are written down."""

    index: int
    participant: Participant
    kept: bool = True
    """What they say is written down."""

    tap: _Packets | _Messages | None = None
    """``None``: by the frames that their source gives."""

    untap: Callable[[], None] = lambda: None
    noted: dict[str, Any] = field(default_factory=dict)
    """What was written of their state."""

    left: bool = False


class RoomRecorder(RoomObserver):
    """Writes one segment of a recording.

    Args:
        room: which.
        output: takes what is written.
        started_ns: when the recording began, on the room's clock.
        from_ns: when this segment begins.
        unheard: whether what nobody can hear is written, too.
        dropped: is told if this fails.
    """

    about = ABOUT

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
        self._room = room
        self._output = output
        self._unheard = unheard
        self._dropped = dropped
        self._ended = False
        self._block = bytearray()
        self._later: list[Record] | None = None  # what happens during a tick, and stands after it; None between ticks
        self._people: dict[str, _Recorded] = {}
        self._joined = 0
        self._sounds: dict[str, int] = {}
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

    def participant_added(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people[participant.id] = _Recorded(self._joined, participant)
        self._joined += 1
        about = {
            "id": participant.id,
            "transport": participant.transport,
            "identity": participant.identity,
        }
        one.noted = describe_state(participant)
        self._happened(Joined(one.index, about | one.noted | self._tap(one)))
        voice = self._room.voice
        of_voice = {key: one.noted[key] for key in ("levelling", "noise_suppression", "asked_to_level")}
        if of_voice != {
            "levelling": voice.levelling,
            "noise_suppression": voice.noise_suppression,
            "asked_to_level": False,
        }:
            self._happened(Changed(one.index, of_voice))

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """See `RoomObserver`."""
        del departure
        one = self._people.get(participant.id)
        if one is None:
            return
        one.untap()
        one.left = True
        self._happened(Left(one.index, reason))
        if self._later is None:
            self._forget_who_left()

    def _forget_who_left(self) -> None:
        for one in [one for one in self._people.values() if one.left]:
            del self._people[one.participant.id]

    def participant_reconnected(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None:
            one.untap()
            self._happened(Reconnected(one.index, self._tap(one)))

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
            if kept == isinstance(one.tap, _Packets):
                # Of packets, what came meanwhile is missing: what comes now is not behind it. Of messages, what has
                # come may hold more than was heard until now: the rest is not to be kept.
                self._write(Restarted(one.index, ""))

    def _is_heard(self, participant: Participant) -> bool:
        return participant.may_be_heard and self._room.hearing.gain(EVERYBODY, participant.id) > 0

    # Sound

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None and one.tap is None and one.kept:
            self._write(FramePulled(one.index, _plain(frame)))

    def sound_pulled(self, sound: Sound, frame: Samples | None) -> None:
        """See `RoomObserver`. Only what everybody hears is written."""
        if sound.audience is not None or sound.for_absent:
            return
        if sound.id not in self._sounds:
            if frame is None:
                return
            self._sounds[sound.id] = len(self._sounds)
            about = {
                "id": sound.id,
                "name": sound.name,
                "audience": None,
                "talk_gain": sound.talk_gain,
                "gain": sound.gain,
                "for_absent": False,
            }
            self._write(SoundBegan(self._sounds[sound.id], about))
        self._write(SoundPulled(self._sounds[sound.id], sound.ended, None if frame is None else _plain(frame)))

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        del tick
        self.now_ns = now_ns
        self._later = []

    def tick_ends(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`. What happened to people during the tick stands after it."""
        later, self._later = self._later or [], None
        self._happened(Ticked(tick, now_ns, 0, 0), *later)
        self.now_ns = None
        self._forget_who_left()
        if tick % FLUSH_TICKS == 0 or len(self._block) > FLUSH_BYTES:
            self._flush()

    # The segment

    def dropped(self) -> None:
        """See `RoomObserver`."""
        self._dropped()

    def end(self, reason: str) -> None:
        """Write down what is left to be, and note no more. Doing it twice does no harm."""
        if self._ended:
            return
        self._ended = True
        self._stop()
        for one in self._people.values():
            one.untap()
        self._people.clear()
        later, self._later = self._later or [], None
        self._happened(*later, Ended(reason))
        self._flush()

    def _tap(self, one: _Recorded) -> dict[str, Any]:
        """Listen in on a participant's source. Returns what it is made of."""
        source = one.participant.source
        about = describe_source(source)
        one.tap, one.untap = None, lambda: None
        one.kept = self._unheard or self._is_heard(one.participant)
        if isinstance(source, PacketSource) and about is not None and about["kind"] == "packets":
            one.tap = _Packets(one.index, self._block, self.dropped)
            one.untap = source.tap(one.tap)
        elif isinstance(source, PacedSource):
            one.tap = _Messages(one.index, self._block, self.dropped)
            one.untap = source.tap(one.tap)
        if one.tap is not None:
            one.tap.keep(one.kept)
        return {"source": about, "sink": None}

    def _happened(self, *what: Record) -> None:
        if self._later is not None:
            self._later += what
            return
        for one in what:
            self._write(one)

    def _write(self, record: Record) -> None:
        self._block += encode(record)

    def _flush(self) -> None:
        if self._block:
            self._output.write_records(bytes(self._block))
            self._block.clear()


class _Packets:
    """Writes down the packets of a `PacketSource`. Satisfies `playout.tap.PacketTap`.

    Silence that takes the bypass still does: in a track it is a gap, as the silence of a sender with DTX.
    """

    about = ABOUT
    wants_silence = False

    def __init__(self, index: int, block: bytearray, dropped: Callable[[], None]) -> None:
        self.dropped = dropped
        self._index = index
        self._block = block
        self._write = packet_writer(index, block)
        self.packet_arrived = self._write

    def keep(self, kept: bool) -> None:
        self.packet_arrived = self._write if kept else _leave_out

    def restarted(self, decoder: Decoder | None) -> None:
        self._block.extend(encode(Restarted(self._index, decoder_name(decoder))))


class _Messages:
    """Writes down the sound of a caller's messages. Satisfies `playout.tap.MessageTap`."""

    about = ABOUT

    def __init__(self, index: int, block: bytearray, dropped: Callable[[], None]) -> None:
        self.dropped = dropped
        self._index = index
        self._block = block
        self._kept = True

    def keep(self, kept: bool) -> None:
        self._kept = kept

    def message_arrived(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        if self._kept:
            self._block.extend(encode(SoundArrived(self._index, timestamp_ms, payload, now_ns)))


def _leave_out(
    sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
) -> None:
    """Nobody could hear this packet."""


def _plain(frame: Samples) -> bytes:
    return frame.astype("<i2", copy=False).tobytes()
