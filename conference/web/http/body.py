"""Reads the body of a request, and gives up after a time."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from conference.web.http.keys import SETTINGS
from conference.web.http.problems import Problem
from conference.web.http.protocol import protocol_of


async def read_bytes(request: web.Request) -> bytes:
    """Read the body of a request. Every handler reads bodies with this function, so that it waits for none for ever.

    Raises:
        Problem: the body does not come in time (408), or is not encoded as the header says (400). A body that is too
            large aiohttp itself answers with 413.
    """
    protocol = protocol_of(request)
    try:
        with nullcontext() if protocol is None else protocol.receiving():
            async with asyncio.timeout(request.app[SETTINGS].body_timeout):
                return await request.read()
    except TimeoutError:
        raise Problem(408, "The request took too long to arrive. Try again.", headers={"Connection": "close"}) from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise Problem(400, "The body is not encoded as this request's header says.") from None


async def read_text(request: web.Request, *, errors: str = "strict") -> str:
    """Read the body of a request as text.

    Args:
        request: whose.
        errors: what to do about what is not UTF-8, as :meth:`bytes.decode` has it.

    Raises:
        Problem: as of :func:`read_bytes`; or the body is not UTF-8 (400).
    """
    try:
        return (await read_bytes(request)).decode(errors=errors)
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8 text.") from None
