"""What participants send, encoded once and said over and over."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.audio.g711 import ulaw_encode
from conference.audio.resample import Resampler
from conference.codecs.opus import OpusCodec
from conference.load.signal.voice import burst, hum, in_frames, speech

_T = TypeVar("_T")

LOOP_SECONDS = 8.0
HUM_DBOV = -80
"""A quiet room, with what browsers do against noise: a gate takes it for silence."""

BITRATE = 32_000

BURST_EVERY_SECONDS = (0.45, 0.7)
"""Between two bursts, at random: longer than any delay that can be told from the burst after it."""

TURN_SECONDS = 2.5
"""So long each of those talks who take turns."""

NOMINAL_DBFS = -22.5
"""As loud as talk is wanted to be (-26 dBov while it is active), so that nobody is levelled: then one voice is
forwarded in rooms of several people, too."""

_PHONE_RATE = 8000
_PHONE_FRAME = 160


@dataclass(frozen=True, slots=True)
class Script:
    """Packets in turn, one per 20 ms, over and over."""

    payloads: Sequence[bytes | None]
    """``None`` sends nothing."""

    levels: Sequence[int] | None = None
    """What each says of its loudness (RFC 6464), in dBov; ``None``: nothing is said."""

    bursts: Mapping[int, int] = field(default_factory=dict)
    """Number of each packet in which a burst begins, and the place of the burst's first sample in it."""

    in_step: bool = False
    """It is said in step with others: all begin their first packet on the same tick."""


def talking(seed: int, *, levels: bool = False) -> Script:
    """Somebody who talks."""
    return _encoded(speech(LOOP_SECONDS, seed=seed), levels=levels)


def taking_turns(seed: int, place: int, people: int, *, levels: bool = False, dtx: bool = True) -> Script:
    """Somebody who talks when it is their turn, and is silent while others talk.

    Args:
        seed: of the voice.
        place: whose turn it is: 0 comes first.
        people: how many take turns.
        levels: packets say how loud they are.
        dtx: the silence is sent as with Opus DTX; or as the hum of a quiet room, 50 packets a second.
    """
    words, pause = _words(seed, levels), _pause(levels, dtx)
    length = len(words.payloads)

    def in_turn(said: Sequence[_T], unsaid: Sequence[_T]) -> list[_T]:
        around = [unsaid[number % len(unsaid)] for number in range((people - 1) * length)]
        return [*around[: place * length], *said, *around[place * length :]]

    payloads = in_turn(words.payloads, pause.payloads)
    if words.levels is None or pause.levels is None:
        return Script(payloads, in_step=True)
    return Script(payloads, in_turn(words.levels, pause.levels), in_step=True)


@cache
def _words(seed: int, levels: bool) -> Script:
    return _encoded(speech(TURN_SECONDS, seed=seed, dbfs=NOMINAL_DBFS), levels=levels)


@cache
def _pause(levels: bool, dtx: bool) -> Script:
    return silent(levels=levels) if dtx else humming(levels=levels)


def humming(dbov: int = HUM_DBOV, *, levels: bool = False) -> Script:
    """Somebody silent whose microphone is open, without DTX: 50 packets a second.

    Args:
        dbov: how loud their room is.
        levels: packets say how loud they are.
    """
    return _encoded(hum(LOOP_SECONDS, dbfs=dbov + 3), levels=levels)


def silent(*, levels: bool = False) -> Script:
    """Somebody silent with Opus DTX: a packet every 400 ms."""
    encoder = OpusCodec(bitrate=BITRATE).make_encoder()
    # By the 400th packet, libopus has long decided that it is silence.
    payloads = [encoder.encode_silence() for _ in range(800)][400:]
    return Script(payloads, [-127] * len(payloads) if levels else None)


def mouth(seed: int = 0, *, levels: bool = False) -> Script:
    """Somebody whose delay is measured: the hum of a quiet room, with bursts at random moments."""
    rng = random.Random(seed)  # noqa: S311 - a test signal
    sound = hum(LOOP_SECONDS, seed=seed)
    pattern = burst()
    bursts, position = {}, rng.uniform(*BURST_EVERY_SECONDS)
    while position < LOOP_SECONDS - BURST_EVERY_SECONDS[0]:
        start = round(position * SAMPLE_RATE)
        sound[start : start + pattern.size] += pattern
        number, place = divmod(start, FRAME_SAMPLES)
        bursts[number] = place
        position += rng.uniform(*BURST_EVERY_SECONDS)
    script = _encoded(sound, levels=levels)
    return Script(script.payloads, script.levels, bursts)


def phone_hum() -> Script:
    """A caller who listens: mu-law of a quiet room, 50 messages a second as from any phone."""
    return _in_mu_law(hum(2.0, dbfs=HUM_DBOV + 20))


def phone_talking(seed: int) -> Script:
    """A caller who talks: mu-law, 50 messages a second."""
    return _in_mu_law(speech(LOOP_SECONDS, seed=seed))


def _in_mu_law(sound: Samples) -> Script:
    encoded = ulaw_encode(Resampler(SAMPLE_RATE, _PHONE_RATE).process(sound)).tobytes()
    whole = len(encoded) // _PHONE_FRAME * _PHONE_FRAME
    return Script([encoded[start : start + _PHONE_FRAME] for start in range(0, whole, _PHONE_FRAME)])


def _encoded(sound: Samples, *, levels: bool) -> Script:
    encoder = OpusCodec(bitrate=BITRATE).make_encoder()
    frames = in_frames(sound)
    payloads = [encoder.encode(frame) for frame in frames]
    return Script(payloads, [_level(frame) for frame in frames] if levels else None)


def _level(frame: Samples) -> int:
    """In dBov, where a square wave of full scale is 0 (RFC 6464, section 3)."""
    power = float((frame.astype(np.float64) ** 2).mean()) / 32768**2
    return max(-127, min(0, round(10 * math.log10(power)))) if power else -127
