"""When everybody sends: each every 20 ms, spread over them, so that a server gets packets as from a network."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from conference.audio.frame import FRAME_SAMPLES
from conference.load.batch.kernel import AVAILABLE
from conference.load.batch.peers import PeerBatch
from conference.load.batch.sender import SLOTS
from conference.load.client.peer import FastPeer
from conference.load.signal.scripts import Script

DRAIN_EVERY = 5
"""Ticks between two looks at what came for somebody: five packets at a time."""

LATE_SECONDS = 0.015

_SLOT_SECONDS = 0.02 / SLOTS
_NS_PER_SAMPLE = 1e9 / 48_000
_REFRESH_EVERY = 5
"""Looks at what came for one at who has lost the connection."""


class Sender(Protocol):
    """A participant."""

    def drain(self) -> None:
        """Read what has arrived since the last time."""

    def send(self, payload: bytes, timestamp: int, level: int | None = None) -> None:
        """Send 20 ms of sound."""


class SendSchedule:
    """Sends everybody's packets, each 20 ms after their last; those of `FastPeer` by the batch, where that can be.

    Args:
        drain_every: in how many ticks what came for somebody is read.
        on_burst: told when a burst went in: the time in ns (monotonic) at which its first sample was spoken, as if its
            packet had been sent without delay once its last sample was there.
    """

    def __init__(self, *, drain_every: int = DRAIN_EVERY, on_burst: Callable[[float], None] = lambda _: None) -> None:
        self._slots: list[dict[Sender, tuple[Script, int]]] = [{} for _ in range(SLOTS)]
        self._where: dict[Sender, int] = {}
        self._count = 0
        self._drain_every = drain_every
        self._on_burst = on_burst
        self.batch = PeerBatch(on_burst) if AVAILABLE else None
        self.steps = 0
        self.late = 0
        """Steps, of a slot each, that came too late to be believed."""

    @property
    def forged(self) -> int:
        """Packets that were not authentic, of the one in some hundred that is decrypted."""
        return 0 if self.batch is None else self.batch.forged

    def add(self, sender: Sender, script: Script) -> None:
        """From now on ``sender`` sends ``script``."""
        # 7 is coprime to 10: neighbours in time of joining are far apart in the tick, and slots fill evenly.
        slot, offset = self._count * 7 % SLOTS, 0 if script.in_step else self._count * 37
        self._count += 1
        if self.batch is not None and isinstance(sender, FastPeer):
            try:
                sender.join_batch(self.batch, script, slot=slot, offset=offset)
            except ValueError:
                pass  # one by one, then
            else:
                return
        self._slots[slot][sender] = (script, offset)
        self._where[sender] = slot

    def remove(self, sender: Sender) -> None:
        """From now on ``sender`` sends nothing."""
        if isinstance(sender, FastPeer):
            sender.leave_batch()
        slot = self._where.pop(sender, None)
        if slot is not None:
            del self._slots[slot][sender]

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        start, step = loop.time(), 0
        ended: asyncio.Future[None] = loop.create_future()

        timer: asyncio.Handle

        def turn() -> None:  # a call of the loop's own: a task that sleeps takes twice the time to wake
            nonlocal step, timer
            try:
                self.steps += 1
                self.late += loop.time() - start - step * _SLOT_SECONDS > LATE_SECONDS
                self._step(step)
            except Exception as error:
                ended.set_exception(error)
                return
            step += 1
            while step % SLOTS and not self._slots[step % SLOTS] and not self.batch:
                step += 1  # don't wake for nobody
            timer = loop.call_at(start + step * _SLOT_SECONDS, turn)

        timer = loop.call_soon(turn)
        try:
            await ended
        finally:
            timer.cancel()

    def _step(self, step: int) -> None:
        tick, slot = divmod(step, SLOTS)
        if self.batch:
            self._step_together(self.batch, step)
        timestamp = tick * FRAME_SAMPLES
        for sender, (script, offset) in self._slots[slot].items():
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

    def _step_together(self, batch: PeerBatch, step: int) -> None:
        tick, slot = divmod(step, SLOTS)
        batch.step(tick, slot)
        parts = self._drain_every * SLOTS
        batch.read(step % parts, parts)
        if step // parts % _REFRESH_EVERY == 0:
            batch.refresh(step % parts, parts)
