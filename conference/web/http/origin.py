"""Where a request comes from, and where we are seen at: addresses and origins, through a proxy or not."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import web

from conference.settings import Settings


def client_address(request: web.BaseRequest, *, behind_proxy: bool) -> str:
    """The IP address of whoever asks, as text; behind a proxy, the last one that it vouches for."""
    if behind_proxy:
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        if forwarded:
            return forwarded
    return request.remote or "unknown"


def rate_key(address: str) -> str:
    """What one person cannot change at will about their address: of IPv6, the network's 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def public_origin(request: web.BaseRequest, settings: Settings) -> str:
    """The origin that the world reaches us at, e.g. ``https://talk.example.org``, without a slash at its end."""
    if settings.public_url is not None:
        return settings.public_url.rstrip("/")
    scheme = request.scheme
    if settings.behind_proxy and request.headers.get("X-Forwarded-Proto") in ("http", "https"):
        scheme = request.headers["X-Forwarded-Proto"]
    return f"{scheme}://{request.host}"


def is_foreign(request: web.BaseRequest, allowed: Collection[str]) -> bool:
    """Whether a page of another site asks, one that has not been allowed. Programs send no ``Origin``."""
    origin = request.headers.get("Origin")
    if origin is None or "*" in allowed:
        return False
    return urlsplit(origin).netloc.lower() != request.host.lower() and origin not in allowed
