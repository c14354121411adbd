"""Every view for hosts, speakers, listeners and those who wait: legible, reachable, whole, on a phone and a desktop."""

from __future__ import annotations

import pytest

from tests.e2e.legible import BROKEN_WORDS, CONTRASTS, COVERED, STICKING_OUT, TINY
from tests.e2e.scenes import SCENES
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e

CONTROLS = ("button", "textbox", "combobox", "checkbox", "radio", "slider", "link", "DisclosureTriangle")

SCREENS = {
    "desktop": (1280, 800, False),
    "tablet": (800, 1100, False),
    "phone": (390, 844, True),
    "small": (320, 568, True),
}


@pytest.mark.parametrize(
    "scene", ["host", "person", "manage", "speaker", "listener", "lobby", "silenced", "crowd", "captions"]
)
async def test_a_view_is_legible_whole_and_within_reach(stage: Stage, scene: str) -> None:
    page = stage.amy
    await page.call("Page.bringToFront")  # what is not seen is not drawn, and keeps the colours that it had
    await SCENES[scene](stage, False)
    for screen, (width, height, phone) in SCREENS.items():
        for dark in (False, True):
            await page.look_as(width, height, dark=dark, phone=phone, reduced_motion=True)
            await page.wait_for(f"matchMedia('(prefers-color-scheme: dark)').matches === {str(dark).lower()}")
            await page.wait_for("document.getAnimations().length === 0")
            where = f"{scene} on a {screen}, {'dark' if dark else 'light'}"
            contrasts = await page.evaluate(CONTRASTS)
            assert len(contrasts) > 5, where
            assert [(round(ratio, 2), text) for ratio, text in contrasts if ratio < 4.5] == [], where
        assert await page.evaluate(COVERED) == [], where
        assert await page.evaluate(TINY) == [], where
        assert await page.evaluate(STICKING_OUT) == [], where
        assert await page.evaluate(BROKEN_WORDS) == [], where
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
    nameless = [node for node in await page.accessible() if node["role"] in CONTROLS and not node["name"]]
    assert nameless == []
    assert page.complaints == []


async def test_join_is_on_the_screen_without_scrolling(stage: Stage) -> None:
    page = stage.amy
    await page.call("Page.bringToFront")
    await SCENES["join"](stage, False)
    await page.evaluate("document.getElementById('pin-field').hidden = false")  # as high as it gets
    for width, height in ((1280, 720), (1280, 600), (1024, 600), (768, 1024), (800, 600), (390, 844), (320, 568)):
        await page.look_as(width, height, reduced_motion=True)
        await page.wait_for(f"innerWidth === {width} && innerHeight === {height}")
        assert await page.evaluate(
            "(() => { const button = document.getElementById('join-button');"
            " const box = button.getBoundingClientRect(); "
            " return scrollY === 0 && box.top >= 0 && box.bottom <= innerHeight"
            "  && document.elementFromPoint(box.left + box.width / 2, box.bottom - 2) === button; })()"
        ), f"{width} by {height}"
        await page.evaluate("document.getElementById('original-sound').focus()")
        assert await page.evaluate(
            "document.activeElement.getBoundingClientRect().bottom"
            " <= document.getElementById('join-button').getBoundingClientRect().top"
        ), f"what has the focus is under the button on {width} by {height}"
        await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    assert page.complaints == []


async def test_on_a_phone_the_rest_of_the_controls_is_behind_one_button(stage: Stage) -> None:
    await stage.amy.look_as(390, 844, phone=True)
    await stage.enter(stage.amy, "Amy", "host")
    assert not await stage.amy.accessible("button", "Manage room")
    await stage.amy.click("button", "More")
    await stage.amy.click("button", "Manage room")
    await stage.amy.wait_for("document.getElementById('manage-dialog').open")
    assert not await stage.amy.evaluate("document.getElementById('more-controls').matches(':popover-open')")


async def test_dialogs_give_the_focus_back_to_what_opened_them(stage: Stage) -> None:
    await stage.both()
    for button, closes in (("More about Ben", "Escape"), ("Manage room", "Escape"), ("Settings", "Escape")):
        await stage.amy.click("button", button)
        await stage.amy.wait_for("document.querySelector('dialog[open]')?.contains(document.activeElement)")
        await stage.amy.press(closes)
        await stage.amy.wait_for("!document.querySelector('dialog[open]')")
        label = "document.activeElement.ariaLabel || document.activeElement.textContent.trim()"
        assert await stage.amy.evaluate(label) == button
    await stage.amy.press("m")
    await stage.amy.wait_for("document.querySelector('#mute.is-muted')")  # keys work again
