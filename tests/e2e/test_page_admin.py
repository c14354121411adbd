"""The administrator's page, the front page, and what people in a room see of a server that is drained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conference.room.local import local_participant
from conference.settings import Settings
from tests.e2e.browser import Page
from tests.e2e.on_the_page import in_the_room
from tests.e2e.running import RunningServer, eventually, running_server
from tests.web.passes import SECRET, token

pytestmark = pytest.mark.e2e

PATIENCE = 60


async def test_an_administrator_sees_all_rooms_and_locks_and_ends_them(page: Page, tmp_path: Path) -> None:
    async with running_server(Settings(port=0, secret=SECRET, recordings=tmp_path)) as server:
        rooms = server.live.conference
        for room, name in (("standup", "Amy"), ("standup", "Ben"), ("tea", "Cy")):
            rooms.join(room, local_participant(name))
        await page.goto(server.url + "/admin")
        await page.wait_for_text("You need a token for this", PATIENCE)
        await page.fill("Token", token("host", "tea"))
        await page.click("button", "Show the rooms")
        await page.wait_for_text("Your token is for one room", PATIENCE)
        await page.fill("Token", token("host", None))
        await page.click("button", "Show the rooms")
        await page.wait_for("document.querySelectorAll('#admin-rooms > li').length === 2", PATIENCE)
        assert await page.evaluate("document.querySelector('#admin-rooms h3').textContent") == "standup"
        assert await page.evaluate("document.getElementById('figure-people').textContent") == "3"
        assert token("host", None)[:20] not in await page.evaluate("location.href")
        await page.evaluate("document.querySelector('#admin-rooms summary').click()")
        await page.wait_for("document.querySelector('.people-list')?.innerText.includes('Ben')", PATIENCE)
        await page.click("button", "Lock standup")
        await eventually(lambda: rooms.rooms["standup"].policy.locked, "the room is locked", within=PATIENCE)
        await page.wait_for_text("locked", PATIENCE)
        rooms.join("coffee", local_participant("Dan"))
        await page.wait_for("document.querySelectorAll('#admin-rooms > li').length === 3", PATIENCE)  # by itself
        await page.click("button", "End the conference in standup")
        await page.click("button", "End it")
        await eventually(lambda: "standup" not in rooms.rooms, "the conference is over", within=PATIENCE)
        await page.wait_for("document.querySelectorAll('#admin-rooms > li').length === 2", PATIENCE)


async def test_the_front_page_suggests_a_name_and_shows_the_rooms_there_are(page: Page, server: RunningServer) -> None:
    server.live.conference.join("tea", local_participant("Cy"))
    await page.goto(server.url + "/")
    await page.click("button", "tea, 1 person", PATIENCE)
    assert await page.evaluate("document.getElementById('room').value") == "tea"
    await page.click("button", "Suggest a name")
    suggested = await page.evaluate("document.getElementById('room').value")
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{4}", suggested)
    await page.goto(server.url + "/join/tea")
    await page.wait_for("!document.getElementById('join-view').hidden", PATIENCE)
    assert await page.evaluate("document.getElementById('room-suggest').hidden") is True


async def test_people_are_told_that_a_server_is_drained(page: Page, server: RunningServer) -> None:
    await page.goto(server.url + "/join/tea?name=Amy&autojoin=1")
    await in_the_room(page)
    server.live.drain.begin(600)
    await page.wait_for_text("nobody else can come in", PATIENCE)
    assert await page.evaluate("document.getElementById('draining').hidden") is False
