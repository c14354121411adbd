"""A room that writes down what arrives in it, and checks of what is heard there.

It does what any room does, with the same code. What it writes goes to an `Output`, about once a second. A capture that
fails or is full ends; the room goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Final, Protocol

from conference.audio.frame import Samples
from conference.capture.digest import HeardSoFar, Ledger
from conference.capture.format import encode
from conference.capture.recipes import describe_source, to_json
from conference.capture.records import (
    Changed,
    Ended,
    Heard,
    Joined,
    Left,
    Opened,
    Record,
    Reseated,
    Ruled,
    SoundPlayed,
    SoundPulled,
    Ticked,
)
from conference.capture.taps import TappedSink, TappedSource, tap_messages, tap_packets
from conference.capture.versions import versions
from conference.codecs.base import Codec
from conference.playout.source import PacketSource
from conference.room.events import Published
from conference.room.loudest import DEFAULT_LIMIT
from conference.room.participant import Departure, Participant, Sink, Source
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.room.voice import DEFAULT_VOICE, VoiceSettings
from conference.telephony.intake import PacedSource

log = logging.getLogger(__name__)

FLUSH_TICKS: Final = 50
"""Once a second what was noted is handed on, with a check of what each listener has heard."""


class Output(Protocol):
    """Where a capture goes. Must not block and must not raise."""

    @property
    def closed(self) -> bool:
        """Nothing more is taken."""
        ...

    def write(self, block: bytes, *, last: bool = False) -> None:
        """Take whole records."""
        ...


@dataclass(slots=True)
class _Seat:
    """A participant, and the taps on them."""

    index: int
    participant: Participant
    heard: HeardSoFar = field(default_factory=HeardSoFar)
    source: Source | None = None
    sink: Sink | None = None
    codec: Codec | None = None
    expected_loss: float | None = None
    forecasts: bool = False
    """Whether the sink is of a kind that tells of losses."""

    untap: Callable[[], None] | None = None
    noted: dict[str, Any] = field(default_factory=dict)
    """What was written of their state."""


class CapturedRoom(Room):
    """A `Room` that is captured.

    Args:
        name, created_at, publish, voice, max_talkers, policy: as of any room.
        output: takes the capture.
    """

    def __init__(
        self,
        name: str,
        created_at: float,
        publish: Callable[[Published], None],
        voice: VoiceSettings = DEFAULT_VOICE,
        *,
        max_talkers: int = DEFAULT_LIMIT,
        policy: RoomPolicy = DEFAULT_POLICY,
        output: Output,
    ) -> None:
        # A capture is checked against what was mixed: here everybody hears a mix.
        super().__init__(name, created_at, publish, voice, max_talkers=max_talkers, policy=policy, forwarding=False)
        self._output = output
        self._capturing = True
        self.block = bytearray()
        """What was noted since it was last handed on."""

        self._later: list[Record] | None = None  # what happens to people during a tick; None between ticks
        self._ledger = Ledger()
        self._seats: dict[str, _Seat] = {}
        self._joined = 0
        self._sounds: dict[str, int] = {}  # numbers, by id
        self._played = 0
        about = {
            "versions": versions(),
            "room": name,
            "created_at": created_at,
            "voice": to_json(voice),
            "max_talkers": max_talkers,
        }
        self._write(Opened(about))

    # People

    def add(self, participant: Participant, *, returning: bool = False) -> None:
        """See `Room.add`."""
        super().add(participant, returning=returning)
        if self._capturing:
            self._try(lambda: self._seat(participant))

    def remove(self, participant_id: str, reason: str, departure: Departure = "left") -> Participant | None:
        """See `Room.remove`. With the last participant the capture ends."""
        seat = self._seats.pop(participant_id, None)
        if seat is not None:
            _let_go(seat)
            self._try(lambda: self._happened(Heard(seat.index, *seat.heard.read()), Left(seat.index, reason)))
        participant = super().remove(participant_id, reason, departure)
        if not self.participants and self._later is None:
            self.end_capture("Everybody has left.")
        return participant

    def reseat(
        self,
        participant_id: str,
        source: Source | None,
        sink: Sink | None,
        hang_up: Callable[[str], None] | None,
    ) -> Callable[[str], None] | None:
        """See `Room.reseat`."""
        replaced = super().reseat(participant_id, source, sink, hang_up)
        seat = self._seats.get(participant_id)
        if seat is not None:
            _let_go(seat, restore=False)
            self._try(lambda: self._happened(Reseated(seat.index, self._tap(seat))))
        return replaced

    def renew(self, participant_id: str) -> None:
        """See `Room.renew`."""
        super().renew(participant_id)
        seat = self._seats.get(participant_id)
        if seat is not None:
            self._try(lambda: self._happened(Changed(seat.index, {"renewed": True})))

    def _updated(self, participant: Participant, by: str | None = None, changed: Iterable[str] = ()) -> None:
        super()._updated(participant, by, changed)
        seat = self._seats.get(participant.id)
        if seat is not None:
            self._try(lambda: self._note(seat))

    def _note(self, seat: _Seat) -> None:
        """Write down what is new about somebody's state."""
        state = _state(seat.participant)
        changed = {key: value for key, value in state.items() if seat.noted.get(key) != value}
        seat.noted = state
        if changed:
            self._happened(Changed(seat.index, changed))

    def _hearing_changed(self, by: str | None) -> None:
        super()._hearing_changed(by)
        self._note_gains()

    def _volumes_changed(self, listener: str | None) -> None:
        super()._volumes_changed(listener)
        self._note_gains()

    def _note_gains(self) -> None:
        rules = [[rule.listener, rule.source, rule.gain] for rule in self.hearing.rules]
        volumes = [list(one) for one in self.volumes.all]
        self._try(lambda: self._happened(Ruled({"rules": rules, "volumes": volumes})))

    # Sound

    def play(self, sound: Sound, *, by: str | None = None) -> None:
        """See `Room.play`."""
        super().play(sound, by=by)
        self._try(lambda: self._note_sound(sound))

    def _note_sound(self, sound: Sound) -> None:
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
        self._happened(SoundPlayed(self._sounds[sound.id], about))

    def _sound(self, now_ns: int) -> dict[str, Samples]:
        frames = super()._sound(now_ns)
        for sound in self.sounds:
            index = self._sounds.get(sound.id)
            frame = frames.get(sound.id)
            if index is not None and (frame is not None or sound.ended):
                given = None if frame is None else frame.astype("<i2").tobytes()
                self._try(partial(self._write, SoundPulled(index, sound.ended, given)))
        return frames

    def tick(self, tick: int, now_ns: int) -> None:
        """See `Room.tick`."""
        if not self._capturing:
            super().tick(tick, now_ns)
            return
        self._later = []
        self._try(self._before_tick)
        try:
            super().tick(tick, now_ns)
        finally:
            later, self._later = self._later, None
            self._try(lambda: self._after_tick(tick, now_ns, later))

    def _before_tick(self) -> None:
        self._ledger.begin()
        for seat in self._seats.values():
            sink = seat.sink
            if sink is None:
                continue
            if sink.codec is not seat.codec:
                seat.codec = sink.codec
                self._write(Changed(seat.index, {"codec": to_json(seat.codec)}))
            if seat.forecasts and (expected_loss := _expected_loss(sink)) != seat.expected_loss:
                seat.expected_loss = expected_loss
                self._write(Changed(seat.index, {"expected_loss": expected_loss}))

    def _after_tick(self, tick: int, now_ns: int, later: list[Record]) -> None:
        self._happened(Ticked(tick, now_ns, self._ledger.sound, self._ledger.packets), *later)
        if not self.participants:
            self.end_capture("Everybody has left.")
        elif tick % FLUSH_TICKS == 0:
            self._happened(*(Heard(seat.index, *seat.heard.read()) for seat in self._seats.values()))
            self._flush()

    # The capture

    def end_capture(self, reason: str) -> None:
        """Write down what is left to be, and note no more. The room itself goes on."""
        if not self._capturing:
            return
        self._capturing = False
        for seat in self._seats.values():
            _let_go(seat)
        self._seats.clear()
        self._write(Ended(reason))
        self._flush(last=True)

    def _seat(self, participant: Participant) -> None:
        seat = _Seat(self._joined, participant)
        self._joined += 1
        about = {
            "id": participant.id,
            "transport": participant.transport,
            "joined_at": participant.joined_at,
        }
        seat.noted = _state(participant)
        self._seats[participant.id] = seat
        self._happened(Joined(seat.index, about | seat.noted | self._tap(seat)))

    def _tap(self, seat: _Seat) -> dict[str, Any]:
        """Listen in on a participant's source and sink. Returns what these are made of."""
        participant = seat.participant
        source = seat.source = participant.source
        sink = seat.sink = participant.sink
        about = describe_source(source)
        if isinstance(source, PacketSource) and about is not None and about["kind"] == "packets":
            seat.untap = tap_packets(source, seat.index, self)
        elif isinstance(source, PacedSource):
            seat.untap = tap_messages(source, seat.index, self)
        elif source is not None:
            participant.source = TappedSource(source, seat.index, self)
        if sink is None:
            return {"source": about, "sink": None}
        participant.sink = TappedSink(sink, self._ledger, seat.heard, self)
        seat.codec, seat.expected_loss = sink.codec, _expected_loss(sink)
        seat.forecasts = hasattr(sink, "expected_loss")
        return {"source": about, "sink": {"codec": to_json(seat.codec), "expected_loss": seat.expected_loss}}

    def _happened(self, *records: Record) -> None:
        """Note what happened; during a tick it stands after the tick, which ends with the people it began with."""
        if self._later is not None:
            self._later += records
            return
        for record in records:
            self._write(record)

    def _write(self, record: Record) -> None:
        self.block += encode(record)

    def _try(self, work: Callable[[], None]) -> None:
        """Do something for the capture: if that fails, the capture ends, and the room goes on."""
        if not self._capturing:
            return
        try:
            work()
        except Exception:
            self.fail()

    def fail(self) -> None:
        """End the capture because of the exception that is being handled."""
        log.exception("room %s: the capture failed", self.name)
        self.end_capture("The capture failed: the server's log says why.")

    def _flush(self, *, last: bool = False) -> None:
        if self._output.closed and not last:
            self.end_capture("")
            return
        self._output.write(bytes(self.block), last=last)
        self.block.clear()


def _state(participant: Participant) -> dict[str, Any]:
    """What of somebody's state decides on what is heard, and their name."""
    voice = participant.voice.settings
    return asdict(participant.restraints) | {
        "name": participant.name,
        "levelling": voice.levelling,
        "noise_suppression": voice.noise_suppression,
    }


def _expected_loss(sink: Sink) -> float | None:
    """Percent of packets that the sink's peer is taken to lose; ``None`` if it does not say."""
    expected_loss: float | None = getattr(sink, "expected_loss", None)
    return expected_loss


def _let_go(seat: _Seat, *, restore: bool = True) -> None:
    """Take the taps off a participant."""
    if seat.untap is not None:
        seat.untap()
        seat.untap = None
    participant = seat.participant
    if restore and participant.source is not None:
        participant.source = seat.source
    if restore and participant.sink is not None:
        participant.sink = seat.sink
