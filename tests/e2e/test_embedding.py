"""The page in a frame of another site's page, and the module in one: the examples, in each browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from aiohttp import web

from conference.settings import Settings
from tests.e2e.base_page import BasePage
from tests.e2e.devtools import DevToolsError
from tests.e2e.on_the_page import BEN_HZ, hears, hears_amy, names, participant, until
from tests.e2e.running import RunningServer, eventually, running_server
from tests.e2e.seats import seat_local

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(slots=True)
class OtherSite:
    """A site with the examples, and the server that they are about."""

    origin: str
    server: RunningServer

    def page(self, name: str) -> str:
        """The address of an example, for Amy in a room."""
        wanted = {"server": self.server.url, "room": "standup", "name": "Amy", "processing": "off"}
        return f"{self.origin}/{name}?{urlencode(wanted)}"


@asynccontextmanager
async def other_site(allowed: bool) -> AsyncIterator[OtherSite]:
    """Both, on loopback; the server allows that site to embed it, or no site."""
    app = web.Application()
    app.router.add_static("/", EXAMPLES)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        origins = (origin,) if allowed else ()
        async with running_server(Settings(port=0, allowed_origins=origins, frame_ancestors=origins)) as server:
            yield OtherSite(origin, server)
    finally:
        await runner.cleanup()


async def test_another_sites_page_joins_talks_hears_mutes_and_leaves_with_the_module(any_page: BasePage) -> None:
    async with other_site(allowed=True) as site:
        ben = seat_local(site.server, "standup", "Ben", BEN_HZ)
        await any_page.goto(site.page("embed_module.html"))
        await any_page.wait_for("!document.getElementById('join').disabled")
        await any_page.click("button", "Join")
        await any_page.wait_for("document.querySelectorAll('#people li').length === 2", 40)
        await any_page.wait_for("document.getElementById('people').innerText.includes('Amy (you)')")
        assert not await any_page.evaluate("document.getElementById('form').checkVisibility()")
        await until(lambda: hears_amy(ben), "Ben hears Amy", within=40)
        await hears(any_page, BEN_HZ, -20, within=40)
        await any_page.wait_for("document.querySelectorAll('#people li.talking').length === 2")
        await any_page.click("button", "Mute")
        await eventually(lambda: participant(site.server).muted, "the server knows that she is muted")
        await any_page.wait_for_text("Unmute")
        site.server.live.conference.leave("standup", "local-Ben", "left")
        await any_page.wait_for("document.querySelectorAll('#people li').length === 1")
        await any_page.click("button", "Leave")
        await any_page.wait_for_text("You left.")
        await eventually(lambda: names(site.server) == [], "she is out of the room")
        assert any_page.complaints == []


async def test_another_sites_page_has_the_page_in_a_frame_join_mute_and_leave(any_page: BasePage) -> None:
    async with other_site(allowed=True) as site:
        ben = seat_local(site.server, "standup", "Ben", BEN_HZ)
        await any_page.goto(site.page("embed_iframe.html"))
        await any_page.wait_for("!document.getElementById('join').disabled", 40)
        await any_page.click("button", "Join the room")
        await any_page.wait_for("!document.getElementById('mute').disabled", 40)
        await any_page.wait_for_text("In the room: Amy, Ben")
        assert names(site.server) == ["Amy", "Ben"]
        await until(lambda: hears_amy(ben), "Ben hears Amy", within=40)
        await any_page.click("button", "Mute me")
        await eventually(lambda: participant(site.server).muted, "the server knows that she is muted")
        await any_page.click("button", "Unmute me")
        await eventually(lambda: not participant(site.server).muted, "and that she is not any more")
        await any_page.click("button", "Leave the room")
        await any_page.wait_for_text("Out of the room: left")
        await eventually(lambda: names(site.server) == ["Ben"], "she is out of the room")
        assert any_page.complaints == []


async def test_what_the_page_around_asks_for_while_somebody_joins_holds(any_page: BasePage) -> None:
    async with other_site(allowed=True) as site:
        await any_page.goto(site.page("embed_iframe.html"))
        await any_page.wait_for("!document.getElementById('join').disabled", 40)
        await any_page.evaluate("ask('join', {room: '', name: 'Amy'}); ask('leave')")
        await any_page.wait_for_text("Out of the room: left")
        await eventually(lambda: names(site.server) == [], "nobody is in the room")
        await any_page.evaluate("ask('join', {room: '', name: 'Amy'}); ask('mute')")
        await any_page.wait_for_text("Unmute me", 40)
        await eventually(lambda: participant(site.server).muted, "she is muted from the first")
        await any_page.click("button", "Leave the room")
        await eventually(lambda: names(site.server) == [], "she is out of the room")
        await any_page.evaluate("document.getElementById('status').textContent = ''; ask('join', {room: 'no room!'})")
        await any_page.wait_for_text("has only letters", 20)
        assert any_page.complaints == []


async def test_a_site_that_was_not_named_gets_in_neither_way(any_page: BasePage) -> None:
    async with other_site(allowed=False) as site:
        await any_page.goto(site.page("embed_module.html"))
        await any_page.wait_for("!document.getElementById('join').disabled")
        await any_page.click("button", "Join")
        await any_page.wait_for_text("The server does not answer.", 40)
        with suppress(DevToolsError):  # Firefox has the frame that it refuses count for the page
            await any_page.goto(site.page("embed_iframe.html"))
        await any_page.wait_for("document.getElementById('frame')?.src && document.readyState === 'complete'")
        assert await any_page.evaluate("document.getElementById('join').disabled")
        assert names(site.server) == []
