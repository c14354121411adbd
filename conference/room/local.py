"""Participants made of code: NumPy frames in, NumPy frames out.

For whoever embeds a room: a bot, a recorder, a player, a test::

    conference, voice = Conference(), LocalSource()
    conference.join("lobby", local_participant("bot", source=voice, on_mix=hear))
    voice.push(samples, captured_ns=now)
    conference.tick(n, now)
"""

from __future__ import annotations

from collections.abc import Callable

from conference.audio.frame import TICK_NS, Samples
from conference.audio.reframe import Reframer
from conference.audio.timeline import TimedFrames
from conference.codecs.base import Codec
from conference.room.participant import Mix, Participant


class LocalSource:
    """Sound with known capture times, on the timeline that `Room.tick` is given as ``now_ns``.

    Args:
        limit: frames that may wait for their tick; with more, the oldest go.
    """

    def __init__(self, limit: int = 50) -> None:
        self._frames = TimedFrames(limit)
        self._reframer = Reframer()
        self._expected_ns: int | None = None

    @property
    def late(self) -> int:
        """Frames dropped because they came after their tick, or were too many."""
        return self._frames.late

    def push(self, samples: Samples, captured_ns: int) -> None:
        """Add sound of any length.

        What does not fill a frame waits for what follows it. A jump in time of more than a tick pads it with silence.

        Args:
            samples: shape ``(n,)``, int16, 48 kHz.
            captured_ns: when its first sample was captured.
        """
        if self._expected_ns is None or abs(captured_ns - self._expected_ns) > TICK_NS:
            self.flush()
            self._expected_ns = captured_ns
        self._reframer.push(samples)
        while (frame := self._reframer.pull()) is not None:
            self._enqueue(frame)

    def flush(self) -> None:
        """Send what does not fill a frame on its way, padded with silence."""
        frame = self._reframer.pull_padded()
        if frame is not None:
            self._enqueue(frame)

    def _enqueue(self, frame: Samples) -> None:
        if self._expected_ns is not None:
            self._frames.push(self._expected_ns, frame)
            self._expected_ns += TICK_NS

    def pull(self, now_ns: int) -> Samples | None:
        """See `participant.Source`."""
        return self._frames.pull(now_ns)


class LocalSink:
    """Hands each mix to a function.

    Args:
        on_mix: called once a tick, from within `Room.tick`; must not block.
        codec: what ``Mix.payload`` is to be encoded with; PCM alone if ``None``.
    """

    def __init__(self, on_mix: Callable[[Mix], None], codec: Codec | None = None) -> None:
        self.codec = codec
        self.deliver = on_mix


def local_participant(
    name: str,
    *,
    source: LocalSource | None = None,
    on_mix: Callable[[Mix], None] | None = None,
    codec: Codec | None = None,
    joined_at: float = 0.0,
) -> Participant:
    """A participant whose id is its name, and who leaves as ``failed`` if what they are made of raises.

    Args:
        name: what people see.
        source: their voice; ``None`` for one who only listens.
        on_mix: takes what they hear, as `LocalSink` does; ``None`` for one who only speaks.
        codec: what ``Mix.payload`` is to be encoded with; PCM alone if ``None``.
        joined_at: unix time in seconds.
    """
    sink = LocalSink(on_mix, codec) if on_mix is not None else None
    return Participant(id=name, name=name, transport="local", joined_at=joined_at, source=source, sink=sink)
