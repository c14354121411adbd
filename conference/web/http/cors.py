"""Which other sites' pages may use the API (the Fetch standard's CORS protocol)."""

from __future__ import annotations

from aiohttp import web

from conference.web.http.keys import SETTINGS
from conference.web.http.origin import is_foreign
from conference.web.http.problems import Handler, Problem

_EXPOSED = "Location, ETag, Link, Accept-Patch, Conference-Seat, Retry-After"
_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_SAFE = ("GET", "HEAD", "OPTIONS")
_HEADERS = "Authorization, Content-Type, If-Match, Last-Event-ID, Conference-Seat"


@web.middleware
async def refuse_other_sites(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let no page of another site change anything here, unless that site has been allowed.

    A browser sends forms and plain POSTs anywhere without asking first; it only says which site they come from. A
    server without a secret, on a machine that only its owner reaches, would do what they say.
    """
    if request.method not in _SAFE and is_foreign(request, request.app[SETTINGS]):
        raise Problem(403, "Pages of other sites may change nothing here; see the option --allow-origin.")
    return await handler(request)


@web.middleware
async def answer_options(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer ``OPTIONS`` for every address that has no answer of its own.

    A browser asks this before it sends a token to another site. It asks without the token, so the answer is the same
    for everybody.
    """
    error = request.match_info.http_exception
    if request.method == "OPTIONS" and isinstance(error, web.HTTPMethodNotAllowed):
        return web.Response(status=204, headers={"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))})
    return await handler(request)


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the CORS fields to every answer to a page of a site that has been allowed. By default, no site is."""
    origin = request.headers.get("Origin")
    allowed = request.app[SETTINGS].allowed_origins
    if origin is None or not allowed:
        return
    response.headers.add("Vary", "Origin")
    if "*" not in allowed and origin not in allowed:
        return
    response.headers["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = _METHODS
        response.headers["Access-Control-Allow-Headers"] = _HEADERS
        response.headers["Access-Control-Max-Age"] = "600"
