"""One encoder per distinct mix: everybody who hears the same gets the same packet.

A *stream* is the mix of one mix group over time: "everybody", or "everybody but Amy". Each has one limiter, and one
encoder for each codec that its listeners use. Listeners move between streams: whoever starts to talk moves from
"everybody" to a stream of their own. To a stream that nobody has just heard they take their encoder along, as a copy:
their decoder goes on as if nothing had happened. A stream that others hear has an encoder already, and a decoder that
has followed one encoder cannot simply go on with another's packets; so on the tick of the move that one makes a packet
that stands on its own. So does a new encoder for somebody who has heard none of ours. It first encodes what they have
heard last, if that is known, and that packet is thrown away: an encoder holds back 6.5 ms of sound, and would otherwise
begin with silence, and click.

An encoder adds as much FEC as the listener with the most loss needs. FEC costs all listeners quality (PESQ-WB 3.46
instead of 3.63 at 48 kbit/s), so there is none as long as nobody loses packets, and listeners who can be helped by RED
do not ask for FEC.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeVar

from conference.audio.frame import SILENCE, Samples, Wide
from conference.audio.limiter import Limiter
from conference.audio.noise_gate import level_of
from conference.codecs.base import BEST_COMPLEXITY, Codec, Encoder
from conference.playout.forwardable import QUIET_DBOV
from conference.room.participant import Mix

KEEP_TICKS = 100
"""A stream without listeners is kept for 2 s: people pause, and talk on."""

PROTECTION = ((15.0, 20), (2.0, 10))
"""From so many percent lost on, an encoder is told to expect so many. Below 2 % concealment sounds as good as FEC, and
beyond 20 there is nothing to gain (both measured). Few steps, so that chance does not change the sound."""

EXPECT_EVERY_TICKS = 50
"""How often the listeners' losses are asked for: once a second."""


@dataclass(frozen=True, eq=False, slots=True)
class HeardBefore:
    """What a listener who comes from no stream has heard last: shape ``(960,)``, int16."""

    samples: Samples


Origin: TypeAlias = Hashable | None
"""The stream from which a listener comes, or a `HeardBefore`; ``None`` for one who has heard nothing yet."""

Moves: TypeAlias = Mapping[Codec | None, tuple[Origin, ...]]
"""By codec, where those come from who have just come to a stream: each origin once."""


_Key = TypeVar("_Key", bound=Hashable)
_Origin = TypeVar("_Origin", bound=Hashable | None)


class _Past(NamedTuple):
    """What a stream's listeners heard on a tick."""

    tick: int
    samples: Samples
    gain: float
    """Of the limiter, at the end."""


_NOTHING = _Past(-1, SILENCE, 1.0)


def protection(loss: float, before: int) -> int:
    """The loss that an encoder should expect, in percent.

    Args:
        loss: what its worst-off listener loses, in percent.
        before: what it has expected so far. A step is left when the loss is below half of what it begins at.
    """
    for begin, percent in PROTECTION:
        if loss >= (begin / 2 if percent <= before else begin):
            return percent
    return 0


class _Coder:
    """An encoder of a stream."""

    __slots__ = ("complexity", "encoder", "expected", "last_tick", "sounding")

    def __init__(self, encoder: Encoder) -> None:
        """Nothing has been encoded yet."""
        self.encoder = encoder
        self.complexity = BEST_COMPLEXITY  # the limit, as told to the encoder
        self.expected: int | None = None  # percent lost, as told to the encoder
        self.last_tick = -1
        self.sounding = False  # it was last given sound

    def warm_up(self, heard: Samples) -> None:
        """Begin anew, as if this had been the last frame: in the middle of a word, or after a pause."""
        self.encoder.restart()
        if self.sounding or heard.any():
            self.encoder.encode(heard, fresh=level_of(heard) <= QUIET_DBOV)

    def go_on_from(self, other: _Coder) -> None:
        """Be what another one is, of the same codec."""
        self.encoder.go_on_from(other.encoder)
        self.complexity, self.expected = other.complexity, other.expected
        self.last_tick, self.sounding = other.last_tick, other.sounding


class _MixStream:
    """A mix over time: its limiter and its encoders."""

    __slots__ = ("_past", "coders", "last_tick", "limiter")

    def __init__(self) -> None:
        self.limiter = Limiter()
        self.coders: dict[Codec, _Coder] = {}
        self.last_tick = -1
        self._past = (_NOTHING, _NOTHING)  # this tick's and the one before, or the last two there were

    def process(self, mix: Wide | Samples | None, tick: int) -> Samples:
        """Limit the next frame."""
        samples = SILENCE if mix is None else self.limiter.process(mix)
        self._past = (_Past(tick, samples, self.limiter.gain), self._past[0])
        self.last_tick = tick
        return samples

    def at(self, tick: int) -> _Past:
        """What was heard on a tick, this one or the one before."""
        return next((one for one in self._past if one.tick == tick), _NOTHING)


class EncoderBank:
    """The streams of one room, and their encoders.

    On each tick, :meth:`begin` is called first, and :meth:`encode` once per stream with listeners.
    """

    def __init__(self) -> None:
        self._streams: dict[Hashable, _MixStream] = {}
        self._taken_along: set[tuple[Hashable, Codec]] = set()  # encoders that go on from others on this tick
        self.complexity = BEST_COMPLEXITY
        """The most work that a packet may take from the next one on: see `Encoder.limit_complexity`."""
        self.narrow = False
        """The stream that is encoded next holds voices from telephones alone: see `Encoder.narrow`."""

        self.encoded_packets = 0
        """Packets made by codec work, since the room began."""

    @property
    def encoders(self) -> int:
        """How many encoders are held."""
        return sum(len(stream.coders) for stream in self._streams.values())

    def begin(self, tick: int, moved: Mapping[_Key, Mapping[Codec | None, tuple[_Origin, ...]]]) -> None:
        """A tick begins: those who all come from one stream to one that nobody has just heard take its encoder along.

        Args:
            tick: its number.
            moved: by stream, who has just come there.
        """
        self._taken_along = {
            (key, codec)
            for key, moves in moved.items()
            for codec, origins in moves.items()
            if codec is not None and len(origins) == 1 and self._take_along(key, codec, origins[0], tick)
        }

    def _take_along(self, key: Hashable, codec: Codec, origin: Origin, tick: int) -> bool:
        came_from = None if origin is None else self._streams.get(origin)
        theirs = None if came_from is None else came_from.coders.get(codec)
        if theirs is None or theirs.last_tick != tick - 1 or origin == key:
            return False
        coder = self._coder(self._stream(key), codec)
        if coder.last_tick == tick - 1:  # others have heard it, and go on
            return False
        coder.go_on_from(theirs)
        return True

    def _stream(self, key: Hashable) -> _MixStream:
        stream = self._streams.get(key)
        if stream is None:
            stream = self._streams[key] = _MixStream()
        return stream

    def _coder(self, stream: _MixStream, codec: Codec) -> _Coder:
        coder = stream.coders.get(codec)
        if coder is None:
            coder = stream.coders[codec] = _Coder(codec.make_encoder())
        return coder

    def encode(
        self,
        key: Hashable,
        mix: Wide | Samples | None,
        codecs: Iterable[Codec | None],
        tick: int,
        moved: Moves,
        *,
        left: Collection[Codec | None] = (),
    ) -> dict[Codec | None, Mix]:
        """Limit and encode one stream's next frame.

        Args:
            key: names the stream.
            mix: the accumulator, shape ``(960,)``, or the one frame in it; ``None`` if nobody is in it.
            codecs: what the listeners want.
            tick: number of the tick.
            moved: those of ``codecs`` of which listeners have just come here, with where they come from, as told to
                :meth:`begin`.
            left: those of ``codecs`` that nobody else listens to any more.

        Returns:
            For each of ``codecs``, what its listeners get: one object for all of them.
        """
        stream = self._stream(key)
        if stream.last_tick != tick - 1:  # nobody has heard it just now: no step in the gain for those who come
            stream.limiter.gain = self._heard([one for origins in moved.values() for one in origins], tick - 1).gain
        samples = stream.process(mix, tick)
        mixes = {}
        for codec in codecs:
            payload = None
            if codec is not None:
                coder = self._coder(stream, codec)
                if moved and codec in moved and (key, codec) not in self._taken_along:
                    payload = self._join(coder, samples, mix is not None, tick, moved[codec], left=codec in left)
                else:
                    payload = self._encode(coder, samples, mix is not None, tick)
            mixes[codec] = Mix(tick, samples, payload)
        return mixes

    def _encode(
        self, coder: _Coder, samples: Samples, sounding: bool, tick: int, *, fresh: bool = False
    ) -> bytes | None:
        coder.last_tick, coder.sounding = tick, sounding
        if coder.complexity != self.complexity:
            coder.complexity = self.complexity
            coder.encoder.limit_complexity(coder.complexity)
        if not sounding:
            return coder.encoder.encode_silence()
        self.encoded_packets += 1
        coder.encoder.narrow = self.narrow
        return coder.encoder.encode(samples, fresh=fresh)

    def _join(
        self, coder: _Coder, samples: Samples, sounding: bool, tick: int, origins: Sequence[Origin], *, left: bool
    ) -> bytes | None:
        """Encode a frame with which somebody comes from another stream, or from none."""
        heard = self._heard(origins, tick - 1).samples
        if left or coder.last_tick != tick - 1:
            coder.warm_up(heard)
        # Silence after sound has to be said, or the listener's decoder takes it for a loss and makes sound up.
        return self._encode(coder, samples, sounding or bool(heard.any()), tick, fresh=True)

    def _heard(self, origins: Iterable[Origin], tick: int) -> _Past:
        """What was heard by those who come from there: by any of them, a stream's listeners first."""
        best = _NOTHING
        for origin in origins:
            if isinstance(origin, HeardBefore):
                best = _Past(tick, origin.samples, 1.0)
            elif origin is not None and origin in self._streams:
                return self._streams[origin].at(tick)
        return best

    def expect_loss(self, key: Hashable, codec: Codec, percent: float, *, at_least: bool = False) -> None:
        """Have a stream's encoder add the FEC that its listeners need.

        Args:
            key: names the stream.
            codec: the listeners'.
            percent: lost on the way to the one who loses the most.
            at_least: of some of them; what was expected for the others stands.
        """
        stream = self._streams.get(key)
        coder = stream.coders.get(codec) if stream is not None else None
        if coder is None:
            return
        expected = protection(percent, coder.expected or 0)
        if at_least:
            expected = max(expected, coder.expected or 0)
        if expected != coder.expected:
            coder.expected = expected
            coder.encoder.set_expected_loss(expected)

    def forget_unused(self, tick: int) -> None:
        """Drop the streams that nobody has listened to for a while."""
        for key in [key for key, one in self._streams.items() if tick - one.last_tick > KEEP_TICKS]:
            del self._streams[key]
