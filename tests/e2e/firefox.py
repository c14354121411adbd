"""A second real browser for the tests: Debian's Firefox, headless, with a tone as its microphone.

It is driven over WebDriver BiDi, which it speaks itself: no driver program stands between. As with Chromium,
:func:`running_firefox` starts one, and :func:`open_firefox_page` is somebody with a profile of their own in it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.browser import end_processes
from tests.e2e.devtools import DevTools, DevToolsError
from tests.e2e.firefox_page import FirefoxPage

PROGRAMS = ("firefox-esr", "firefox")
"""What a Firefox may be called."""

_PREFERENCES: dict[str, bool | int | str] = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.peerconnection.ice.loopback": True,
    "media.autoplay.default": 0,
    "media.autoplay.blocking_policy": 0,
    "dom.min_background_timeout_value": 4,
    "dom.timeout.throttling_delay": -1,
}


def find_firefox() -> str | None:
    """Where Firefox is, if it is installed."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@contextmanager
def running_firefox(microphone_hz: int = 440) -> Iterator[str]:
    """A browser; ended, whatever happens, on the way out. It belongs to no event loop.

    Args:
        microphone_hz: the tone in its microphone. Whoever asks for it is given it.

    Yields:
        The address of the WebSocket that drives it, for one session at a time.

    Raises:
        FileNotFoundError: there is no Firefox.
    """
    program = find_firefox()
    if program is None:
        raise FileNotFoundError("Firefox is not installed (Debian: apt-get install firefox-esr).")
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as folder:
        profile = Path(folder)
        preferences = {**_PREFERENCES, "media.navigator.audio.fake_frequency": microphone_hz}
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
        (profile / "user.js").write_text("".join(lines))
        process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--profile", folder, "--remote-debugging-port=0", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            yield _address(profile, process)
        finally:
            end_processes(process)


@asynccontextmanager
async def open_firefox_page(address: str) -> AsyncIterator[FirefoxPage]:
    """An empty page in a profile of its own, in the browser at an address; closed on the way out."""
    pages: list[FirefoxPage] = []

    def tell(event: str, parameters: dict[str, Any]) -> None:
        for page in pages:
            page.take_event(event, parameters)

    async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
        tools = DevTools(socket, tell)
        try:
            await tools.call("session.new", capabilities={})
            await tools.call("session.subscribe", events=["log.entryAdded"])
            profile = (await tools.call("browser.createUserContext"))["userContext"]
            tab = await tools.call("browsingContext.create", type="tab", userContext=profile)
            pages.append(FirefoxPage(tools, tab["context"]))
            try:
                yield pages[0]
            finally:
                await tools.call("browser.removeUserContext", userContext=profile)
                await tools.call("session.end")
        finally:
            await tools.close()


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser can be driven; it writes this into its profile."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DevToolsError(f"Firefox ended at once, with status {process.returncode}")
        with suppress(OSError, ValueError):
            server = json.loads((profile / "WebDriverBiDiServer.json").read_text())
            return f"ws://{server['ws_host']}:{server['ws_port']}/session"
        time.sleep(0.05)
    raise DevToolsError("Firefox did not say within 60 s where it can be driven")
