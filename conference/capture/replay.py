"""A captured room, run again: the same code, the same packets at the same times, without sockets and without waiting.

    replay = Replay()
    replay.run(read_capture(file))
    replay.listeners["amy"].sound.hexdigest()

What is heard is compared with the checks that the live room left in the capture, so that a replay says by itself
whether it is identical, and if not, from which tick on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from conference.audio.frame import FRAME_SAMPLES
from conference.capture.digest import HeardSoFar, Ledger
from conference.capture.listeners import (
    CheckingSink,
    FramesSource,
    NobodysVoices,
    OnForwarded,
    OnMix,
    RecordedListener,
    ReplayedSound,
    Spurt,
)
from conference.capture.recipes import from_json, make_decoder, make_given_frames, make_paced_source, make_packet_source
from conference.capture.records import (
    CaptureError,
    Changed,
    ComplexityLimited,
    Ended,
    FramePulled,
    Heard,
    Joined,
    Left,
    Opened,
    PacketArrived,
    Reconnected,
    Record,
    Restarted,
    Ruled,
    SoundArrived,
    SoundBegan,
    SoundPulled,
    Ticked,
)
from conference.codecs.base import BEST_COMPLEXITY, Codec
from conference.playout.source import PacketSource
from conference.room.events import Published, TalkingStarted, TalkingStopped, events_of
from conference.room.participant import TRANSPORTS, ModerationState, Participant
from conference.room.room import Room
from conference.room.voice import VoiceSettings
from conference.telephony.frame_source import FrameSource, GivenFrames
from conference.telephony.intake import PacedSource

log = logging.getLogger(__name__)

_SENSELESS = "The capture makes no sense from here on: {}."


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a replay is not what was heard live."""

    tick: int
    what: str
    """``sound`` or ``packets``."""


class Replay:
    """One replay.

    Args:
        on_mix: called with a listener's id and each mix that they hear.
        on_forwarded: called with a listener's id and a frame, on each tick on which somebody's own packets take the
            place of a mix: the sound of these, as this program would play them.
        opened: is told of the room, before anybody is in it: it can be observed.
    """

    def __init__(
        self,
        on_mix: OnMix | None = None,
        on_forwarded: OnForwarded | None = None,
        opened: Callable[[Room], None] = lambda _: None,
    ) -> None:
        self.about: Mapping[str, Any] = {}
        """What the capture says of itself: ``versions``, ``room``, ``created_at``."""

        self.listeners: dict[str, RecordedListener] = {}
        """Everybody who was in the room, by id."""

        self.ticks = 0
        self.first_tick: int | None = None
        self.last_tick = 0
        self.ended: str | None = None
        """Why the capture ends, in its own words; ``None`` if it breaks off."""

        self.differences: list[Difference] = []
        """The first tick at which the sound differs, and the first at which packets do."""

        self.differing: set[str] = set()
        """Ids of those who did not hear what they heard live."""

        self._on_mix = on_mix
        self._on_forwarded = on_forwarded
        self._opened = opened
        self._room: Room | None = None
        self._ledger = Ledger()
        self._people: list[Participant] = []  # by number
        self._sounds: list[ReplayedSound] = []  # by number
        self._steps: dict[type[Record], Callable[[Any], None]] = {
            Opened: self._open,
            Joined: self._join,
            Left: self._leave,
            Reconnected: self._reconnect,
            Changed: self._change,
            PacketArrived: self._packet,
            Restarted: self._restart,
            SoundArrived: self._message,
            FramePulled: self._frame,
            Ruled: self._rule,
            SoundBegan: self._play,
            SoundPulled: self._sound,
            ComplexityLimited: self._limit_complexity,
            Ticked: self._ticked,
            Heard: self._heard,
            Ended: self._end,
        }

    @property
    def identical(self) -> bool:
        """All that was heard live was heard again, bit for bit."""
        return not self.differences and not self.differing

    def run(self, records: Iterable[Record]) -> None:
        """Go through a capture.

        Raises:
            CaptureError: it is damaged, or makes no sense, from some record on; all before it was replayed.
        """
        try:
            for record in records:
                self._step(record)
        finally:
            for one in self.listeners.values():
                one.count()

    def _step(self, record: Record) -> None:
        try:
            self._steps[type(record)](record)
        except CaptureError:
            raise
        except Exception as error:  # numbers and settings that no live room would have had
            log.debug("the replay failed", exc_info=True)
            raise CaptureError(_SENSELESS.format(str(error).rstrip(".") or type(error).__name__)) from error

    # People

    def _open(self, record: Opened) -> None:
        voice = from_json(record.about.get("voice"))
        created_at = record.about.get("created_at")
        max_talkers = record.about.get("max_talkers")
        if self._room is not None or not isinstance(voice, VoiceSettings):
            raise CaptureError(_SENSELESS.format("it opens a room in a way that cannot be"))
        if not isinstance(created_at, int | float) or not isinstance(max_talkers, int) or max_talkers < 1:
            raise CaptureError(_SENSELESS.format("it opens a room in a way that cannot be"))
        self.about = record.about
        self._room = Room(
            str(record.about.get("room")),
            created_at,
            self._publish,
            voice,
            max_talkers=max_talkers,
            forwarding=record.about.get("forwarding") is True,
        )
        self._room.limit_complexity(_complexity(record.about.get("complexity", BEST_COMPLEXITY)))
        self._opened(self._room)

    def _join(self, record: Joined) -> None:
        about = record.about
        participant_id, transport = str(about.get("id")), about.get("transport")
        room = self._in_room()
        if record.index != len(self._people) or participant_id in room.participants:
            raise CaptureError(_SENSELESS.format("somebody joins who is there already"))
        if transport not in TRANSPORTS:
            raise CaptureError(_SENSELESS.format("somebody joins by a way that is not known"))
        listener = self.listeners.get(participant_id)
        if listener is None:
            listener = self.listeners[participant_id] = RecordedListener(
                participant_id, str(about.get("name")), transport
            )
        listener.so_far = HeardSoFar()  # what they heard before they left was checked then
        source, sink = self._connection(listener, about)

        def hang_up(reason: str) -> None:
            room.remove(participant_id, reason, "lost")

        participant = Participant(
            id=participant_id,
            name=listener.name,
            transport=transport,
            joined_at=0.0,
            source=source,
            sink=sink,
            hang_up=hang_up,
            original_sound=about.get("original_sound") is True,
            voices=NobodysVoices() if about.get("hears_apart") is True else None,
            bot=about.get("bot") is True,
        )
        participant.apply_moderation(_moderation_state(about))
        self._people.append(participant)
        room.add(participant, returning=True)

    def _leave(self, record: Left) -> None:
        # As if they were lost: whether the volumes that concern them are forgotten, a record of its own says.
        self._in_room().remove(self._person(record.index).id, record.reason, "lost")

    def _reconnect(self, record: Reconnected) -> None:
        room, participant = self._in_room(), self._person(record.index)
        if participant.id in room.participants:
            source, sink = self._connection(self.listeners[participant.id], record.about)
            room.reconnect(participant.id, source, sink, participant.hang_up)

    def _connection(
        self, listener: RecordedListener, about: Mapping[str, Any]
    ) -> tuple[PacketSource | FrameSource | FramesSource | None, CheckingSink | None]:
        listener.count()
        source = listener.source = _make_source(about.get("source"))
        given = about.get("sink")
        if given is None:
            return source, None
        if not isinstance(given, dict):
            raise CaptureError(_SENSELESS.format("a listener is described in a way that cannot be"))
        listener.listens = True
        sink = CheckingSink(listener, _codec(given.get("codec")), self._ledger, self._on_mix)
        _let_say(sink, given)
        return source, sink

    def _change(self, record: Changed) -> None:
        room, participant = self._in_room(), self._person(record.index)
        if participant.id not in room.participants:
            return
        about = record.about
        room.apply_moderation(participant.id, _moderation_state({**asdict(participant.moderation), **about}))
        if isinstance(about.get("name"), str):
            self.listeners[participant.id].name = about["name"]
            room.rename(participant.id, about["name"])
        if not {"levelling", "noise_suppression", "original_sound", "asked_to_level"}.isdisjoint(about):
            room.treat_voice(
                participant.id,
                levelling=_yes_or_no(about.get("levelling", about.get("asked_to_level"))),
                noise_suppression=_yes_or_no(about.get("noise_suppression")),
                original_sound=_yes_or_no(about.get("original_sound")),
            )
        if "renewed" in about:
            room.renew(participant.id)
        if isinstance(participant.sink, CheckingSink):
            if "codec" in about:
                participant.sink.codec = _codec(about["codec"])
            _let_say(participant.sink, about)

    # Sound

    def _packet(self, record: PacketArrived) -> None:
        source = self._person(record.index).source
        if isinstance(source, PacketSource):
            source.push(
                record.sequence,
                record.timestamp,
                record.payload,
                record.arrival_ns,
                record.level,
                redundant=record.redundant,
            )

    def _restart(self, record: Restarted) -> None:
        source = self._person(record.index).source
        if isinstance(source, PacketSource):
            source.restart(make_decoder(record.codec) if record.codec else None)

    def _message(self, record: SoundArrived) -> None:
        source = self._person(record.index).source
        if isinstance(source, PacedSource):
            source.push(record.payload, record.timestamp_ms, record.now_ns)
        elif isinstance(source, GivenFrames):
            source.push(record.payload)

    def _frame(self, record: FramePulled) -> None:
        source = self._person(record.index).source
        if not isinstance(source, FramesSource):
            return
        source.fails = record.samples is None
        if record.samples is not None:
            source.frame = np.frombuffer(record.samples, dtype="<i2", count=FRAME_SAMPLES).astype(np.int16)

    def _rule(self, record: Ruled) -> None:
        room = self._in_room()
        for rule in room.hearing.rules:
            room.set_gain(rule.listener, rule.source, None)
        for listener, source, gain in record.about["rules"]:
            room.set_gain(listener, source, gain)
        volumes = {(listener, source): volume for listener, source, volume in record.about.get("volumes", [])}
        for listener, source, _ in room.volumes.all:
            room.set_volume(listener, source, volumes.get((listener, source), 1.0))
        for (listener, source), volume in volumes.items():
            room.set_volume(listener, source, volume)

    def _play(self, record: SoundBegan) -> None:
        if record.index != len(self._sounds):
            raise CaptureError(_SENSELESS.format("a sound begins that has begun already"))
        sound = ReplayedSound(record.about)
        self._sounds.append(sound)
        self._in_room().play(sound)

    def _sound(self, record: SoundPulled) -> None:
        if record.index >= len(self._sounds):
            raise CaptureError(_SENSELESS.format("it speaks of a sound that never began"))
        self._sounds[record.index].give(record.samples, ended=record.ended)

    def _limit_complexity(self, record: ComplexityLimited) -> None:
        self._in_room().limit_complexity(record.complexity)

    def _ticked(self, record: Ticked) -> None:
        room = self._in_room()
        self._ledger.begin()
        self.ticks += 1
        self.last_tick = record.tick
        if self.first_tick is None:
            self.first_tick = record.tick
        try:
            room.tick(record.tick, record.now_ns)
        except CaptureError:
            raise
        except Exception:  # as live: see Conference.tick
            log.exception("tick %d failed", record.tick)
        self._play_forwarded(record.now_ns)
        if self._ledger.sound != record.sound:
            self._differs("sound")
        if self._ledger.packets != record.packets:
            self._differs("packets")

    def _play_forwarded(self, now_ns: int) -> None:
        room = self._in_room()
        for listener_id in room.forwarded:
            listener = room.participants.get(listener_id)
            sink = None if listener is None else listener.sink
            if isinstance(sink, CheckingSink):
                frame = sink.play_forwarded(now_ns)
                if self._on_forwarded is not None:
                    self._on_forwarded(listener_id, frame)

    def _heard(self, record: Heard) -> None:
        listener = self.listeners[self._person(record.index).id]
        if listener.so_far.read() != (record.sound, record.packets):
            self.differing.add(listener.id)

    def _end(self, record: Ended) -> None:
        self.ended = record.reason

    def _differs(self, what: str) -> None:
        if all(one.what != what for one in self.differences):
            self.differences.append(Difference(self.last_tick, what))

    def _publish(self, published: Published) -> None:
        for event in events_of(published):
            if isinstance(event, TalkingStarted):
                self.listeners[event.participant_id].spurts.append(Spurt(self.last_tick))
            elif isinstance(event, TalkingStopped):
                self.listeners[event.participant_id].spurts[-1].end_tick = self.last_tick

    def _in_room(self) -> Room:
        if self._room is None:
            raise CaptureError(_SENSELESS.format("it does not say which room it is of"))
        return self._room

    def _person(self, index: int) -> Participant:
        if index >= len(self._people):
            raise CaptureError(_SENSELESS.format("it speaks of somebody who never joined"))
        return self._people[index]


def _moderation_state(about: Mapping[str, Any]) -> ModerationState:
    role, muted_by = about.get("role", "speaker"), about.get("muted_by")
    flags = [about.get(name, False) for name in ("muted", "held", "deafened", "waiting")]
    if role not in ("host", "speaker", "listener") or not all(isinstance(one, bool) for one in flags):
        raise CaptureError(_SENSELESS.format("somebody's state is one that cannot be"))
    muted, held, deafened, waiting = flags
    return ModerationState(role, muted, None if muted_by is None else str(muted_by), held, deafened, waiting)


def _make_source(about: object) -> PacketSource | FrameSource | FramesSource | None:
    if about is None:
        return None
    if isinstance(about, dict):
        match about.get("kind"):
            case "packets":
                return make_packet_source(about)
            case "messages":
                return make_paced_source(about)
            case "coded-frames":
                return make_given_frames(about)
            case "frames":
                return FramesSource()
    raise CaptureError(_SENSELESS.format("a source is of a kind that is not known"))


def _codec(plain: object) -> Codec | None:
    codec: Codec | None = from_json(plain)
    if codec is not None and not hasattr(codec, "make_encoder"):
        raise CaptureError(_SENSELESS.format("a listener's codec is none"))
    return codec


def _complexity(value: object) -> int:
    if not isinstance(value, int):
        raise CaptureError(_SENSELESS.format("mixes are encoded in a way that cannot be"))
    return value


def _percent(value: object) -> float | None:
    return value if isinstance(value, int | float) and 0 <= value <= 100 else None


def _let_say(sink: CheckingSink, about: Mapping[str, Any]) -> None:
    """Have a sink say of itself what the capture says that it did."""
    if "expected_loss" in about:
        sink.expected_loss = _percent(about["expected_loss"])
    if "forwards" in about:
        name = about["forwards"]
        if name is not None:
            make_decoder(name)  # or it is not known
            sink.forwarded_codec = name
        sink.forwards = name
    if "max_bitrate" in about:
        bitrate = about["max_bitrate"]
        sink.max_bitrate = bitrate if isinstance(bitrate, int | float) else None
    if "paced" in about:
        sink.paced = about["paced"] is True


def _yes_or_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
