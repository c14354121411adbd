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

    Forms and plain POSTs a browser sends anywhere without asking first; it only says where they come from. A server
    without a secret would do what they say, on a machine that only its owner reaches.
    """
    if request.method not in _SAFE and is_foreign(request, request.app[SETTINGS]):
        raise Problem(403, "Pages of other sites may change nothing here; see the option --allow-origin.")
    return await handler(request)


@web.middleware
async def answer_options(request: web.Request, handler: Handler) -> web.StreamResponse:
    """``OPTIONS`` of every address that has no answer of its own.

    A browser asks so before it sends a token to another site; without the token, so the answer is the same for all.
    """
    error = request.match_info.http_exception
    if request.method == "OPTIONS" and isinstance(error, web.HTTPMethodNotAllowed):
        return web.Response(status=204, headers={"Allow": ", ".join(sorted({*error.allowed_methods, "OPTIONS"}))})
    return await handler(request)


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every answer to a page of a site that has been allowed. By default, none is."""
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
