"""Who came in through HTTP: makes a participant of an offer, and keeps each one's connection until they go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from conference.access.grants import EVERYTHING, Grant, Role
from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.participant import Departure, Participant, Sink, Source
from conference.web.joining.reconnect import RememberedSeats
from conference.web.traffic import Traffic
from conference.webrtc.peer import GOODBYE

_log = logging.getLogger(__name__)


PAGE_CLOSED = "The page was closed."
"""Why somebody is lost whose seat was held in vain."""


class PeerLike(Protocol):
    """What is needed of a :class:`conference.webrtc.peer.Peer`."""

    on_end: Callable[[str], None] | None

    @property
    def source(self) -> Source | None: ...

    @property
    def sink(self) -> Sink | None: ...

    async def accept(self, offer: str) -> str: ...

    async def add_candidates(self, fragment: str) -> None: ...

    async def close(self) -> None: ...

    def tally(self) -> Mapping[str, int]:
        """What was counted so far, by name."""
        ...

    def stats(self) -> Any: ...


class WebRtcLike(Protocol):
    """What is needed of a :class:`conference.webrtc.server.WebRtc`."""

    async def start(self) -> None: ...

    def new_peer(self) -> Any: ...

    def read(self) -> None:
        """Take in what has come."""
        ...

    async def close(self) -> None: ...


class NotGranted(Exception):
    """Whoever joins may do nothing of what they came for; the text is a sentence for them."""


class Removed(Exception):
    """Whoever wants back into a seat was removed from it; the text is a sentence for them."""


class EndedEarly(Exception):
    """A connection ended while its offer was being answered."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The answer to an offer, and who its sender is now."""

    participant_id: str
    answer: str
    etag: str
    """The entity tag of the ICE session, quoted (RFC 9725, section 4.3.1)."""


@dataclass(frozen=True, slots=True)
class _Connection:
    peer: PeerLike
    etag: str
    grant: Grant


def ears(grant: Grant, peer: PeerLike) -> Sink | None:
    """What somebody hears with: nothing, if they may not listen.

    The voice of one who may not speak is taken all the same: a listener is not heard until a host makes them a speaker.

    Raises:
        NotGranted: they come only to listen and may not, or only to speak and may not.
    """
    if peer.source is None and not grant.allows("listen"):
        raise NotGranted("Your token does not allow you to listen.")
    if not grant.allows("speak") and (peer.sink is None or not grant.allows("listen")):
        raise NotGranted("Your token does not allow you to speak.")
    return peer.sink if grant.allows("listen") else None


class Sessions:
    """The WebRTC sessions of all participants: takes offers, and ends connections.

    Args:
        conference: the rooms.
        webrtc: makes peers.
        traffic: counts what goes over them.
    """

    def __init__(self, conference: Conference, webrtc: WebRtcLike, traffic: Traffic) -> None:
        self._conference = conference
        self._webrtc = webrtc
        self._traffic = traffic
        self._connections: dict[tuple[str, str], _Connection] = {}
        self._remembered = RememberedSeats()
        self._closing: set[asyncio.Task[None]] = set()

    def peer(self, room: str, participant_id: str) -> PeerLike | None:
        """The connection of one participant; ``None`` for those who did not come in through here."""
        connection = self._connections.get((room, participant_id))
        return None if connection is None else connection.peer

    def etag(self, room: str, participant_id: str) -> str | None:
        """The entity tag of a participant's ICE session."""
        connection = self._connections.get((room, participant_id))
        return None if connection is None else connection.etag

    def grant(self, room: str, participant_id: str) -> Grant | None:
        """With what a participant came in."""
        connection = self._connections.get((room, participant_id))
        return None if connection is None else connection.grant

    def was_removed(self, room: str, participant_id: str) -> bool:
        """Whether somebody was sent away, and has not joined again."""
        return self._remembered.removed(room, participant_id)

    async def join(
        self,
        room: str,
        name: str,
        offer: str,
        *,
        seat: str | None = None,
        grant: Grant = EVERYTHING,
        role: Role | None = None,
    ) -> Joined:
        """Take an offer and give its sender a seat.

        Args:
            room: a valid name; the room is made if it is not there.
            name: what people see.
            offer: SDP.
            seat: the participant to be again, after a lost connection. If they still sit there, the new connection
                replaces the old one and nobody sees them leave.
            grant: what they may do in the room.
            role: in which they join, if it is not that of the grant.

        Raises:
            OfferError: the offer cannot be taken.
            RoomFull, RoomLocked, TooManyRooms, InvalidRoomName: as :meth:`Conference.join`.
            Removed: the seat is that of somebody who was removed.
            NotGranted: nothing would be left of what they offer.
            EndedEarly: the connection ended before it was answered.
        """
        self._refuse_removed(room, seat)
        peer: PeerLike = self._webrtc.new_peer()
        participant_id = seat or new_id()
        early: list[str] = []
        peer.on_end = early.append
        try:
            answer = await peer.accept(offer)
            if early:
                raise EndedEarly(f"The connection ended before it began ({early[0]}). Try again.")
            self._enter_room(room, participant_id, name, peer, grant, role or grant.joins_as)
        except BaseException:
            self._close_later(peer)
            raise
        peer.on_end = lambda reason: self._ended(room, participant_id, peer, reason)
        self._traffic.opened(peer, "webrtc", peer.tally)
        etag = f'"{new_id()}"'
        replaced = self._connections.pop((room, participant_id), None)
        self._connections[room, participant_id] = _Connection(peer, etag, grant)
        if replaced is not None:
            self._close_later(replaced.peer)
        return Joined(participant_id, answer, etag)

    def hold(self, room: str, participant_id: str, seconds: float) -> bool:
        """Keep a seat while its page is loaded anew, whatever becomes of the connection that it had.

        Args:
            room: where it is.
            participant_id: whose it is.
            seconds: after which whoever has not taken it again is lost.

        Returns:
            Whether there is such a seat.
        """
        connection = self._connections.get((room, participant_id))
        if connection is None:
            return False
        if connection.peer.on_end is not None:  # else it is held already
            connection.peer.on_end = None
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, self._held_for_long_enough, room, participant_id, connection.peer)
        return True

    def _held_for_long_enough(self, room: str, participant_id: str, peer: PeerLike) -> None:
        if self.peer(room, participant_id) is peer:
            self._ended(room, participant_id, peer, PAGE_CLOSED)

    async def close(self) -> None:
        """Wait for the connections that are just being closed."""
        if self._closing:
            await asyncio.wait(list(self._closing))

    def _refuse_removed(self, room: str, seat: str | None) -> None:
        if seat is not None and self._remembered.removed(room, seat):
            raise Removed("You were removed from this conference, and cannot come back as the same person.")

    def _enter_room(self, room: str, participant_id: str, name: str, peer: PeerLike, grant: Grant, role: Role) -> None:
        sink = ears(grant, peer)

        def hang_up(reason: str) -> None:
            self._ended(room, participant_id, peer, reason)

        self._refuse_removed(room, participant_id)  # they may have been while the offer was looked at
        there = self._conference.get(room)
        if there is not None and participant_id in there.participants:
            there.reseat(participant_id, peer.source, sink, hang_up)
            return
        participant = Participant(
            id=participant_id,
            name=name,
            transport="webrtc",
            joined_at=time.time(),
            source=peer.source,
            sink=sink,
            hang_up=hang_up,
            role=role,
            identity=grant.identity,
        )
        returning = self._remembered.put_on(participant, room, there)
        self._conference.join(room, participant, returning=returning)
        self._remembered.forget(room, participant_id)

    def _ended(self, room: str, participant_id: str, peer: PeerLike, reason: str) -> None:
        """A connection ended by itself, or is to end now. One that was replaced takes nobody along."""
        peer.on_end = None
        connection = self._connections.get((room, participant_id))
        if connection is not None and connection.peer is peer:
            del self._connections[room, participant_id]
            self._leave_room(room, participant_id, reason)
        self._close_later(peer)

    def _leave_room(self, room: str, participant_id: str, reason: str) -> None:
        there = self._conference.get(room)
        if there is None or participant_id not in there.participants:
            return
        departure: Departure = "left" if reason == GOODBYE else "lost"
        self._remembered.remember(there, there.participants[participant_id], departure)
        self._conference.leave(room, participant_id, reason, departure)

    def _close_later(self, peer: PeerLike) -> None:
        peer.on_end = None
        self._traffic.closed(peer)
        task = asyncio.ensure_future(peer.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("a connection could not be closed cleanly: %s", task.exception())
