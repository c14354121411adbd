"""Asks a server's API over HTTP, and reads what it answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from conference.errors import ConferenceError
from conference.unreachable import reason
from conference.webrtc.client.whip import authorization

ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer that are read."""

_TIMEOUT = 10.0


class ApiError(ConferenceError):
    """A server did not do what it was asked; the text is a sentence for people.

    Args:
        text: the sentence.
        status: of the HTTP response that refused it; 0 if there was none.
    """

    __module__ = "conference"

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """Where a server is, and what lets us in."""

    url: str
    token: str | None = field(default=None, repr=False)
    verify: bool = True


def address(*parts: str) -> str:
    """A path of the API: ``address("rooms", "tea")``."""
    return "".join(f"/{quote(part, safe='*')}" for part in parts)


class Api:
    """One server. Use it as an async context manager, or `close` it.

    Args:
        place: where it is.
        hint: what to look at if it cannot be reached, after a colon and a space; nothing if not given.
    """

    def __init__(self, place: ServerAccess, hint: str = "") -> None:
        self._place = place
        self._hint = hint
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=place.verify),
            headers=authorization(place.token),
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._session.close()

    async def get(self, path: str) -> Any:
        """The answer to a ``GET``, read from JSON. Raises: see :meth:`ask`."""
        return await self.ask("GET", path)

    async def patch(self, path: str, **changes: Any) -> Any:
        """The answer to a merge patch. Raises: see :meth:`ask`."""
        return await self.ask("PATCH", path, changes, "application/merge-patch+json")

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """One request.

        Args:
            method: of HTTP.
            path: below the server's address.
            body: JSON; ``None`` for no body.
            content_type: of the body.
            headers: more of the request.

        Returns:
            The answer's JSON; ``None`` if it has no body.

        Raises:
            ApiError: the server cannot be reached, refuses, or is none of ours.
        """
        data = None if body is None else json.dumps(body)
        sent = {**(headers or {})} | ({} if body is None else {"Content-Type": content_type})
        try:
            async with self._session.request(method, self._place.url + path, data=data, headers=sent) as response:
                return _read(response, await response.content.read(ANSWER_LIMIT))
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise ApiError(f"no server answers at {self._place.url} ({reason(error)}){self._hint}") from None


def _read(response: aiohttp.ClientResponse, data: bytes) -> Any:
    try:
        value = json.loads(data) if data else None
    except (ValueError, RecursionError):
        value = ...
    if response.status >= 400:
        title = value.get("title") if isinstance(value, dict) else None
        sentence = title if isinstance(title, str) else f"the server answers with status {response.status}."
        raise ApiError(sentence, response.status)
    if value is ...:
        raise ApiError(f"what answers at {response.url.origin()} is not this kind of server.")
    return value
