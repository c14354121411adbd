"""How often a far-away server has to be asked before the page is there: in waves, since a clock says little here."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.page import Page
from tests.e2e.running import RunningServer

pytestmark = pytest.mark.e2e

LATENCY_MS = 100

LOADED = """
[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].map((one) => ({
  path: new URL(one.name).pathname, asked: one.requestStart, answered: one.responseEnd, bytes: one.transferSize,
}))
"""


def waves(loaded: list[dict[str, Any]]) -> list[list[str]]:
    """What was asked for before the first answer to anything in the same wave had come, in order."""
    found: list[list[str]] = []
    first_answer = 0.0
    for one in sorted(loaded, key=lambda one: one["asked"]):
        if not found or one["asked"] >= first_answer:
            found.append([])
            first_answer = one["answered"]
        first_answer = min(first_answer, one["answered"])
        found[-1].append(one["path"])
    return found


async def open_from_afar(page: Page, address: str) -> list[dict[str, Any]]:
    """What the page asked for until somebody can join."""
    await page.call("Network.enable")
    await page.call(
        "Network.emulateNetworkConditions",
        offline=False, latency=LATENCY_MS, downloadThroughput=-1, uploadThroughput=-1,
    )  # fmt: skip
    await page.goto(address)
    await page.wait_for("!document.getElementById('join-view').hidden")
    loaded: list[dict[str, Any]] = await page.evaluate(LOADED)
    return [one for one in loaded if not one["path"].endswith(".svg")]  # nobody waits for the icon


async def test_the_page_is_there_after_two_waves_of_requests(page: Page, server: RunningServer) -> None:
    loaded = await open_from_afar(page, f"{server.url}/join/tea")
    found = waves(loaded)
    assert found[0] == ["/join/tea"]
    assert len(found) <= 2, found
    assert len(loaded) == 3, found
    assert min(one["answered"] - one["asked"] for one in loaded) >= LATENCY_MS / 2, "the server is far away"


async def test_who_comes_again_asks_for_nothing_but_whether_the_page_has_changed(
    page: Page, server: RunningServer
) -> None:
    await open_from_afar(page, f"{server.url}/join/tea")
    loaded = await open_from_afar(page, f"{server.url}/join/milk")
    over_the_network = [one["path"] for one in loaded if one["bytes"]]
    assert over_the_network == ["/join/milk"]
