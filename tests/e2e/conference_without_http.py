"""A program that runs a conference without HTTP: two WebRTC peers meet, and their offers come by a function call.

It says which modules of an HTTP server it has imported.
"""

from __future__ import annotations

import asyncio
import sys

from conference.engine.engine import ROOM_PHASES, Engine
from conference.engine.garbage import short_collections
from conference.room.conference import Conference
from conference.room.participant import Participant
from conference.webrtc.server import WebRtc
from conference.webrtc.settings import WebRtcSettings
from tests.webrtc.stock import LOOPBACK, StockPeer, eventually

PATIENCE_SECONDS = 20


async def main() -> None:
    conference, webrtc = Conference(phases=ROOM_PHASES), WebRtc(WebRtcSettings(announce_ips=(LOOPBACK,)))
    engine = Engine(conference, webrtc)
    await engine.start()
    talker, listener = StockPeer("sendonly"), StockPeer("recvonly")
    try:
        async with short_collections(conference, engine.idle):
            for name, client in (("Amy", talker), ("Ben", listener)):
                peer = webrtc.new_peer()
                await client.take(await peer.accept(await client.offer()))
                conference.join(
                    "tea",
                    Participant(
                        id=name, name=name, transport="webrtc", joined_at=0.0, source=peer.source, sink=peer.sink
                    ),
                )
            await eventually(lambda: listener.frames >= 10 and listener.loudest > 1000, PATIENCE_SECONDS)
    finally:
        await engine.close()
        await talker.close()
        await listener.close()


if __name__ == "__main__":
    asyncio.run(main())
    print("heard")
    print(*(one for one in sys.modules if one.startswith(("conference.web.", "aiohttp.web"))))
