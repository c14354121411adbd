"""What the tests through real sockets are given: a server, a browser's page, and two on the page.

A browser is started once for all tests of a process; each test has a profile of its own in it. What they share besides
is in modules of its own, to be imported: `tests.e2e.running`, `tests.e2e.seats`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager

import pytest

from tests.e2e.base_page import BasePage
from tests.e2e.browser import Page, find_program, open_page, running_browser
from tests.e2e.firefox import find_firefox, open_firefox_page, running_firefox
from tests.e2e.matrix import DBFS, TONES
from tests.e2e.running import RunningServer, eventually, running_server
from tests.e2e.two_on_the_page import Stage, staged
from tests.tones import tone
from tests.wav import write_wav
from tests.webrtc.stock import released, resources


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    """A server with default settings on a free port of 127.0.0.1, stopped afterwards."""
    async with running_server() as running:
        yield running


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    """All tasks, threads and sockets of a test have gone when it is over."""
    before = resources()
    yield
    await eventually(lambda: released(before), "all is closed", within=30)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is; the test is skipped, and says so, when it isn't installed."""
    program = find_program()
    if program is None:
        pytest.skip("MISSING: chromium. Install it to run the browser tests (Debian: apt-get install chromium).")
    return program


@pytest.fixture(scope="session")
def beeping_browser(chromium: str) -> Iterator[str]:
    """Drives a browser whose microphone beeps once a second."""
    with running_browser() as address:
        yield address


@pytest.fixture(scope="session")
def humming_browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Drives a browser whose microphone hums 440 Hz at -20 dBFS."""
    wav = write_wav(tmp_path_factory.mktemp("microphone") / "amy.wav", tone(440.0, 2.0, -20.0, fade=0))
    with running_browser(wav) as address:
        yield address


@pytest.fixture(scope="session")
def page_browser(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Drives a browser whose microphone is the voice of the page where it is asked who hears whom."""
    # Longer than a test: Chromium's microphone skips a moment wherever the file begins anew.
    wav = write_wav(tmp_path_factory.mktemp("microphone") / "page.wav", tone(TONES["page"], 90.0, DBFS, fade=0))
    with running_browser(wav) as address:
        yield address


@pytest.fixture
async def page(beeping_browser: str) -> AsyncIterator[Page]:
    """A browser's page. Its microphone beeps once a second."""
    async with open_page(beeping_browser) as page:
        yield page


@pytest.fixture
async def humming_page(humming_browser: str) -> AsyncIterator[Page]:
    """A page whose microphone hums 440 Hz at -20 dBFS."""
    async with open_page(humming_browser) as page:
        yield page


@pytest.fixture(scope="session")
def humming_firefox() -> Iterator[str]:
    """Drives a Firefox whose microphone hums 440 Hz; the test is skipped, and says so, when it isn't installed."""
    if find_firefox() is None:
        pytest.skip("MISSING: firefox. Install it to run the tests in it (Debian: apt-get install firefox-esr).")
    with running_firefox(440) as address:
        yield address


@pytest.fixture(params=["chromium", "firefox"])
async def any_page(request: pytest.FixtureRequest) -> AsyncIterator[BasePage]:
    """A page of each browser in turn. Its microphone hums 440 Hz."""
    opened: AbstractAsyncContextManager[BasePage]
    if request.param == "chromium":
        opened = open_page(request.getfixturevalue("humming_browser"))
    else:
        opened = open_firefox_page(request.getfixturevalue("humming_firefox"))
    async with opened as page:
        yield page


@pytest.fixture
async def stage(beeping_browser: str) -> AsyncIterator[Stage]:
    """A server with a secret, and two pages of a browser."""
    async with staged(beeping_browser) as stage:
        yield stage
