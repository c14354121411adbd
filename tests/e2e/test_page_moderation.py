"""A host runs a room from the page, and the others see what was decided about them. Two pages of one browser."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from conference.room.policy import RoomPolicy
from conference.room.sounds import Sound
from tests.e2e.legible import FAINT
from tests.e2e.on_the_page import WATCH_TRIES, hears, in_the_room, listen_to_announcements, tries_nothing_more
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


# Words and hands ------------------------------------------------------------------------------------------------


async def test_the_chat_goes_both_ways_and_shows_markup_as_text(stage: Stage) -> None:
    await stage.both()
    said = await listen_to_announcements(stage.amy)
    evil = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    await stage.ben.click("button", "Chat")
    await stage.ben.fill("Message to everybody", evil)
    await stage.ben.press("Enter")
    await stage.amy.wait_for("document.getElementById('unread').textContent === '1'")
    assert await stage.amy.accessible("button", "Chat, 1 unread")
    assert [one for one in await said() if one.startswith("Ben writes: <script>")]
    await stage.amy.click("button", "Chat, 1 unread")
    for page in (stage.amy, stage.ben):
        await page.wait_for(f"document.querySelector('.chat-words').textContent === {evil!r}")
        assert await page.evaluate("document.querySelectorAll('.chat-words *').length") == 0
        assert await page.evaluate("window.hacked") is None
    await stage.amy.fill("Message to everybody", "Hello Ben")
    await stage.amy.press("Enter")
    await stage.ben.wait_for("document.querySelector('.chat-log li:last-child').textContent.includes('Hello Ben')")
    assert await stage.ben.evaluate("document.querySelector('.chat-log li:last-child .chat-name').textContent") == "Amy"
    await stage.ben.press("Escape")
    assert await stage.ben.evaluate("document.activeElement.id") == "chat-open"
    assert stage.ben.complaints == stage.amy.complaints == []


async def test_addresses_in_the_chat_are_links_that_open_beside_the_page(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "Chat")
    now = time.time()
    for name in ("Ben", "Amy"):
        person = stage.person(name)
        text = f"See ({stage.server.url}/docs), <b>or</b> javascript:alert(1)."
        stage.room.send_message(person.id, name, text, now)
    await stage.amy.wait_for("document.querySelectorAll('.chat-words').length === 2")
    assert (
        await stage.amy.evaluate("[...document.querySelectorAll('.chat-words')].map((one) => one.textContent)")
        == [text] * 2
    )
    links = await stage.amy.evaluate(
        "[...document.querySelectorAll('.chat-words *')]"
        "  .map((one) => [one.localName, one.textContent, one.href, one.target, one.rel])"
    )
    address = f"{stage.server.url}/docs"
    assert links == [["a", address, address, "_blank", "noopener noreferrer"]] * 2
    assert await stage.amy.evaluate(FAINT) == []
    await stage.amy.evaluate("document.querySelector('.chat-words a').focus()")
    assert await stage.amy.evaluate(FAINT) == []


async def test_a_raised_hand_is_seen_in_its_place_and_a_host_can_lower_it(stage: Stage) -> None:
    await stage.both()
    seat_local(stage.server, stage.room_name, "Cy")
    stage.room.raise_hand("local-Cy", time.time() - 5)
    await stage.ben.click("button", "Raise hand")
    await stage.ben.wait_for("document.getElementById('hand').getAttribute('aria-pressed') === 'true'")
    ben = f"[data-participant='{stage.person('Ben').id}'] .hand"
    await stage.amy.wait_for(f'document.querySelector("{ben}")?.innerText.includes("2")')
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Lower hand")
    await stage.ben.wait_for_text("Amy lowered your hand.")
    assert stage.person("Ben").hand_raised_at is None
    assert await stage.ben.accessible("button", "Raise hand")


# Who hears whom -------------------------------------------------------------------------------------------------


async def test_a_host_coaches_one_person_knows_it_and_speaks_up_again(stage: Stage) -> None:
    await stage.both()
    amy, ben = stage.person("Amy").id, stage.person("Ben").id
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Talk to them alone")
    await eventually(lambda: stage.room.hearing.gain("local-Cy", amy) == 0, "Cy does not hear Amy")
    assert stage.room.hearing.gain(ben, amy) == 1
    await stage.amy.press("Escape")
    await stage.amy.wait_for_text("Only Ben can hear you.")
    await stage.amy.click("button", "Talk to everybody again")
    await eventually(lambda: stage.room.hearing.plain, "everybody hears Amy")
    await stage.amy.wait_for("document.getElementById('own-status').hidden")


async def test_a_host_has_somebody_heard_by_those_who_are_ticked(stage: Stage) -> None:
    await stage.both()
    amy, ben = stage.person("Amy").id, stage.person("Ben").id
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.evaluate("document.getElementById('person-whisper').open = true")
    await stage.amy.click("checkbox", "Amy (you)")
    for talking in (True, False, True):  # what happens meanwhile leaves the focus where it is
        stage.room.participants["local-Cy"].talking = talking
        stage.room.rename("local-Cy", f"Cy {talking}")
        await stage.amy.wait_for(f"document.body.innerText.includes('Cy {talking}')")
        assert await stage.amy.evaluate("document.activeElement.value") == amy
    await stage.amy.click("button", "Only those")
    await eventually(lambda: stage.room.hearing.gain("local-Cy", ben) == 0, "Cy does not hear Ben")
    assert stage.room.hearing.gain(amy, ben) == 1
    assert "can hear you" not in await stage.ben.evaluate("document.body.innerText")  # which is the hosts' business
    await stage.amy.click("button", "Everybody again")
    await eventually(lambda: stage.room.hearing.plain, "everybody hears Ben")


@pytest.mark.parametrize(("listener", "source"), [("Amy", "Ben"), ("Ben", "Amy")], ids=["host", "speaker"])
async def test_a_slider_sets_how_loud_somebody_is_for_oneself(stage: Stage, listener: str, source: str) -> None:
    await stage.both()
    page = stage.amy if listener == "Amy" else stage.ben
    ears, mouth = stage.person(listener).id, stage.person(source).id
    await page.click("button", f"More about {source}")
    set_to = (
        "{const box = document.getElementById('person-volume'); box.value = %d; box.dispatchEvent(new Event('input'))}"
    )
    await page.evaluate(set_to % 50)
    await eventually(lambda: stage.room.volumes.volume(ears, mouth) == 0.5, "at half")
    assert stage.room.volumes.volume(mouth, ears) == 1
    await page.evaluate(set_to % 100)
    await eventually(lambda: stage.room.volumes.plain, "as before")


async def test_a_volume_that_is_refused_goes_back_to_what_it_was(stage: Stage) -> None:
    stage.server.live.settings = replace(stage.server.live.settings, max_own_volumes=0)
    await stage.both()
    await stage.ben.click("button", "More about Amy")
    await stage.ben.evaluate(
        "{const box = document.getElementById('person-volume'); box.value = 50; box.dispatchEvent(new Event('input'))}"
    )
    await stage.ben.wait_for_text("Too many people in this room have set volumes of their own.")
    await stage.ben.wait_for("document.getElementById('person-volume').value === '100'")


async def test_hold_and_deafness_are_told_and_taken_back(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Put on hold")
    await stage.ben.wait_for_text("You are on hold: nobody hears you, and you hear nobody.")
    await stage.amy.wait_for("document.querySelector('.mark-held')")
    await stage.amy.click("button", "Take off hold")
    await stage.ben.wait_for_text("Amy took you off hold.")
    await stage.amy.click("button", "Deafen")
    await stage.ben.wait_for_text("You hear nobody.")
    await stage.ben.click("button", "Hear the others again")
    await eventually(lambda: not stage.person("Ben").deafened, "Ben hears again")


# Roles ----------------------------------------------------------------------------------------------------------


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
