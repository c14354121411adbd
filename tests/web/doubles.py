"""Stand-ins for the WebRTC side, so that the HTTP side is tested without a socket for media."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from aiohttp.test_utils import TestClient, TestServer

from conference.audio.frame import Samples
from conference.room.participant import Mix
from conference.settings import Settings
from conference.web.app import build_app
from conference.web.live import SERVER, Server
from conference.webrtc.sdp.grammar import OfferError, UnsupportedOffer
from conference.webrtc.sdp.trickle import IceRestartError

OFFER = "v=0\r\n"
SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


class FakeSource:
    """Says what it is told to."""

    def __init__(self) -> None:
        self.frame: Samples | None = None

    def pull(self, now_ns: int) -> Samples | None:
        return self.frame


class FakeSink:
    """Hears, and forgets."""

    codec = None

    def deliver(self, mix: Mix) -> None:
        pass


@dataclass
class FakeStats:
    state: str = "connected"
    packets_in: int = 0
    jitter_ms: float = float("nan")


class FakePeer:
    """Accepts any offer but ``bad``, and any candidate but ``bad``."""

    def __init__(self) -> None:
        self.on_end: Callable[[str], None] | None = None
        self.source = FakeSource()
        self.sink = FakeSink()
        self.candidates: list[str] = []
        self.closed = 0
        self.counts = FakeStats()
        self.ends_while_accepting = False

    async def accept(self, offer: str) -> str:
        if offer == "bad":
            raise OfferError("This offer has no sound in it.")
        if offer == "two transports":
            raise UnsupportedOffer("This offer needs two transports.")
        if offer == "surprise":
            raise RuntimeError("secret detail")
        if offer == "busy":
            raise TimeoutError
        if self.ends_while_accepting and self.on_end is not None:
            self.on_end("failed")
        return f"answer to {offer}"

    async def add_candidates(self, fragment: str) -> None:
        if fragment == "bad":
            raise ValueError("This fragment has no candidates in it.")
        if fragment == "restart":
            raise IceRestartError("An ICE restart is not supported.")
        self.candidates.append(fragment)

    async def close(self) -> None:
        self.closed += 1

    def stats(self) -> FakeStats:
        return self.counts

    def tally(self) -> dict[str, int]:
        return {"packets_in": self.counts.packets_in}


class FakeWebRtc:
    """Remembers the peers it made."""

    def __init__(self) -> None:
        self.peers: list[FakePeer] = []
        self.started = self.closed = False
        self.next_ends = False

    async def start(self) -> None:
        self.started = True

    def read(self) -> None: ...

    def new_peer(self) -> FakePeer:
        peer = FakePeer()
        peer.ends_while_accepting = self.next_ends
        self.peers.append(peer)
        return peer

    async def close(self) -> None:
        self.closed = True


class Site:
    """A running server and a client that talks to it."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.webrtc = FakeWebRtc()
        self.app = build_app(settings or Settings(), webrtc=self.webrtc)
        self.client: Any = TestClient(TestServer(self.app))

    @property
    def server(self) -> Server:
        return self.app[SERVER]

    async def join(self, room: str = "tea", name: str = "Amy", **headers: str) -> Any:
        return await self.client.post(
            f"/rooms/{room}/participants", params={"name": name}, data=OFFER, headers=SDP | headers
        )

    async def __aenter__(self) -> Self:
        await self.client.start_server()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()


async def problem(response: Any) -> dict[str, Any]:
    """The body of an error, once it is sure that it is one."""
    assert response.content_type == "application/problem+json"
    body = await response.json(content_type="application/problem+json")
    assert body["status"] == response.status
    assert len(body["title"]) > 10
    return dict(body)
