"""Asks a server's API, for the commands that are done when it has answered."""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from conference.cli.addresses import DEFAULT_URL, URL_VARIABLE, read_address
from conference.cli.terminal.arguments import add_token_option
from conference.unreachable import reason

ANSWER_LIMIT = 16 * 1024 * 1024
"""Bytes of an answer that are read."""

_TIMEOUT = 10.0


class ApiError(Exception):
    """The server did not do it; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class ServerAccess:
    """Where a server is, and what lets us in."""

    url: str
    token: str | None = None
    verify: bool = True


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add what says which server is meant, and what the answer is to look like."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--url", metavar="URL", dest="address_option", type=read_address,
        help=f"its address, or that of the room on it (default: ${URL_VARIABLE}, else {DEFAULT_URL})",
    )  # fmt: skip
    add_token_option(group)
    group.add_argument("--insecure", action="store_true", help="take an HTTPS certificate that nobody vouches for")
    parser.add_argument("--json", action="store_true", help="print what the server answers, as JSON")


def address(*parts: str) -> str:
    """A path of the API: ``address("rooms", "tea")``."""
    return "".join(f"/{quote(part, safe='*')}" for part in parts)


class Api:
    """One server. Use it as an async context manager.

    Args:
        place: where it is.
    """

    def __init__(self, place: ServerAccess) -> None:
        self._place = place
        headers = {} if place.token is None else {"Authorization": f"Bearer {place.token}"}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=place.verify),
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str) -> Any:
        """The answer to a ``GET``, read from JSON. Raises: see :meth:`ask`."""
        return await self.ask("GET", path)

    async def patch(self, path: str, **changes: Any) -> Any:
        """The answer to a merge patch. Raises: see :meth:`ask`."""
        return await self.ask("PATCH", path, changes, "application/merge-patch+json")

    async def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """One request.

        Args:
            method: of HTTP.
            path: below the server's address.
            body: JSON; ``None`` for no body.
            content_type: of the body.

        Returns:
            The answer's JSON; ``None`` if it has no body.

        Raises:
            ApiError: the server cannot be reached, refuses, or is none of ours.
        """
        data = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": content_type}
        try:
            async with self._session.request(method, self._place.url + path, data=data, headers=headers) as response:
                return _read(response, await response.content.read(ANSWER_LIMIT))
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError) as error:
            raise ApiError(
                f"no server answers at {self._place.url} ({reason(error)}): is it running, and is --url right?"
            ) from None


def _read(response: aiohttp.ClientResponse, data: bytes) -> Any:
    try:
        value = json.loads(data) if data else None
    except (ValueError, RecursionError):
        value = ...
    if response.status >= 400:
        title = value.get("title") if isinstance(value, dict) else None
        raise ApiError(title if isinstance(title, str) else f"the server answers with status {response.status}.")
    if value is ...:
        raise ApiError(f"what answers at {response.url.origin()} is not this kind of server.")
    return value
