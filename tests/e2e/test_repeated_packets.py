"""Packets lost between the server and its peers, through real sockets: reports come back, and packets go out twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.table import SEQUENCE, TICK
from conference.webrtc.send.table_stream import TableStream
from conference.webrtc.server import WebRtc
from tests.e2e.browser import Page
from tests.e2e.on_the_page import BEN_HZ, join
from tests.e2e.people import webrtc_person
from tests.e2e.running import RunningServer, eventually
from tests.e2e.seats import seat_local

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

LOSS = 0.2

_RECEIVED = """
(async () => {
  for (const one of (await connections[0].getStats()).values())
    if (one.type === 'inbound-rtp')
      return {lost: one.packetsLost, concealed: one.concealedSamples, heard: one.totalSamplesReceived};
})()
"""

_KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...settings) { super(...settings); connections.push(this); }
};
"""


def lose_packets(server: RunningServer, seed: int = 1) -> EgressSink:
    """From now on, a share of what the server sends to its one peer is lost."""
    webrtc = server.live.webrtc
    assert isinstance(webrtc, WebRtc)
    (peer,) = webrtc.peers
    assert peer.sink is not None
    stream, chance = peer.sink.stream, random.Random(seed)
    assert isinstance(stream, TableStream)
    post = stream.post

    def lossy(tick: int, payload: bytes, level: int | None = None) -> None:
        if chance.random() < LOSS:  # as if it had been sent
            stream._now[SEQUENCE] += 1
            stream._now[TICK] = tick
        else:
            post(tick, payload, level)

    stream.post = lossy  # type: ignore[method-assign]
    return peer.sink


async def test_who_loses_packets_gets_them_twice_and_misses_few(server: RunningServer) -> None:
    seat_local(server, "standup", "Ben", BEN_HZ)
    async with webrtc_person(server.url, "standup", "Amy") as amy:
        sink = lose_packets(server)
        await eventually(lambda: sink.stats.repeated > 0, "the reports tell of the loss")
        before = amy.peer.stats()
        await eventually(lambda: amy.peer.stats().lost_in > before.lost_in + 15, "enough is lost", within=30)
        after = amy.peer.stats()
    lost, recovered = after.lost_in - before.lost_in, after.recovered_in - before.recovered_in
    assert lost > 10
    # Two in a row are lost with a probability of LOSS for each that is lost. (A report may have come in between.)
    assert recovered > 0.6 * lost


async def losing(page: Page, packets: int, *, after: int) -> dict[str, int]:
    """What a page has received, as soon as it has lost so many more."""
    async with asyncio.timeout(60):
        while (received := await page.evaluate(_RECEIVED))["lost"] < after + packets:  # noqa: ASYNC110 - the page calls nobody
            await asyncio.sleep(0.2)
    return dict(received)


async def test_chromium_takes_the_repeated_packets_for_those_it_lost(server: RunningServer, page: Page) -> None:
    await page.before_load(_KEEP_CONNECTIONS)
    seat_local(server, "standup", "Ben", BEN_HZ)
    await join(page, server)
    sink = lose_packets(server)
    await eventually(lambda: sink.stats.repeated > 0, "the reports tell of the loss", within=15)
    before = await losing(page, 10, after=0)  # its jitter buffer gets used to it
    after = await losing(page, 50, after=before["lost"])  # of fewer, too many may come in a row by chance
    concealed = (after["concealed"] - before["concealed"]) / (after["heard"] - before["heard"])
    assert concealed < LOSS / 2
    assert page.complaints == []
