"""Passes requests on to the process that serves whoever they are about, where several are one conference.

Nearly every request is answered by whichever process gets it. What is about somebody's connection itself is known by
the one that has that connection.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

import aiohttp
from aiohttp import web

from conference.cluster.cluster import Cluster
from conference.cluster.presence import NodeState
from conference.web.http.problems import Problem

HEADER = "Conference-Passed-On"
"""The header field that shows that another process has passed a request on: ``<unix time>.<mac>``."""

SEAT = "/rooms/{room}/participants/{id}"
_TRICKLE = "application/trickle-ice-sdpfrag"
_HOLD = "hold"

_VALID_SECONDS = 60.0

_NOT_PASSED = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length", "accept-encoding", "expect", HEADER.lower(),
})  # fmt: skip
"""Fields of a request that are of its connection (RFC 9110, section 7.6.1), or not for others to say."""

_ANSWERED = ("Content-Type", "ETag", "Accept-Patch", "Retry-After", "WWW-Authenticate", "Cache-Control", "Allow")


class PassingOn:
    """Passes requests on, and knows those that were.

    Args:
        cluster: the processes.
        timeout: seconds that another one may take.
        verify: whether its certificate is verified, where it has one.
        wallclock: unix time in seconds.
    """

    def __init__(
        self, cluster: Cluster, timeout: float, *, verify: bool, wallclock: Callable[[], float] = time.time
    ) -> None:
        self._cluster = cluster
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._verify = verify
        self._wallclock = wallclock
        self._session: aiohttp.ClientSession | None = None
        self._secret: bytes | None = None

    def share(self, secret: bytes) -> None:
        """Sign what is passed on with what all processes know. Before that nothing is passed on."""
        self._secret = secret

    async def close(self) -> None:
        """End all connections to others."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def pass_on(self, request: web.Request) -> web.Response | None:
        """Have another process answer a request, if it is for that one.

        Returns:
            Its answer; ``None`` for a request that is to be answered here.

        Raises:
            Problem: the other process cannot be reached (503).
        """
        if not _is_about_a_connection(request):
            return None
        node = self._serving(request.match_info["room"], request.match_info["id"])
        if node is None or self._secret is None or self._was_passed_on(self._secret, request):
            return None
        try:
            return await self._ask(self._secret, node, request)
        except (TimeoutError, aiohttp.ClientError, OSError):
            if request.method in ("GET", "HEAD"):
                return None  # all but the figures of their connection is known here, too
            title = "The server that they are connected to does not answer. Try again in a moment."
            raise Problem(503, title, headers={"Retry-After": "2"}) from None

    def _serving(self, room: str, participant_id: str) -> NodeState | None:
        """The other process that serves somebody; ``None`` if this one does, or nobody, or one that is not there."""
        there = self._cluster.node.conference.get(room)
        participant = None if there is None else there.participants.get(participant_id)
        if participant is None or not participant.remote:
            return None
        return self._cluster.node_of(participant.node)

    async def _ask(self, secret: bytes, node: NodeState, request: web.Request) -> web.Response:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(), connector=aiohttp.TCPConnector(ssl=self._verify)
            )
        at = f"{self._wallclock():.3f}"
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _NOT_PASSED]
        headers.append((HEADER, f"{at}.{_mac(secret, request, at)}"))
        body = await request.read() if request.can_read_body else None
        async with self._session.request(
            request.method,
            node.url + request.raw_path,
            headers=headers,
            data=body,
            timeout=self._timeout,
            allow_redirects=False,
        ) as answer:
            kept = {name: answer.headers[name] for name in _ANSWERED if name in answer.headers}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    def _was_passed_on(self, secret: bytes, request: web.Request) -> bool:
        """Whether another process has passed a request on to this one, which then answers it, whatever it knows."""
        at, _, mac = request.headers.get(HEADER, "").rpartition(".")
        try:
            fresh = abs(self._wallclock() - float(at)) < _VALID_SECONDS
        except ValueError:
            return False
        return fresh and hmac.compare_digest(mac.encode(errors="replace"), _mac(secret, request, at).encode())


def _mac(secret: bytes, request: web.Request, at: str) -> str:
    return hmac.new(secret, f"{request.method} {request.raw_path} {at}".encode(), hashlib.sha256).hexdigest()


def _is_about_a_connection(request: web.Request) -> bool:
    resource = request.match_info.route.resource
    if resource is None or resource.canonical != SEAT:
        return False
    if request.method == "PATCH":
        return request.content_type == _TRICKLE
    return request.method in ("GET", "HEAD") or (request.method == "DELETE" and _HOLD in request.query)
