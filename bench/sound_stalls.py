"""How long the delay of a single stall stays, in speech without a pause: all packet lengths, and phones.

All of it in simulated time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from bench.sound_mix import verdict
from bench.sound_words import Voice
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.audio.g711 import ulaw_encode
from conference.audio.resample import Resampler
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.telephony.intake import PacedSource
from conference.telephony.settings import LegSettings
from tests.netem import NS_PER_MS, Arrival
from tests.room.fakes import PcmDecoder

PACKETS_MS = (2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0)
STALLS_MS = (70.0, 120.0, 170.0, 215.0)
BEGIN_SECONDS = (0.0, 0.3, 1.0, 2.0, 3.0)
PHASES_MS = (4.0, 14.0)
LOSSES = (0.0, 0.03)
"""With losses, packets repair the one before."""

GOAL_SECONDS = 5.0
NEAR_MS = 10.0
PHONE_NEAR_MS = 25.0
"""What a caller says comes by messages of 20 ms."""

SECONDS = 14.0
LOSS_SECONDS = 0.3
"""A lost packet is waited for by a packet's length, a moment sooner or later than without the stall: what is late for
no longer than that is so by a loss, not by the stall that is over."""

AROUND_SECONDS = 0.5
"""The delay is compared with what it is without the stall, at about the same time."""


class _Repairing(PcmDecoder):
    """PCM whose every packet could repair the one before."""

    def repairs(self, payload: bytes) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Stall:
    """One stall, and how long its delay stayed."""

    packet_ms: float
    """0 for a caller over TCP."""

    stall_ms: float
    begin: float
    loss: float
    phase_ms: float
    back_seconds: float
    """From its end until the delay was back for good, within 10 ms of what it is at that time without it."""

    left_ms: float
    """What is left of it at the end of all."""


def measure(voices: Sequence[Voice], *, quick: bool = False) -> list[Stall]:
    """Have somebody speak without a pause over networks that stall once."""
    speech = without_pauses(voices, SECONDS + 1)
    lengths = PACKETS_MS[2:4] if quick else PACKETS_MS
    found = []
    for packet_ms, loss, phase_ms in product(lengths, LOSSES, PHASES_MS):
        usual = _delays(speech, packet_ms, None, loss, phase_ms)
        for stall_ms, begin in product(STALLS_MS, BEGIN_SECONDS):
            delays = _delays(speech, packet_ms, (begin, stall_ms), loss, phase_ms)
            found.append(_judge(packet_ms, stall_ms, begin, loss, phase_ms, delays, usual))
    at_8k = ulaw_encode(Resampler(SAMPLE_RATE, 8_000).process(speech))
    frames = [one.tobytes() for one in at_8k[: len(at_8k) // 160 * 160].reshape(-1, 160)]
    for phase_ms in PHASES_MS:
        usual = _phone_delays(frames, None, phase_ms)
        for stall_ms, begin in product(STALLS_MS, BEGIN_SECONDS):
            delays = _phone_delays(frames, (begin, stall_ms), phase_ms)
            found.append(_judge(0.0, stall_ms, begin, 0.0, phase_ms, delays, usual))
    return found


def _judge(
    packet_ms: float,
    stall_ms: float,
    begin: float,
    loss: float,
    phase_ms: float,
    delays: Sequence[float],
    usual: Sequence[float],
) -> Stall:
    around = round(AROUND_SECONDS * 50)
    padded = np.pad(np.array(usual), around, mode="edge")
    allowed = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1).max(axis=1) + (
        NEAR_MS if packet_ms else PHONE_NEAR_MS
    )
    late = np.flatnonzero(np.array(delays) > allowed)
    runs = np.split(late, np.flatnonzero(np.diff(late) > 1) + 1)
    lasting = [run for number, run in enumerate(runs) if not loss or not number or run.size > LOSS_SECONDS * 50]
    end = begin + stall_ms / 1000
    back = max(0.0, (float(lasting[-1][-1]) + 1) / 50 - end) if late.size else 0.0
    return Stall(
        packet_ms, stall_ms, begin, loss, phase_ms, back, float(np.median(delays[-25:]) - np.median(usual[-25:]))
    )


def stalled(packets: int, packet_ms: float, stall: tuple[float, float] | None, loss: float) -> list[Arrival]:
    """When packets arrive that are sent as soon as they are full: nothing during a stall, then all of it at once."""
    chance = np.random.default_rng(5)
    arrivals = []
    for number in range(packets):
        at_ms = number * packet_ms + float(chance.uniform(0, 1))
        lost = chance.random() < loss
        if stall is not None and stall[0] * 1000 <= at_ms < stall[0] * 1000 + stall[1]:
            at_ms = stall[0] * 1000 + stall[1]
        if not lost:
            arrivals.append((round(at_ms * NS_PER_MS), number))
    return arrivals


def _delays(
    speech: Samples, packet_ms: float, stall: tuple[float, float] | None, loss: float, phase_ms: float
) -> list[float]:
    size = round(packet_ms * SAMPLE_RATE / 1000)
    payloads = [one.tobytes() for one in speech[: len(speech) // size * size].reshape(-1, size)]
    source = PacketSource(_Repairing() if loss else PcmDecoder())
    coming = iter(stalled(len(payloads), packet_ms, stall, loss))
    one = next(coming, None)
    delays = []
    for tick in range(round(SECONDS * 50)):
        now_ns = tick * TICK_NS + round(phase_ms * NS_PER_MS)
        while one is not None and one[0] <= now_ns:
            source.push(one[1] & 0xFFFF, one[1] * size, payloads[one[1]], one[0])
            one = next(coming, None)
        delays.append(
            source.behind_ms(now_ns) if stall is not None else max(source.behind_ms(now_ns), source.delay_ms + 20)
        )
        source.pull(now_ns)
    return delays


def _phone_delays(frames: Sequence[bytes], stall: tuple[float, float] | None, phase_ms: float) -> list[float]:
    """What has been said by then, less what was played or left out, in milliseconds."""
    source = PacedSource(PcmuCodec().make_decoder(), LegSettings())
    coming = iter(stalled(len(frames), 20.0, stall, 0.0))
    one = next(coming, None)
    delays, pushed = [], 0
    for tick in range(round(SECONDS * 50)):
        now_ns = tick * TICK_NS + round(phase_ms * NS_PER_MS)
        while one is not None and one[0] <= now_ns:
            source.push(frames[one[1]], one[1] * 20, one[0])
            pushed = one[1] + 1
            one = next(coming, None)
        held_up = max(0, int((now_ns / NS_PER_MS) // 20) + 1 - pushed) * 20
        delays.append(source.buffered_ms + held_up)
        source.pull(now_ns)
    return delays


def without_pauses(voices: Sequence[Voice], seconds: float) -> Samples:
    """Words of all voices in turn, one right after the other."""
    words = [word for group in zip(*(voice.words[:4] for voice in voices if len(voice.words) >= 4), strict=True)
             for word in group]  # fmt: skip
    speech = np.concatenate(words)
    loud = np.abs(speech.astype(np.int32))[: len(speech) // 240 * 240].reshape(-1, 240).max(axis=1) > 400
    speech = speech[: len(speech) // 240 * 240].reshape(-1, 240)[loud].reshape(-1)
    size = round(seconds * SAMPLE_RATE) // FRAME_SAMPLES * FRAME_SAMPLES
    whole: Samples = np.resize(speech, size)
    return whole


def lines(found: Sequence[Stall]) -> list[str]:
    """The figures as Markdown."""
    table = [
        "| packets | stalls | back after, median | worst | left at the end, most | longer than 5 s |",
        "|---|---|---|---|---|---|",
    ]
    for packet_ms, loss in sorted({(one.packet_ms, one.loss) for one in found}):
        some = [one for one in found if (one.packet_ms, one.loss) == (packet_ms, loss)]
        back = [one.back_seconds for one in some]
        name = f"{packet_ms:g} ms" + (f", FEC, {loss:.0%} lost" if loss else "") if packet_ms else "phone"
        over = sum(one > GOAL_SECONDS for one in back)
        left = max(one.left_ms for one in some)
        table.append(
            f"| {name} | {len(some)} | {np.median(back):.1f} s | {max(back):.1f} s | {left:+.0f} ms | {over} |"
        )
    over = sum(one.back_seconds > GOAL_SECONDS for one in found)
    return [*table, "", verdict(f"what a stall delays is back within {GOAL_SECONDS:g} s", reached=not over)]
