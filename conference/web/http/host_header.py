"""Checks the ``Host`` field: it has to be a name, and a server without a secret answers to its own names only.

A browser lets a page read what comes from the site that the page itself is from. Whoever owns a name can have it lead
to their own server first, which gives the page, and then to 127.0.0.1 (DNS rebinding). The browser then takes this
server for the page's own site, so that the rules about other sites do not apply. Only the name in ``Host`` shows this.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from conference.loopback import is_loopback
from conference.settings import Settings
from conference.web.http.keys import SETTINGS
from conference.web.http.origin import is_authority
from conference.web.http.problems import Handler, Problem

_TITLE = "This server is not known by this name: use http://127.0.0.1 or localhost, or see the option --public-url."


@web.middleware
async def refuse_malformed_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request whose ``Host`` cannot be a name (RFC 9112, section 3.2)."""
    names = request.headers.getall("Host", [])
    if len(names) > 1 or not all(map(is_authority, names)):
        raise Problem(400, "Host must be one name or address, perhaps with a port, like talk.example.org:8080.")
    return await handler(request)


@web.middleware
async def refuse_other_names(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request under a name that is not ours, where everybody on this machine may do everything.

    On a server with a secret such a page would need a token, which the browser keeps from the page. A server that
    others can reach may have names that the server does not know, and refuses none.
    """
    settings = request.app[SETTINGS]
    host = request.headers.get("Host")  # which every browser sends
    if host is not None and settings.secret is None and settings.on_loopback and not is_ours(host, settings):
        raise Problem(403, _TITLE)
    return await handler(request)


def is_ours(host: str, settings: Settings) -> bool:
    """Whether a name is of this machine alone (RFC 6761, section 6.3), or of a site that may use this server.

    Args:
        host: as in the header field: a name or an IP address, perhaps with a port.
        settings: name those sites.
    """
    name = _name(f"//{host}")
    if name is None:
        return False
    return "*" in settings.allowed_origins or _is_local(name) or name in _known(settings)


def _known(settings: Settings) -> set[str | None]:
    """The names of the sites whose pages may use this server."""
    return {_name(origin) for origin in (settings.public_url, *settings.allowed_origins) if origin is not None}


def _name(url: str) -> str | None:
    try:
        name = urlsplit(url).hostname
    except ValueError:  # brackets around something else than an IPv6 address
        return None
    return name and name.removesuffix(".")


def _is_local(name: str) -> bool:
    return name.endswith(".localhost") or is_loopback(name)
