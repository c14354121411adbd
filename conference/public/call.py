"""Somebody in a room of a server that runs elsewhere: a headless WebRTC peer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import fields
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from conference.audio.frame import SILENCE, TICKS_PER_SECOND
from conference.client.api import Api, ServerAccess, address
from conference.client.backoff import Backoff
from conference.client.endings import STOPPED
from conference.client.held_seat import HeldSeat, unless
from conference.client.speech import Speech
from conference.client.visitor import encoder_of, make_visitor
from conference.public.errors import ConnectionLost
from conference.public.events import MAX_EVENTS, Event
from conference.public.given import check_seconds, check_text
from conference.public.inbox import Fan
from conference.public.line import MAX_HEARD_SECONDS, MAX_SAID_SECONDS, Line
from conference.room.conference import check_room_name
from conference.room.participant import ParticipantState
from conference.webrtc.client.peer import HeadlessPeer, JoinError
from conference.webrtc.client.whip import SEAT_HEADER

RECONNECT_SECONDS = 60.0

_FIELDS = {one.name for one in fields(ParticipantState)} - {"call", "answered_by"}


class Call(Line):
    """Somebody in a room of a server elsewhere: hears it through :meth:`frames`, and speaks through :meth:`push`.

    Made by :func:`connect`. Use it as an async context manager, or call :meth:`join` and :meth:`leave`. A connection
    that is lost comes back into the same seat; until then frames are silent, and what is pushed is not heard.

    Attributes:
        room: the room's name.
        name: what the others see.
    """

    def __init__(
        self,
        url: str,
        room: str,
        name: str,
        *,
        token: str | None,
        verify: bool,
        reconnect: float,
        max_heard: float,
        max_said: float,
    ) -> None:
        super().__init__(max_heard, max_said)
        if not _is_address(url):
            raise JoinError(f"A server's address is like http://127.0.0.1:8080, and {url!r} is not.")
        self.room = check_room_name(room)
        self.name = check_text(name, "name", str.strip)
        check_seconds(reconnect, "reconnect")
        self._place = ServerAccess(url.rstrip("/"), token, verify)
        self._backoff = Backoff(reconnect) if reconnect > 0 else None
        self._api: Api | None = None
        self._seat: HeldSeat | None = None
        self._speech: Speech | None = None
        self._running: asyncio.Task[None] | None = None
        self._joining = False
        self._stop = asyncio.Event()
        self._events: Fan[Event] = Fan(MAX_EVENTS)
        self._reason: str | None = None

    async def join(self) -> None:
        """Join the room, and wait until sound can flow. A call joins once.

        Raises:
            JoinError: it cannot be joined, or was left meanwhile.
        """
        if self._joining or self._running is not None or self._stop.is_set():
            raise JoinError("This call has been in a room already, or is joining one: make another one.")
        peer = self._make_peer(None)
        self._joining = True
        try:
            if not await unless(self._stop, peer.connect()) or self._stop.is_set():
                raise JoinError("The call was left before it was in the room.")
        except BaseException:  # cancelled just as it was connected, too
            await peer.close()
            raise
        finally:
            self._joining = False
        self._api = Api(self._place)
        self._seat = HeldSeat(
            peer,
            self._make_peer,
            taken=self._taken,
            note=lambda _: None,
            over=lambda: False,
            backoff=self._backoff,
            stop=self._stop,
        )
        self._running = asyncio.create_task(self._run(self._seat, self._api), name=f"call in room {self.room}")

    async def leave(self) -> None:
        """Leave the room, and release everything; takes a few seconds at most. Doing it twice does no harm."""
        self._stop.set()
        if self._running is not None:
            await asyncio.shield(self._running)
        elif not self._over:  # it never was in the room
            self._reason = "left"
            self._end()
            self._events.end()

    async def __aenter__(self) -> Self:
        await self.join()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    @property
    def id(self) -> str:
        """Of this participant: opaque text, the same after coming back into the seat; empty before joining."""
        location = None if self._seat is None else self._seat.peer.location
        return "" if location is None else urlsplit(location).path.rpartition("/")[2]

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._seat is not None and self._seat.here is not None and not self._over

    @property
    def over(self) -> bool:
        """Whether it is over for good: left, sent away, or lost without a way back."""
        return self._over

    async def ended(self) -> str:
        """Wait until it is over. Returns why, for people to read."""
        if self._running is not None:
            await asyncio.shield(self._running)
        return self._reason or ""

    def events(self) -> AsyncIterator[Event]:
        """What happens in the room from now on, until this is over.

        It begins with ``room``, all of it, a moment after joining, and again after coming back. Whoever reads too
        slowly misses the oldest: 1000 events may wait.
        """
        return self._events.subscribe()

    async def participants(self) -> list[ParticipantState]:
        """Who is there now, in the order in which they came. Raises `ApiError`, as all that follow here."""
        room = await self._ask("GET", "")
        return [ParticipantState(**{name: one[name] for name in _FIELDS & one.keys()}) for one in room["participants"]]

    async def mute(self, id: str | None = None) -> None:  # noqa: A002 - the API's own word
        """Have somebody heard by nobody (who moderates may), or oneself with ``None``."""
        await self._change(id, muted=True)

    async def unmute(self, id: str | None = None) -> None:  # noqa: A002
        """Undo :meth:`mute`. Whoever was muted by somebody else cannot unmute themselves."""
        await self._change(id, muted=False)

    async def rename(self, name: str) -> None:
        """Change what the others see."""
        await self._change(None, name=name)
        self.name = name

    async def raise_hand(self, raised: bool = True) -> None:
        """Ask to speak, or no more."""
        await self._change(None, hand_raised=raised)

    async def send_message(self, text: str) -> None:
        """Write to everybody in the room."""
        await self._ask("POST", "/messages", {"text": text})

    async def hold(self, id: str, held: bool = True) -> None:  # noqa: A002
        """Put somebody on hold, who is then not heard and hears nobody; or take them back. For who moderates."""
        await self._change(id, held=held)

    async def admit(self, id: str) -> None:  # noqa: A002
        """Let somebody in from the lobby. For who moderates."""
        await self._change(id, waiting=False)

    async def remove(self, id: str) -> None:  # noqa: A002
        """Send somebody away, who cannot come back into this seat. For who moderates."""
        await self._ask("DELETE", address("participants", id))

    async def lock(self, locked: bool = True) -> None:
        """Let nobody but hosts in any more, or everybody again. For who moderates."""
        await self._ask("PATCH", "", {"locked": locked})

    async def end_conference(self) -> None:
        """Send everybody away. For who moderates."""
        await self._ask("DELETE", "")

    async def _change(self, participant_id: str | None, **changes: object) -> None:
        await self._ask("PATCH", address("participants", participant_id or self.id), changes)

    async def _ask(self, method: str, path: str, body: object = None) -> Any:
        if self._api is None or self._seat is None or self._over:
            raise ConnectionLost(f"This call is not in room {self.room}.")
        proof = self._seat.peer.proof
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {} if proof is None else {SEAT_HEADER: proof}
        return await self._api.ask(method, address("rooms", self.room) + path, body, kind, headers)

    async def _run(self, seat: HeldSeat, api: Api) -> None:
        error: Exception | None = None
        try:
            ending = await seat.run(self._tick)
            self._reason = "left" if ending == STOPPED else ending.sentence
            if ending.status:
                error = ConnectionLost(ending.told)
        finally:
            self._end(error)
            self._events.end()
            await seat.close()
            await api.close()

    def _tick(self, number: int, now_ns: int) -> None:
        seat, said = self._seat, self._pull(now_ns)
        peer = None if seat is None else seat.here
        heard = None if peer is None or peer.source is None else peer.source.pull(now_ns)
        self._hear(SILENCE if heard is None else heard, number, now_ns)
        if peer is not None and self._speech is not None:
            peer.send(self._speech.encode(said), number)
            if number % TICKS_PER_SECOND == 0:
                self._speech.expect_loss(peer.expected_loss)

    def _make_peer(self, proof: str | None) -> HeadlessPeer:
        return make_visitor(self._place, self.room, self.name, proof, on_event=self._told)

    def _taken(self, peer: HeadlessPeer) -> None:
        self._speech = Speech(encoder_of(peer))

    def _told(self, name: str, data: str) -> None:
        if self._events:
            value = _object(data)
            if value is not None:
                self._events.put(Event(name, value))


def connect(
    url: str,
    *,
    room: str,
    name: str = "Guest",
    token: str | None = None,
    verify: bool = True,
    reconnect: float = RECONNECT_SECONDS,
    max_heard: float = MAX_HEARD_SECONDS,
    max_said: float = MAX_SAID_SECONDS,
) -> Call:
    """A place in a room of a server that runs elsewhere, over WebRTC.

    ::

        async with conference.connect("http://127.0.0.1:8080", room="standup", name="Bot") as call:
            async for frame in call.frames():
                call.push(frame.samples)

    Args:
        url: of the server.
        room: 1 to 64 characters of ``A-Z a-z 0-9 . _ -``; it is made if nobody is in it yet.
        name: what the others see.
        token: what lets us in, where the server asks for it.
        verify: whether an HTTPS server must have a certificate that this machine trusts.
        reconnect: for so many seconds it is tried to come back after a lost connection; 0 for not at all.
        max_heard: seconds of frames that may wait for each reader; with more, the oldest go.
        max_said: seconds of pushed samples that may wait to be said; with more, `Call.push` raises `BufferFull`.

    Raises:
        JoinError: the address is none.
        InvalidRoomName: there can be no room of that name.
        ArgumentError: something else can never be right.
    """
    return Call(
        url,
        room,
        name,
        token=token,
        verify=verify,
        reconnect=reconnect,
        max_heard=max_heard,
        max_said=max_said,
    )


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError, TypeError):  # a bracket that is open, a port beyond all ports, no text at all
        return False


def _object(text: str) -> dict[str, Any] | None:
    """The JSON object that an event holds; ``None`` if it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
