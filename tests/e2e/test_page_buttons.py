"""Buttons: to be read at rest, under the pointer, in focus and pressed; on any width of the window."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.legible import BROKEN_LABELS, FAINT, PRESSED
from tests.e2e.page import Page
from tests.e2e.scenes import SCENES
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e

STATES: tuple[tuple[str, ...], ...] = ((), ("hover",), ("focus", "focus-visible"), ("hover", "active"))

LONG_NAME = "Maximilian Wolfeschlegelsteinhausenbergerdorff of Somewhere Else"


async def force(page: Page, states: tuple[str, ...]) -> None:
    """Have all that can be pressed be under the pointer, in focus, or held down."""
    root = (await page.call("DOM.getDocument", depth=0))["root"]["nodeId"]
    found = await page.call("DOM.querySelectorAll", nodeId=root, selector=PRESSED)
    await asyncio.gather(
        *(page.call("CSS.forcePseudoState", nodeId=one, forcedPseudoClasses=states) for one in found["nodeIds"])
    )


async def look_at_all_states(page: Page, where: str) -> None:
    """Assert that everything that can be pressed is legible, whatever the pointer and the keyboard do to it."""
    assert not await page.evaluate("matchMedia('(hover: none) and (pointer: coarse)').matches")
    for dark in (False, True):
        await page.look_as(1280, 720, dark=dark, reduced_motion=True)
        await page.wait_for(f"matchMedia('(prefers-color-scheme: dark)').matches === {str(dark).lower()}")
        for states in STATES:
            await force(page, states)
            assert await page.evaluate(FAINT) == [], f"{where}, {'dark' if dark else 'light'}, {states or 'at rest'}"
    await force(page, ())


async def test_mute_is_legible_right_after_a_click_while_the_pointer_rests_on_it(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    for name in ("Mute", "Unmute"):
        await stage.amy.click("button", name)
        await stage.amy.wait_for(
            f"document.querySelector('#mute:hover')?.matches('.is-muted') === {str(name == 'Mute').lower()}"
        )
        assert await stage.amy.evaluate(FAINT) == []


async def test_every_button_is_legible_in_every_state(stage: Stage) -> None:
    page = stage.amy
    await page.call("Page.bringToFront")
    await page.call("CSS.enable")
    await SCENES["host"](stage, False)
    await look_at_all_states(page, "unmuted")
    await page.click("button", "Raise hand")
    await page.click("button", "Chat")
    await page.evaluate("document.activeElement.blur()")
    await page.press("m")
    await page.wait_for(
        "document.querySelector('#mute.is-muted') && document.querySelector('#hand[aria-pressed=true]')"
    )
    await look_at_all_states(page, "muted, with a raised hand and the chat open")
    await page.key_down(" ")
    await page.wait_for("document.querySelector('#mute.is-held')")
    await look_at_all_states(page, "talking while a key is held")
    await page.key_up(" ")
    for tone in ("stop", "ask"):
        await page.evaluate(f"document.getElementById('banner').dataset.tone = '{tone}'")
        await look_at_all_states(page, f"with a banner to {tone}")
    assert page.complaints == []


async def test_no_label_of_the_toolbar_is_broken_on_any_width(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.enter(stage.ben, "Ben")
    host = stage.person("Amy")
    for number in range(100):
        stage.room.send_message(host.id, "Amy", f"{number}", number)
    host.name = LONG_NAME
    stage.room.set_muted(stage.person("Ben").id, True, by=host.identity)
    for page in (stage.amy, stage.ben):
        await page.call("Page.bringToFront")
        await page.click("button", "Raise hand")
        await page.wait_for("document.getElementById('hand').textContent.includes('Lower')")
        await page.wait_for("document.getElementById('unread').textContent === '99+'")
    await stage.ben.wait_for("document.querySelector('#mute.is-silenced')")
    for page, narrowest in ((stage.amy, 320), (stage.ben, 330)):
        await page.call("Page.bringToFront")
        broken = {}
        for width in range(narrowest, 1921, 20):
            await page.look_as(width, 800, reduced_motion=True)
            await page.wait_for(f"innerWidth === {width}")
            if found := await page.evaluate(BROKEN_LABELS):
                broken[width] = found
        assert broken == {}
        await page.evaluate("document.documentElement.style.fontSize = '200%'")
        for width in (320, 1280):
            await page.look_as(width, 800, reduced_motion=True)
            await page.wait_for(f"innerWidth === {width}")
            assert await page.evaluate(BROKEN_LABELS) == [], f"large text on {width}"


async def test_no_label_behind_the_button_for_more_is_broken(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.amy.look_as(320, 568, phone=True)
    await stage.amy.click("button", "More")
    await stage.amy.wait_for("document.querySelector('#more-controls:popover-open #manage')?.checkVisibility()")
    assert await stage.amy.evaluate(BROKEN_LABELS) == []
