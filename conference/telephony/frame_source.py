"""A source that gives one coded frame on each tick: played here, or given to others as it is.

The codecs of media streams have no state. So whoever gets one frame as it came can get the next from a mix, and the
other way round.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Collection
from typing import Final

from conference.audio.frame import SILENCE, TICKS_PER_SECOND, Samples, full_scale
from conference.audio.noise_gate import decibels
from conference.codecs.base import Decoder
from conference.codecs.waveform import WaveformCodec
from conference.playout.forwardable import QUIET_DBOV, ForwardableSource, PacketTaker
from conference.playout.tap import MessageTap, tell_each

PAUSE_SQUARE: Final = full_scale(QUIET_DBOV)
"""A frame whose mean square is no larger is quiet: others may go over to frames as they come, or from them."""

MOST_UNMEASURED: Final = 10
"""So much of what is only sent on is kept until somebody asks how loud it was."""

RECENT_FRAMES: Final = 4
"""So much of what was heard is kept, to make up what follows, or to decode it before sound that goes on after it."""


class FrameSource(ForwardableSource):
    """What gives one frame on each tick, in a codec without state. What that is, subclasses say.

    Args:
        codec: of the frames.
        decoder: of that codec; used by this source alone.
    """

    paced = True

    def __init__(self, codec: WaveformCodec, decoder: Decoder | None = None) -> None:
        self._taps: tuple[MessageTap, ...] = ()
        self._taker: PacketTaker | None = None
        self._plays = True
        self._frame: bytes | None = None  # what is heard on this tick; None: nothing
        self._waits = False  # that was taken, and is neither played nor sent on yet
        self._recent: deque[bytes] = deque(maxlen=RECENT_FRAMES)  # what was heard, up to that
        self._taken_ns: int | None = None  # the tick of that
        self._unmeasured: deque[bytes] = deque(maxlen=MOST_UNMEASURED)  # what was sent on, and sounds
        self._quiet_ticks = 0  # for which what was played was quiet
        self._sequence = 0  # of the next frame that is given on
        self.decode_with(decoder or codec.make_decoder(), codec)

    def decode_with(self, decoder: Decoder, codec: WaveformCodec) -> None:
        """Take sound in this codec from now on. To be called before any has come."""
        self.codec = codec
        self._decoder = decoder
        self._mean_square = codec.mean_square
        self._frame_bytes, self._silent_frame = codec.frame_bytes, codec.silent_frame
        self._frame_samples = codec.frame_samples

    @abstractmethod
    def _next(self, now_ns: int) -> bytes | None:
        """What is heard on the tick that is due then, and was not asked for yet; ``None``: nothing."""

    # Listening in

    @property
    def taps(self) -> Collection[MessageTap]:
        """Who is told of the sound."""
        return self._taps

    def tap(self, tap: MessageTap) -> Callable[[], None]:
        """Have somebody told of the sound as it comes. Returns how to end that, which may be called twice."""
        self._taps = (*self._taps, tap)
        return lambda: self._untap(tap)

    def _untap(self, tap: MessageTap) -> None:
        self._taps = tuple(one for one in self._taps if one is not tap)

    def _tell_of_message(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        tell_each(self._taps, lambda tap: tap.message_arrived(payload, timestamp_ms, now_ns), self._untap, "a caller")

    # Playing

    def pull(self, now_ns: int) -> Samples | None:
        """The next 20 ms, shape ``(960,)``, int16, 48 kHz; ``None`` while there is nothing to hear."""
        if not self._waits:
            self._frame = self._take(now_ns)
        self._waits = False
        quiet = self._frame is None or self._mean_square(self._frame) <= PAUSE_SQUARE
        self._quiet_ticks = self._quiet_ticks + 1 if quiet else 0
        return None if self._frame is None else self._decoder.decode(self._frame)

    def _take(self, now_ns: int) -> bytes | None:
        self._taken_ns = now_ns
        frame = self._next(now_ns)
        self._recent.append(self._silent_frame if frame is None else frame)
        return frame

    @property
    def idle(self) -> bool:
        """Nothing is here to be played, nor does anything come but by what calls :meth:`wake_up`."""
        return False

    def slept(self, ticks: int) -> None:
        """So many ticks have passed while :attr:`idle`, on which nothing was pulled."""
        self._quiet_ticks += ticks

    # Forwarding

    @property
    def decoder(self) -> Decoder:
        """See `ForwardableSource.decoder`."""
        return self._decoder

    @property
    def taker(self) -> PacketTaker | None:
        """See `ForwardableSource.taker`."""
        return self._taker

    @property
    def plays(self) -> bool:
        """See `ForwardableSource.plays`."""
        return self._plays

    @property
    def bitrate(self) -> float:
        """That of the codec."""
        return self._frame_bytes * 8.0 * TICKS_PER_SECOND

    def quiet_ms(self, now_ns: int) -> float:
        """See `ForwardableSource.quiet_ms`."""
        del now_ns
        return self._quiet_ticks * 20.0

    def forward(self, taker: PacketTaker | None, *, plays: bool = True, omits_silence: bool = False) -> None:
        """See `ForwardableSource.forward`: silence is left out by whoever writes messages."""
        del omits_silence
        self._taker = taker
        self._plays = plays or taker is None

    def take_level(self, now_ns: int, ticks: int = 1) -> float | None:
        """See `ForwardableSource.take_level`: what is heard on this tick waits to be sent on."""
        del ticks
        if not self._waits:
            self._take_unplayed(now_ns)
            self._waits = True
        if not self._unmeasured:
            return None
        frames = b"".join(self._unmeasured)
        self._unmeasured.clear()
        return decibels(self.codec.loudest_square(frames))

    def send_on(self, now_ns: int) -> None:
        """See `ForwardableSource.send_on`."""
        if self._taken_ns != now_ns:
            self._take_unplayed(now_ns)
        self._waits = False
        if self._taker is not None:
            sequence, self._sequence = self._sequence, (self._sequence + 1) & 0xFFFF_FFFF
            timestamp = sequence * self._frame_samples & 0xFFFF_FFFF
            payload = self._silent_frame if self._frame is None else self._frame
            self._taker.forward(sequence & 0xFFFF, timestamp, self._frame_samples, payload, now_ns, None)

    def _take_unplayed(self, now_ns: int) -> None:
        """Take what is heard on this tick, which is sent on and not played. How loud it is may be asked for later."""
        self._frame = frame = self._take(now_ns)
        if frame is not None and frame != self._silent_frame:
            self._unmeasured.append(frame)

    def resume(self) -> Samples:
        """See `ForwardableSource.resume`. What was taken for this tick, and not sent on, is played next."""
        self._plays = True
        self._quiet_ticks = 0
        self._unmeasured.clear()
        self._decoder.reset()
        heard = list(self._recent)
        samples = [self._decoder.decode(frame) for frame in (heard[:-1] if self._waits else heard)]
        return samples[-1] if samples else SILENCE


class GivenFrames(FrameSource):
    """Gives, on each tick, the frame that it was given for it: for rooms that are run again."""

    _given: bytes | None = None

    def push(self, payload: bytes) -> None:
        """Give this on the next tick."""
        self._given = payload
        self.wake_up()

    @property
    def idle(self) -> bool:
        """See `FrameSource.idle`."""
        return self._given is None

    @property
    def buffered_ms(self) -> float:
        """What is yet to be played."""
        return 0.0 if self._given is None else 20.0

    def _next(self, now_ns: int) -> bytes | None:
        del now_ns
        given, self._given = self._given, None
        return given
