"""A server seen from outside: what ``/proc`` shows of its process, if it is on this machine, and what it says."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp

from conference.load.report.process import can_look, cpu_seconds, listener, resident_bytes
from conference.load.report.server_figures import ServerFigures, parse_figures
from conference.unreachable import reason

LOOK_SECONDS = 5.0
MAX_METRICS = 4 * 1024 * 1024


class UnreachableError(Exception):
    """There is no server to look at. The text is a sentence."""


class Watch:
    """Looks at one server.

    Args:
        session: to make requests with.
        url: of the server.
        pid: of its process on this machine; ``None`` to find out, or to take its own word where it is elsewhere.

    Raises:
        UnreachableError: there is no such process.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str, pid: int | None = None) -> None:
        self._session = session
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=LOOK_SECONDS)
        if pid is None:
            parts = urlsplit(url)
            pid = listener(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        elif can_look():
            try:
                cpu_seconds(pid)
            except (OSError, IndexError, ValueError):
                raise UnreachableError(f"There is no process {pid} on this machine.") from None
        self.pid = pid if can_look() else None

    async def greet(self) -> None:
        """Make sure that there is a server.

        Raises:
            UnreachableError: there is none.
        """
        try:
            async with self._session.get(f"{self._url}/healthz", timeout=self._timeout) as response:
                if response.status != 200:
                    raise UnreachableError(
                        f"The server at {self._url} is not in order: /healthz has HTTP status {response.status}."
                    )
        except TimeoutError:
            raise UnreachableError(f"The server at {self._url} did not answer within {LOOK_SECONDS:g} s.") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise UnreachableError(f"The server at {self._url} cannot be reached: {reason(error)}.") from None

    async def look(self) -> ServerFigures:
        """Its figures. Where it does not answer, what can be seen without it."""
        figures = ServerFigures()
        try:
            async with self._session.get(f"{self._url}/metrics", timeout=self._timeout) as response:
                if response.status == 200:
                    figures = parse_figures((await response.content.read(MAX_METRICS)).decode(errors="replace"))
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass
        if self.pid is not None:
            try:
                return replace(figures, cpu_seconds=cpu_seconds(self.pid), memory_bytes=resident_bytes(self.pid))
            except (OSError, IndexError, ValueError):
                return replace(figures, cpu_seconds=None, memory_bytes=None)
        return figures
