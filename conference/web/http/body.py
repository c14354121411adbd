"""The body of a request, as text, within a time."""

from __future__ import annotations

import asyncio

from aiohttp import web

from conference.web.http.problems import Problem

_BODY_TIMEOUT = 10.0


async def read_text(request: web.Request, *, errors: str = "strict") -> str:
    """The body.

    Args:
        request: whose.
        errors: what to do about what is not UTF-8, as :meth:`bytes.decode` has it.

    Raises:
        Problem: it is not UTF-8 (400), or does not come (408); aiohttp itself answers one that is too large with 413.
    """
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            return (await request.read()).decode(errors=errors)
    except TimeoutError:
        raise Problem(408, "The request took too long to arrive. Try again.") from None
    except UnicodeDecodeError:
        raise Problem(400, "The body is not UTF-8 text.") from None
