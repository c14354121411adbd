"""Whoever uses the keyboard, or listens to the page, does not lose their place, nor what is said."""

from __future__ import annotations

import pytest

from conference.room.policy import RoomPolicy
from tests.e2e.running import eventually
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e

_TOAST_IS_IN_FRONT = """
(() => {
  const toast = document.getElementById('toast');
  toast.style.pointerEvents = 'auto';
  const {left, top, width, height} = toast.getBoundingClientRect();
  return document.elementFromPoint(left + width / 2, top + height / 2) === toast;
})()
"""


async def test_a_remark_is_seen_and_read_out_while_a_dialog_is_open(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.amy.click("button", "Manage room")
    await stage.amy.fill("PIN, for people without an invitation", "12")
    await stage.amy.click("button", "Set PIN")
    remark = "A PIN is 4 to 12 digits."
    await stage.amy.wait_for_text(remark)
    assert await stage.amy.evaluate(_TOAST_IS_IN_FRONT)
    assert await stage.amy.accessible("StaticText", remark)
    await stage.amy.press("Escape")
    await stage.amy.click("button", "Raise hand")
    await stage.amy.wait_for("document.getElementById('announce-polite').textContent === 'Hand raised'")
    assert await stage.amy.accessible("StaticText", "Hand raised")


async def test_what_is_said_when_a_dialog_closes_is_seen(stage: Stage) -> None:
    await stage.both()
    stage.room.set_muted(stage.person("Ben").id, True)
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Ask to unmute")
    await stage.amy.wait_for("!document.querySelector('dialog[open]')")
    await stage.amy.wait_for_text("Ben was asked to unmute.")
    assert await stage.amy.evaluate(_TOAST_IS_IN_FRONT)


async def test_the_focus_stays_with_whoever_waits_while_others_come_and_go(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    stage.room.set_policy(RoomPolicy(lobby="admit"))
    seat_local(stage.server, stage.room_name, "Ben")
    await stage.amy.wait_for_text("1 person waits")
    await stage.amy.evaluate("document.querySelector('#lobby-list button').focus()")
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.wait_for_text("2 people wait")
    assert await stage.amy.evaluate("document.activeElement.ariaLabel") == "Let in: Ben"
    await stage.amy.press("Enter")
    await stage.amy.wait_for_text("1 person waits")
    assert await stage.amy.evaluate("document.activeElement.ariaLabel") == "Let in: Cy"
    await stage.amy.press("Enter")
    await stage.amy.wait_for("document.getElementById('lobby').hidden")
    assert await stage.amy.evaluate("document.activeElement.id") == "room-title"


async def test_the_focus_goes_to_the_title_when_whoever_is_shown_is_gone(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Remove from the room…")
    await stage.amy.click("button", "Remove")
    await eventually(lambda: stage.names() == ["Amy"], "Ben is gone")
    await stage.amy.wait_for("!document.querySelector('dialog[open]')")
    await stage.amy.wait_for("document.activeElement.id === 'room-title'", within=3)


async def test_the_focus_stays_where_mute_was_pressed(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.evaluate("document.querySelector('[data-action=mute]').focus()")
    await stage.amy.press("Enter")
    await eventually(lambda: stage.person("Ben").muted, "Ben is muted")
    await stage.amy.wait_for("document.activeElement.dataset.action === 'ask'", within=3)
