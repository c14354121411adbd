"""What the tests of the page share: Amy joins through the page, and is looked up at the server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE
from conference.room.participant import Participant
from tests.e2e.base_page import BasePage
from tests.e2e.running import RunningServer
from tests.e2e.seats import Ear
from tests.tones import level_at

AMY_HZ = 440.0
"""What her microphone hums, at -20 dBFS, in the fixture ``humming_page``."""

BEN_HZ = 1000.0


async def join(page: BasePage, server: RunningServer, room: str = "standup", name: str = "Amy") -> None:
    """Join through an invitation, with the microphone's original sound."""
    await page.goto(f"{server.url}/join/{room}?name={name}&processing=off")
    await page.click("button", "Join")
    await in_the_room(page)


async def in_the_room(page: BasePage) -> None:
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


WATCH_TRIES = """
{
  const later = window.setTimeout, forget = window.clearTimeout, waiting = new Map();
  window.setTimeout = (act, wait, ...more) => {
    const run = () => { waiting.delete(timer); act(...more); };
    const timer = later(run, wait);
    waiting.set(timer, run);
    return timer;
  };
  window.clearTimeout = (timer) => { waiting.delete(timer); forget(timer); };
  window.hurry = () => { for (const [timer, run] of [...waiting]) { forget(timer); run(); } };
  window.tries = 0;
  for (const kind of ['RTCPeerConnection', 'EventSource']) {
    window[kind] = new Proxy(window[kind], {construct(...call) { tries += 1; return Reflect.construct(...call); }});
  }
}
"""
"""To be run before a page loads: counts its connections and event streams; `hurry` does at once what was for later."""


async def tries_nothing_more(page: BasePage) -> bool:
    """Whether a page with `WATCH_TRIES` has no more connection or event stream in mind."""
    return bool(await page.evaluate("(() => { const before = tries; hurry(); hurry(); return tries === before; })()"))


async def hears(page: BasePage, frequency: float, dbfs: float, within: float = 15) -> None:
    """Wait until a tone is heard in the page, as loud as it was sent: its jitter buffer has to settle first.

    Raises:
        TimeoutError: it never was, give or take 3 dB.
    """
    async with asyncio.timeout(within):
        level = -100.0
        while abs(level - dbfs) > 3:
            rate, heard = await page.record_remote_audio(0.5)
            level = level_at(heard * 32768, rate, frequency)


async def hears_amy(ear: Ear) -> bool:
    """Whether her tone is there, at the level her microphone has it."""
    heard = await ear.listen(0.5)
    return level_at(heard, SAMPLE_RATE, AMY_HZ) == pytest.approx(-20, abs=3)


async def until(holds: Callable[[], Awaitable[Any]], what: str, *, within: float = 30) -> None:
    """Wait until something holds that takes a while to find out."""
    try:
        async with asyncio.timeout(within):
            while not await holds():
                pass
    except TimeoutError:
        raise AssertionError(f"never came true: {what}") from None


async def listen_to_announcements(page: BasePage) -> Callable[[], Awaitable[list[str]]]:
    """Note everything that is said from now on, for what is said next takes its place.

    Returns:
        What tells it.
    """
    await page.evaluate(
        "window.said = []; for (const region of document.querySelectorAll('[aria-live]:not([aria-live=off])'))"
        "  new MutationObserver(() => said.push(region.textContent.trim())).observe(region, {childList: true}); 0"
    )

    async def said() -> list[str]:
        heard: list[str] = await page.evaluate("said")
        return heard

    return said
