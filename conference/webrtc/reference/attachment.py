"""Ties an `RTCPeerConnection` to a room: what comes on its track is a voice, and the mix goes out on another track."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias
from weakref import WeakSet

from aiortc import InvalidStateError, MediaStreamTrack, RTCPeerConnection

from conference.errors import ConnectionClosed
from conference.webrtc.peer import GOODBYE
from conference.webrtc.reference.tracks import MixTrack, TrackSource

PeerConnection: TypeAlias = RTCPeerConnection  # for those who take one and know nothing else of aiortc

# Those that are in a room, or were: with the track that ends there, aiortc ends what would send another.
_taken: WeakSet[RTCPeerConnection] = WeakSet()


class Attachment:
    """What ties a connection to a room, from now on until :meth:`detach`. The connection itself is its owner's.

    ``source`` is the voice that comes, ``sink`` where the mix of all others goes; ``on_end`` is called once, with a
    reason for people, when the connection has ended by itself. To be made before the connection's offer or answer is.
    Raises ConnectionClosed for one that is closed, or that is or was in a room.
    """

    def __init__(self, pc: RTCPeerConnection) -> None:
        self.source = TrackSource()
        self.sink = MixTrack()
        self.on_end: Callable[[str], None] | None = None
        self._pc, self._detached = pc, False
        if pc in _taken:
            raise ConnectionClosed("This peer connection is in a room, or was in one: make another one.")
        try:
            self._sender = pc.addTrack(self.sink)
        except InvalidStateError:
            raise ConnectionClosed("This peer connection is closed: make another one.") from None
        _taken.add(pc)
        pc.on("track", self._take)
        pc.on("connectionstatechange", self._follow)
        for track in filter(None, (one.track for one in pc.getReceivers())):  # of an offer that was taken before
            self._take(track)

    def detach(self) -> None:
        """Let go of the connection: its track ends, and nothing of it is heard. Doing it twice does no harm."""
        if not self._detached and self._pc.connectionState == "new":  # nothing was sent: it can be in another room yet
            self._sender.replaceTrack(None)
            _taken.discard(self._pc)
        self._detached, self.on_end = True, None
        self.source.stop()
        self.sink.stop()

    def _take(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio" and not self._detached:
            self.source.follow(track)

    def _follow(self) -> None:
        if self._pc.connectionState in ("failed", "closed") and self.on_end is not None:
            on_end, self.on_end = self.on_end, None
            # Where the other side says goodbye, aiortc closes; where it has vanished, ICE fails.
            on_end(GOODBYE if self._pc.connectionState == "closed" else "The connection was lost.")
