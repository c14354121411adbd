"""Whoever a room has called, over a stream on which the room plays the provider. No socket, no clock.

    room   -> sink.deliver(mix) -> on_output() -> take_output() -> socket
    socket -> receive(message)  -> source, pulled by the room in real time

What they say is buffered, however much comes at once, and played as a telephone would; marks come back when they are
reached. What they hear goes on without a pause from the answer to the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conference.codecs.base import Codec
from conference.room.participant import Mix, SourceReader
from conference.telephony.dialect import Message
from conference.telephony.frame_source import FrameSource
from conference.telephony.joint import Joint
from conference.telephony.outgoing_queue import OutgoingQueue
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings

MAX_WAITING = 10_000
"""Answers, to marks and the like, that may wait for somebody who takes nothing."""


@dataclass(frozen=True, slots=True)
class DialedStats:
    """A call out in figures, for the API and the metrics."""

    media_received: int
    media_sent: int
    buffered_ms: float
    """What they have said that is yet to be played."""
    incoming_dropped_ms: float
    """What they have said that found no room."""
    outgoing_dropped_frames: int
    """Frames dropped because their connection did not take them."""
    marks_echoed: int
    clears: int
    warnings: tuple[str, ...]
    """What was wrong with what they sent, each kind once."""
    held_back_ms: float = 0.0
    """For how long nothing was read of the connection, because more came than its limits allow."""


class DialedLeg:
    """One call out.

    Args:
        phone: plays the provider.
        settings: of the limits, how much is kept for a connection that does not take it.
        heard: whether the room hears what they say. If it does not, that is played all the same, so that marks come
            back.
    """

    def __init__(self, phone: Phone, settings: LegSettings, *, heard: bool = True) -> None:
        self.phone = phone
        self.source = PlayedSource(phone, self._answer)
        """What they say."""
        self.sink = StreamSink(phone, self._say, None if heard else self._play_unheard)
        """What they hear."""
        self.on_output: Callable[[], None] | None = None
        """Called when there is something to be taken."""
        self._max_frames = max(1, settings.max_outgoing_ms // 20)
        self._queue: OutgoingQueue[None] = OutgoingQueue()
        self._dropped_frames = 0

    @property
    def stuck(self) -> bool:
        """They go on asking, and take no answers."""
        return self._queue.others > MAX_WAITING

    def answered(self) -> None:
        """The stream is open: they hear, from the next tick on."""
        for message in self.phone.opening():
            self._queue.put(message)
        self.sink.open()
        self._wake()

    def hung_up(self) -> None:
        """The stream is closed, and what of it was not played is dropped; another one may be opened."""
        self.sink.close()
        self.phone.playout.clear()
        self._queue.clear()

    def receive(self, message: Message) -> None:
        """Take what they have sent."""
        self._answer(self.phone.receive(message))

    def interrupt(self) -> None:
        """Drop what they have said that is yet to be played: its marks come back, as with a clear."""
        self._answer(self.phone.interrupt())

    def press(self, digit: str) -> None:
        """Tell them of a key that somebody in the room has pressed."""
        message = self.phone.press(digit) if self.sink.is_open else None
        if message is not None:
            self._answer([message])

    def take_output(self) -> list[Message]:
        """What is to be sent now, in order."""
        return self._queue.take()

    def stats(self) -> DialedStats:
        """The call in figures."""
        phone = self.phone
        return DialedStats(
            media_received=phone.media_received,
            media_sent=phone.media_sent,
            buffered_ms=phone.playout.buffered_ms,
            incoming_dropped_ms=phone.bytes_discarded * 20 / phone.codec.frame_bytes,
            outgoing_dropped_frames=self._dropped_frames,
            marks_echoed=phone.marks_echoed,
            clears=phone.clears_received,
            warnings=tuple(phone.warnings),
        )

    def _say(self, message: Message) -> None:
        self._queue.put_sound(message, None)
        if self._queue.sounds > self._max_frames:
            self._queue.drop_oldest()
            self._dropped_frames += 1
        self._wake()

    def _play_unheard(self) -> None:
        self._answer(self.phone.play()[1])

    def _answer(self, messages: Iterable[Message]) -> None:
        before = self._queue.others
        for message in messages:
            self._queue.put(message)
        if self._queue.others > before:
            self._wake()

    def _wake(self) -> None:
        if self.on_output is not None:
            self.on_output()


class StreamReader:
    """Reads a stream before each tick, once there is one. Satisfies `room.participant.SourceReader`."""

    def __init__(self) -> None:
        self.reading: SourceReader | None = None
        """The stream that is open."""

    def collect(self) -> None:
        """See `SourceReader.collect`."""
        if self.reading is not None:
            self.reading.collect()

    def let_go(self) -> None:
        """See `SourceReader.let_go`."""
        if self.reading is not None:
            self.reading.let_go()

    def stop(self) -> None:
        """The stream ends: whatever else of it comes wakes the event loop."""
        self.let_go()
        self.reading = None


class PlayedSource(FrameSource):
    """What somebody says who hands it over as they like: played in real time.

    Args:
        phone: has the buffer.
        answer: is given the echoes of marks that are reached.
    """

    def __init__(self, phone: Phone, answer: Callable[[Iterable[Message]], None]) -> None:
        super().__init__(phone.codec)
        self.reader = StreamReader()
        """Brings what they say before each tick: see `room.participant.Source`."""

        phone.playout.on_sound = self.wake_up
        self._phone = phone
        self._answer = answer
        self._quiet = True  # nothing more is to come of what was played last

    @property
    def buffered_ms(self) -> float:
        """What is yet to be played."""
        return self._phone.playout.buffered_ms

    @property
    def idle(self) -> bool:
        """See `FrameSource.idle`."""
        return self._quiet and not self._phone.playout.buffered_bytes

    def _next(self, now_ns: int) -> bytes | None:
        if self._phone.playout.buffered_bytes:
            self._quiet = False
            heard, echoes = self._phone.play()
            self._answer(echoes)
        elif self._quiet:
            return None
        else:  # the end of what the resampler delays
            self._quiet, heard = True, self._silent_frame
        if self._taps:
            self._tell_of_message(heard, None, now_ns)
        return heard


class StreamSink:
    """What somebody hears: a message on each tick, whether there is anything to be heard or not.

    Satisfies `room.forwarding.ForwardingSink`: they can get the frames of another stream as they came.

    Args:
        phone: writes the messages.
        say: is given each.
        after: called after each, if there is anything else to be done on a tick.
    """

    paced = True
    """One frame on each tick, from sources that give one."""

    max_bitrate: float | None = None
    """Each codec of a stream has one bitrate, which whoever has that codec takes."""

    def __init__(self, phone: Phone, say: Callable[[Message], None], after: Callable[[], None] | None = None) -> None:
        self.codec: Codec | None = phone.codec
        self.on_open: Callable[[], None] | None = None
        """See `Sink`."""

        self._silent_frame = phone.codec.silent_frame
        self._joint: Joint | None = None  # while the stream is open
        self._phone = phone
        self._say = say
        self._after = after

    @property
    def is_open(self) -> bool:
        """Whether the stream is open; until then nothing is said."""
        return self._joint is not None

    def open(self) -> None:
        """The stream is open."""
        self._joint = Joint(self._phone.codec)
        if self.on_open is not None:
            self.on_open()

    def close(self) -> None:
        """The stream is closed."""
        self._joint = None

    @property
    def forwards(self) -> str | None:
        """The encoding name of what can be sent on: the stream's own, once it is open."""
        return None if self._joint is None else self._phone.codec.name

    def deliver(self, mix: Mix) -> None:
        """See `Sink.deliver`."""
        self._give(self._silent_frame if mix.payload is None else mix.payload, forwarded=False)

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None = None
    ) -> None:
        """Send on a frame of another stream; see `PacketTaker.forward`."""
        del sequence, timestamp, duration, arrival_ns, level
        self._give(payload, forwarded=True)

    def restart_forwarding(self) -> None:
        """The next frame is the first of another stream."""
        if self._joint is not None:
            self._joint.restart()

    def _give(self, payload: bytes, *, forwarded: bool) -> None:
        if self._joint is not None:
            self._say(self._phone.say(self._joint.join(payload, forwarded=forwarded)))
            if self._after is not None:
                self._after()
