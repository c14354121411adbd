"""The microphone is on for whoever wants it on, and off for everybody else, whatever comes in between."""

from __future__ import annotations

import pytest

from tests.e2e.browser import Page
from tests.e2e.on_the_page import in_the_room, join, listen_to_announcements, participant
from tests.e2e.running import RunningServer, eventually
from tests.e2e.two_on_the_page import Stage, open_link

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("chromium")]

# Every microphone that was turned on is in `opened`; while `hold` is true, the browser takes its time. `answered` is
# `asked` when all was given that was asked for, and the page has done with it what it does at once.
_SLOW_MICROPHONE = """
const get = MediaDevices.prototype.getUserMedia;
window.opened = []; window.hold = false; window.held = []; window.asked = 0; window.answered = 0;
MediaDevices.prototype.getUserMedia = async function (wish) {
  asked += 1;
  if (hold) await new Promise((resolve) => held.push(resolve));
  const stream = await get.call(this, wish);
  opened.push(...stream.getTracks());
  answered += 1;
  return stream;
};
"""

_LET_GO = "hold = false; held.splice(0).forEach((answer) => answer()); 0"


async def choose(page: Page, value: str) -> None:
    """Choose a microphone, wherever its list is shown just now."""
    await page.evaluate(
        "{const box = document.getElementById('microphone');"
        f" box.value = {value}; box.dispatchEvent(new Event('change'))}}"
    )


_REAL_ONE = "[...box.options].find((one) => one.label === 'Fake Audio Input 1').value"


async def on_or_off(page: Page) -> set[str]:
    """What all microphones are that were ever turned on."""
    return set(await page.evaluate("opened.map((track) => track.readyState)"))


async def hum(server: RunningServer, page: Page) -> None:
    """Amy is heard, through microphones that are noted, and can be held up."""
    await page.before_load(_SLOW_MICROPHONE)
    await join(page, server)
    await eventually(lambda: participant(server).talking, "Amy is heard")


async def test_who_chooses_to_listen_while_a_microphone_is_being_turned_on_is_not_heard(
    server: RunningServer, humming_page: Page
) -> None:
    await hum(server, humming_page)
    await humming_page.evaluate("hold = true; 0")
    await choose(humming_page, _REAL_ONE)
    await choose(humming_page, "''")
    await choose(humming_page, "'none'")
    await eventually(lambda: not participant(server).talking, "Amy is silent")
    await humming_page.evaluate(_LET_GO)
    await humming_page.wait_for("answered === asked")
    assert await on_or_off(humming_page) == {"ended"}
    assert not participant(server).talking
    await choose(humming_page, _REAL_ONE)
    await eventually(lambda: participant(server).talking, "Amy is heard again")


async def test_who_leaves_while_the_microphone_is_being_turned_on_has_it_off(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.ben.before_load(_SLOW_MICROPHONE)
    await stage.enter(stage.ben, "Ben", "listener")
    stage.room.set_role(stage.person("Ben").id, "speaker", by="Amy")
    await stage.ben.evaluate("hold = true; 0")
    await stage.ben.click("button", "Turn on my microphone")
    await stage.ben.wait_for("held.length > 0")
    await stage.ben.click("button", "Leave")
    await stage.ben.wait_for_text("You left the room")
    await stage.ben.evaluate(_LET_GO)
    await stage.ben.wait_for("opened.length > 0")
    assert await on_or_off(stage.ben) == {"ended"}


_TAKEN_AWAY = (
    "{const track = opened.at(-1); track.stop(); track.dispatchEvent(new Event('ended'))}"  # as unplugging does
)

_NONE_THERE = """
const found = MediaDevices.prototype.getUserMedia; window.gone = false;
MediaDevices.prototype.getUserMedia = async function (wish) {
  if (gone) throw new DOMException('there is none', 'NotFoundError');
  return found.call(this, wish);
};
"""


async def test_a_microphone_that_goes_away_is_missed_and_taken_again_when_it_is_back(
    server: RunningServer, humming_page: Page
) -> None:
    await humming_page.before_load(_NONE_THERE)
    await hum(server, humming_page)
    await humming_page.evaluate("gone = true; 0")
    await humming_page.evaluate(_TAKEN_AWAY)
    await humming_page.wait_for_text("Nothing comes from your microphone")
    await eventually(lambda: not participant(server).talking, "Amy is silent")
    await humming_page.evaluate("gone = false; navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
    await eventually(lambda: participant(server).talking, "Amy is heard again")
    await humming_page.wait_for("document.getElementById('interrupted').hidden")
    assert await humming_page.accessible("button", "Mute")


async def test_who_chose_to_listen_only_can_turn_the_microphone_on_when_made_a_speaker(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await open_link(stage.ben, stage.link("Ben", "speaker"))
    await stage.ben.wait_for("document.getElementById('microphone').options.length > 1")
    await choose(stage.ben, "'none'")
    await stage.ben.click("button", "Join")
    await in_the_room(stage.ben)
    for role in ("listener", "speaker"):
        stage.room.set_role(stage.person("Ben").id, role, by="Amy")
        await stage.ben.wait_for_text(f"Amy made you a {role}.")
    await stage.ben.click("button", "Turn on my microphone")
    await eventually(lambda: stage.person("Ben").talking, "Ben is heard")


async def test_a_microphone_that_was_on_before_the_room_was_known_is_off_for_a_listener(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.ben.before_load(_SLOW_MICROPHONE)
    await stage.enter(stage.ben, "Ben", "listener")
    await stage.ben.goto(f"{stage.server.url}/")
    await stage.ben.wait_for("opened.length > 0")
    await stage.ben.fill("Room", stage.room_name)
    await stage.ben.click("button", "Join")
    await in_the_room(stage.ben)
    assert await on_or_off(stage.ben) == {"ended"}
    await eventually(lambda: stage.names() == ["Amy", "Ben"], "Ben's first seat is given up")
    stage.room.set_role(stage.person("Ben").id, "speaker", by="Amy")
    await stage.ben.click("button", "Turn on my microphone")
    await eventually(lambda: stage.person("Ben").talking, "Ben is heard")


async def test_push_to_talk_says_when_it_begins_and_when_it_ends(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "muted")
    said = await listen_to_announcements(page)
    for _ in range(2):
        await page.key_down(" ")
        await eventually(lambda: not participant(server).muted, "Space opens while it is held")
        await page.key_up(" ")
        await eventually(lambda: participant(server).muted, "and no longer")
    assert [one.strip() for one in await said()] == ["Talking", "Muted"] * 2


@pytest.mark.parametrize("there", [True, False])
async def test_less_noise_is_offered_where_the_server_can_do_it(
    server: RunningServer, page: Page, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.setattr("conference.web.schemas.room_json.available", lambda: there)
    await join(page, server)
    await page.click("button", "Settings")
    await page.wait_for("!document.getElementById('voice-settings').disabled")
    assert len(await page.accessible("checkbox", "Less noise Takes fans and streets out of it")) == int(there)
    assert await page.accessible("checkbox", "Even loudness As loud as the others")


async def test_original_sound_is_asked_of_the_server_too(server: RunningServer, humming_page: Page) -> None:
    await join(humming_page, server)
    assert participant(server).voice.settings.original_sound
    await humming_page.evaluate(
        "{const box = document.getElementById('original-sound'); box.checked = false;"
        " box.dispatchEvent(new Event('change'))}"
    )
    await eventually(lambda: not participant(server).voice.settings.original_sound, "the server may do its part again")
