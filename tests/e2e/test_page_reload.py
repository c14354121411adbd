"""Who loads the page anew in mid-call comes back into their seat, as they were; who leaves does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conference.room.events import ParticipantJoined, ParticipantLeft, RoomEvent
from conference.settings import Settings
from tests.e2e.browser import Page
from tests.e2e.on_the_page import in_the_room, join, names, participant
from tests.e2e.running import RunningServer, eventually, running_server, start_server
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("chromium")]


async def reload(page: Page) -> None:
    await page.evaluate("window.before = true")
    await page.call("Page.reload")
    await page.wait_for("!window.before && document.readyState === 'complete'", 20)


async def test_a_reload_comes_back_into_the_seat_without_a_click_and_nobody_sees_anybody_leave(
    server: RunningServer, humming_page: Page
) -> None:
    server.live.settings = replace(server.live.settings, seat_hold=30.0)  # however busy the machine is
    seat_local(server, "standup", "Ben")
    await join(humming_page, server)
    await eventually(lambda: participant(server).talking, "Amy is heard")
    seat, told = participant(server).id, list[RoomEvent]()
    server.live.conference.subscribe("standup", told.append)
    await reload(humming_page)
    await in_the_room(humming_page)
    assert participant(server).id == seat
    await eventually(lambda: participant(server).talking, "Amy is heard again")
    assert not [one for one in told if isinstance(one, ParticipantJoined | ParticipantLeft)]
    assert await humming_page.evaluate("document.getElementById('original-sound').checked"), "as it was"


async def test_whoever_was_muted_is_muted_after_a_reload_and_whoever_listened_listens(
    server: RunningServer, page: Page
) -> None:
    await join(page, server)
    await page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "muted")
    heard = []
    server.live.conference.subscribe("standup", lambda _: heard.append(participant(server).muted))
    await reload(page)
    await in_the_room(page)
    await page.wait_for("document.getElementById('mute').classList.contains('is-muted')")
    assert participant(server).muted
    assert all(heard)
    await page.evaluate(
        "{const box = document.getElementById('microphone'); box.value = 'none';"
        " box.dispatchEvent(new Event('change'))}"
    )
    await page.wait_for("document.getElementById('mute').disabled")
    await reload(page)
    await in_the_room(page)
    assert await page.evaluate("document.getElementById('mute').disabled")


async def test_whoever_is_back_late_is_the_same_person_though_others_saw_them_leave(page: Page) -> None:
    async with running_server(Settings(port=0, seat_hold=0.1)) as server:
        seat_local(server, "standup", "Ben")
        await join(page, server)
        seat = participant(server).id
        server.live.conference.rooms["standup"].rename(seat, "Amelia")
        await page.wait_for_text("Amelia")
        await page.goto("about:blank")
        await eventually(lambda: names(server) == ["Ben"], "Amy has left")
        await page.goto(f"{server.url}/join/standup")
        await in_the_room(page)
        assert participant(server, "Amelia").id == seat


async def test_leaving_on_purpose_forgets_the_seat(server: RunningServer, page: Page) -> None:
    await join(page, server)
    await page.click("button", "Leave")
    await eventually(lambda: names(server) == [], "Amy has left")
    await reload(page)
    await page.wait_for("!document.getElementById('join-view').hidden")
    assert await page.accessible("button", "Join")
    assert names(server) == []


async def test_a_copy_of_the_tab_has_no_part_in_the_seat(server: RunningServer, page: Page) -> None:
    await join(page, server)
    assert await page.evaluate("sessionStorage.getItem('conference.seat')") is None
    await reload(page)
    await in_the_room(page)
    assert await page.evaluate("sessionStorage.getItem('conference.seat')") is None
    assert names(server) == ["Amy"]


async def test_where_the_browser_would_ask_for_the_microphone_one_button_comes_back(
    server: RunningServer, page: Page
) -> None:
    server.live.settings = replace(server.live.settings, seat_hold=30.0)
    await join(page, server)
    seat = participant(server).id
    await page.before_load(
        "Permissions.prototype.query = async () => ({state: 'prompt', addEventListener: () => undefined})"
    )
    await reload(page)
    await page.wait_for_text("Come back to standup")
    await page.click("button", "Come back")
    await in_the_room(page)
    assert participant(server).id == seat


async def test_a_reload_after_a_restart_of_the_server_takes_a_new_seat(page: Page) -> None:
    first = await start_server()
    try:
        await join(page, first)
    finally:
        await first.stop()
    async with running_server(first.settings) as second:
        await reload(page)
        await in_the_room(page)
        assert names(second) == ["Amy"]


async def test_whoever_was_removed_does_not_come_back_by_a_reload(stage: Stage) -> None:
    await stage.both()
    seat = stage.person("Ben").id
    await stage.ben.evaluate("window.dispatchEvent(new Event('pagehide'))")  # and removed in that moment
    stage.server.live.conference.dismiss("standup", seat, "removed", by="Amy")
    await reload(stage.ben)
    await stage.ben.wait_for_text("You were removed from this conference")
    assert stage.names() == ["Amy"]
