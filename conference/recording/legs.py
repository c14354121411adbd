"""Each person's own packets, on the room's timeline.

A *leg* is all that one person said in one codec. Somebody who reconnects goes on with theirs; with another codec they
have two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.capture.recipes import make_decoder, make_given_frames, make_paced_source
from conference.capture.records import (
    CaptureError,
    Changed,
    FramePulled,
    Joined,
    Left,
    Opened,
    PacketArrived,
    Reconnected,
    Record,
    Restarted,
    SoundArrived,
    Ticked,
)
from conference.codecs.base import BEST_COMPLEXITY, DecodeError, Decoder
from conference.codecs.opus import OpusCodec
from conference.codecs.waveform import WaveformCodec
from conference.recording.placement import Sent, is_live, place_messages, place_packets

FRAME_CODEC = "opus"
"""What is given as samples is coded when the recording ends."""

_ENCODING = OpusCodec(complexity=BEST_COMPLEXITY, fec=False, expected_loss=0)


@dataclass(slots=True)
class Leg:
    """What one person said, in one codec."""

    participant: str
    transport: str
    identity: str | None
    codec: str
    """As in SDP."""

    name: str
    packets: list[tuple[int, int, bytes]] = field(default_factory=list)
    """When each begins and how long it is, in nanoseconds, and its payload; in order."""


@dataclass(slots=True)
class Segment:
    """From one pause to the next: its records, and when it was, in nanoseconds since the recording began."""

    records: list[Record]
    started_ns: int
    """When the recording began, on the clock of the records."""

    from_ns: int
    to_ns: int


def segments_of(records: Iterable[Record], ends: Sequence[int] = ()) -> list[Segment]:
    """The segments of a recording.

    Args:
        records: all, in order.
        ends: when each segment ended, as far as that is known; else it ended with its last tick.
    """
    found: list[Segment] = []
    for record in records:
        if isinstance(record, Opened):
            begins, started = record.about.get("from_ns"), record.about.get("started_ns")
            if not isinstance(begins, int) or not isinstance(started, int):
                raise CaptureError("The recording does not say when it began.")
            found.append(Segment([], started, begins - started, begins - started))
        elif not found:
            raise CaptureError("The recording does not say which room it is of.")
        segment = found[-1]
        segment.records.append(record)
        if isinstance(record, Ticked):
            segment.to_ns = max(segment.to_ns, record.now_ns - segment.started_ns)
    for segment, end in zip(found, ends, strict=False):
        segment.to_ns = max(segment.to_ns, end)
    return found


class Legs:
    """Gathers the legs of a recording, a segment after another."""

    def __init__(self) -> None:
        self._legs: dict[tuple[str, str], Leg] = {}
        self._came: dict[str, int] = {}  # people, in the order in which they came

    @property
    def all(self) -> list[Leg]:
        """Those that hold anything, in the order in which their people came."""
        held = [one for one in self._legs.values() if one.packets]
        return sorted(held, key=lambda one: self._came[one.participant])

    def add(self, segment: Segment) -> set[int]:
        """Take in a segment.

        Returns:
            Those of its records, by their place, that came in it and were said before it: they belong to a pause.
        """
        reader = _SegmentReader(segment, self._legs)
        for place, record in enumerate(segment.records):
            if isinstance(record, Joined):
                self._came.setdefault(str(record.about.get("id")), len(self._came))
            reader.read(place, record)
        reader.end()
        for leg in self._legs.values():
            leg.packets.sort(key=_begins)
        return reader.earlier


def _begins(packet: tuple[int, int, bytes]) -> int:
    return packet[0]


@dataclass(slots=True)
class _Stream:
    """What one person's source got since it was made or restarted."""

    about: dict[str, Any]
    codec: str
    decoder: Decoder
    coding: WaveformCodec | None = None
    """Of messages."""

    places: list[int] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    messages: list[tuple[int, int]] = field(default_factory=list)
    timestamps: list[int | None] = field(default_factory=list)
    """Of messages, in milliseconds."""

    seen: set[int] = field(default_factory=set)


class _SegmentReader:
    def __init__(self, segment: Segment, legs: dict[tuple[str, str], Leg]) -> None:
        self._segment = segment
        self._legs = legs
        self._started_ns = segment.started_ns
        self._now_ns = segment.from_ns  # of the last tick
        self._people: list[dict[str, Any]] = []
        self._streams: dict[int, _Stream] = {}
        self._frames: dict[int, Samples] = {}  # of the coming tick
        self._encoders: dict[int, Any] = {}
        self.earlier: set[int] = set()

    def read(self, place: int, record: Record) -> None:
        match record:
            case Joined():
                if record.index != len(self._people):
                    raise CaptureError("Somebody joins who is there already.")
                self._people.append(dict(record.about))
                self._begin(record.index, record.about.get("source"))
            case Reconnected() | Left():
                self._begin(record.index, None if isinstance(record, Left) else record.about.get("source"))
            case Changed() if isinstance(record.about.get("name"), str):
                self._rename(record.index, record.about["name"])
            case Restarted():
                self._restart(record)
            case PacketArrived():
                self._packet(place, record)
            case SoundArrived():
                self._message(place, record)
            case FramePulled() if record.samples is not None:
                self._frames[record.index] = np.frombuffer(record.samples, dtype="<i2", count=FRAME_SAMPLES)
            case Ticked():
                self._tick(record.now_ns - self._started_ns)
            case _:
                pass

    def end(self) -> None:
        self._now_ns = self._segment.to_ns
        for index in list(self._streams):
            self._settle(index)

    def _person(self, index: int) -> dict[str, Any]:
        if index >= len(self._people):
            raise CaptureError("The recording speaks of somebody who never joined.")
        return self._people[index]

    def _rename(self, index: int, name: str) -> None:
        person = self._person(index)
        person["name"] = name
        for (participant, _), leg in self._legs.items():
            if participant == person.get("id"):
                leg.name = name

    def _begin(self, index: int, source: object) -> None:
        self._settle(index)
        self._encoders.pop(index, None)
        if not isinstance(source, dict):
            return
        if source.get("kind") == "packets":
            decoder = make_decoder(source.get("codec"))
            self._streams[index] = _Stream(source, str(source.get("codec")), decoder)
        elif source.get("kind") in ("messages", "coded-frames"):
            given = make_paced_source(source) if source["kind"] == "messages" else make_given_frames(source)
            coding = given.codec
            self._streams[index] = _Stream(source, coding.name, coding.make_decoder(), coding)

    def _restart(self, record: Restarted) -> None:
        stream = self._streams.get(record.index)
        if stream is None:
            return
        codec = record.codec or stream.codec
        about = stream.about
        self._settle(record.index)
        self._streams[record.index] = _Stream(about, codec, make_decoder(codec), stream.coding)

    def _packet(self, place: int, record: PacketArrived) -> None:
        stream = self._streams.get(record.index)
        if stream is None:
            return
        try:
            duration = stream.decoder.duration(record.payload)
        except DecodeError:
            return
        last = stream.sent[-1] if stream.sent else None
        sequence = record.sequence if last is None else unwrap(last.sequence, record.sequence, 16)
        timestamp = record.timestamp if last is None else unwrap(last.timestamp, record.timestamp, 32)
        if sequence in stream.seen:
            return
        stream.seen.add(sequence)
        stream.sent.append(Sent(sequence, timestamp, duration, record.arrival_ns - self._started_ns))
        stream.payloads.append(record.payload)
        stream.places.append(place)

    def _message(self, place: int, record: SoundArrived) -> None:
        stream = self._streams.get(record.index)
        if stream is None or stream.coding is None:
            return
        samples = len(record.payload) // stream.coding.sample_bytes
        if not samples:
            return
        stream.timestamps.append(record.timestamp_ms)
        stream.messages.append((record.now_ns - self._started_ns, samples * 1_000_000_000 // stream.coding.rate))
        stream.payloads.append(record.payload)
        stream.places.append(place)

    def _tick(self, now_ns: int) -> None:
        self._now_ns = now_ns
        frames, self._frames = self._frames, {}
        for index, frame in frames.items():
            encoder = self._encoders.get(index)
            if encoder is None:
                encoder = self._encoders[index] = _ENCODING.make_encoder()
            payload = encoder.encode(frame.astype(np.int16))
            if now_ns - TICK_NS >= self._segment.from_ns:
                self._leg(index, FRAME_CODEC).packets.append((now_ns - TICK_NS, TICK_NS, payload))

    def _settle(self, index: int) -> None:
        """A stream is over: put what it brought in its place."""
        stream = self._streams.pop(index, None)
        if stream is None or not stream.payloads:
            return
        rate = stream.decoder.clock_rate
        if stream.sent:
            begins = place_packets(stream.sent, rate)
            lengths = [one.duration * 1_000_000_000 // rate for one in stream.sent]
        else:
            live = is_live(stream.messages)
            begins = place_packets(_as_packets(stream), rate) if live else place_messages(stream.messages)
            lengths = [duration for _, duration in stream.messages]
        leg, until = self._leg(index, stream.codec), self._segment.to_ns
        if stream.coding is not None:  # what is not heard by the next tick is not heard at all
            until = min(until, self._now_ns + TICK_NS)
        for at, length, payload, place in zip(begins, lengths, stream.payloads, stream.places, strict=True):
            if at < self._segment.from_ns:
                self.earlier.add(place)
            elif at < until:
                leg.packets.append((at, *_cut(stream.coding, until - at, length, payload)))

    def _leg(self, index: int, codec: str) -> Leg:
        person = self._person(index)
        key = (str(person.get("id")), codec)
        leg = self._legs.get(key)
        if leg is None:
            identity = person.get("identity")
            leg = self._legs[key] = Leg(
                participant=key[0],
                transport=str(person.get("transport")),
                identity=identity if isinstance(identity, str) else None,
                codec=codec,
                name=str(person.get("name")),
            )
        return leg


def _cut(coding: WaveformCodec | None, most: int, length: int, payload: bytes) -> tuple[int, bytes]:
    """Length and payload of so much of a packet: a message may hold the sound of minutes. Times are in nanoseconds."""
    if coding is None or length <= most:
        return length, payload
    samples = max(1, most * coding.rate // 1_000_000_000)
    return samples * 1_000_000_000 // coding.rate, payload[: samples * coding.sample_bytes]


def _as_packets(stream: _Stream) -> list[Sent]:
    """The messages of a call: by their timestamps, if all have one that fits, else by the sound before them."""
    rate, packets, position = stream.decoder.clock_rate, list[Sent](), 0
    stamps = [stamp for stamp in stream.timestamps if stamp is not None]
    stamped = len(stamps) == len(stream.messages) and all(a <= b for a, b in pairwise(stamps))
    for number, (arrival_ns, duration_ns) in enumerate(stream.messages):
        duration = duration_ns * rate // 1_000_000_000
        timestamp = stamps[number] * rate // 1000 if stamped else position
        packets.append(Sent(number, timestamp, duration, arrival_ns))
        position += duration
    return packets


def unwrap(last: int, value: int, bits: int) -> int:
    """A number of which only the lower bits are known: the one that is nearest to the last."""
    half = 1 << (bits - 1)
    return last + ((value - last + half) % (1 << bits)) - half
