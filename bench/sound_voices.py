"""How good voices of many kinds sound on a clean network: as they were sent, forwarded, and in a mix.

Each voice speaks alone to one listener, to a server that forwards and to one that does not (``--no-forwarding``), which
so decodes it and encodes it again, as it does where several talk.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from bench.sound_call import PERFECT, SERVERS, Call, Condition, decoded, encoded, place
from bench.sound_measure import at_16k, find_places, pesq_wb, scores
from bench.sound_speech import Speech

ALONE = Condition("voice", "clean", ((0.0, PERFECT),))


@dataclass(frozen=True, slots=True)
class VoiceScores:
    """PESQ-WB of one voice."""

    name: str
    sent: float
    """Of its packets, decoded without anything between."""

    forwarded: float
    mixed: float
    late_share: float
    """Of the packets of both calls: how many this machine sent more than 5 ms after their time."""


async def measure_voices(speech: Sequence[Speech], *, at_once: int, codec_ms: float) -> list[VoiceScores]:
    """Let each voice speak through a server that forwards and through one that mixes.

    Args:
        speech: the voices.
        at_once: calls at the same time.
        codec_ms: by how much two encoders alone shift the sound.
    """
    turnstile = asyncio.Semaphore(at_once)

    async def call(one: Speech, server: str) -> Call:
        async with turnstile:
            placed = await place(ALONE, one.samples, SERVERS[server])
        print(f"measured: {one.name} ({server})", file=sys.stderr)
        return placed

    forwarded = await asyncio.gather(*(call(one, "forwarded") for one in speech))
    mixed = await asyncio.gather(*(call(one, "mixed") for one in speech))
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:  # once all calls are over: PESQ would delay packets
        jobs = [
            loop.run_in_executor(pool, _judge, *one, codec_ms) for one in zip(speech, forwarded, mixed, strict=True)
        ]
        return list(await asyncio.gather(*jobs))


def _judge(speech: Speech, forwarded: Call, mixed: Call, codec_ms: float) -> VoiceScores:
    arrived = decoded(encoded(speech.samples, 0))
    return VoiceScores(
        speech.name,
        pesq_wb(at_16k(speech.samples), at_16k(arrived)),
        _score(speech, forwarded, codec_ms / 2),
        _score(speech, mixed, codec_ms),
        (forwarded.late + mixed.late) / max(1, forwarded.sent + mixed.sent),
    )


def _score(speech: Speech, call: Call, codec_ms: float) -> float:
    said, heard = at_16k(call.said), at_16k(call.heard.samples)
    places, _ = find_places(call, said, heard, codec_ms)
    return float(np.mean(scores(said, heard, places, speech.samples.size // 3)))
