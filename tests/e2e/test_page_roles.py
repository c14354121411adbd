"""Hosts, speakers and listeners, and what the page offers to each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference.room.policy import RoomPolicy
from tests.e2e.on_the_page import listen_to_announcements
from tests.e2e.running import eventually
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e


async def test_a_listener_has_no_microphone_until_a_host_makes_them_a_speaker(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.ben.before_load(
        "const get = MediaDevices.prototype.getUserMedia; window.asked = 0;"
        "MediaDevices.prototype.getUserMedia = function (wish) { asked++; return get.call(this, wish); };"
    )
    await stage.enter(stage.ben, "Ben", "listener")
    assert await stage.ben.evaluate("asked") == 0
    assert not await stage.ben.accessible("button", "Mute")
    assert not await stage.ben.accessible("button", "Manage room")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("radio", "Speaker")
    await stage.ben.wait_for_text("Amy made you a speaker.")
    assert await stage.ben.evaluate("asked") == 0  # not without being told to
    ben = stage.person("Ben")
    await stage.ben.click("button", "Turn on my microphone")
    await eventually(lambda: ben.talking, "Ben is heard")
    assert stage.person("Ben") is ben  # and was never gone
    assert await stage.ben.accessible("button", "Mute")


async def test_who_is_made_a_host_gets_what_a_host_needs_for_as_long_as_they_are_one(stage: Stage) -> None:
    await stage.both()
    seat_local(stage.server, stage.room_name, "Cy")
    stage.room.set_policy(replace(stage.room.policy, pin="2468"))
    await stage.ben.click("button", "More about Cy")
    assert not await stage.ben.accessible("button", "Remove from the room…")
    await stage.ben.press("Escape")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("radio", "Host")
    await stage.ben.wait_for_text("Amy made you a host.")
    await stage.ben.click("button", "More about Cy")
    await stage.ben.click("button", "Mute", within=3)
    await eventually(lambda: stage.person("Cy").muted_by == "Ben", "Ben muted Cy")
    await stage.ben.press("Escape")
    await stage.ben.click("button", "Manage room")
    assert await stage.ben.evaluate("document.getElementById('policy-pin').value") == "2468"
    await stage.ben.press("Escape")
    await stage.amy.click("radio", "Speaker")
    await stage.ben.wait_for("document.getElementById('manage').hidden")
    await stage.ben.click("button", "More about Cy")
    assert not await stage.ben.accessible("button", "Remove from the room…")
    assert stage.ben.complaints == []


async def test_who_is_made_a_listener_is_muted_so_that_nobody_is_heard_by_surprise(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("radio", "Listener")
    await eventually(lambda: stage.person("Ben").muted, "Ben is muted")
    await stage.ben.wait_for("document.getElementById('mute').hidden")
    await stage.amy.click("radio", "Speaker")
    await stage.ben.wait_for_text("Amy made you a speaker.")
    assert stage.person("Ben").muted
    await stage.ben.click("button", "Unmute")
    await eventually(lambda: not stage.person("Ben").muted, "Ben speaks when he wants to")


async def test_a_host_locks_the_room_and_renames_people(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "Manage room")
    await stage.amy.click("checkbox", "Lock the room Nobody but hosts can join any more")
    await eventually(lambda: stage.room.policy.locked, "locked")
    await stage.ben.wait_for("!document.getElementById('locked').hidden")
    await stage.amy.press("Escape")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.fill("Name", "Benjamin")
    await stage.amy.press("Enter")
    await stage.ben.wait_for_text("Amy named you Benjamin.")
    await stage.ben.click("button", "Leave")
    await stage.ben.wait_for_text("You left the room")
    await stage.ben.click("button", "Join")
    await stage.ben.wait_for_text("This room is locked")
    assert stage.names() == ["Amy"]


async def test_policy_is_shown_as_others_change_it(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.amy.click("button", "Manage room")
    stage.room.set_policy(replace(stage.room.policy, mute_on_entry=True, announce="names"), by="Somebody")
    await stage.amy.wait_for("document.getElementById('policy-mute').checked")
    await stage.amy.wait_for("document.getElementById('policy-announce').value === 'names'")
    await stage.amy.fill("PIN, for people without an invitation", "12")
    await stage.amy.click("button", "Set PIN")
    await stage.amy.wait_for_text("A PIN is 4 to 12 digits.")
    await stage.amy.fill("PIN, for people without an invitation", "2468")
    await stage.amy.click("button", "Set PIN")
    await eventually(lambda: stage.room.policy.pin == "2468", "there is a PIN")


async def test_what_was_offered_is_taken_back_when_it_is_not_to_be_had_any_more(stage: Stage) -> None:
    await stage.both()
    ben = stage.person("Ben").id
    stage.room.set_muted(ben, True, by="Amy")
    stage.room.ask_to_unmute(ben, by="Amy")
    await stage.ben.wait_for_text("Amy asks you to unmute.")
    stage.room.mute_all([], by="Amy")
    await stage.ben.wait_for("document.getElementById('asked').hidden")
    for role in ("listener", "speaker"):
        stage.room.set_role(ben, role, by="Amy")
        await stage.ben.wait_for_text(f"Amy made you a {role}.")
    assert await stage.ben.accessible("button", "Turn on my microphone")
    stage.room.set_role(ben, "listener", by="Amy")
    await stage.ben.wait_for("document.getElementById('asked').hidden")


async def test_a_host_who_is_one_no_more_is_left_what_everybody_has(stage: Stage) -> None:
    await stage.both()
    ben = stage.person("Ben").id
    over = {
        "Manage room": "!document.getElementById('manage-dialog').open",
        "More about Amy": "document.querySelector('#person-dialog button[data-action=remove]').hidden",
    }
    for button, gone in over.items():
        stage.room.set_role(ben, "host", by="Amy")
        await stage.ben.click("button", button)
        await stage.ben.wait_for(f"document.querySelector('dialog[open]') && !({gone})")
        stage.room.set_role(ben, "speaker", by="Amy")
        await stage.ben.wait_for(gone)
    assert await stage.ben.accessible("slider", "Volume, for you alone")


async def test_it_is_said_who_comes_in_from_the_lobby(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.enter(stage.ben, "Ben")
    stage.room.set_policy(RoomPolicy(lobby="admit"))
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.wait_for_text("1 person waits")
    for page in (stage.amy, stage.ben):
        await listen_to_announcements(page)
    stage.room.admit_all()
    for page in (stage.amy, stage.ben):
        await page.wait_for("said.some((one) => /Cy joined/.test(one))")


async def test_whom_a_host_makes_a_listener_is_told_who_it_was(stage: Stage) -> None:
    await stage.both()
    said = await listen_to_announcements(stage.ben)
    stage.room.set_role(stage.person("Ben").id, "listener", by="Amy")
    await stage.ben.wait_for("said.includes('Amy made you a listener.')")
    await eventually(lambda: stage.person("Ben").muted, "Ben is muted")
    assert not [one for one in await said() if "mute" in one]
