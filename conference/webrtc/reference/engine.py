"""A server's WebRTC side made of nothing but aiortc's own connections: ``--engine aiortc``.

It is the reference that the tables of `webrtc.server` are held to: who hears whom is the same with both. What it does
not have is in docs/architecture.md: no port of its own, no forwarding, a thread and an encoder for each participant.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection

from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from conference.iceservers import IceServer
from conference.webrtc.reference.attachment import Attachment
from conference.webrtc.reference.tracks import MixTrack, TrackSource
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.offer import parse_offer
from conference.webrtc.sdp.trickle import parse_trickle_fragment
from conference.webrtc.settings import WebRtcSettings

_log = logging.getLogger(__name__)


class ReferencePeer:
    """One participant's connection, as `webrtc.peer.Peer` is one. Made by `ReferenceWebRtc.new_peer`."""

    def __init__(
        self, configuration: RTCConfiguration, settings: WebRtcSettings, closed: Callable[[ReferencePeer], None]
    ) -> None:
        self.source: TrackSource | None = None
        self.sink: MixTrack | None = None
        self.on_end: Callable[[str], None] | None = None
        self._settings, self._closed = settings, closed
        self._pc = RTCPeerConnection(configuration)
        self._attachment = Attachment(self._pc)
        self._attachment.on_end = self._end
        self._timer: asyncio.TimerHandle | None = None
        self._closing: asyncio.Task[None] | None = None

    async def accept(self, offer: str) -> str:
        """Answer an offer: the connection comes up by itself, or ends. Raises OfferError, with a sentence."""
        parse_offer(offer, max_bytes=self._settings.max_sdp_bytes, max_candidates=self._settings.max_candidates)
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(without_names(offer), "offer"))
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as error:
            _log.warning("an offer could not be answered", exc_info=True)
            raise OfferError("The offer could not be answered: something in it is not supported.") from error
        directions = {one.currentDirection for one in self._pc.getTransceivers() if one.kind == "audio"}
        self.source = self._attachment.source if directions & {"recvonly", "sendrecv"} else None
        self.sink = self._attachment.sink if directions & {"sendonly", "sendrecv"} else None
        self._timer = asyncio.get_running_loop().call_later(self._settings.connect_timeout, self._give_up)
        return self._pc.localDescription.sdp

    async def add_candidates(self, fragment: str) -> None:
        """Take trickled candidates. Raises ValueError, with a sentence, for a malformed fragment."""
        for mid, candidate in parse_trickle_fragment(fragment, self._settings.max_sdp_bytes).candidates:
            known = candidate_from_sdp(str(candidate))
            known.sdpMid = mid or next((one.mid for one in self._pc.getTransceivers()), None)
            with contextlib.suppress(ValueError):  # of a section that there is not
                await self._pc.addIceCandidate(known)

    def tally(self) -> dict[str, int]:
        """What was counted so far: nothing is."""
        return {}

    def stats(self) -> dict[str, object]:
        """A snapshot: the connection's state, and how much sound of theirs waits for its turn."""
        return {"state": self._pc.connectionState, "buffered_ms": self._attachment.source.waiting / 48}

    async def close(self) -> None:
        """End the connection, within a bounded time. Doing it twice does no harm."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name="close a connection")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self.on_end = None
        if self._timer is not None:
            self._timer.cancel()
        self._attachment.detach()
        try:
            await asyncio.wait_for(self._pc.close(), 2 * self._settings.close_timeout)
        except TimeoutError:
            _log.warning("a connection did not close in time; it is abandoned")
        finally:
            self._closed(self)

    def _give_up(self) -> None:
        if self._pc.connectionState != "connected":
            self._end(f"The connection did not come up within {self._settings.connect_timeout:g} seconds.")

    def _end(self, reason: str) -> None:
        on_end, self.on_end = self.on_end, None
        if on_end is not None:
            on_end(reason)


class ReferenceWebRtc:
    """All of a server's connections; STUN and TURN servers are used for its own side, too."""

    def __init__(self, settings: WebRtcSettings, ice_servers: Collection[IceServer] = ()) -> None:
        self._settings = settings
        servers = [RTCIceServer(one.url, one.username, one.credential) for one in ice_servers]
        self._configuration = RTCConfiguration(iceServers=servers)
        self._peers: set[ReferencePeer] = set()

    async def start(self) -> None:
        """Nothing has to be opened: each connection has ports of its own."""

    def new_peer(self) -> ReferencePeer:
        """A connection for one participant."""
        peer = ReferencePeer(self._configuration, self._settings, self._peers.discard)
        self._peers.add(peer)
        return peer

    def read(self) -> None:
        """Nothing has to be read: aiortc does that by itself."""

    async def close(self) -> None:
        """End all connections."""
        if self._peers:
            await asyncio.wait([asyncio.ensure_future(peer.close()) for peer in self._peers])


def without_names(offer: str) -> str:
    """An offer without candidates that are names (``.local``), for which aiortc would ask the whole network.

    Whoever has such a name is found by what they send; so nothing says that there are no more candidates, either.
    """
    lines = (one for one in offer.splitlines(keepends=True) if one.rstrip() != "a=end-of-candidates")
    return "".join(one for one in lines if not (one.startswith("a=candidate:") and ".local " in one))
