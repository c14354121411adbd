"""Answers to errors, as ``application/problem+json`` (RFC 9457), with a title that a person can act on."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from conference.web.http import problem_details
from conference.web.http.headers import FRESH
from conference.webrtc.client.whip import REMOVED_KIND

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REMOVED = REMOVED_KIND
"""Somebody wants back into a seat that they were removed from."""

MUTED = "urn:conference:problem:muted"
"""Somebody wants to unmute whom a host has muted."""

_log = logging.getLogger(__name__)

_TITLES = {
    403: "You are not allowed to do this.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The request is too large.",
    417: "The Expect header of this request cannot be met.",
}


class Problem(Exception):
    """A request that cannot be done.

    Args:
        status: the HTTP status.
        title: one sentence for people: what is wrong, and what to do about it.
        headers: further header fields of the answer.
        type: a URI that says which problem it is, for programs that have to know.
    """

    def __init__(
        self,
        status: int,
        title: str,
        *,
        headers: Mapping[str, str] | None = None,
        type: str = "about:blank",  # noqa: A002 - as RFC 9457 calls it
    ) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.headers = dict(headers or {})
        self.type = type

    def response(self) -> web.Response:
        """The answer to that request."""
        body = problem_details.Problem(type=self.type, title=self.title, status=self.status)
        return web.Response(
            status=self.status,
            headers=self.headers | FRESH,
            text=json.dumps(body),
            content_type="application/problem+json",
        )


def check_wait(seconds: float, too_much: str) -> None:
    """Refuse somebody who has to wait.

    Args:
        seconds: until they may do it; 0 or less if they may now.
        too_much: a sentence that says what there was too much of, without its full stop.

    Raises:
        Problem: they may not yet (429, with ``Retry-After``).
    """
    if seconds > 0:
        whole = math.ceil(seconds)
        raise Problem(429, f"{too_much}: try again in {whole} s.", headers={"Retry-After": str(whole)})


def is_lost(request: web.BaseRequest) -> bool:
    """Whether the client is gone, or about to be."""
    return request.transport is None or request.transport.is_closing()


@web.middleware
async def problem_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler into an answer. An unforeseen one is logged, and answered without its traceback."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        kept = {name: value for name, value in error.headers.items() if name not in ("Content-Type", "Content-Length")}
        return Problem(error.status, _TITLES.get(error.status, error.reason), headers=kept).response()
    except Exception as error:
        if isinstance(error, ConnectionError) and is_lost(request):
            return Problem(400, "The connection was lost.").response()  # there is nobody to tell: no error of ours
        _log.exception("%s %s failed", request.method, request.path)
        return Problem(500, "Something went wrong here; it has been written to the server's log.").response()
