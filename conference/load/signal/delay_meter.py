"""How late the sound is: bursts go in through one participant, and are found again in what another one gets.

The delay is that of a server, and of the network: from when a sample's packet is handed to the sending socket until the
packet that carries the sample in the mix comes out of the receiving one, both taken relative to the sample's place in
its packet. The look-ahead of the two Opus encoders on the way is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.codecs.base import DecodeError
from conference.codecs.opus import OpusCodec
from conference.load.signal.arrived import Arrived
from conference.load.signal.voice import burst, find, hum, in_frames

SEARCH_SECONDS = 0.34
"""The longest delay that is found."""

AMONG_TALKERS = 0.3
"""Correlation (0 to 1) at which a burst is one: this far down, eight talkers don't hide it, and don't make one up."""

MAX_PIECES = 100_000
MAX_SAID = 1000

NS_PER_SAMPLE = 1e9 / SAMPLE_RATE

Piece = tuple[float, Samples]
"""The time in ns at which the first sample of a piece of sound came, and the sound."""


def heard_ns(pieces: Sequence[Piece], after_ns: float, *, clear: float = 0.5) -> float | None:
    """When the first sample of a burst is heard, looking from ``after_ns`` on; ``None`` if it isn't there.

    Args:
        pieces: what was heard.
        after_ns: when the burst went in.
        clear: the least correlation that counts, as in :func:`~conference.load.signal.voice.find`.
    """
    near = [piece for piece in pieces if after_ns - TICK_NS <= piece[0] <= after_ns + SEARCH_SECONDS * 1e9]
    if not near:
        return None
    found = find(burst(), np.concatenate([samples for _, samples in near]), clear=clear)
    if found is None:
        return None
    for began_ns, samples in near:
        if found < samples.size:
            return began_ns + found * NS_PER_SAMPLE
        found -= samples.size
    return None


@cache
def codec_delay(times: int = 2) -> float:
    """Milliseconds that coding a burst shifts it by, with nothing in between.

    Args:
        times: it is coded: once by its sender, and once more in a mix.

    Raises:
        RuntimeError: the codec that is installed does not let it through.
    """
    sound = hum(1.0)
    start = 20_000
    sound[start : start + burst().size] += burst()
    for _ in range(times):
        encoder, decoder = OpusCodec().make_encoder(), OpusCodec().make_decoder()
        sound = np.concatenate([decoder.decode(encoder.encode(frame)) for frame in in_frames(sound)])
    found = find(burst(), sound)
    if found is None:
        raise RuntimeError("The burst does not survive the codec.")
    return (found - start) * NS_PER_SAMPLE / 1e6


class DelayMeter:
    """Finds bursts while packets come in.

    Args:
        lookahead_ms: of the codecs, not to be counted; ``None`` for that of Opus, twice.
        decode: one packet to samples at 48 kHz; ``None`` for Opus.
    """

    def __init__(self, lookahead_ms: float | None = None, decode: Callable[[bytes], Samples] | None = None) -> None:
        self._lookahead_ms = codec_delay() if lookahead_ms is None else lookahead_ms
        self._decode = decode or OpusCodec().make_decoder().decode
        self._pieces: list[Piece] = []
        self._said: list[float] = []
        self.said = 0
        """Bursts that were looked for."""

    def heard(self, packets: Sequence[Arrived]) -> None:
        """Take packets, in order of arrival."""
        for packet in packets:
            try:
                samples = self._decode(packet.payload)
            except DecodeError:
                continue
            self._pieces.append((packet.at_ns - samples.size * NS_PER_SAMPLE, samples))
        del self._pieces[:-MAX_PIECES]

    def spoken(self, bursts: Sequence[float]) -> None:
        """Bursts went in at these times, in ns."""
        self._said += bursts
        del self._said[:-MAX_SAID]

    def take(self) -> list[float]:
        """The delays in ms of the bursts whose time is over, each once. What is older than that is forgotten."""
        if not self._pieces:
            return []
        reached_ns = self._pieces[-1][0]
        ripe = [one for one in self._said if one + SEARCH_SECONDS * 1e9 < reached_ns]
        self._said = self._said[len(ripe) :]
        delays = []
        for entered_ns in ripe:
            at_ns = heard_ns(self._pieces, entered_ns, clear=AMONG_TALKERS)
            if at_ns is not None:
                delays.append((at_ns - entered_ns) / 1e6 - self._lookahead_ms)
        self.said += len(ripe)
        keep_ns = (self._said[0] if self._said else reached_ns) - 2 * TICK_NS
        self._pieces = [piece for piece in self._pieces if piece[0] >= keep_ns]
        return delays
