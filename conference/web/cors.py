"""Which other sites' pages may use the API (the Fetch standard's CORS protocol)."""

from __future__ import annotations

from aiohttp import web

from conference.web.live import SERVER

_EXPOSED = "Location, ETag, Link, Accept-Patch, Conference-Seat, Retry-After"
_METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
_HEADERS = "Authorization, Content-Type, If-Match, Conference-Seat"


async def add_cors_headers(request: web.Request, response: web.StreamResponse) -> None:
    """On every answer to a page of a site that has been allowed. By default, none is."""
    origin = request.headers.get("Origin")
    allowed = request.app[SERVER].settings.allowed_origins
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
