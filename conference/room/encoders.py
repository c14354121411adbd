"""One encoder per distinct mix: everybody who hears the same gets the same packet.

A *stream* is a mix over time: "everybody", or "everybody but Amy". Each has one limiter, and one encoder for each
codec that its listeners use. Listeners move between streams (whoever starts to talk moves from "everybody" to a stream
of their own), and a decoder that has followed one encoder cannot simply go on with another's packets: on the tick of
the move the encoder is asked for a packet that stands on its own.

What FEC an encoder adds is for the one of its listeners who loses the most. It costs all of them quality, though
(PESQ-WB 3.47 in place of 3.61 at 48 kbit/s), so there is none as long as nobody needs it, and listeners who can be
helped one by one, without the encoder, don't ask for it.
"""

from __future__ import annotations

from conference.audio.frame import SILENCE, Wide
from conference.audio.limiter import Limiter
from conference.codecs.base import Codec, Encoder
from conference.room.participant import Mix

EVERYBODY = ""
"""Key of the stream that leaves nobody out; a talker's own stream has their id for a key."""

KEEP_TICKS = 100
"""A stream that nobody listens to is kept for 2 s: people pause, and talk on."""


PROTECTION = ((15.0, 20), (2.0, 10))
"""From so many percent lost on, an encoder is told to expect so many. Below 2 % concealment sounds as good as FEC, and
beyond 20 there is nothing to gain (both measured). Few steps, so that chance does not change the sound."""

EXPECT_EVERY_TICKS = 50
"""How often the listeners' losses are asked for: once a second."""


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


class _Stream:
    """A mix over time: its limiter and its encoders."""

    __slots__ = ("encoders", "expected", "last_tick", "limiter")

    def __init__(self, gain: float) -> None:
        self.limiter = Limiter(gain)
        self.encoders: dict[Codec, Encoder] = {}
        self.expected: dict[Codec, int] = {}  # percent lost, as told to the encoder
        self.last_tick = 0


class EncoderBank:
    """The streams of one room, and their encoders.

    On each tick, :meth:`encode` is called once per stream with listeners.
    """

    def __init__(self) -> None:
        self._streams: dict[str, _Stream] = {}
        self.encoded_packets = 0
        """Calls of an encoder that did codec work, since the room began."""

    @property
    def encoders(self) -> int:
        """How many encoders are held."""
        return sum(len(stream.encoders) for stream in self._streams.values())

    def encode(
        self, key: str, mix: Wide | None, codecs: dict[Codec | None, bool], tick: int
    ) -> dict[Codec | None, Mix]:
        """Limit and encode one stream's next frame.

        Args:
            key: names the stream.
            mix: the accumulator, shape ``(960,)``; ``None`` if nobody is in it.
            codecs: what the listeners want, each with whether one of them has just moved here.
            tick: number of the tick.

        Returns:
            For each of ``codecs``, what its listeners get: one object for all of them.
        """
        stream = self._streams.get(key)
        if stream is None:
            # Listeners come here from "everybody": no step in the gain that they hear.
            parent = self._streams.get(EVERYBODY)
            stream = self._streams[key] = _Stream(parent.limiter.gain if parent else 1.0)
        stream.last_tick = tick
        samples = SILENCE if mix is None else stream.limiter.process(mix)
        mixes = {}
        for codec, moved in codecs.items():
            payload = None
            if codec is not None:
                encoder = stream.encoders.get(codec)
                if encoder is None:
                    encoder = stream.encoders[codec] = codec.make_encoder()
                if mix is None:
                    payload = encoder.encode_silence()
                else:
                    payload = encoder.encode(samples, fresh=moved)
                    self.encoded_packets += 1
            mixes[codec] = Mix(tick, samples, payload)
        return mixes

    def expect_loss(self, key: str, codec: Codec, percent: float) -> None:
        """Have a stream's encoder add the FEC that its listeners need.

        Args:
            key: names the stream.
            codec: the listeners'.
            percent: lost on the way to the one who loses the most.
        """
        stream = self._streams.get(key)
        encoder = stream.encoders.get(codec) if stream is not None else None
        if stream is None or encoder is None:
            return
        before = stream.expected.get(codec)
        expected = protection(percent, before or 0)
        if expected != before:
            stream.expected[codec] = expected
            encoder.set_expected_loss(expected)

    def forget_unused(self, tick: int) -> None:
        """Drop the streams that nobody has listened to for a while."""
        for key in [key for key, one in self._streams.items() if tick - one.last_tick > KEEP_TICKS]:
            del self._streams[key]
