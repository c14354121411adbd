"""The page in German and Spanish: nothing is left in English, and all has room, on a desktop and on phones."""

from __future__ import annotations

import pytest

from tests.e2e.browser import Page
from tests.e2e.languages import LANGUAGES, into, untranslated
from tests.e2e.legible import BROKEN_LABELS, BROKEN_WORDS, STICKING_OUT
from tests.e2e.scenes import SCENES
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e

SCREENS = {"desktop": (1280, 800, False), "phone": (390, 844, True), "small": (320, 568, True)}

# All that stands in the page, shown or not, and what its attributes say; the names of sounds are their files'.
WORDS = """
(() => {
  const DATA = 'noscript, .chat-words, #sound, #policy-music option:not([value=""])';
  const words = [document.title];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest(DATA)) words.push(walker.currentNode.data);
  }
  for (const name of ['aria-label', 'title', 'placeholder', 'aria-valuetext']) {
    for (const one of document.querySelectorAll(`[${name}]`)) words.push(one.getAttribute(name));
  }
  return words.map((one) => one.trim()).filter(Boolean);
})()
"""

# Buttons outside of the toolbar whose words are cut off, or stick out.
CUT_OFF = """
[...document.querySelectorAll('button:not(.control), summary, legend, label')]
  .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== 'inline')
  .filter((one) => one.scrollWidth > one.clientWidth + 1)
  .map((one) => one.textContent.trim())
"""

# What is wider than what it stands in.
WIDE = """
[...document.querySelectorAll('dialog[open], .lobby ul')]
  .filter((one) => one.checkVisibility() && one.scrollWidth > one.clientWidth).map((one) => one.id)
"""

RARER_BUTTONS = ("captions-open", "call", "recordings")

DIALOGS = ("settings-dialog", "call-dialog", "recordings-dialog")


async def look_at(page: Page, where: str) -> None:
    """Assert that everything has room on every screen."""
    for screen, (width, height, phone) in SCREENS.items():
        await page.look_as(width, height, phone=phone, reduced_motion=True)
        await page.wait_for(f"innerWidth === {width}")
        for fault in (STICKING_OUT, BROKEN_WORDS, CUT_OFF, WIDE, BROKEN_LABELS):
            assert await page.evaluate(fault) == [], f"{where} on a {screen}"
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} on a {screen}"
    await page.look_as(1280, 800, reduced_motion=True)


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
async def test_nothing_is_left_in_english_and_everything_has_room(stage: Stage, language: str) -> None:
    page = stage.amy
    await page.call("Page.bringToFront")
    stage.language, page.said, stage.ben.said = language, into(language), into(language)
    english = untranslated(language)
    for scene in ("join", "manage", "person", "silenced", "listener", "lobby"):
        stage.room_name = scene
        await SCENES[scene](stage, False)
        assert await page.evaluate("document.documentElement.lang") == language
        left = english & set(await page.evaluate(WORDS))
        assert left <= {scene}, scene  # which is the room's name
        await look_at(page, scene)
    stage.room_name = "buttons"
    await SCENES["host"](stage, False)
    for button in RARER_BUTTONS:
        await page.evaluate(f"document.getElementById('{button}').hidden = false")
    for width in (320, 390, 640, 1024, 1030, 1248, 1252, 1280, 1440, 1600, 1790, 1920):
        await page.look_as(width, 800, reduced_motion=True)
        await page.wait_for(f"innerWidth === {width}")
        assert await page.evaluate(BROKEN_LABELS) == [], width
    await page.look_as(1280, 800, reduced_motion=True)
    await look_at(page, "a host's room")
    stage.room_name = "dialogs"
    await SCENES["speaker"](stage, True)
    for dialog in DIALOGS:
        await page.evaluate(f"document.getElementById('{dialog}').showModal()")
        await look_at(page, dialog)
        await page.evaluate(f"document.getElementById('{dialog}').close()")
    assert page.complaints == []
