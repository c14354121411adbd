"""Participants made of code: NumPy frames in, NumPy frames out.

For whoever embeds a room: a bot, a recorder, a player, a test::

    conference, voice = Conference(), LocalSource()
    conference.join("lobby", local_participant("bot", source=voice, on_mix=hear))
    voice.push(samples, captured_ns=now)
    conference.tick(n, now)
"""

from __future__ import annotations

from collections.abc import Callable

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
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

    @property
    def waiting(self) -> int:
        """Samples that are yet to be said."""
        return len(self._frames) * FRAME_SAMPLES + self._reframer.available

    def clear(self) -> None:
        """Throw away what is yet to be said."""
        self._frames.clear()
        self._reframer.clear()
        self._expected_ns = None

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


class QueuedSource:
    """Sound of which only the order is known: it is said as soon as it is there, a frame a tick.

    Args:
        lead: frames that have to wait before a source begins that was silent, so that sound that comes unevenly does
            not break off. What is shorter than that is said all the same, a tick later.
    """

    def __init__(self, lead: int = 0) -> None:
        self._reframer = Reframer()
        self._lead = lead * FRAME_SAMPLES
        self._came = False  # something, since the last tick
        self._sounds = False

    @property
    def waiting(self) -> int:
        """Samples that are yet to be said."""
        return self._reframer.available

    def push(self, samples: Samples) -> None:
        """Add sound of any length, shape ``(n,)``, int16, 48 kHz. It belongs to the source from then on."""
        self._reframer.push(samples)
        self._came = True

    def clear(self) -> None:
        """Throw away what is yet to be said."""
        self._reframer.clear()

    def skip_to(self, samples: int) -> None:
        """Throw away the oldest frames until no more than so many samples wait."""
        while self.waiting > samples and self._reframer.pull() is not None:
            pass

    def pull(self, now_ns: int) -> Samples | None:
        """See `participant.Source`. The end of what was pushed is padded, once nothing has followed it for a tick."""
        del now_ns
        came, self._came = self._came, False
        if not self._sounds and came and self.waiting < self._lead:
            return None
        frame = self._reframer.pull()
        if frame is None and not came:
            frame = self._reframer.pull_padded()
        self._sounds = frame is not None
        return frame


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
