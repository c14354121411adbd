"""Few people and many on the page: they fill the screen, nobody moves, and who talks is always to be seen."""

from __future__ import annotations

import pytest

from tests.e2e.legible import CONTRASTS, STICKING_OUT
from tests.e2e.on_the_page import listen_to_announcements
from tests.e2e.page import Page
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e

WINDOWS = ((320, 568), (390, 844), (768, 1024), (1280, 720), (1920, 1000), (844, 390))

# Tiles or rows that are not all on the stage, or that lie on each other; those of a list may be below.
MISPLACED = """
(() => {
  const stage = document.getElementById('stage').getBoundingClientRect();
  const list = document.getElementById('people').dataset.look === 'list';
  const boxes = [...document.querySelectorAll('.person')].map((one) => one.getBoundingClientRect());
  return boxes.filter((box, place) => box.left < stage.left || box.right > stage.right || box.top < stage.top
    || (!list && box.bottom > stage.bottom)
    || boxes.slice(0, place).some((other) => box.left < other.right - 1 && other.left < box.right - 1
      && box.top < other.bottom - 1 && other.top < box.bottom - 1)).map((box) => JSON.stringify(box));
})()
"""

_ORDER = "[...document.querySelectorAll('.person')].map((one) => one.dataset.participant)"

_TALKERS = "[...document.querySelectorAll('#talkers .talker-name')].map((one) => one.textContent)"

# Those named as talking who are not to be seen where they are.
_HIDDEN_TALKERS = """
[...document.querySelectorAll('#talkers .talker')].filter((one) => {
  const {left, top, width, height} = one.getBoundingClientRect();
  return document.elementFromPoint(left + width / 2, top + height / 2)?.closest('.talker') !== one;
}).map((one) => one.textContent)
"""


async def crowd(stage: Stage, count: int) -> None:
    """Have people without a voice join until there are so many."""
    while len(stage.room.participants) < count:
        seat_local(stage.server, stage.room_name, f"Number {len(stage.room.participants)}")
    await stage.amy.wait_for(f"document.querySelectorAll('.person').length === {count}")


async def be(page: Page, width: int, height: int) -> None:
    """Have a window of this size, at rest."""
    await page.look_as(width, height, reduced_motion=True)
    await page.wait_for(f"innerWidth === {width} && innerHeight === {height}")
    await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


async def test_everybody_has_their_place_on_every_screen_however_many_they_are(stage: Stage) -> None:
    await stage.amy.call("Page.bringToFront")
    await stage.enter(stage.amy, "Amy", "host")
    for count in (1, 2, 3, 6, 12, 20, 25, 60):
        await crowd(stage, count)
        for width, height in WINDOWS:
            where = f"{count} people on {width} by {height}"
            await be(stage.amy, width, height)
            assert await stage.amy.evaluate(MISPLACED) == [], where
            assert await stage.amy.evaluate(STICKING_OUT) == [], where
            assert await stage.amy.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
            look = await stage.amy.evaluate("document.getElementById('people').dataset.look")
            assert count <= 20 or look == "list", where
            assert count > 3 or look == "tiles", where
    assert [text for ratio, text in await stage.amy.evaluate(CONTRASTS) if ratio < 4.5] == []
    assert stage.amy.complaints == []


async def test_few_people_fill_the_screen(stage: Stage) -> None:
    await stage.amy.call("Page.bringToFront")
    await stage.enter(stage.amy, "Amy", "host")
    filled = (
        "(() => { const stage = document.getElementById('stage'); const {width, height} ="
        " document.getElementById('people').getBoundingClientRect();"
        " return Math.max(width / stage.clientWidth, height / stage.clientHeight); })()"
    )
    for count in (2, 4):
        await crowd(stage, count)
        for width, height in WINDOWS:
            await be(stage.amy, width, height)
            assert await stage.amy.evaluate(filled) > 0.85, f"{count} people on {width} by {height}"


async def test_who_talks_in_a_crowd_is_named_wherever_one_has_scrolled_and_nobody_moves(stage: Stage) -> None:
    await stage.amy.call("Page.bringToFront")
    await be(stage.amy, 390, 844)
    await stage.enter(stage.amy, "Amy", "listener")
    await crowd(stage, 24)
    assert await stage.amy.evaluate(_TALKERS) == []
    await stage.amy.wait_for_text("Nobody is talking")
    seat_local(stage.server, stage.room_name, "Ben", 440)
    await stage.amy.wait_for("document.querySelectorAll('.person').length === 25")
    order = await stage.amy.evaluate(_ORDER)
    said = await listen_to_announcements(stage.amy)
    await stage.amy.wait_for(f"{_TALKERS}.join() === 'Ben'")
    for scrolled in ("0", "1e6"):
        await stage.amy.evaluate(f"document.getElementById('stage').scrollTop = {scrolled}")
        assert await stage.amy.evaluate(_HIDDEN_TALKERS) == []
    assert await stage.amy.evaluate("document.getElementById('stage').scrollTop") > 0
    seat_local(stage.server, stage.room_name, "Cy", 700)
    await stage.amy.wait_for(f"{_TALKERS}.join() === 'Ben,Cy'")
    stage.room.set_muted("local-Ben", True)
    await stage.amy.wait_for("!document.querySelector('.talker').matches('.is-talking')")
    assert await stage.amy.evaluate(_TALKERS) == ["Ben", "Cy"], "who stops for a moment stays where they are"
    await stage.amy.wait_for(f"{_TALKERS}.join() === 'Cy'")
    await stage.amy.click("button", "Chat")
    assert await stage.amy.evaluate(_HIDDEN_TALKERS) == []
    assert (await stage.amy.evaluate(_ORDER))[:25] == order
    assert not [sentence for sentence in await said() if "talk" in sentence.lower()]
    assert await stage.amy.accessible("group", "Talking now")


async def test_what_scrolls_is_within_reach_of_the_keyboard_and_what_does_not_is_not_in_its_way(stage: Stage) -> None:
    await stage.amy.call("Page.bringToFront")
    await be(stage.amy, 390, 844)
    await stage.enter(stage.amy, "Amy", "listener")
    assert await stage.amy.evaluate("document.getElementById('stage').tabIndex") == -1
    await crowd(stage, 30)
    await stage.amy.wait_for("document.getElementById('stage').tabIndex === 0")
    await stage.amy.evaluate("document.getElementById('stage').focus()")
    assert await stage.amy.evaluate("document.activeElement.id") == "stage"
