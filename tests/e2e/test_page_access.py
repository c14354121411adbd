"""The page is for everybody: names for every control, keyboard, contrast, small screens."""

from __future__ import annotations

import pytest

from tests.e2e.browser import Page
from tests.e2e.legible import CONTRASTS
from tests.e2e.on_the_page import in_the_room, join
from tests.e2e.running import RunningServer
from tests.e2e.seats import seat_local

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("chromium")]


CONTROLS = ("button", "textbox", "combobox", "checkbox", "link", "DisclosureTriangle")


async def test_every_control_has_a_name_and_can_be_reached_by_keyboard(server: RunningServer, page: Page) -> None:
    await page.goto(f"{server.url}/join/standup?name=Amy")
    await page.wait_for("!document.getElementById('join-view').hidden")
    await _check_controls(page)
    await page.click("button", "Join")
    await in_the_room(page)
    await _check_controls(page)
    await page.click("button", "Settings")
    await page.wait_for("document.querySelector('dialog[open]')")
    assert await page.accessible("dialog", "Sound settings")
    await page.press("Escape")
    await page.wait_for("!document.querySelector('dialog[open]')")
    assert await page.evaluate("document.activeElement.id") == "settings"


async def _check_controls(page: Page) -> None:
    found = [node for node in await page.accessible() if node["role"] in CONTROLS]
    assert len(found) >= 4
    assert [node for node in found if not node["name"]] == []
    await page.evaluate("document.activeElement.blur(); window.seen = new Set(); document.body.focus()")
    for _ in range(2 * len(found)):
        await page.press("Tab")
        await page.evaluate("seen.add(document.activeElement)")
    missed = await page.evaluate(
        "[...document.querySelectorAll('button, input, select, summary')]"
        ".filter(one => one.checkVisibility() && !one.disabled && !seen.has(one)).map(one => one.outerHTML)"
    )
    assert missed == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_all_text_can_be_read(server: RunningServer, page: Page, dark: bool) -> None:
    await page.look_as(1440, 900, dark=dark)
    await page.goto(f"{server.url}/join/standup?name=Amy")
    await page.click("button", "Join")  # without a room's name this shows a message, too
    await in_the_room(page)
    for number in range(12):
        seat_local(server, "standup", f"{('Zaphod', 'Yooden', 'Xaver')[number % 3]} {number}")
    await page.wait_for("document.querySelectorAll('.person').length === 13")
    await page.press("m")
    await page.wait_for_text("Unmute")
    await page.evaluate("document.querySelector('#quality summary').click()")
    contrasts = await page.evaluate(CONTRASTS)
    await page.click("button", "Leave")
    await page.fill("Room", "two words")
    await page.click("button", "Join")
    await page.wait_for_text("no spaces")
    contrasts += await page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [(round(ratio, 2), text) for ratio, text in contrasts if ratio < 4.5] == []


@pytest.mark.parametrize("width", [320, 360, 1440])
async def test_nothing_is_wider_than_the_screen(server: RunningServer, page: Page, width: int) -> None:
    await page.look_as(width, 740, phone=width < 500)
    seat_local(server, "standup", "W" * 64)
    await join(page, server)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert await page.evaluate(fits)
    for number in range(11):
        seat_local(server, "standup", f"Somebody {number}")
    await page.wait_for("document.querySelectorAll('.person').length === 13")
    assert await page.evaluate(fits)
    await page.click("button", "Leave")
    assert await page.evaluate(fits)
