"""The page, used as a person uses it, in a real browser against a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE
from conference.room.participant import Participant
from conference.settings import Settings
from conference.webrtc.mux import SharedSocket, UdpMux
from tests.e2e.browser import Page, open_browser
from tests.e2e.conftest import RunningServer, eventually, running_server, seat_local, start_server, write_wav
from tests.tones import level_at, tone

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("chromium")]

AMY_HZ = 440.0
BEN_HZ = 1000.0


@pytest.fixture
async def humming_page(chromium: str, tmp_path: Path) -> AsyncIterator[Page]:
    """A page whose microphone hums Amy's tone at -20 dBFS."""
    wav = write_wav(tmp_path / "amy.wav", tone(AMY_HZ, 2.0, -20.0, fade=0))
    async with open_browser(wav) as page:
        yield page


async def join(page: Page, server: RunningServer, room: str = "standup", name: str = "Amy") -> None:
    """Join through an invitation, with the microphone's original sound."""
    await page.goto(f"{server.url}/join/{room}?name={name}&processing=off")
    await page.click("button", "Join")
    await in_the_room(page)


async def in_the_room(page: Page) -> None:
    await page.wait_for("!document.getElementById('room-view').hidden && document.querySelector('.is-you')", 20)


def participant(server: RunningServer, name: str = "Amy", room: str = "standup") -> Participant:
    """The one of this name."""
    there = server.live.conference.rooms[room].participants.values()
    return next(one for one in there if one.name == name)


def names(server: RunningServer, room: str = "standup") -> list[str]:
    """Who is in the room."""
    there = server.live.conference.get(room)
    return [] if there is None else sorted(one.name for one in there.participants.values())


def loudness(samples: np.ndarray[Any, np.dtype[Any]]) -> float:
    """RMS in dBFS."""
    return float(10 * np.log10(np.mean(np.square(samples.astype(np.float64) / 32768)) + 1e-20))


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
    assert await page.accessible("button", "Copy invitation link")
    assert await page.evaluate("document.activeElement.textContent") == "standup"
    await page.wait_for_text("You are the only one here")
    assert page.complaints == []


async def test_an_invitation_comes_filled_in(server: RunningServer, page: Page) -> None:
    await page.goto(f"{server.url}/join/standup?name=Amy")
    await page.wait_for("!document.getElementById('join-view').hidden")
    assert [node["name"] for node in await page.accessible("textbox")] == ["Your name", "Room"]
    assert await page.evaluate("[...document.querySelectorAll('input[type=text]')].map(box => box.value)") == [
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


async def test_who_is_on_the_page_hears_and_is_heard_and_never_hears_themselves(
    server: RunningServer, humming_page: Page
) -> None:
    ben = seat_local(server, "standup", "Ben", BEN_HZ)
    await join(humming_page, server)
    await asyncio.sleep(1.5)  # until the browser's own jitter buffer has settled
    (rate, at_amy), at_ben = await asyncio.gather(humming_page.record_remote_audio(1.5), ben.listen(1.5))
    at_amy = at_amy * 32768
    assert level_at(at_ben, SAMPLE_RATE, AMY_HZ) == pytest.approx(-20, abs=3)
    assert level_at(at_amy, rate, BEN_HZ) == pytest.approx(-20, abs=3)
    assert level_at(at_amy, rate, AMY_HZ) < -80
    assert humming_page.complaints == []


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
    await page.click("button", "Sound settings")
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


async def test_mute_by_button_silences_here_and_is_known_at_the_server(
    server: RunningServer, humming_page: Page
) -> None:
    ben = seat_local(server, "standup", "Ben")
    await join(humming_page, server)
    await eventually(lambda: participant(server).talking, "Amy is heard")
    await humming_page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "the server knows")
    await humming_page.wait_for("document.querySelector('.is-you').innerText.includes('Muted')")
    assert await humming_page.accessible("button", "Unmute")
    assert not await humming_page.accessible("button", "Mute")
    await asyncio.sleep(0.5)
    assert loudness(await ben.listen(0.5)) < -90
    await humming_page.click("button", "Unmute")
    await eventually(lambda: not participant(server).muted, "the server knows again")
    await eventually(lambda: participant(server).talking, "Amy is heard again")


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
    await asyncio.sleep(0.3)
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


async def test_closing_the_page_leaves_at_once(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.goto("about:blank")
    await eventually(lambda: names(server) == [], "nobody is left", within=3)


async def test_comings_and_goings_are_said(server: RunningServer, page: Page) -> None:
    await join(page, server)
    seat_local(server, "standup", "Ben")
    seat_local(server, "standup", "Cy")
    await page.wait_for("document.getElementById('announce-polite').textContent.trim() === 'Ben and Cy joined.'")
    server.live.conference.leave("standup", "local-Ben", "left")
    await page.wait_for("document.getElementById('announce-polite').textContent.trim() === 'Ben left.'")


async def test_the_invitation_link_is_copied(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.call(
        "Browser.grantPermissions", origin=server.url, permissions=["clipboardReadWrite", "clipboardSanitizedWrite"]
    )
    await page.click("button", "Copy invitation link")
    await page.wait_for_text("Invitation link copied.")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{server.url}/join/standup"


# When something goes wrong --------------------------------------------------------------------------------------


async def test_a_lost_connection_comes_back_into_the_same_seat(server: RunningServer, humming_page: Page) -> None:
    ben = seat_local(server, "standup", "Ben")
    await join(humming_page, server)
    await humming_page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "muted")
    seat = participant(server).id
    joined_at = participant(server).joined_at
    said = await _listen_to_announcements(humming_page)
    peer = server.live.reception.peer("standup", seat)
    assert peer is not None
    await peer.close()
    await humming_page.wait_for_text("Connection lost. Reconnecting…", within=8)
    await humming_page.wait_for_text("You are back.", within=8)
    assert participant(server).id == seat
    assert participant(server).joined_at == joined_at
    assert participant(server).muted
    assert names(server) == ["Amy", "Ben"]
    assert {"Connection lost. Reconnecting…", "You are back."} <= set(await said())
    await humming_page.click("button", "Unmute")
    await eventually(lambda: participant(server).talking, "Amy is heard again")
    assert level_at(await ben.listen(0.5), SAMPLE_RATE, AMY_HZ) > -40


async def test_a_network_that_goes_dead_is_noticed_within_seconds(
    server: RunningServer, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await join(page, server)
    await asyncio.sleep(1)
    seat = participant(server).id
    with monkeypatch.context() as dead_network:
        dead_network.setattr(UdpMux, "_dispatch", lambda *_: None)
        dead_network.setattr(SharedSocket, "sendto", lambda *_: True)
        await page.wait_for_text("Connection lost. Reconnecting…", within=6)
    await page.wait_for_text("You are back.", within=8)
    assert participant(server).id == seat


async def test_who_was_dropped_from_the_room_comes_back_as_the_same_participant(
    server: RunningServer, page: Page
) -> None:
    await join(page, server)
    seat_local(server, "standup", "Ben")
    seat = participant(server).id
    await server.live.reception.leave("standup", seat, "the connection was lost")
    await page.wait_for_text("You are back.", within=8)
    assert participant(server).id == seat


async def test_the_page_survives_a_restart_of_the_server(page: Page) -> None:
    first = await start_server()
    try:
        await join(page, first)
    finally:
        await first.stop()
    await page.wait_for_text("Connection lost. Reconnecting…", within=8)
    async with running_server(first.settings) as second:
        await page.wait_for_text("You are back.", within=15)
        await eventually(lambda: names(second) == ["Amy"], "Amy has a new seat")


async def test_a_server_that_stays_away_is_given_up_with_a_button_to_try_again(page: Page) -> None:
    await page.before_load(
        "const now = performance.now.bind(performance); window.later = 0; performance.now = () => now() + later;"
    )
    first = await start_server()
    try:
        await join(page, first)
    finally:
        await first.stop()
    await page.wait_for_text("Connection lost. Reconnecting…", within=8)
    await page.evaluate("later = 70000")
    await page.wait_for_text("The connection could not be restored.", within=15)
    assert await page.evaluate("document.activeElement.textContent") == "Try again"
    async with running_server(first.settings):
        await page.click("button", "Try again")
        await page.wait_for_text("You are back.", within=15)


async def test_a_wrong_room_name_is_explained_where_it_is_typed(server: RunningServer, page: Page) -> None:
    await page.goto(server.url + "/")
    await page.fill("Your name", "Amy")
    await page.fill("Room", "two words")
    await page.click("button", "Join")
    await page.wait_for_text("no spaces")
    assert await page.evaluate("document.activeElement.id") == "room"
    assert await page.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
    assert names(server, "two words") == []


async def test_a_full_room_is_said_in_the_servers_words(page: Page) -> None:
    async with running_server(Settings(port=0, max_participants_per_room=1)) as server:
        seat_local(server, "standup", "Ben")
        await page.goto(f"{server.url}/join/standup?name=Amy")
        await page.click("button", "Join")
        await page.wait_for("document.querySelector('[role=alert]').innerText.includes('full')")
        assert await page.accessible("button", "Join")


async def test_a_server_that_is_gone_is_explained(page: Page) -> None:
    async with running_server() as server:
        await page.goto(f"{server.url}/join/standup?name=Amy")
        await page.wait_for("!document.getElementById('join-view').hidden")
    await page.click("button", "Join")
    await page.wait_for_text("The server does not answer.")


async def test_without_permission_one_can_still_listen(server: RunningServer, chromium: str) -> None:
    async with open_browser(allow_microphone=False) as page:
        await page.call("Browser.setPermission", permission={"name": "microphone"}, setting="denied")
        await page.goto(f"{server.url}/join/standup?name=Amy")
        await page.click("button", "Join")
        await page.wait_for_text("The microphone is blocked for this page.")
        await page.click("button", "Join without a microphone")
        await in_the_room(page)
        seat_local(server, "standup", "Ben", BEN_HZ)
        await asyncio.sleep(1)
        rate, heard = await page.record_remote_audio(1.0)
        assert level_at(heard * 32768, rate, BEN_HZ) == pytest.approx(-20, abs=3)
        assert await page.evaluate("document.getElementById('mute').disabled")


def _microphone_fails_with(name: str) -> str:
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{name}') }}"


@pytest.mark.parametrize(
    ("obstacle", "sentence", "can_listen"),
    [
        (_microphone_fails_with("NotFoundError"), "No microphone was found.", True),
        (_microphone_fails_with("NotReadableError"), "in use by another program", True),
        ("Object.defineProperty(window, 'isSecureContext', {value: false})", "https://", True),
        ("delete window.RTCPeerConnection", "no WebRTC", False),
    ],
)
async def test_each_obstacle_has_a_message_of_its_own(
    server: RunningServer, page: Page, obstacle: str, sentence: str, can_listen: bool
) -> None:
    await page.before_load(obstacle)
    await page.goto(f"{server.url}/join/standup?name=Amy")
    if "getUserMedia" in obstacle:
        await page.click("button", "Join")
    await page.wait_for(f"document.querySelector('[role=alert]').innerText.includes({json.dumps(sentence)})")
    assert bool(await page.accessible("button", "Join without a microphone")) == can_listen
    if can_listen:
        await page.click("button", "Join without a microphone")
        await in_the_room(page)


async def test_a_browser_that_will_not_play_asks_for_a_tap(server: RunningServer, page: Page) -> None:
    await page.before_load(
        "const play = HTMLMediaElement.prototype.play; let refusals = 1;"
        "HTMLMediaElement.prototype.play = function () {"
        "  return refusals-- > 0 ? Promise.reject(new DOMException('', 'NotAllowedError')) : play.call(this); };"
    )
    await page.goto(f"{server.url}/join/standup?name=Amy&autojoin=1")
    await in_the_room(page)
    await page.click("button", "Tap to hear")
    await page.wait_for("document.getElementById('tap-to-hear').hidden")


# For everybody --------------------------------------------------------------------------------------------------

CONTROLS = ("button", "textbox", "combobox", "checkbox", "link", "DisclosureTriangle")


async def test_every_control_has_a_name_and_can_be_reached_by_keyboard(server: RunningServer, page: Page) -> None:
    await page.goto(f"{server.url}/join/standup?name=Amy")
    await page.wait_for("!document.getElementById('join-view').hidden")
    await _check_controls(page)
    await page.click("button", "Join")
    await in_the_room(page)
    await _check_controls(page)
    await page.click("button", "Sound settings")
    await page.wait_for("document.querySelector('dialog[open]')")
    assert await page.accessible("dialog", "Sound settings")
    await page.press("Escape")
    await page.wait_for("!document.querySelector('dialog[open]')")
    assert await page.evaluate("document.activeElement.id") == "settings"


async def _check_controls(page: Page) -> None:
    found = [node for node in await page.accessible() if node["role"] in CONTROLS]
    assert len(found) >= 4
    assert [node for node in found if not node["name"]] == []
    await page.evaluate("document.activeElement.blur(); window.seen = new Set(); document.body.focus()")
    for _ in range(2 * len(found)):
        await page.press("Tab")
        await page.evaluate("seen.add(document.activeElement)")
    missed = await page.evaluate(
        "[...document.querySelectorAll('button, input, select, summary')]"
        ".filter(one => one.checkVisibility() && !one.disabled && !seen.has(one)).map(one => one.outerHTML)"
    )
    assert missed == []


# The contrast of every piece of text with what is behind it: WCAG 2.2, success criterion 1.4.3.
_CONTRASTS = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = rgba(getComputedStyle(one).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const luminance = (color) => color.slice(0, 3).map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.closest('.toast, .sr-only, :disabled, svg')) continue;
    const [a, b] = [rgba(getComputedStyle(element).color), behind(element)].map(luminance);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data.trim()]);
  }
  return found;
})()
"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_all_text_can_be_read(server: RunningServer, page: Page, dark: bool) -> None:
    await page.look_as(1440, 900, dark=dark)
    await page.goto(f"{server.url}/join/standup?name=Amy")
    await page.click("button", "Join")  # without a room's name this shows a message, too
    await in_the_room(page)
    for number in range(12):
        seat_local(server, "standup", f"{('Zaphod', 'Yooden', 'Xaver')[number % 3]} {number}")
    await page.wait_for("document.querySelectorAll('.person').length === 13")
    await page.press("m")
    await page.wait_for_text("Unmute")
    await page.evaluate("document.querySelector('#quality summary').click()")
    contrasts = await page.evaluate(_CONTRASTS)
    await page.click("button", "Leave")
    await page.fill("Room", "two words")
    await page.click("button", "Join")
    await page.wait_for_text("no spaces")
    contrasts += await page.evaluate(_CONTRASTS)
    assert len(contrasts) > 40
    assert [(round(ratio, 2), text) for ratio, text in contrasts if ratio < 4.5] == []


@pytest.mark.parametrize("width", [320, 360, 1440])
async def test_nothing_is_wider_than_the_screen(server: RunningServer, page: Page, width: int) -> None:
    await page.look_as(width, 740, phone=width < 500)
    seat_local(server, "standup", "W" * 64)
    await join(page, server)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert await page.evaluate(fits)
    for number in range(11):
        seat_local(server, "standup", f"Somebody {number}")
    await page.wait_for("document.querySelectorAll('.person').length === 13")
    assert await page.evaluate(fits)
    await page.click("button", "Leave")
    assert await page.evaluate(fits)


async def _listen_to_announcements(page: Page) -> Any:
    """Everything that is said from now on; the function given tells it."""
    await page.evaluate(
        "window.said = []; for (const region of document.querySelectorAll('[aria-live]'))"
        "  new MutationObserver(() => said.push(region.textContent.trim())).observe(region, {childList: true}); 0"
    )

    async def said() -> list[str]:
        heard: list[str] = await page.evaluate("said")
        return heard

    return said
