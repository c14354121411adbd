"""Participants with WebRTC connections: makes one of each offer, and closes the connection when they leave."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

from conference.access.grants import EVERYTHING, Grant, Role
from conference.cluster.grants import grant_json
from conference.cluster.log import LogUnavailable
from conference.cluster.node import Node
from conference.cluster.replica import SeatRemoved
from conference.engine.connections import ConnectionRegistry
from conference.ids import new_id
from conference.log import concerning
from conference.room.conference import Conference
from conference.room.participant import Departure, Participant, Sink, Source, Transport
from conference.room.remembered_seats import RememberedSeats
from conference.webrtc.peer import GOODBYE

_log = logging.getLogger(__name__)


PAGE_CLOSED = "The page was closed."
"""The reason of a departure, when a held seat was not taken again in time."""


class PeerLike(Protocol):
    """What this module uses of a :class:`conference.webrtc.peer.Peer`."""

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
    """What this module uses of a :class:`conference.webrtc.server.WebRtc`."""

    async def start(self) -> None: ...

    def new_peer(self) -> Any: ...

    def read(self) -> None:
        """Take in what has come."""
        ...

    async def close(self) -> None: ...


class NotGranted(Exception):
    """The grant of whoever joins allows nothing of what their offer asks for; the text is a sentence for them."""


class Removed(Exception):
    """Whoever wants their seat back was removed from it; the text is a sentence for them."""


class EndedEarly(Exception):
    """A connection ended while its offer was being answered."""


@dataclass(frozen=True, slots=True)
class JoinAnswer:
    """The answer to an offer, and which participant its sender is."""

    participant_id: str
    answer: str
    etag: str
    """The entity tag of the ICE session, quoted (RFC 9725, section 4.3.1)."""


@dataclass(frozen=True, slots=True, eq=False)
class WebRtcConnection:
    """A participant's WebRTC connection; satisfies `engine.connections.Connection`."""

    room_name: str
    participant_id: str
    grant: Grant
    peer: PeerLike
    etag: str
    """The entity tag of the ICE session, quoted."""

    prompted: ClassVar[bool] = False
    """Whoever has a page sees there what happens."""

    transport: ClassVar[Transport] = "webrtc"

    def stats(self) -> Any:
        """How the connection does."""
        return self.peer.stats()

    def tally(self) -> Mapping[str, int]:
        """What was counted so far, by name."""
        return self.peer.tally()


def ears(grant: Grant, peer: PeerLike) -> Sink | None:
    """The sink of somebody who joins; ``None`` if they may not listen.

    The source of somebody who may not speak is taken all the same: as a listener they are not heard, until a host makes
    them a speaker.

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
        registry: of all connections.
        node: this one, where the rooms are on several.
    """

    def __init__(
        self,
        conference: Conference,
        webrtc: WebRtcLike,
        registry: ConnectionRegistry,
        node: Node | None = None,
    ) -> None:
        self._node = node
        self._conference = conference
        self._webrtc = webrtc
        self._registry = registry
        self._remembered = RememberedSeats()
        self._closing: set[asyncio.Task[None]] = set()

    def was_removed(self, room: str, participant_id: str) -> bool:
        """Whether somebody was removed, and has not joined again."""
        if self._node is not None:
            return self._node.was_removed(room, participant_id)
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
        original_sound: bool | None = None,
    ) -> JoinAnswer:
        """Take an offer and give its sender a seat.

        Args:
            room: a valid name; the room is made if it is not there.
            name: what people see.
            offer: SDP.
            seat: the participant to be again, after a lost connection. If they still sit there, the new connection
                replaces the old one and nobody sees them leave.
            grant: what they may do in the room.
            role: in which they join, if it is not that of the grant.
            original_sound: whether their sound is to be left as it is; ``None``: as before in that seat, else not.

        Raises:
            OfferError: the offer cannot be taken.
            RoomFull, RoomLocked, TooManyRooms, InvalidRoomName: as :meth:`Conference.join`.
            Removed: the seat is that of somebody who was removed.
            NotGranted: the grant allows nothing of what they offer.
            EndedEarly: the connection ended before it was answered.
            LogUnavailable: nobody can be let in now; see `Node.join`.
        """
        self._refuse_removed(room, seat)
        peer: PeerLike = self._webrtc.new_peer()
        connection = WebRtcConnection(room, seat or new_id(), grant, peer, f'"{new_id()}"')
        as_role = role or grant.joins_as
        early: list[str] = []
        peer.on_end = early.append
        try:
            with concerning(room=room, participant=connection.participant_id):
                answer = await peer.accept(offer)
            if early:
                raise EndedEarly(f"The connection ended before it began ({early[0]}). Try again.")
            if self._node is None:
                self._enter_room(connection, name, as_role, original_sound)
        except BaseException:
            self._close_later(connection)
            raise
        peer.on_end = partial(self._ended, connection)
        replaced = self._found(room, connection.participant_id)
        self._registry.opened(connection)
        if self._node is not None:
            await self._enter_shared_room(self._node, connection, replaced, name, as_role, original_sound)
        if replaced is not None:
            self._close_later(replaced)
        return JoinAnswer(connection.participant_id, answer, connection.etag)

    def hold(self, room: str, participant_id: str, seconds: float) -> bool:
        """Keep a seat while its page is loaded anew, whatever becomes of its connection.

        Args:
            room: where it is.
            participant_id: whose it is.
            seconds: how long. Whoever has not taken the seat again by then is lost.

        Returns:
            Whether there is such a seat.
        """
        connection = self._found(room, participant_id)
        if connection is None:
            return False
        if connection.peer.on_end is not None:  # else it is held already
            connection.peer.on_end = None
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, self._held_for_long_enough, connection)
        return True

    def _held_for_long_enough(self, connection: WebRtcConnection) -> None:
        if self._found(connection.room_name, connection.participant_id) is connection:
            self._ended(connection, PAGE_CLOSED)

    def _found(self, room: str, participant_id: str) -> WebRtcConnection | None:
        found = self._registry.find(room, participant_id)
        return found if isinstance(found, WebRtcConnection) else None

    async def close(self) -> None:
        """Wait until the connections are closed that are just being closed."""
        if self._closing:
            await asyncio.wait(list(self._closing))

    def _refuse_removed(self, room: str, seat: str | None) -> None:
        if seat is not None and self.was_removed(room, seat):
            raise Removed("You were removed from this conference, and cannot come back as the same person.")

    def _enter_room(self, connection: WebRtcConnection, name: str, role: Role, original_sound: bool | None) -> None:
        room, participant_id = connection.room_name, connection.participant_id
        sink = ears(connection.grant, connection.peer)
        self._refuse_removed(room, participant_id)  # they may have been removed while the offer was being answered
        there = self._conference.get(room)
        if there is not None and participant_id in there.participants:
            there.reconnect(participant_id, connection.peer.source, sink, partial(self._ended, connection))
            if original_sound is not None:
                there.treat_voice(participant_id, original_sound=original_sound)
            return
        participant = self._make_participant(connection, sink, name, role, original_sound)
        returning = self._remembered.put_on(participant, room, there)
        self._conference.join(room, participant, returning=returning)
        self._remembered.forget(room, participant_id)

    async def _enter_shared_room(
        self,
        node: Node,
        connection: WebRtcConnection,
        replaced: WebRtcConnection | None,
        name: str,
        role: Role,
        original_sound: bool | None,
    ) -> None:
        """Enter a room that is on several nodes: who is in it, and whose seat is free, its log decides."""
        room = connection.room_name
        try:
            sink = ears(connection.grant, connection.peer)
            participant = self._make_participant(connection, sink, name, role, original_sound)
            try:
                await node.join(room, participant, grant_json(connection.grant), original_sound)
            except SeatRemoved as error:
                raise Removed(str(error)) from None
            except (LogUnavailable, asyncio.CancelledError):  # they may be let in all the same, later
                self._conference.leave(room, participant.id, "They did not wait to be let in.", "lost")
                raise
        except BaseException:
            self._close_later(connection)
            if replaced is not None:
                self._registry.opened(replaced)
            raise

    def _make_participant(
        self, connection: WebRtcConnection, sink: Sink | None, name: str, role: Role, original_sound: bool | None
    ) -> Participant:
        return Participant(
            id=connection.participant_id,
            name=name,
            transport=connection.transport,
            joined_at=time.time(),
            source=connection.peer.source,
            sink=sink,
            hang_up=partial(self._ended, connection),
            role=role,
            identity=connection.grant.identity,
            original_sound=original_sound is True,
        )

    def _ended(self, connection: WebRtcConnection, reason: str) -> None:
        """Take somebody out of their room whose connection has ended, or is to end, unless another replaced it."""
        connection.peer.on_end = None
        if self._registry.lost(connection):
            self._leave_room(connection.room_name, connection.participant_id, reason)
        self._close_later(connection)

    def _leave_room(self, room: str, participant_id: str, reason: str) -> None:
        departure: Departure = "left" if reason == GOODBYE else "lost"
        if self._node is None:  # else each node remembers it that carries out that they leave
            there = self._conference.get(room)
            if there is None or participant_id not in there.participants:
                return
            self._remembered.remember(there, there.participants[participant_id], departure)
        self._conference.leave(room, participant_id, reason, departure)

    def _close_later(self, connection: WebRtcConnection) -> None:
        connection.peer.on_end = None
        self._registry.closed(connection)
        task = asyncio.ensure_future(connection.peer.close())
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.warning("a connection could not be closed cleanly: %s", task.exception())
