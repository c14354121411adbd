"""When something goes wrong, the page says what, and comes back by itself where it can."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from conference.access.grants import make_grant
from conference.access.tokens import sign
from conference.audio.frame import SAMPLE_RATE
from conference.settings import Settings
from conference.webrtc.mux import UdpMux
from conference.webrtc.send.table import SendTable
from conference.webrtc.udp.sockets import SharedSocket
from tests.e2e.browser import Page, open_page, running_browser
from tests.e2e.on_the_page import (
    AMY_HZ,
    BEN_HZ,
    hears,
    in_the_room,
    join,
    listen_to_announcements,
    names,
    participant,
)
from tests.e2e.running import RunningServer, eventually, running_server, start_server
from tests.e2e.seats import seat_local
from tests.e2e.slow_server import SLOW_SERVER
from tests.e2e.two_on_the_page import SECRET, open_link
from tests.tones import level_at

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("chromium")]


async def test_a_lost_connection_comes_back_into_the_same_seat(server: RunningServer, humming_page: Page) -> None:
    ben = seat_local(server, "standup", "Ben")
    await join(humming_page, server)
    await humming_page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "muted")
    seat = participant(server).id
    joined_at = participant(server).joined_at
    said = await listen_to_announcements(humming_page)
    peer = server.peer("standup", seat)
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


@pytest.mark.alone
async def test_a_network_that_goes_dead_is_noticed_within_seconds(
    server: RunningServer, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    await join(page, server)
    await page.wait_for("document.getElementById('quality').dataset.quality !== 'unknown'")
    seat = participant(server).id
    with monkeypatch.context() as dead_network:
        dead_network.setattr(UdpMux, "take", lambda *_: None)
        dead_network.setattr(UdpMux, "take_one", lambda *_: None)
        dead_network.setattr(SendTable, "post", lambda *_: None)
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
    server.live.conference.dismiss("standup", seat, "the connection was lost", "lost")
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


@pytest.fixture
def forbidding_browser(chromium: str) -> Iterator[str]:
    """Drives a browser in which nobody answers whether a page may have the microphone."""
    with running_browser(allow_microphone=False) as address:
        yield address


@pytest.mark.alone
async def test_without_permission_one_can_still_listen(server: RunningServer, forbidding_browser: str) -> None:
    async with open_page(forbidding_browser) as page:
        await page.call(
            "Browser.setPermission", permission={"name": "microphone"}, setting="denied", browserContextId=page.profile
        )
        await page.goto(f"{server.url}/join/standup?name=Amy")
        await page.click("button", "Join")
        await page.wait_for_text("The microphone is blocked for this page.")
        await page.click("button", "Join without a microphone")
        await in_the_room(page)
        seat_local(server, "standup", "Ben", BEN_HZ)
        await hears(page, BEN_HZ, -20)
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
    if not can_listen:
        assert not await page.accessible("button", "Join without a microphone")
    else:
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


async def test_a_connection_that_is_lost_is_not_called_good(server: RunningServer, page: Page) -> None:
    await page.before_load(SLOW_SERVER)
    await join(page, server)
    await page.wait_for_text("Connection: good", within=10)
    await page.evaluate("slow = '/participants?'; 0")
    await _lose(server)
    await page.wait_for_text("Connection lost. Reconnecting…", within=8)
    assert await page.evaluate(
        "[document.getElementById('banner').hidden, document.getElementById('quality-word').textContent]"
    ) == [False, "lost"]
    await page.evaluate("answer()")
    await page.wait_for_text("You are back.", within=8)
    await page.wait_for_text("Connection: good", within=10)


async def test_a_microphone_that_is_chosen_while_the_server_is_slow_is_heard(
    server: RunningServer, humming_page: Page
) -> None:
    await humming_page.before_load(SLOW_SERVER)
    await humming_page.goto(f"{server.url}/join/standup?name=Amy&processing=off")
    await humming_page.wait_for("document.getElementById('microphone').options.length > 1")
    choose = (
        "{const box = document.getElementById('microphone'); box.value = '%s'; box.dispatchEvent(new Event('change'))}"
    )
    for again in (False, True):  # while joining, and while coming back
        await humming_page.evaluate(choose % "none")
        await humming_page.evaluate("slow = '/participants?'; 0")
        if again:
            await humming_page.click("button", "Leave")
            await humming_page.evaluate("answer()")
            await humming_page.click("button", "Join")
            await in_the_room(humming_page)
            await humming_page.evaluate("slow = '/participants?'; 0")
            await _lose(server)
        else:
            await humming_page.click("button", "Join")
        await humming_page.wait_for("asked.length > 0")
        await humming_page.evaluate(choose % "")
        await humming_page.wait_for(
            "new DOMMatrix(document.querySelector('#mic-meter .meter-fill').style.transform || 'scale(0)').a > 0.1"
        )
        await humming_page.evaluate("answer()")
        await in_the_room(humming_page)
        await eventually(lambda: participant(server).talking, "Amy is heard")


async def test_a_new_seat_gives_no_rights_that_were_given_in_the_old_one(page: Page) -> None:
    first = await start_server(Settings(port=0, secret=SECRET))
    grant = make_grant("speaker", room="standup", name="Ben", identity="ben@example.org", expires_at=time.time() + 600)
    try:
        await open_link(page, f"{first.url}/join/standup#token={sign(grant, SECRET)}")
        await page.click("button", "Join")
        await in_the_room(page)
        first.live.conference.rooms["standup"].set_role(participant(first, "Ben").id, "host", by="Amy")
        await page.wait_for("!document.getElementById('manage').hidden")
    finally:
        await first.stop()
    await page.wait_for_text("Connection lost. Reconnecting…", within=8)
    async with running_server(first.settings) as second:
        await page.wait_for_text("You are back.", within=15)
        assert participant(second, "Ben").role == "speaker"
        await page.wait_for("document.getElementById('manage').hidden")


async def _lose(server: RunningServer) -> None:
    """End Amy's connection, as an accident does."""
    peer = server.peer("standup", participant(server).id)
    assert peer is not None
    await peer.close()
