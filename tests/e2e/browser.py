"""A real browser for the tests: Debian's Chromium, headless, with a WAV file as its microphone.

:func:`running_browser` starts one, which takes a while; :func:`visit` and :func:`open_page` are somebody with a profile
of their own in it, which costs next to nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import aiohttp

from tests.e2e.base_page import PageError
from tests.e2e.devtools import DevTools, DevToolsError
from tests.e2e.page import Page

__all__ = [
    "PROGRAMS",
    "Browser",
    "Page",
    "PageError",
    "end_processes",
    "find_program",
    "open_page",
    "running_browser",
    "visit",
]

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
"""What a Chromium may be called."""

_FLAGS = (
    "--headless=new",
    "--window-size=1280,900",  # a narrower one has the rarer buttons in a menu
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


@contextmanager
def running_browser(microphone: Path | None = None, *, allow_microphone: bool = True) -> Iterator[str]:
    """A browser; ended, whatever happens, on the way out. It belongs to no event loop.

    Args:
        microphone: a WAV file that is played into its microphone over and over; a beep every second if ``None``.
        allow_microphone: answer the browser's question with yes; else nobody answers it.

    Yields:
        The address of the WebSocket that drives it.

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
        process = subprocess.Popen(
            [program, *_FLAGS, *more, f"--user-data-dir={profile}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            yield _address(Path(profile), process)
        finally:
            end_processes(process)


class Browser:
    """What one person has in a running browser: a profile of their own, and pages.

    Args:
        session: to reach it with.
        tools: drives the browser.
        origin: where it tells of its pages.
        profile: the identifier of the profile.
        pages: closes them in the end.
    """

    def __init__(
        self, session: aiohttp.ClientSession, tools: DevTools, origin: str, profile: str, pages: AsyncExitStack
    ) -> None:
        self._session = session
        self._tools = tools
        self._origin = origin
        self._profile = profile
        self._pages = pages

    async def open_page(self) -> Page:
        """A new page, beside the others: it is never in the background."""
        target = await self._tools.call("Target.createTarget", url="about:blank", browserContextId=self._profile)
        socket = await self._pages.enter_async_context(
            self._session.ws_connect(f"{self._origin}/devtools/page/{target['targetId']}", max_msg_size=0)
        )
        page = Page(socket, self._profile)
        self._pages.push_async_callback(page.close)
        await page.start()
        return page


@asynccontextmanager
async def visit(address: str) -> AsyncIterator[Browser]:
    """A profile of its own, with nothing in it, in the browser at an address; its pages are closed on the way out."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, max_msg_size=0) as socket,
        _driving(socket) as tools,
    ):
        profile = (await tools.call("Target.createBrowserContext"))["browserContextId"]
        try:
            async with AsyncExitStack() as pages:
                yield Browser(session, tools, address.partition("/devtools/")[0], profile, pages)
        finally:
            await tools.call("Target.disposeBrowserContext", browserContextId=profile)


@asynccontextmanager
async def open_page(address: str) -> AsyncIterator[Page]:
    """As :func:`visit`, with one empty page."""
    async with visit(address) as browser:
        yield await browser.open_page()


@asynccontextmanager
async def _driving(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[DevTools]:
    tools = DevTools(socket, lambda name, parameters: None)
    try:
        yield tools
    finally:
        await tools.close()


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser can be driven; it writes its port into its profile."""
    port_file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DevToolsError(f"Chromium ended at once, with status {process.returncode}")
        with suppress(OSError, IndexError, ValueError):
            port = int(port_file.read_text().splitlines()[0])
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version", timeout=5) as answer:
                return str(json.load(answer)["webSocketDebuggerUrl"])
        time.sleep(0.05)
    raise DevToolsError("Chromium did not say within 30 s where it can be driven")


def end_processes(process: subprocess.Popen[bytes]) -> None:
    """End a browser: it is several processes, in a group of their own."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return
