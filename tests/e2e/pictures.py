"""Takes pictures of the page: ``python -m tests.e2e.pictures [FOLDER]``.

A real server with people made for it, and a real browser. Without a folder, it renews the pictures that are in
``docs/pictures``; into a folder it puts every view, to look at after a change.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import numpy as np

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.room.participant import Participant, Transport
from tests.e2e.browser import Page, open_browser
from tests.e2e.conftest import Ear, LoopedSource, RunningServer, running_server, write_wav

PEOPLE: tuple[tuple[str, Transport, str], ...] = (
    ("Ben Okafor", "webrtc", "talks"),
    ("+44 20 7946 0018", "twilio", ""),
    ("Elif Yılmaz", "webrtc", "muted"),
    ("Charlie", "webrtc", ""),
    ("Booking assistant", "twilio", ""),
    ("Hana Sato", "webrtc", ""),
    ("Gustav Lindqvist", "webrtc", "muted"),
    ("Inés Ferrer", "webrtc", "talks"),
    ("Reception", "twilio", ""),
    ("Jürgen", "webrtc", "muted"),
    ("Kavya Rao", "webrtc", ""),
)
"""Name, way in, and what they do."""

KEPT = Path("docs/pictures")

SCREENS = {"desktop": (1440, 900, False), "phone": (360, 740, True)}


def murmur(seconds: float, seed: int) -> Samples:
    """Noise that swells and sinks as syllables do."""
    noise = np.random.default_rng(seed)
    time_axis = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    swell = 0.65 + 0.35 * np.sin(2 * np.pi * 4 * time_axis)
    return np.rint(noise.normal(0, 1600, time_axis.size) * swell).astype(np.int16)


def seat(server: RunningServer, room: str, number: int) -> None:
    """Seat one of the people."""
    name, transport, does = PEOPLE[number]
    source = LoopedSource(murmur(1.0, number)) if does == "talks" else None
    person = Participant(
        id=f"p{number}", name=name, transport=transport, joined_at=time.time(), source=source, sink=Ear()
    )
    server.live.conference.join(room, person)
    if does == "muted":
        server.live.conference.rooms[room].set_muted(person.id, True)


async def take_all(page: Page, server: RunningServer, folder: Path, wanted: set[str]) -> None:
    """Every wanted view, on both screens, by day and after dark; all views if none are named."""
    for screen, (width, height, phone) in SCREENS.items():
        for dark in (False, True):
            await page.look_as(width, height, dark=dark, phone=phone)
            ending = f"{screen}-{'dark' if dark else 'light'}.png"
            for view in ("join", "room-1", "room-3", "room-12"):
                name = f"{view}-{ending}"
                if name in wanted or not wanted:
                    await show(page, server, view)
                    await page.screenshot(folder / name)


async def show(page: Page, server: RunningServer, view: str) -> None:
    """Bring a view onto the screen."""
    if view == "join":
        await page.goto(f"{server.url}/join/standup?name=Amy+Archer")
        await asyncio.sleep(1)
    else:
        await fill_room(page, server, int(view.removeprefix("room-")))


async def fill_room(page: Page, server: RunningServer, count: int) -> None:
    """Have this many people in a room, one of them in the browser."""
    room = f"{('standup', 'planning', 'all-hands')[(1, 3, 12).index(count)]}"
    live = server.live.conference
    for one in list(live.rooms[room].participants) if room in live.rooms else []:
        live.leave(room, one, "the picture is taken")
    await page.goto(f"{server.url}/join/{room}?name=Amy+Archer")
    await page.click("button", "Join")
    await page.wait_for("document.querySelector('.is-you')")
    for number in range(count - 1):
        seat(server, room, number)
    await page.wait_for(f"document.querySelectorAll('.person').length === {count}")
    await page.wait_for_text("good")


async def main(folder: Path, wanted: set[str]) -> None:
    """Take the wanted pictures into a folder; all if none are named."""
    microphone = write_wav(folder / ".microphone.wav", np.zeros(SAMPLE_RATE, np.int16))
    try:
        async with running_server() as server, open_browser(microphone) as page:
            await take_all(page, server, folder, wanted)
    finally:
        microphone.unlink()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else KEPT
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target, {picture.name for picture in KEPT.glob("*.png")} if target == KEPT else set()))
