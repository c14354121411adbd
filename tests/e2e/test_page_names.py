"""Names on the page: people of the same name can be told apart, and a long one breaks nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference.room.policy import RoomPolicy
from tests.e2e.running import eventually
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e

LONG_NAME = "Maximilian Wolfeschlegelsteinhausenbergerdorff of Somewhere Else"

# How many lines each piece of text in the open dialog takes that is more than one.
WRAPPED = """
(() => {
  const wrapped = [];
  const walker = document.createTreeWalker(document.querySelector('dialog[open]'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.data.trim() || !node.parentElement.checkVisibility()) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const lines = new Set([...range.getClientRects()].map((line) => Math.round(line.top)));
    if (lines.size > 1) wrapped.push([node.data, lines.size]);
  }
  return wrapped;
})()
"""


async def test_two_of_one_name_who_wait_are_told_apart_and_the_right_one_is_let_in(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    stage.room.set_policy(RoomPolicy(lobby="admit"))
    await stage.amy.wait_for_text("You are the only one here.")
    await stage.knock(stage.ben, "Alex")
    await stage.amy.wait_for_text("1 person waits for you to let them in.")
    seat_local(stage.server, stage.room_name, "alex")
    await stage.amy.wait_for_text("2 people wait for you to let them in.")
    assert not await stage.amy.evaluate("document.body.innerText.includes('the only one here')")
    lines = await stage.amy.evaluate("[...document.querySelectorAll('.lobby-who')].map((one) => one.innerText)")
    assert len(set(lines)) == 2
    assert lines[0].startswith("Alex\nWeb · Alex@example.org ·")
    assert lines[1].startswith("alex (2)\nProgram ·")
    await stage.amy.click("button", "Let in: alex (2)")
    await eventually(lambda: not stage.room.participants["local-alex"].waiting, "the second is in")
    assert stage.person("Alex").waiting
    await stage.amy.wait_for("document.querySelectorAll('.person').length === 2")
    assert await stage.amy.accessible("button", "More about alex (2)")


async def test_who_is_alone_and_may_let_nobody_in_is_told_that_others_wait(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy")
    stage.room.set_policy(replace(stage.room.policy, lobby="admit"))
    seat_local(stage.server, stage.room_name, "Ben")
    await stage.amy.wait_for_text("1 person waits for a host.")
    assert await stage.amy.evaluate("document.getElementById('lobby').hidden")


async def test_a_long_name_leaves_every_line_of_a_persons_menu_one_line(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    seat_local(stage.server, stage.room_name, LONG_NAME)
    await stage.amy.click("button", f"More about {LONG_NAME}")
    await stage.amy.wait_for("document.getElementById('person-dialog').open")
    for width in (1280, 390, 320):
        await stage.amy.look_as(width, 800)
        await stage.amy.wait_for(f"innerWidth === {width}")
        assert await stage.amy.evaluate(WRAPPED) == [], width
    assert await stage.amy.evaluate("document.getElementById('person-title').title") == LONG_NAME
