"""Chromium listens while people talk in turns: what it plays goes on undisturbed between their packets and mixes."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.room.room import Room
from tests.e2e.browser import Page
from tests.e2e.on_the_page import join, names, participant
from tests.e2e.people import webrtc_person
from tests.e2e.running import RunningServer, eventually
from tests.speech import spoken

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

SAID_SECONDS = 1.2
TURN_SECONDS = 1.9
CHANGES = 8
"""Between packets and mixes, in each half of the time; each turn has one or two."""

_KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...settings) { super(...settings); connections.push(this); }
};
"""

_RECEIVED = """
(async () => {
  for (const one of (await connections[0].getStats()).values())
    if (one.type === 'inbound-rtp') return {
      lost: one.packetsLost, discarded: one.packetsDiscarded || 0, packets: one.packetsReceived,
      delay: one.jitterBufferDelay, emitted: one.jitterBufferEmittedCount, energy: one.totalAudioEnergy,
    };
})()
"""


def turns_of(seed: int, offset: float) -> Samples:
    """Somebody talks every other turn."""
    said = spoken(SAID_SECONDS, seed=seed)
    silence = np.zeros(round(2 * TURN_SECONDS * SAMPLE_RATE) - len(said), np.int16)
    return np.roll(np.concatenate([said, silence]), round(offset * SAMPLE_RATE))


async def test_turns_of_others_disturb_no_listener(server: RunningServer, page: Page) -> None:
    await page.before_load(_KEEP_CONNECTIONS)
    async with (
        webrtc_person(server.url, "standup", "Ben", turns_of(1, 0.0)),
        webrtc_person(server.url, "standup", "Cal", turns_of(2, TURN_SECONDS)),
    ):
        await join(page, server)
        await eventually(lambda: names(server) == ["Amy", "Ben", "Cal"], "all are here")
        room = server.live.conference.rooms["standup"]
        amy = participant(server).id
        room.set_muted(amy, True)
        await asyncio.sleep(3.0)  # its jitter buffer gets used to the connection
        seen = [await page.evaluate(_RECEIVED)]
        for _ in range(2):
            await follow(room, amy, CHANGES)
            seen.append(await page.evaluate(_RECEIVED))
    first, second = ({name: after[name] - before[name] for name in before} for before, after in pairwise(seen))
    for half in (first, second):
        assert half["energy"] > 0, "something is heard"
        assert half["lost"] <= 0.01 * half["packets"], "sequence numbers go on without a gap"
        assert half["discarded"] <= 0.02 * half["packets"], "nothing comes too late to be played"
    assert second["delay"] / second["emitted"] < first["delay"] / first["emitted"] + 0.1, "no delay adds up"
    assert page.complaints == []


async def follow(room: Room, listener_id: str, changes: int) -> None:
    """Wait until somebody has gone so many times from packets to mixes or back."""
    was = room.forwarded.get(listener_id)
    async with asyncio.timeout(90):
        while changes > 0:
            await asyncio.sleep(0.01)
            now = room.forwarded.get(listener_id)
            changes -= (now is None) != (was is None)
            was = now
