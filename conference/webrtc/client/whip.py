"""The HTTP side of joining as a client (RFC 9725): an offer is posted, the answer and a location come back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

from conference.errors import ConferenceError
from conference.unreachable import reason

ANSWER_LIMIT = 256 * 1024
"""Bytes of a response that are read."""

_STREAM = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=60.0)

TAKE_BACK_SECONDS = 3.0
"""How long somebody who does not want to join any more waits for the seat that they asked for, to give it back."""


SERVER_STOPS = "The server is being stopped."
"""The reason for which everybody is taken out of the rooms of a server that stops."""

SEAT_HEADER = "Conference-Seat"
"""The header field that proves that a seat is ours."""

REMOVED_KIND = "urn:conference:problem:removed"
"""The type of the problem that keeps somebody out who was removed."""

WATCH_AGAIN_SECONDS = 1.0
"""After so long an event stream that broke is opened anew."""

LONGEST_LINE = 1 << 20
"""Bytes of a line of an event stream: one with a snapshot of a large room is long."""


class JoinError(ConferenceError):
    """The room could not be joined. The text is a sentence for people.

    Args:
        text: the sentence.
        status: of the HTTP response that refused it; 0 if there was none.
        kind: of the problem, as its ``type`` says (RFC 9457).
        retry_after: seconds after which the server wants to be asked again; 0 if it does not say.
    """

    __module__ = "conference"

    def __init__(self, text: str, status: int = 0, kind: str = "", retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.kind = kind
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.status in (0, 408, 429) or self.status >= 500


def authorization(access_token: str | None) -> dict[str, str]:
    """The header field that carries a token (RFC 6750, section 2.1); none without one."""
    return {} if access_token is None else {"Authorization": f"Bearer {access_token}"}


@dataclass(frozen=True, slots=True)
class Seat:
    """What the server gave for the offer."""

    answer: str
    location: str
    """URL of the participant: to change and to leave."""

    token: str | None
    """``Conference-Seat``: to come back to the same seat after a lost connection."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """How somebody left a room, as the server tells it."""

    departure: str
    """``left``, ``removed``, ``lost``, ``ended`` or ``failed``."""

    reason: str
    """For people."""


class EventReader:
    """Reads server-sent events, a line at a time, as far as this server uses them: one line of data each."""

    def __init__(self) -> None:
        self.last_id = ""
        """Of the last event that had one."""
        self._name = ""
        self._data = ""

    def take(self, line: bytes) -> tuple[str, str] | None:
        """Take a line, with its end. Returns an event's name and data if it is complete with that."""
        text = line.decode(errors="replace").rstrip("\r\n")
        field, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._name = value
        elif field == "data":
            self._data = value
        elif field == "id" and value.isascii() and value.isprintable():
            self.last_id = value
        elif not text:
            event = self._name, self._data
            self._name = self._data = ""
            return event if event[0] else None
        return None


class WhipClient:
    """Joins rooms of one server. Use it as an async context manager, or `close` it.

    Args:
        url: of the server, e.g. ``http://127.0.0.1:8080``.
        verify: whether an HTTPS server must have a certificate that this machine trusts.
        timeout: for each request, in seconds.
        session: to make requests with, shared with others; it stays open, and ``verify`` and ``timeout`` are its own.
        access_token: what lets us in, where the server asks for it.
    """

    def __init__(
        self,
        url: str,
        *,
        verify: bool = True,
        timeout: float = 10.0,
        session: aiohttp.ClientSession | None = None,
        access_token: str | None = None,
    ) -> None:
        self.url = url.rstrip("/") + "/"
        self._verify = verify
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session = session
        self._shared = session is not None
        self._authorization = authorization(access_token)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def join(self, room: str, name: str, offer: str, token: str | None = None) -> Seat:
        """Post an offer. Whoever is cancelled meanwhile gives back the seat that they would have got.

        Args:
            room: to come into.
            name: that the others see.
            offer: SDP.
            token: of a seat to come back to.

        Raises:
            JoinError: the server can't be reached, or says no.
        """
        asking = asyncio.create_task(self._ask(room, name, offer, token), name="join")
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            await self._take_back(asking)
            raise

    async def _take_back(self, asking: asyncio.Task[Seat]) -> None:
        with suppress(JoinError, TimeoutError):
            async with asyncio.timeout(TAKE_BACK_SECONDS):
                await self.leave(await asking)

    async def _ask(self, room: str, name: str, offer: str, token: str | None) -> Seat:
        target = urljoin(self.url, f"rooms/{quote(room, safe='')}/participants")
        headers = {"Content-Type": "application/sdp"} | self._authorization
        if token is not None:
            headers[SEAT_HEADER] = token
        try:
            async with self._http().post(target, params={"name": name}, data=offer, headers=headers) as response:
                body = (await response.content.read(ANSWER_LIMIT)).decode(errors="replace")
                location = response.headers.get("Location")
                if response.status == 201 and location is not None:
                    return Seat(body, urljoin(target, location), response.headers.get(SEAT_HEADER))
                raise _refusal(response.status, body, response.headers.get("Retry-After", ""))
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            raise JoinError(f"The server at {self.url} cannot be reached: {reason(error)}.") from None

    async def farewell(
        self, room: str, seat: Seat, told: Callable[[str, str], None] = lambda *_: None
    ) -> Farewell | None:
        """Follow what happens in a room, until somebody has left it.

        Args:
            room: that they are in.
            seat: theirs.
            told: is given the name and the data (JSON) of each event that happens until then.

        Returns:
            How they left; ``None`` if the server does not tell.
        """
        target = urljoin(self.url, f"rooms/{quote(room, safe='')}/events")
        participant_id = urlsplit(seat.location).path.rpartition("/")[2]
        reader = EventReader()
        while True:
            headers = self._headers(seat) | ({"Last-Event-ID": reader.last_id} if reader.last_id else {})
            try:
                async with self._http().get(target, headers=headers, timeout=_STREAM, read_bufsize=LONGEST_LINE) as got:
                    if got.status != 200:
                        return None
                    async for line in got.content:
                        event = reader.take(line)
                        if event is not None:
                            told(*event)
                        if event is not None and event[0] == "participant.left":
                            found = _farewell(event[1], participant_id)
                            if found is not None:
                                return found
            except (aiohttp.ClientError, TimeoutError, ValueError, OSError):
                pass  # it is opened anew, as long as somebody wants to know
            await asyncio.sleep(WATCH_AGAIN_SECONDS)

    async def leave(self, seat: Seat) -> None:
        """Give a seat back. Whatever goes wrong with that, it is over for us."""
        if urlsplit(seat.location).netloc != urlsplit(self.url).netloc:
            return
        try:
            async with self._http().delete(seat.location, headers=self._headers(seat)):
                pass
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass

    def _headers(self, seat: Seat) -> dict[str, str]:
        """That the seat is ours: a token may have expired, or say nothing of who we are."""
        return self._authorization | ({} if seat.token is None else {SEAT_HEADER: seat.token})

    async def close(self) -> None:
        """Close the connections to the server."""
        if self._session is not None and not self._shared:
            await self._session.close()
            self._session = None

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=self._verify)
            self._session = aiohttp.ClientSession(timeout=self._timeout, connector=connector)
        return self._session


def _farewell(data: str, participant_id: str) -> Farewell | None:
    """What an event says of how somebody left; ``None`` if it is about somebody else."""
    try:
        value = json.loads(data)
        if value["participant"]["id"] != participant_id:
            return None
        return Farewell(str(value["departure"]), str(value.get("reason") or ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _refusal(status: int, body: str, retry_after: str) -> JoinError:
    """What a problem says (RFC 9457), or the status if there is none."""
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 6 else 0.0
    try:
        problem = json.loads(body)
        title = str(problem["title"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return JoinError(f"The server refused with HTTP status {status}.", status, retry_after=seconds)
    return JoinError(title, status, str(problem.get("type", "")), seconds)
