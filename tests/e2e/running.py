"""A server for the tests through real sockets: on loopback, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from aiohttp import web

from conference.settings import Settings
from conference.web.app import build_app, hang_up_all
from conference.web.http.listener import Listener
from conference.web.http.tls import make_ssl_context
from conference.web.joining.sessions import PeerLike, WebRtcConnection
from conference.web.live import SERVER, Server


@dataclass(slots=True)
class RunningServer:
    """A server that can be reached, and looked into."""

    url: str
    settings: Settings
    app: web.Application
    runner: web.AppRunner
    _listener: Listener
    _stopped: bool = field(default=False)

    @property
    def live(self) -> Server:
        """Its objects."""
        return self.app[SERVER]

    def peer(self, room: str, participant_id: str) -> PeerLike | None:
        """The WebRTC peer of a participant, if they have one."""
        found = self.live.registry.find(room, participant_id)
        return found.peer if isinstance(found, WebRtcConnection) else None

    async def stop(self) -> None:
        """End it as Ctrl-C does; doing it twice does no harm."""
        if not self._stopped:
            self._stopped = True
            await hang_up_all(self.app)
            self._listener.close()
            await self._listener.closed()
            await self.runner.cleanup()


async def start_server(settings: Settings | None = None) -> RunningServer:
    """Start a server on loopback; on a free port unless the settings name one."""
    settings = settings or Settings(port=0)
    app = build_app(settings)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    listener = Listener(runner, settings, make_ssl_context(settings))
    await listener.start()
    port = listener.addresses[0][1]
    scheme = "https" if settings.tls else "http"
    url = f"{scheme}://{settings.host}:{port}"
    cluster = app[SERVER].cluster
    if cluster is not None:
        cluster.reached_at(url)
    return RunningServer(url, replace(settings, port=port), app, runner, listener)


@asynccontextmanager
async def running_server(settings: Settings | None = None) -> AsyncIterator[RunningServer]:
    """A server for as long as the block runs."""
    server = await start_server(settings)
    try:
        yield server
    finally:
        await server.stop()


async def eventually(holds: Callable[[], object], what: str, *, within: float = 10) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it never did.
    """
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"never came true: {what}"
        await asyncio.sleep(0.02)
