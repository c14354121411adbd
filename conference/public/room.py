"""A room of a server in this process, as a program has it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from conference.errors import ConnectionClosed
from conference.public.bot import Bot
from conference.public.errors import NoSuchParticipant
from conference.public.events import MAX_EVENTS, Event
from conference.public.given import check_role, check_text
from conference.public.inbox import Fan
from conference.public.line import MAX_HEARD_SECONDS, MAX_SAID_SECONDS
from conference.public.member import Member
from conference.room.conference import Conference, check_room_name
from conference.room.participant import ParticipantState, Role
from conference.room.room import Room as LiveRoom
from conference.web.http.typed_text import read_name, read_text_message
from conference.web.schemas.requests import MAX_MESSAGE_CHARS

if TYPE_CHECKING:
    from conference.public.attached import AttachedPeer
    from conference.webrtc.reference.attachment import PeerConnection

BY = "the server"
"""Who did it, as others are told of what a program decides."""


class RoomsOfAServer:
    """What all `Room` of one server share: what goes on there, and who of this program is in them.

    Args:
        conference: its rooms.
        max_name_length: characters of a participant's name.
    """

    def __init__(self, conference: Conference, max_name_length: int = 64) -> None:
        self.conference = conference
        self.closed = False
        self._max_name_length = max_name_length
        self.members: set[Member] = set()
        self.fans: dict[str, Fan[Event]] = {}

    def tell(self, room: str, event: Event) -> None:
        """Something has happened in a room."""
        fan = self.fans.get(room)
        if fan is not None:
            if fan:
                fan.put(event)
            else:
                del self.fans[room]  # nobody reads any more

    def check_newcomer(self, name: str, role: str) -> str:
        """The name of somebody who may come, as the others see it.

        Raises:
            ArgumentError: the name cannot be shown, or the role is none.
            ConnectionClosed: the server has stopped.
        """
        if self.closed:
            raise ConnectionClosed("This server has stopped: nobody can join its rooms any more.")
        check_role(role)
        return self.check_name(name)

    def check_name(self, name: str) -> str:
        """A name as the others see it. Raises ArgumentError if it cannot be shown."""
        return check_text(name, "name", partial(read_name, max_length=self._max_name_length))

    def subscribe(self, room: str) -> AsyncIterator[Event]:
        """What happens in a room from now on; nothing, once the server has stopped."""
        if room not in self.fans:
            fan: Fan[Event] = Fan(MAX_EVENTS)
            if self.closed:
                fan.end()
                return fan.subscribe()
            for name in [name for name, one in self.fans.items() if not one]:
                del self.fans[name]  # nobody reads any more
            self.fans[room] = fan
        return self.fans[room].subscribe()

    def close(self) -> None:
        """The server has stopped: nothing more happens."""
        self.closed = True
        for one in list(self.members):
            one.leave()
        for fan in self.fans.values():
            fan.end()
        self.fans.clear()


class Room:
    """A room, by its name. It exists for the others while anybody is in it; the first to join makes it.

    Made by `server.Server.room`. Whatever takes the ``id`` of a participant raises `NoSuchParticipant` for somebody who
    is not there.

    Attributes:
        name: 1 to 64 characters of ``A-Z a-z 0-9 . _ -``.
    """

    def __init__(self, name: str, rooms: RoomsOfAServer) -> None:
        self.name = check_room_name(name)
        self._rooms = rooms
        self._conference = rooms.conference

    def join(
        self,
        name: str,
        *,
        hears: bool = True,
        role: Role = "speaker",
        interruptible: bool = False,
        max_heard: float = MAX_HEARD_SECONDS,
        max_said: float = MAX_SAID_SECONDS,
    ) -> Bot:
        """Let a participant made of code into the room.

        Args:
            name: what the others see.
            hears: whether it hears the others; without, no mix is made for it.
            role: ``host``, ``speaker`` or ``listener``. A lock and a lobby hold for bots, too, unless they are hosts.
            interruptible: somebody who begins to talk while it is heard silences it: what was pushed is cleared.
            max_heard: seconds of frames that may wait for each reader; with more, the oldest go.
            max_said: seconds of pushed samples that may wait to be said; with more, `Bot.push` raises `BufferFull`.

        Raises:
            TooManyRooms, RoomFull, RoomLocked: there is no place for it.
            ArgumentError: the name cannot be shown, or something else can never be right.
            ConnectionClosed: the server has stopped.
        """
        name = self._rooms.check_newcomer(name, role)
        bot = Bot(
            self._conference,
            self.name,
            name,
            hears=hears,
            role=role,
            interruptible=interruptible,
            max_heard=max_heard,
            max_said=max_said,
            gone=self._rooms.members.discard,
        )
        self._rooms.members.add(bot)
        return bot

    def attach(self, pc: PeerConnection, name: str = "Guest", *, role: Role = "speaker") -> AttachedPeer:
        """Let the other side of an aiortc connection into the room: its track is heard, and the mix of all others sent.

        Args:
            pc: an ``aiortc.RTCPeerConnection`` of your own, before its answer is made (or its offer, if you make that):
                a track is added to it. You do the signalling, and close it.
            name: what the others see.
            role: ``host``, ``speaker`` or ``listener``.

        Raises:
            ConnectionClosed: the connection is closed, is or was in a room, or the server has stopped.
            ArgumentError: the name cannot be shown, or the role is none.
            TooManyRooms, RoomFull, RoomLocked: there is no place for it.
        """
        name = self._rooms.check_newcomer(name, role)
        from conference.public.attached import AttachedPeer  # brings all of aiortc along

        peer = AttachedPeer(self._conference, self.name, pc, name, role=role, gone=self._rooms.members.discard)
        self._rooms.members.add(peer)
        return peer

    @property
    def participants(self) -> list[ParticipantState]:
        """Who is there now, in the order in which they came; nobody if the room is not there."""
        room = self._conference.get(self.name)
        return [] if room is None else [one.state() for one in room.participants.values()]

    def events(self) -> AsyncIterator[Event]:
        """What happens in the room from now on, whoever comes and goes, until the server stops.

        Whoever reads too slowly misses the oldest: 1000 events may wait.
        """
        return self._rooms.subscribe(self.name)

    def send_message(self, text: str, name: str = BY) -> None:
        """Write to everybody in the room; to nobody if it is not there.

        Args:
            text: what.
            name: of who writes, as they see it.

        Raises:
            ArgumentError: one of them cannot be shown, or is too long.
        """
        text, name = check_text(text, "message", _read_message), self._rooms.check_name(name)
        room = self._conference.get(self.name)
        if room is not None:
            room.send_message(None, name, text, time.time())

    def mute(self, id: str) -> None:  # noqa: A002 - the API's own word
        """Have somebody heard by nobody. They cannot unmute themselves."""
        with self._with(id) as room:
            room.set_muted(id, True, by=BY)

    def unmute(self, id: str) -> None:  # noqa: A002
        """Undo :meth:`mute`."""
        with self._with(id) as room:
            room.set_muted(id, False, by=BY)

    def hold(self, id: str, held: bool = True) -> None:  # noqa: A002
        """Put somebody on hold, who is then not heard and hears nobody; or take them back."""
        with self._with(id) as room:
            room.hold(id, held, by=BY)

    def admit(self, id: str) -> None:  # noqa: A002
        """Let somebody in from the lobby."""
        with self._with(id) as room:
            room.admit([id], by=BY)

    def remove(self, id: str) -> None:  # noqa: A002
        """Send somebody away, and end their connection. They cannot come back into this seat."""
        with self._with(id):
            self._conference.dismiss(self.name, id, "removed", by=BY)

    def lock(self, locked: bool = True) -> None:
        """Let nobody but hosts in any more, or everybody again. A room that is not there cannot be locked."""
        room = self._conference.get(self.name)
        if room is not None:
            room.set_policy(replace(room.policy, locked=locked), by=BY)

    def end(self, reason: str = "The conference is over.") -> None:
        """Send everybody away.

        Args:
            reason: for people to read.
        """
        if self._conference.get(self.name) is not None:
            self._conference.end(self.name, reason, by=BY)

    @contextmanager
    def _with(self, participant_id: str) -> Iterator[LiveRoom]:
        room = self._conference.get(self.name)
        if room is None or participant_id not in room.participants:
            raise NoSuchParticipant(f"Nobody with the id {participant_id} is in room {self.name}.")
        yield room


def _read_message(text: str) -> str:
    if len(text) > MAX_MESSAGE_CHARS:
        raise ValueError(f"This message is too long: use at most {MAX_MESSAGE_CHARS} characters.")
    return read_text_message(text)
