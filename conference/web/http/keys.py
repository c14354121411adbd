"""Where an application keeps what the parts need that every request passes."""

from __future__ import annotations

from aiohttp import web

from conference.settings import Settings
from conference.web.http.limits.rate_limit import AddressPacer
from conference.web.http.limits.tcp_connections import TcpConnections

SETTINGS: web.AppKey[Settings] = web.AppKey("settings")
"""Its settings."""

CONNECTIONS: web.AppKey[TcpConnections] = web.AppKey("connections")
"""Every open TCP connection."""

REQUESTS: web.AppKey[AddressPacer] = web.AppKey("requests")
"""How many requests came from each address."""
