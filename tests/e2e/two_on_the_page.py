"""What the tests of moderation share: a browser with two pages, Amy's and Ben's, on a server with a secret."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from conference.access.grants import Role, make_grant
from conference.access.tokens import sign
from conference.room.participant import Participant
from conference.room.room import Room
from conference.settings import Settings
from tests.e2e.browser import Browser, Page, visit
from tests.e2e.on_the_page import in_the_room
from tests.e2e.running import RunningServer, running_server

SECRET = "no secret at all: it is for tests only"


@dataclass(slots=True)
class Stage:
    """A server with a secret, and a browser."""

    server: RunningServer
    browser: Browser
    amy: Page
    """The host's."""

    ben: Page
    room_name: str = field(default="standup")
    language: str = field(default="en")

    @property
    def room(self) -> Room:
        """Where they meet."""
        return self.server.live.conference.rooms[self.room_name]

    def names(self) -> list[str]:
        """Who is in the room, or waits for it."""
        there = self.server.live.conference.get(self.room_name)
        return [] if there is None else sorted(one.name for one in there.participants.values())

    def person(self, name: str) -> Participant:
        """The one of this name."""
        return next(one for one in self.room.participants.values() if one.name == name)

    def link(self, name: str, role: Role) -> str:
        """An invitation."""
        identity = f"{name.replace(' ', '.')}@example.org"
        grant = make_grant(role, room=self.room_name, name=name, identity=identity, expires_at=time.time() + 600)
        query = "processing=off" if self.language == "en" else f"processing=off&lang={self.language}"
        return f"{self.server.url}/join/{self.room_name}?{query}#token={sign(grant, SECRET)}"

    async def enter(self, page: Page, name: str, role: Role = "speaker") -> None:
        """Have somebody open their invitation and press Join."""
        await self.knock(page, name, role)
        await in_the_room(page)

    async def knock(self, page: Page, name: str, role: Role = "speaker") -> None:
        """The same, without waiting until they are in."""
        await open_link(page, self.link(name, role))
        await page.click("button", "Join")

    async def both(self) -> None:
        """Have Amy enter as the host, and Ben as a speaker."""
        await self.enter(self.amy, "Amy", "host")
        await self.enter(self.ben, "Ben")
        await self.amy.wait_for("document.querySelectorAll('.person').length === 2")


async def open_link(page: Page, address: str) -> None:
    """Open an invitation, which takes the token out of its address at once."""
    if await page.evaluate("location.href") != "about:blank":
        await page.goto("about:blank")  # or only the fragment would change, and nothing be loaded
    await page.call("Page.navigate", url=address)
    await page.wait_for("document.getElementById('join-view')?.hidden === false")
    page.complaints.clear()


@asynccontextmanager
async def staged(browser: str, settings: Settings | None = None) -> AsyncIterator[Stage]:
    """The stage, for as long as the block runs, in the browser at this address; its server has :data:`SECRET`."""
    async with (
        running_server(replace(settings or Settings(port=0), secret=SECRET)) as server,
        visit(browser) as visitor,
    ):
        amy, ben = await visitor.open_page(), await visitor.open_page()
        for page in (amy, ben):
            await page.look_as(1280, 800)
        yield Stage(server, visitor, amy, ben)
