"""Four people through every way in again, while a host whispers, coaches, sends aside, holds and deafens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.settings import Settings
from conference.webrtc.settings import ENGINES
from tests.e2e.browser import open_page
from tests.e2e.matrix import DBFS, TONES, Matrix, row, table, talking, tolerance, voice
from tests.e2e.people import twilio_person, webrtc_person
from tests.e2e.running import RunningServer, eventually, running_server

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

SECONDS = 1.0
SETTLE = 0.8
"""Until what was on its way, and the page's own buffer, has been played."""

TAKES = 3
"""One of them has to be right: see the test of the plain matrix."""

ABSENT_DB = 40
"""So far below the others is whoever is not to be heard."""

ROOM = "moderated"

Heard: TypeAlias = dict[str, set[str]]
"""Who is heard at each ear."""

PLAIN: Heard = {ear: set(TONES) - {ear} for ear in TONES}


@dataclass
class Call:
    """A request to the room, and its undoing."""

    method: str
    path: str
    body: dict[str, Any] | None
    undo: tuple[str, str, dict[str, Any] | None]
    heard: Heard
    """What is then heard, where it is not as usual."""


def calls(ids: dict[str, str]) -> dict[str, Call]:
    """What a host does, by name."""
    amy, phone = (f"/participants/{ids[name]}" for name in ("amy", "phone"))
    return {
        "coach": Call(
            "PUT", f"{amy}/coach", {"agent": ids["ben"]}, ("DELETE", f"{amy}/coach", None),
            {"phone": {"ben", "page"}, "page": {"ben", "phone"}},
        ),
        "whisper": Call(
            "PUT", f"{phone}/whisper", {"to": [ids["page"], ids["amy"]]}, ("DELETE", f"{phone}/whisper", None),
            {"ben": {"amy", "page"}},
        ),
        "hold": Call(
            "PATCH", phone, {"held": True}, ("PATCH", phone, {"held": False}),
            {"phone": set(), "amy": {"ben", "page"}, "ben": {"amy", "page"}, "page": {"amy", "ben"}},
        ),
        "deafen": Call("PATCH", amy, {"deafened": True}, ("PATCH", amy, {"deafened": False}), {"amy": set()}),
        "sidebar": Call(
            "POST", "/sidebars", {"participants": [ids["amy"], ids["phone"]]}, ("DELETE", "", None),
            {"amy": {"phone"}, "phone": {"amy"}, "ben": {"page"}, "page": {"ben"}},
        ),
    }  # fmt: skip


def wrong(heard: Matrix, expected: Heard, near: float) -> list[str]:
    """What is not as it should be, where each is to be heard as loud as they spoke, within ``near`` dB."""
    found = []
    for ear, levels in heard.items():
        for mouth, level in levels.items():
            if mouth in expected[ear] and abs(level - DBFS) > near:
                found.append(f"{ear} hears {mouth} at {level:.1f}")
            if mouth not in expected[ear] and level > DBFS - ABSENT_DB:
                found.append(f"{ear} hears {mouth} at {level:.1f}, who is not to be heard")
    return found


Listen: TypeAlias = Callable[[], Awaitable[Matrix]]


@asynccontextmanager
async def four_people(server: RunningServer, browser: str) -> AsyncIterator[Listen]:
    """They talk for as long as the block runs; gives what tells who hears whom now."""
    async with (
        webrtc_person(server.url, ROOM, "amy", voice("amy")) as amy,
        webrtc_person(server.url, ROOM, "ben", voice("ben")) as ben,
        twilio_person(server.url, ROOM, "phone", voice("phone")) as phone,
        open_page(browser) as page,
    ):
        await page.goto(f"{server.url}/join/{ROOM}?name=page&processing=off")
        await page.click("button", "Join")
        await eventually(lambda: talking(server, ROOM) == set(TONES), "all four talk", within=20)

        async def listen() -> Matrix:
            *heard, (rate, at_page) = await asyncio.gather(
                amy.hear(SECONDS), ben.hear(SECONDS), phone.hear(SECONDS), page.record_remote_audio(SECONDS)
            )
            samples: list[Samples] = [*heard, np.rint(at_page * 32767).astype(np.int16)]
            rates = (SAMPLE_RATE, SAMPLE_RATE, phone.rate, rate)
            return {ear: row(ear, *one) for ear, one in zip(TONES, zip(samples, rates, strict=True), strict=True)}

        yield listen


@pytest.fixture(params=ENGINES)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RunningServer]:
    """A server of each engine."""
    async with running_server(Settings(port=0, engine=request.param)) as running:
        yield running


async def test_who_hears_whom_is_what_the_host_decides(server: RunningServer, page_browser: str) -> None:
    async with four_people(server, page_browser) as listen, aiohttp.ClientSession(server.url) as session:

        async def ask(method: str, path: str, body: dict[str, Any] | None) -> str | None:
            kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
            headers = {} if body is None else {"Content-Type": kind}
            async with session.request(method, f"/rooms/{ROOM}{path}", json=body, headers=headers) as response:
                assert response.status < 300, await response.text()
                return response.headers.get("Location")

        there, near = server.live.conference.rooms[ROOM], tolerance(server)
        failures = {}
        for name, call in calls({one.name: one.id for one in there.participants.values()}).items():
            location = await ask(call.method, call.path, call.body)
            failures[name] = await _failures(listen, PLAIN | call.heard, near)
            method, path, body = call.undo
            await ask(method, path or (location or "").removeprefix(f"/rooms/{ROOM}"), body)
        failures["afterwards"] = await _failures(listen, PLAIN, near)
    assert not any(failures.values()), "\n".join(f"{name}: {text}" for name, text in failures.items() if text)


async def _failures(listen: Listen, expected: Heard, near: float) -> str:
    """What is wrong with the best of a few takes; nothing, if one is right."""
    takes = []
    for _ in range(TAKES):
        await asyncio.sleep(SETTLE)
        heard = await listen()
        found = wrong(heard, expected, near)
        if not found:
            return ""
        takes.append((len(found), "; ".join(found) + table(heard)))
    return min(takes)[1]
