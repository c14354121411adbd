"""The HTTP side of joining as a client (RFC 9725): an offer is posted, the answer and a location come back."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import quote, urljoin, urlsplit

import aiohttp

ANSWER_LIMIT = 256 * 1024
"""Bytes of a response that are read."""

TAKE_BACK_SECONDS = 3.0
"""How long somebody who does not want to join any more waits for the seat that they asked for, to give it back."""


class JoinError(Exception):
    """The room could not be joined. The text is a sentence for people.

    Args:
        text: the sentence.
        status: of the HTTP response that refused it; 0 if there was none.
    """

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


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
            headers["Conference-Seat"] = token
        try:
            async with self._http().post(target, params={"name": name}, data=offer, headers=headers) as response:
                body = (await response.content.read(ANSWER_LIMIT)).decode(errors="replace")
                location = response.headers.get("Location")
                if response.status == 201 and location is not None:
                    return Seat(body, urljoin(target, location), response.headers.get("Conference-Seat"))
                raise JoinError(_refusal(response.status, body), response.status)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise JoinError(f"The server at {self.url} cannot be reached: {_reason(error)}.") from error

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
        return self._authorization | ({} if seat.token is None else {"Conference-Seat": seat.token})

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


def _refusal(status: int, body: str) -> str:
    """The title of a problem (RFC 9457), or the status if there is none."""
    try:
        title = json.loads(body)["title"]
    except (ValueError, KeyError, TypeError):
        return f"The server refused with HTTP status {status}."
    return str(title)


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "it did not answer in time"
    return str(error).rstrip(".") or type(error).__name__
