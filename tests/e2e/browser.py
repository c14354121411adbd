"""A real browser for the tests: Debian's Chromium, headless, with a WAV file as its microphone.

:func:`open_browser` starts one with a :class:`Page`, which is used as a person uses it; :func:`start_browser` one that
opens as many as are asked for.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from tests.e2e.devtools import DevToolsError
from tests.e2e.page import Page, PageError

__all__ = ["PROGRAMS", "Browser", "Page", "PageError", "find_program", "open_browser", "start_browser"]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""What a Chromium may be called."""

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)


def find_program() -> str | None:
    """Where Chromium is, if it is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


class Browser:
    """A running browser.

    Args:
        session: to reach it with.
        address: its origin, where it tells of its pages.
        pages: closes them in the end.
    """

    def __init__(self, session: aiohttp.ClientSession, address: str, pages: AsyncExitStack) -> None:
        self._session = session
        self._address = address
        self._pages = pages

    async def open_page(self) -> Page:
        """A new page, beside the others: it is never in the background."""
        async with self._session.put(f"{self._address}/json/new?about:blank") as answer:
            target = await answer.json(content_type=None)
        socket = await self._pages.enter_async_context(
            self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
        )
        page = Page(socket)
        self._pages.push_async_callback(page.close)
        await page.start()
        return page


@asynccontextmanager
async def open_browser(
    microphone: Path | None = None,
    *,
    allow_microphone: bool = True,
    flags: tuple[str, ...] = (),
) -> AsyncIterator[Page]:
    """As :func:`start_browser`, with one empty page."""
    async with start_browser(microphone, allow_microphone=allow_microphone, flags=flags) as browser:
        yield await browser.open_page()


@asynccontextmanager
async def start_browser(
    microphone: Path | None = None,
    *,
    allow_microphone: bool = True,
    flags: tuple[str, ...] = (),
) -> AsyncIterator[Browser]:
    """A browser; ended, whatever happens, on the way out.

    Args:
        microphone: a WAV file that is played into its microphone over and over; a beep every second if ``None``.
        allow_microphone: answer the browser's question with yes; else nobody answers it.
        flags: more command line options.

    Raises:
        FileNotFoundError: there is no Chromium.
    """
    program = find_program()
    if program is None:
        raise FileNotFoundError("Chromium is not installed (Debian: apt-get install chromium).")
    more = ["--use-fake-ui-for-media-stream"] if allow_microphone else []
    if microphone is not None:
        more.append(f"--use-file-for-fake-audio-capture={microphone}")
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            program, *_FLAGS, *more, *flags, f"--user-data-dir={profile}", "about:blank",
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            async with aiohttp.ClientSession() as session, AsyncExitStack() as pages:
                yield Browser(session, await _address(session, Path(profile), process), pages)
        finally:
            await _end(process)


async def _address(session: aiohttp.ClientSession, profile: Path, process: asyncio.subprocess.Process) -> str:
    """Where the browser can be driven; it writes its port into its profile."""
    port_file = profile / "DevToolsActivePort"
    async with asyncio.timeout(30):
        while True:
            if process.returncode is not None:
                raise DevToolsError(f"Chromium ended at once, with status {process.returncode}")
            with suppress(OSError, IndexError, aiohttp.ClientError):
                address = f"http://127.0.0.1:{int(port_file.read_text().splitlines()[0])}"
                async with session.get(f"{address}/json/version"):
                    return address
            await asyncio.sleep(0.05)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The browser is several processes, in a group of their own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await process.wait()
                return
