"""The page, used as a person uses it, in Chromium; its main journeys are in test_page_in_each_browser.py."""

from __future__ import annotations

import asyncio
import json

import pytest

from conference.audio.frame import SAMPLE_RATE
from conference.settings import Settings
from tests.e2e.browser import Page
from tests.e2e.on_the_page import AMY_HZ, BEN_HZ, in_the_room, join, names, participant
from tests.e2e.running import RunningServer, eventually, running_server
from tests.e2e.seats import seat_local
from tests.tones import level_at

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("chromium")]


# Joining --------------------------------------------------------------------------------------------------------


async def test_somebody_types_a_name_and_a_room_and_is_in(server: RunningServer, page: Page) -> None:
    await page.goto(server.url + "/")
    await page.fill("Your name", "Amy Archer")
    await page.fill("Room", "standup")
    await page.press("Enter")
    await in_the_room(page)
    assert names(server) == ["Amy Archer"]
    assert await page.accessible("button", "Mute")
    assert await page.accessible("button", "Leave")
    assert await page.accessible("button", "Copy invitation")
    assert await page.evaluate("document.activeElement.textContent") == "standup"
    await page.wait_for_text("You are the only one here")
    assert page.complaints == []


async def test_an_invitation_comes_filled_in(server: RunningServer, page: Page) -> None:
    await page.goto(f"{server.url}/join/standup?name=Amy")
    await page.wait_for("!document.getElementById('join-view').hidden")
    assert [node["name"] for node in await page.accessible("textbox")] == ["Your name", "Room"]
    assert await page.evaluate("['name', 'room'].map(id => document.getElementById(id).value)") == [
        "Amy",
        "standup",
    ]


async def test_an_invitation_can_join_by_itself(server: RunningServer, page: Page) -> None:
    await page.goto(f"{server.url}/join/standup?name=Amy&autojoin=1")
    await in_the_room(page)
    assert names(server) == ["Amy"]


async def test_the_microphones_level_is_seen_before_joining(server: RunningServer, humming_page: Page) -> None:
    await humming_page.goto(f"{server.url}/join/standup?name=Amy&processing=off")
    await humming_page.wait_for(
        "new DOMMatrix(document.querySelector('#mic-meter .meter-fill').style.transform || 'scale(0)').a > 0.5"
    )
    assert [node["name"] for node in await humming_page.accessible("combobox")] == ["Microphone", "Speaker"]


# Sound ----------------------------------------------------------------------------------------------------------


@pytest.mark.alone
async def test_everybody_is_shown_with_their_way_in_their_level_and_whether_they_talk(
    server: RunningServer, humming_page: Page
) -> None:
    seat_local(server, "standup", "Ben", BEN_HZ)
    seat_local(server, "standup", "Cy")
    await join(humming_page, server)
    await humming_page.wait_for("document.querySelectorAll('.person.is-talking').length === 2")
    people = await humming_page.evaluate("[...document.querySelectorAll('.person')].map(tile => tile.innerText)")
    assert [text.split("\n")[1] for text in people] == ["Amy", "Ben", "Cy"]
    assert "You" in people[0]
    assert "Web" in people[0]
    assert "Program" in people[1]
    scale = "new DOMMatrix(document.querySelectorAll('.person .meter-fill')[%d].style.transform || 'scale(0)').a"
    await humming_page.wait_for(scale % 0 + " > 0.3")
    await humming_page.wait_for(scale % 1 + " > 0.3")
    assert await humming_page.evaluate(scale % 2) == 0
    await humming_page.wait_for_text("Connection: good", within=10)


async def choose(page: Page, label: str) -> None:
    """Choose a microphone in the sound settings."""
    await page.click("button", "Settings")
    await page.evaluate(
        "{const box = document.getElementById('microphone');"
        f" box.value = [...box.options].find(one => one.label === {json.dumps(label)}).value;"
        " box.dispatchEvent(new Event('change'))}"
    )
    await page.click("button", "Done")


async def test_the_microphone_can_be_put_away_and_taken_out_again(server: RunningServer, humming_page: Page) -> None:
    ben = seat_local(server, "standup", "Ben")
    await join(humming_page, server)
    await eventually(lambda: participant(server).talking, "Amy is heard")
    await choose(humming_page, "No microphone, just listen")
    await eventually(lambda: not participant(server).talking, "Amy is silent")
    await humming_page.wait_for("document.getElementById('mute').disabled")
    await choose(humming_page, "Fake Audio Input 1")
    await eventually(lambda: participant(server).talking, "Amy is heard again")
    assert level_at(await ben.listen(0.5), SAMPLE_RATE, AMY_HZ) > -40
    assert await humming_page.accessible("button", "Mute")


async def test_who_joined_to_listen_can_take_a_microphone_and_keeps_the_seat(
    server: RunningServer, humming_page: Page
) -> None:
    ben = seat_local(server, "standup", "Ben")
    await humming_page.goto(f"{server.url}/join/standup?name=Amy&processing=off")
    await humming_page.wait_for("document.getElementById('microphone').options.length > 1")
    await humming_page.evaluate(
        "{const box = document.getElementById('microphone'); box.value = 'none';"
        " box.dispatchEvent(new Event('change'))}"
    )
    await humming_page.click("button", "Join")
    await in_the_room(humming_page)
    seat = participant(server).id
    await choose(humming_page, "Fake Audio Input 1")
    await eventually(lambda: participant(server).talking, "Amy is heard")
    assert participant(server).id == seat
    assert level_at(await ben.listen(0.5), SAMPLE_RATE, AMY_HZ) > -40


# Mute -----------------------------------------------------------------------------------------------------------


async def test_m_mutes_and_unmutes(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.press("m")
    await eventually(lambda: participant(server).muted, "M mutes")
    await page.press("M")
    await eventually(lambda: not participant(server).muted, "M unmutes")


async def test_quick_presses_end_where_the_person_left_off(server: RunningServer, page: Page) -> None:
    await join(page, server)
    for _ in range(7):
        await page.press("m")
    await eventually(lambda: participant(server).muted, "an odd number of presses mutes")
    await asyncio.sleep(1.5)  # longer than an echo of an earlier press may take
    assert participant(server).muted
    assert await page.accessible("button", "Unmute")


async def test_holding_space_talks_while_muted(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.click("button", "Mute")  # a click leaves no focus on the button
    await eventually(lambda: participant(server).muted, "muted")
    await page.key_down(" ")
    await eventually(lambda: not participant(server).muted, "open while space is held")
    await page.key_up(" ")
    await eventually(lambda: participant(server).muted, "muted again")


async def test_space_on_a_button_is_the_buttons(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.press("m")
    await eventually(lambda: participant(server).muted, "muted")
    await page.evaluate("document.getElementById('invite').focus()")
    await page.key_down(" ")
    assert await page.evaluate("document.getElementById('mute').classList.contains('is-muted')")  # it would be at once
    assert participant(server).muted
    await page.key_up(" ")


async def test_a_mute_by_the_server_is_shown_and_said(server: RunningServer, page: Page) -> None:
    await join(page, server)
    server.live.conference.rooms["standup"].set_muted(participant(server).id, True)
    await page.wait_for_text("You were muted.")
    assert await page.accessible("button", "Unmute")
    await page.click("button", "Unmute")
    await eventually(lambda: not participant(server).muted, "who was muted may speak again")


# Leaving --------------------------------------------------------------------------------------------------------


async def test_leave_gives_up_the_seat_and_the_microphone(server: RunningServer, page: Page) -> None:
    seat_local(server, "standup", "Ben")
    await page.before_load(
        "const get = MediaDevices.prototype.getUserMedia; window.opened = [];"
        "MediaDevices.prototype.getUserMedia = async function (wish) {"
        "  const stream = await get.call(this, wish); opened.push(...stream.getTracks()); return stream; };"
    )
    await join(page, server)
    await page.click("button", "Leave")
    await page.wait_for_text("You left the room")
    await eventually(lambda: names(server) == ["Ben"], "Amy is gone")
    assert set(await page.evaluate("opened.map(track => track.readyState)")) == {"ended"}
    assert await page.evaluate("document.activeElement.id") == "join-title"
    await page.click("button", "Join")
    await in_the_room(page)
    assert names(server) == ["Amy", "Ben"]


async def test_closing_the_page_leaves_when_nobody_is_back_from_it(page: Page) -> None:
    async with running_server(Settings(port=0, seat_hold=0.3)) as server:
        await join(page, server)
        await page.goto("about:blank")
        await eventually(lambda: names(server) == [], "nobody is left", within=5)


async def test_comings_and_goings_are_said(server: RunningServer, page: Page) -> None:
    await join(page, server)
    seat_local(server, "standup", "Ben")
    seat_local(server, "standup", "Cy")
    await page.wait_for("document.getElementById('announce-polite').textContent.trim() === 'Ben and Cy joined.'")
    server.live.conference.leave("standup", "local-Ben", "left")
    await page.wait_for("document.getElementById('announce-polite').textContent.trim() === 'Ben left.'")


async def test_the_invitation_link_is_copied(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.permit(server.url, "clipboardReadWrite", "clipboardSanitizedWrite")
    await page.click("button", "Copy invitation")
    await page.wait_for_text("Invitation link copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{server.url}/join/standup"
