"""Which address a request comes from, and which origin the world reaches us at, with proxies between or without.

Every proxy appends what it saw to what it was sent, in the same header line or in a new one. So of all lines together,
only as many entries from the end are believed as there are proxies of ours. Whatever stands before them, the client may
have written.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from aiohttp import web

from conference.settings import Settings

_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::[0-9]{0,5})?", re.ASCII)
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.]+)\](?::[0-9]+)?")


def client_address(request: web.BaseRequest, settings: Settings) -> str:
    """The IP address of the client, as text; behind proxies, the one that the first of our proxies wrote down."""
    forwarded = _forwarded(request, "X-Forwarded-For", settings)
    return (forwarded and _address(forwarded)) or request.remote or "unknown"


def rate_key(address: str) -> str:
    """The part of an address that one person cannot change at will: of IPv6, the network's 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:  # as sockets and proxies for both have IPv4 (RFC 4291, section 2.5.5.2)
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def is_authority(text: str) -> bool:
    """Whether a text is a name or an address, perhaps with a port, as ``Host`` has it (RFC 9110, section 7.2)."""
    if not _AUTHORITY.fullmatch(text):
        return False
    try:
        _ = urlsplit(f"//{text}").port
    except ValueError:  # a port beyond 65535, or brackets around something else than an IPv6 address
        return False
    return True


def authority(host: str, port: int) -> str:
    """A name or an address with its port, as addresses on the web have it (RFC 3986, section 3.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def public_origin(request: web.BaseRequest, settings: Settings) -> str:
    """The origin that the world reaches us at, e.g. ``https://talk.example.org``, without a slash at its end."""
    if settings.public_url is not None:
        return settings.public_url.rstrip("/")
    return f"{_scheme(request, settings)}://{_host(request, settings)}"


def is_foreign(request: web.BaseRequest, settings: Settings) -> bool:
    """Whether a request comes from a page of another site, and that site has not been allowed.

    ``Origin`` decides: a browser sends this field with every request that is not a plain ``GET``, and programs do not
    send it. A browser sends ``Sec-Fetch-Site`` (Fetch Metadata, section 2.2), which tells schemes apart, too, over
    HTTPS and on the same machine only. A page without an origin of its own (``null``) counts as another site's.
    """
    allowed, origins = settings.allowed_origins, request.headers.getall("Origin", [])
    if "*" in allowed or (origins and all(one in allowed for one in origins)):
        return False
    if any(one in ("cross-site", "same-site") for one in request.headers.getall("Sec-Fetch-Site", [])):
        return True
    return not all(_is_ours(one, request, settings) for one in origins)


def _is_ours(origin: str, request: web.BaseRequest, settings: Settings) -> bool:
    scheme, _, named = origin.partition("://")
    here = [_site(scheme, _host(request, settings))]
    if settings.public_url is not None:
        public = urlsplit(settings.public_url)
        here.append(_site(public.scheme, public.netloc))
    ours = _site(scheme, named)
    return ours is not None and ours in here


def _site(scheme: str, named: str) -> tuple[str, int] | None:
    """A name and its port: the scheme's own, if none is written; ``None`` if there is no name.

    A proxy may speak HTTPS for us, so that we cannot know the scheme.
    """
    default = _PORTS.get(scheme)
    if default is None or not is_authority(named):
        return None
    parts = urlsplit(f"//{named}")
    if not parts.hostname:
        return None
    return parts.hostname, default if parts.port is None else parts.port


def _scheme(request: web.BaseRequest, settings: Settings) -> str:
    forwarded = _forwarded(request, "X-Forwarded-Proto", settings)
    return forwarded if forwarded in _PORTS else request.scheme


def _host(request: web.BaseRequest, settings: Settings) -> str:
    """The name that was asked for, with a port unless it is the usual one; else the address that was reached."""
    for named in (_forwarded(request, "X-Forwarded-Host", settings), request.headers.get("Host")):
        if named and is_authority(named):
            return named
    ours = None if request.transport is None else request.transport.get_extra_info("sockname")
    if not isinstance(ours, tuple):
        return "localhost"
    return authority(*ours[:2])


def _forwarded(request: web.BaseRequest, name: str, settings: Settings) -> str | None:
    """What the first of our proxies wrote into a header field; ``None`` without proxies, or without the field."""
    if not settings.behind_proxy:
        return None
    entries = [one.strip() for one in ",".join(request.headers.getall(name, [])).split(",") if one.strip()]
    return entries[-settings.trusted_proxies :][0] if entries else None


def _address(text: str) -> str | None:
    """An IP address, without the port that some proxies write after it; ``None`` if the text is no address."""
    match = _WITH_PORT.fullmatch(text)
    bare = text if match is None else match[1] or match[2]
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        return None
    return bare
