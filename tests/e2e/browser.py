"""A real browser for the tests: Debian's Chromium, headless, with a WAV file as its microphone.

:func:`open_browser` starts one and ends it; the :class:`Page` it gives is used as a person uses it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from tests.e2e.devtools import DevToolsError
from tests.e2e.page import Page, PageError

__all__ = ["PROGRAMS", "Page", "PageError", "find_program", "open_browser"]

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
    "--mute-audio",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
)


def find_program() -> str | None:
    """Where Chromium is, if it is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@asynccontextmanager
async def open_browser(
    microphone: Path | None = None,
    *,
    allow_microphone: bool = True,
    flags: tuple[str, ...] = (),
) -> AsyncIterator[Page]:
    """A browser with one empty page; ended, whatever happens, on the way out.

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
            async with aiohttp.ClientSession() as session:
                address = await _page_address(session, Path(profile), process)
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    page = Page(socket)
                    try:
                        await page.start()
                        yield page
                    finally:
                        await page.close()
        finally:
            await _end(process)


async def _page_address(session: aiohttp.ClientSession, profile: Path, process: asyncio.subprocess.Process) -> str:
    """Where the browser's first page can be driven; the browser writes its port into its profile."""
    port_file = profile / "DevToolsActivePort"
    async with asyncio.timeout(30):
        while True:
            if process.returncode is not None:
                raise DevToolsError(f"Chromium ended at once, with status {process.returncode}")
            with suppress(OSError, IndexError, aiohttp.ClientError):
                port = int(port_file.read_text().splitlines()[0])
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    for target in await answer.json():
                        if target["type"] == "page":
                            return str(target["webSocketDebuggerUrl"])
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
