"""How a recorder listens in on a participant's source and sink, and lets go again.

Nothing here is in the way of a room that is not captured: sources and sinks know nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from conference.audio.frame import Samples
from conference.capture.digest import HeardSoFar, Ledger
from conference.capture.format import encode, packet_writer
from conference.capture.recipes import decoder_name
from conference.capture.records import FramePulled, Restarted, SoundArrived
from conference.codecs.base import Codec, Decoder
from conference.playout.source import PacketSource
from conference.room.participant import Mix, Sink, Source
from conference.telephony.intake import PacedSource


class Notes(Protocol):
    """What takes the records."""

    @property
    def block(self) -> bytearray:
        """Where records are appended; always the same object."""
        ...

    @property
    def fail(self) -> Callable[[], None]:
        """To be called while an exception is handled that is no fault of source or sink: the capture ends."""
        ...


class TappedSource:
    """A source of any kind, captured by what it gives."""

    def __init__(self, source: Source, index: int, notes: Notes) -> None:
        self._source = source
        self._index = index
        self._notes = notes

    def pull(self, now_ns: int) -> Samples | None:
        """See `participant.Source`."""
        try:
            frame = self._source.pull(now_ns)
        except Exception:
            self._note(None)
            raise
        if frame is not None:
            self._note(frame)
        return frame

    def _note(self, frame: Samples | None) -> None:
        try:
            samples = None if frame is None else frame.astype("<i2", copy=False).tobytes()
            self._notes.block.extend(encode(FramePulled(self._index, samples)))
        except Exception:
            self._notes.fail()


class TappedSink:
    """A sink whose mixes are checked on their way. Whatever else is asked of it, the sink itself answers."""

    packets_only = False  # what is heard is noted on every tick

    def __init__(self, sink: Sink, ledger: Ledger, heard: HeardSoFar, notes: Notes) -> None:
        self._sink = sink
        self._note_mix = ledger.note
        self._note_heard = heard.note
        self._fail = notes.fail

    @property
    def codec(self) -> Codec | None:
        """The sink's."""
        return self._sink.codec

    @codec.setter
    def codec(self, codec: Codec | None) -> None:
        self._sink.codec = codec

    def deliver(self, mix: Mix) -> None:
        """See `participant.Sink`."""
        try:
            self._note_heard(self._note_mix(mix))
        except Exception:
            self._fail()
        self._sink.deliver(mix)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)


def tap_packets(source: PacketSource, index: int, notes: Notes) -> Callable[[], None]:
    """Note the packets of a source as they are pushed into it: all of them. Returns how to end that."""
    bypass, source.bypass = source.bypass, None
    push, restart, write = source.push, source.restart, packet_writer(index, notes.block)

    def noted_push(
        sequence: int,
        timestamp: int,
        payload: bytes,
        arrival_ns: int,
        level: int | None = None,
        *,
        redundant: bool = False,
    ) -> None:
        try:
            write(sequence, timestamp, payload, arrival_ns, level, redundant)
        except Exception:
            notes.fail()
        push(sequence, timestamp, payload, arrival_ns, level, redundant=redundant)

    def noted_restart(decoder: Decoder | None = None) -> None:
        try:
            notes.block.extend(encode(Restarted(index, decoder_name(decoder))))
        except Exception:
            notes.fail()
        restart(decoder)

    restore = _shadow(source, push=noted_push, restart=noted_restart)

    def end() -> None:
        restore()
        source.bypass = bypass

    return end


def tap_messages(source: PacedSource, index: int, notes: Notes) -> Callable[[], None]:
    """Note the sound of a caller's messages as it is pushed into their source. Returns how to end that."""
    push = source.push

    def noted_push(payload: bytes, timestamp_ms: int | None, now_ns: int) -> int:
        try:
            notes.block.extend(encode(SoundArrived(index, timestamp_ms, payload, now_ns)))
        except Exception:
            notes.fail()
        return push(payload, timestamp_ms, now_ns)

    return _shadow(source, push=noted_push)


def _shadow(source: object, **methods: Callable[..., object]) -> Callable[[], None]:
    """Put functions before the methods of one object, for whoever holds it already. Returns how to take them away."""
    for name, method in methods.items():
        setattr(source, name, method)

    def restore() -> None:
        for name in methods:
            delattr(source, name)

    return restore
