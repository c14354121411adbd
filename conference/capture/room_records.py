"""What happens to people and sounds in a room, as records: what a capture and a recording have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from conference.audio.frame import Samples
from conference.capture.format import encode
from conference.capture.recipes import describe_source, describe_state
from conference.capture.records import (
    Changed,
    FramePulled,
    Joined,
    Left,
    Reconnected,
    Record,
    SoundBegan,
    SoundPulled,
    Ticked,
)
from conference.capture.taps import MessageRecords, PacketRecords
from conference.playout.source import PacketSource
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Participant
from conference.room.sounds import Sound
from conference.telephony.frame_source import FrameSource

FLUSH_NS: Final = 1_000_000_000
"""How often what was noted is handed on: so much a crash can take. By time, and not by the number of a tick: a machine
that does not keep up leaves ticks out."""


@dataclass(slots=True, eq=False)
class Noted:
    """A participant, and what was written down of them so far."""

    index: int
    participant: Participant
    tap: PacketRecords | MessageRecords | None = None
    """``None``: their source is written down by the frames that it gives."""

    untap: Callable[[], None] = lambda: None
    noted: dict[str, Any] = field(default_factory=dict)
    """What was written of their state."""

    left: bool = False
    """They have left on this tick, whose mixes they may still hear."""


_N = TypeVar("_N", bound=Noted)


class RoomRecords(RoomObserver, Generic[_N]):
    """Gathers records of a room. What else is written, and where all of it goes, is the business of its subclasses.

    Args:
        note: begins what is noted of somebody, by their number.
    """

    wants_silence = True
    """See `PacketTap.wants_silence`."""

    def __init__(self, note: Callable[[int, Participant], _N]) -> None:
        self._note = note
        self._block = bytearray()  # what was noted since it was last handed on
        # What happens to people during a tick, and stands after it; None between ticks.
        self._later: list[Record | Callable[[], Record]] | None = None
        self._people: dict[str, _N] = {}
        self._leaving = False  # somebody has left on this tick
        self._joined = 0
        self._sounds: dict[str, int] = {}  # numbers, by id
        self._played = 0
        self._ended = False
        self._flushed_ns = -FLUSH_NS
        self._stop: Callable[[], None] = lambda: None

    @abstractmethod
    def _introduce(self, participant: Participant) -> dict[str, Any]:
        """Who somebody is."""

    # People

    def participant_added(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        one = self._people[participant.id] = self._note(self._joined, participant)
        self._joined += 1
        one.noted = describe_state(participant)
        self._happened(Joined(one.index, self._introduce(participant) | one.noted | self._tap(one)))

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """See `RoomObserver`."""
        del departure
        one = self._people.get(participant.id)
        if one is None:
            return
        one.untap()
        one.left = self._leaving = True
        self._happened(Left(one.index, reason))
        if self._later is None:
            self._forget_who_left()

    def _forget_who_left(self) -> None:
        self._leaving = False
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

    def _tap(self, one: _N) -> dict[str, Any]:
        """Listen in on a participant's source. Returns what source and sink are made of."""
        source = one.participant.source
        about = describe_source(source)
        if isinstance(source, PacketSource) and about is not None and about["kind"] == "packets":
            packets = PacketRecords(
                one.index, self._block, self.dropped, about=self.about, wants_silence=self.wants_silence
            )
            one.tap, one.untap = packets, source.tap(packets)
        elif isinstance(source, FrameSource):
            messages = MessageRecords(one.index, self._block, self.dropped, about=self.about)
            one.tap, one.untap = messages, source.tap(messages)
        else:
            one.tap, one.untap = None, lambda: None
        return {"source": about, "sink": None}

    # Sound

    def _sound_begins(self, sound: Sound) -> SoundBegan:
        """The record of a sound, which has a number from here on."""
        index = self._sounds[sound.id] = self._played
        self._played += 1
        about = {
            "id": sound.id,
            "name": sound.name,
            "audience": None if sound.audience is None else sorted(sound.audience),
            "talk_gain": sound.talk_gain,
            "gain": sound.gain,
            "for_absent": sound.for_absent,
        }
        return SoundBegan(index, about)

    def sound_pulled(self, sound: Sound, frame: Samples | None) -> None:
        """See `RoomObserver`."""
        index = self._sounds.get(sound.id)
        if index is not None:
            self._write(SoundPulled(index, sound.ended, None if frame is None else _plain(frame)))

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """See `RoomObserver`."""
        one = self._people.get(participant.id)
        if one is not None and one.tap is None:
            self._write(FramePulled(one.index, _plain(frame)))

    # Records

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        del tick, now_ns
        self._later = []

    def _tick_is_over(self, record: Ticked) -> None:
        """Note a tick. What happened to people during it stands after it: it ends with the people it began with."""
        later, self._later = self._later or [], None
        self._happened(record, *later)
        self._forget_who_left()

    def _is_due(self, now_ns: int, *, early: bool = False) -> bool:
        """Whether what was noted is to be handed on: once a second, or earlier. At first with the first tick."""
        if now_ns - self._flushed_ns < FLUSH_NS and not early:
            return False
        self._flushed_ns = now_ns
        return True

    def _happened(self, *what: Record | Callable[[], Record]) -> None:
        """Note what happened: now, or during a tick after it; then records that have to be made are made, too."""
        if self._later is not None:
            self._later += what
            return
        for one in what:
            self._write(one() if callable(one) else one)

    def _write(self, record: Record) -> None:
        self._block += encode(record)

    def end(self, reason: str) -> None:
        """Write down what is left to be, and note no more. The room itself goes on. Twice does no harm."""
        if self._ended:
            return
        self._ended = True
        self._stop()
        for one in self._people.values():
            one.untap()
        self._people.clear()
        self._write_end(reason)

    @abstractmethod
    def _write_end(self, reason: str) -> None:
        """Write the last records, and hand all on."""


def _plain(frame: Samples) -> bytes:
    return frame.astype("<i2", copy=False).tobytes()
