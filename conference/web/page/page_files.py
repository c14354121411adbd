"""The page's files, made ready to be sent: read once, put together, packed, and made anew when one has changed."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path

from conference.web.page.bundle import BundleError, bundle

_SCRIPT = '<script type="module" src="/static/js/main.js"></script>'
_STYLE = re.compile(r'[ \t]*<link rel="stylesheet" href="/static/(css/[\w-]+\.css)">\n')
_ADDRESS = re.compile(r"page\.[0-9a-f]{16}(\.(?:js|css))")

_LOOK_SECONDS = 0.5
"""For so long what was found is believed without another look."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Packed:
    """A file as it is sent."""

    body: bytes
    gzipped: bytes
    tag: str
    """Changes with the body: of 16 characters."""

    @classmethod
    def of(cls, text: str) -> Packed:
        """Pack a text."""
        body = text.encode()
        return cls(body, gzip.compress(body, 9, mtime=0), hashlib.sha256(body).hexdigest()[:16])


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The page, and what it consists of."""

    html: Packed
    parts: dict[str, Packed]
    """What it asks for first, by suffix: ``.js`` and ``.css``. Empty if its modules are sent one by one."""

    embed: Packed | None = None
    """What pages of other sites import; ``None`` if it is not there, or cannot be put together."""

    def part(self, path: str) -> tuple[Packed, str, bool] | None:
        """What is at an address below ``/static/``.

        Returns:
            The file, its suffix, and whether it is the one that was asked for: the page may have changed meanwhile.
            ``None`` if that is the address of no part.
        """
        found = _ADDRESS.fullmatch(path)
        part = None if found is None else self.parts.get(found[1])
        return None if found is None or part is None else (part, found[1], path == _address(part, found[1]))


def read_page(directory: Path) -> PageFiles:
    """Put the page together.

    Raises:
        OSError: it is not there.
    """
    html = (directory / "index.html").read_text(encoding="utf-8")
    sheets = _STYLE.findall(html)
    if _SCRIPT not in html or not sheets:
        return PageFiles(Packed.of(html), {})
    embed = _embed_module(directory / "js")
    try:
        script = Packed.of(bundle(directory / "js", "main.js"))
        style = Packed.of("\n".join((directory / sheet).read_text(encoding="utf-8") for sheet in sheets))
    except (BundleError, OSError) as error:
        _log.warning("the page's modules are sent one by one: %s", error)
        return PageFiles(Packed.of(html), {}, embed)
    links = iter([f'  <link rel="stylesheet" href="/static/{_address(style, ".css")}">\n'])
    html = _STYLE.sub(lambda _: next(links, ""), html)
    html = html.replace(_SCRIPT, f'<script type="module" src="/static/{_address(script, ".js")}"></script>')
    return PageFiles(Packed.of(html), {".js": script, ".css": style}, embed)


def _embed_module(modules: Path) -> Packed | None:
    try:
        return Packed.of(bundle(modules, "embed.js", exports=True))
    except FileNotFoundError:
        return None
    except (BundleError, OSError) as error:
        _log.warning("there is no /embed.js for pages of other sites: %s", error)
        return None


class PageCache:
    """The page of a server, put together when it is first asked for, and anew when a file of it has changed."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._files: PageFiles | None = None
        self._state: object = None
        self._looked_at = 0.0

    async def get(self, directory: Path) -> PageFiles:
        """The page as it is in a directory.

        Raises:
            OSError: it is not there.
        """
        async with self._lock:
            now = time.monotonic()
            if self._files is None or now - self._looked_at > _LOOK_SECONDS:
                state = await asyncio.to_thread(_state_of, directory)
                if self._files is None or state != self._state:
                    self._files, self._state = await asyncio.to_thread(read_page, directory), state
                self._looked_at = now
            return self._files


def _state_of(directory: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file of the page does: its name, size and time."""
    found = sorted(path for path in directory.rglob("*") if path.suffix in (".js", ".css", ".html"))
    return tuple((str(path), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in found)


def _address(part: Packed, suffix: str) -> str:
    return f"page.{part.tag}{suffix}"
