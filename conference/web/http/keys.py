"""What the parts that every request passes need to know of the server."""

from __future__ import annotations

from aiohttp import web

from conference.settings import Settings
from conference.web.http.limits.rate_limit import AddressPacer
from conference.web.http.limits.tcp_connections import TcpConnections

SETTINGS: web.AppKey[Settings] = web.AppKey("settings")
"""Where an application keeps its settings."""

CONNECTIONS: web.AppKey[TcpConnections] = web.AppKey("connections")
"""Where it keeps every open TCP connection."""

REQUESTS: web.AppKey[AddressPacer] = web.AppKey("requests")
"""Where it counts the requests of each address."""
