"""What every codec offers a room: a decoder per source, and an encoder per distinct mix."""

from __future__ import annotations

from typing import Protocol, Self

from conference.audio.frame import Samples

BEST_COMPLEXITY = 10
"""The most work that an encoder can take for a packet, on the scale of Opus, which begins at 0."""


class Decoder(Protocol):
    """Turns the packets of one source into PCM. Stateful: one per source, fed in order.

    Everything returned is int16, 48 kHz, mono, shape ``(n,)``; ``n`` follows the packet, not the tick.
    """

    name: str
    """The encoding name as in SDP, e.g. ``opus`` or ``PCMU``."""

    clock_rate: int
    """Rate of the RTP timestamps (and of :meth:`duration`) in Hz: 48000 for Opus, 8000 for PCMU."""

    has_memory: bool
    """What a packet sounds like depends on those before it."""

    def duration(self, payload: bytes) -> int:
        """Length of a packet in samples at :attr:`clock_rate`.

        Raises:
            DecodeError: the payload is not a packet of this codec.
        """
        ...

    def repairs(self, payload: bytes) -> bool:
        """Whether a packet holds in-band FEC for the one before it, and so is worth waiting for if that is lost."""
        ...

    def decode(self, payload: bytes) -> Samples:
        """Decode one packet.

        Raises:
            DecodeError: the payload is not a packet of this codec; the decoder goes on with the next one.
        """
        ...

    def conceal(self, duration: int, following: bytes | None = None) -> Samples:
        """Make up for ``duration`` lost samples (at :attr:`clock_rate`).

        ``following`` is the packet right after the gap, if it is already there: a codec with in-band FEC recovers
        the end of the gap from it.
        """
        ...

    def lead_to(self, samples: Samples) -> Samples:
        """Let sound fade in, within 5 ms, over what is made up here: another decoder's, which knows of no loss.

        Args:
            samples: shape ``(n,)``, int16, 48 kHz: what comes right after what was made up last.
        """
        ...

    def reset(self) -> None:
        """Forget all history: the next packet belongs to another stream."""
        ...

    def copy(self) -> Self:
        """Another decoder that goes on from where this one is."""
        ...


class Encoder(Protocol):
    """Turns the frames of one mix into packets. Stateful: one per distinct mix."""

    narrow: bool
    """What is encoded next holds nothing above 4 kHz: it comes from telephones. A codec may save work by that."""

    def encode(self, frame: Samples, *, fresh: bool = False) -> bytes:
        """Encode one frame of 960 samples that holds sound.

        Args:
            frame: shape ``(960,)``, int16, 48 kHz.
            fresh: somebody joins this stream with this packet, so that it must not lean on earlier ones.
        """
        ...

    def encode_silence(self) -> bytes | None:
        """The next packet of a mix in which nobody speaks; ``None`` if nothing need be sent (DTX)."""
        ...

    def go_on_from(self, other: Self) -> None:
        """Become what another encoder of the same codec is now: who has heard that one can go on with this one."""
        ...

    def restart(self) -> None:
        """Begin anew: who hears the next packets has heard none of this encoder's. Settings stay as they are."""
        ...

    def set_expected_loss(self, percent: int) -> None:
        """From now on, so many packets of a hundred are taken to be lost. A codec without FEC does nothing."""
        ...

    def limit_complexity(self, complexity: int) -> None:
        """From now on, take no more work for a packet than this: 0 to :data:`BEST_COMPLEXITY`.

        A codec that always takes the same work does nothing.
        """
        ...


class Codec(Protocol):
    """A codec with its settings: hashable, so that equal ones share an encoder."""

    @property
    def name(self) -> str:
        """The encoding name as in SDP, e.g. ``opus`` or ``PCMU``."""
        ...

    def make_encoder(self) -> Encoder: ...

    def make_decoder(self) -> Decoder: ...

    def __hash__(self) -> int: ...


class DecodeError(ValueError):
    """A payload is not a packet of the codec that was agreed on."""
