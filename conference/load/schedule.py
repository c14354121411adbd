"""When everybody sends: each every 20 ms, spread over them, so that a server gets packets as from a network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from conference.audio.frame import FRAME_SAMPLES
from conference.load.scripts import Script

SLOTS = 20
"""Milliseconds of a tick: each participant sends in one of them."""

LATE_MS = 15.0

_NS_PER_SAMPLE = 1e9 / 48_000


class Sender(Protocol):
    """A participant."""

    def drain(self) -> None:
        """Read what has arrived since the last time."""

    def send(self, payload: bytes, timestamp: int, level: int | None = None) -> None:
        """Send 20 ms of sound."""


class Schedule:
    """Sends everybody's packets, each 20 ms after their last.

    Args:
        drain_every: in how many ticks what came for somebody is read.
        on_burst: told when a burst went in: the time in ns (monotonic) at which its first sample was spoken, as if its
            packet had been sent without delay once its last sample was there.
    """

    def __init__(self, *, drain_every: int = 1, on_burst: Callable[[float], None] = lambda _: None) -> None:
        self._slots: list[dict[Sender, tuple[Script, int]]] = [{} for _ in range(SLOTS)]
        self._where: dict[Sender, int] = {}
        self._count = 0
        self._drain_every = drain_every
        self._on_burst = on_burst
        self.steps = 0
        self.late = 0
        """Steps, of a millisecond each, that came too late to be believed."""

    def add(self, sender: Sender, script: Script) -> None:
        """From now on ``sender`` sends ``script``."""
        # 7 is coprime to 20: neighbours in time of joining are far apart in the tick, and slots fill evenly.
        slot = self._count * 7 % SLOTS
        self._slots[slot][sender] = (script, self._count * 37)
        self._where[sender] = slot
        self._count += 1

    def remove(self, sender: Sender) -> None:
        """From now on ``sender`` sends nothing."""
        slot = self._where.pop(sender, None)
        if slot is not None:
            del self._slots[slot][sender]

    async def run(self) -> None:
        """Until cancelled."""
        start = time.monotonic()
        step = 0
        while True:
            if step % SLOTS and not self._slots[step % SLOTS]:
                step += 1  # don't wake for nobody
                continue
            ahead = start + step / 1000 - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
            elif step % 4 == 0:
                await asyncio.sleep(0)
            self.steps += 1
            self.late += -ahead * 1000 > LATE_MS
            self._step(step)
            step += 1

    def _step(self, step: int) -> None:
        tick = step // SLOTS
        timestamp = tick * FRAME_SAMPLES
        for sender, (script, offset) in self._slots[step % SLOTS].items():
            number = tick + offset
            if number % self._drain_every == 0:
                sender.drain()
            index = number % len(script.payloads)
            payload = script.payloads[index]
            if payload is None:
                continue
            if index in script.bursts:
                late_samples = FRAME_SAMPLES - script.bursts[index]
                self._on_burst(time.monotonic_ns() - late_samples * _NS_PER_SAMPLE)
            sender.send(payload, timestamp, script.levels[index] if script.levels is not None else None)
