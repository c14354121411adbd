"""A host runs a room from the page, and the others see what was decided about them. Two pages of one browser."""

from __future__ import annotations

import pytest

from conference.room.policy import RoomPolicy
from conference.room.sounds import Sound
from tests.e2e.on_the_page import WATCH_TRIES, hears, in_the_room, tries_nothing_more
from tests.e2e.running import eventually
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage
from tests.tones import tone

pytestmark = pytest.mark.e2e


# Muting ---------------------------------------------------------------------------------------------------------


async def test_whom_a_host_mutes_sees_why_and_cannot_unmute_until_they_are_asked(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Mute", within=3)
    await stage.ben.wait_for("document.querySelector('#mute .control-label').textContent === 'Muted by Amy'")
    await stage.ben.wait_for_text("You were muted by Amy.")
    await stage.amy.wait_for("document.querySelector('.mark-muted').textContent === 'Muted by Amy'")
    for _ in range(2):
        await stage.ben.click("button", "Muted by Amy")
        await stage.ben.press("m")
    await stage.ben.wait_for_text("only a host can let you speak again")
    await stage.ben.key_down(" ")
    await stage.ben.key_up(" ")
    assert stage.person("Ben").muted
    assert stage.ben.complaints == []  # not even tried
    await stage.amy.click("button", "Ask to unmute")
    await stage.ben.wait_for_text("Amy asks you to unmute.")
    assert stage.person("Ben").muted  # it is for Ben to say
    await stage.ben.click("button", "Unmute me")
    await eventually(lambda: not stage.person("Ben").muted, "Ben unmutes")
    await stage.ben.wait_for("document.getElementById('asked').hidden")
    assert await stage.ben.accessible("button", "Mute")


async def test_everybody_but_hosts_is_muted_at_once(stage: Stage) -> None:
    await stage.both()
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.click("button", "Manage room")
    await stage.amy.click("button", "Mute everybody but hosts")
    await stage.amy.wait_for_text("2 people were muted.")
    assert [stage.person(name).muted for name in ("Amy", "Ben", "Cy")] == [False, True, True]
    await stage.ben.wait_for_text("Muted by Amy")


# The lobby ------------------------------------------------------------------------------------------------------


@pytest.mark.alone
async def test_who_waits_hears_the_music_and_is_let_in_by_the_host(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    stage.room.set_policy(RoomPolicy(lobby="admit"))
    stage.room.play(Sound(id="m", name="music", samples=tone(1000.0, 1.0, -20.0, fade=0), loop=True, for_absent=True))
    await stage.knock(stage.ben, "Ben")
    await stage.ben.wait_for_text("You are in the waiting room")
    await stage.amy.wait_for_text("1 person waits to be let in")
    assert await stage.ben.evaluate("document.querySelectorAll('.person').length") == 0
    assert not await stage.ben.accessible("button", "Chat")
    assert not await stage.ben.accessible("button", "Raise hand")
    await hears(stage.ben, 1000.0, -20)
    await stage.amy.click("button", "Let in: Ben")
    await in_the_room(stage.ben)
    await stage.ben.wait_for("document.querySelectorAll('.person').length === 2")
    await stage.ben.wait_for_text("You are in.")
    assert await stage.ben.evaluate("document.activeElement.id") == "room-title"
    await stage.amy.wait_for("document.getElementById('lobby').hidden")


async def test_who_waits_can_leave_and_all_can_be_let_in_together(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.amy.click("button", "Manage room")
    await stage.amy.evaluate(
        "{const box = document.getElementById('policy-lobby');"
        " box.value = 'admit'; box.dispatchEvent(new Event('change'))}"
    )
    await eventually(lambda: stage.room.policy.lobby == "admit", "there is a lobby")
    await stage.amy.press("Escape")
    await stage.knock(stage.ben, "Ben")
    await stage.ben.wait_for_text("You are in the waiting room")
    await stage.ben.click("button", "Leave")
    await stage.ben.wait_for_text("You were not let in yet")
    await eventually(lambda: stage.names() == ["Amy"], "Ben is gone")
    await stage.ben.click("button", "Join")
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.wait_for_text("2 people wait to be let in")
    await stage.amy.click("button", "Let everybody in")
    await in_the_room(stage.ben)
    await stage.ben.wait_for("document.querySelectorAll('.person').length === 3")


# The end --------------------------------------------------------------------------------------------------------


async def test_who_is_removed_is_told_by_whom_and_stays_out(stage: Stage) -> None:
    await stage.ben.before_load(WATCH_TRIES)
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Remove from the room…")
    await stage.amy.click("button", "Cancel")
    assert stage.names() == ["Amy", "Ben"]
    await stage.amy.click("button", "Remove from the room…")
    await stage.amy.click("button", "Remove")
    await stage.ben.wait_for_text("You were removed")
    await stage.ben.wait_for_text("Amy removed you from the room.")
    assert await stage.ben.evaluate("document.activeElement.id") == "join-title"
    assert await tries_nothing_more(stage.ben)
    assert stage.names() == ["Amy"]
    assert stage.ben.complaints == []


async def test_a_question_asked_again_in_the_same_frame_is_still_answered(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Remove from the room…")
    await stage.amy.evaluate(
        "(() => {"
        "const again = [...document.querySelectorAll('button')].find((one) => one.innerText.startsWith('Remove from'));"
        " document.getElementById('confirm-no').click(); again.click();"
        " return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));"
        "})()"
    )
    await stage.amy.click("button", "Remove")
    await stage.ben.wait_for_text("Amy removed you from the room.")


async def test_who_finds_out_afterwards_that_they_were_removed_stays_out_too(stage: Stage) -> None:
    await stage.both()
    await stage.ben.call("Network.enable")
    await stage.ben.call("Network.setBlockedURLs", urls=["*/events?*"])
    stage.server.live.feeds.finish()  # the stream breaks, and does not come back
    stage.server.live.conference.dismiss(stage.room_name, stage.person("Ben").id, "removed", by="Amy")
    await stage.ben.wait_for_text("You were removed", within=15)
    assert stage.names() == ["Amy"]


async def test_when_a_host_ends_it_everybody_is_told_and_nobody_comes_back(stage: Stage) -> None:
    for page in (stage.amy, stage.ben):
        await page.before_load(WATCH_TRIES)
    await stage.both()
    await stage.amy.click("button", "Manage room")
    await stage.amy.click("button", "End it for everybody…")
    await stage.amy.click("button", "End for everybody")
    for page in (stage.amy, stage.ben):
        await page.wait_for_text("The conference is over")
    await stage.ben.wait_for_text("Amy ended it for everybody.")
    for page in (stage.amy, stage.ben):
        assert await tries_nothing_more(page)
    assert stage.names() == []
