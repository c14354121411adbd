"""Takes pictures of the page: ``python -m tests.e2e.pictures [FOLDER [VIEW ...]]``.

A real server with people made for it, and a real browser. Without a folder, it renews the pictures that are in
``docs/pictures``; into a folder it puts every view, or those that are named, to look at after a change.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np

from conference.audio.frame import SAMPLE_RATE
from tests.e2e.browser import running_browser
from tests.e2e.scenes import SCENES
from tests.e2e.two_on_the_page import Stage, staged
from tests.wav import write_wav

KEPT = Path("docs/pictures")

SCREENS = {"desktop": (1280, 800, False), "phone": (390, 844, True)}


async def take_all(browser: str, folder: Path, views: list[str], kept: set[str]) -> None:
    """These views, on both screens, by day and after dark.

    Args:
        browser: its address.
        folder: where they go.
        views: names of scenes.
        kept: file names that are wanted; all if there are none.
    """
    for view in views:
        for screen, (width, height, phone) in SCREENS.items():
            for light in ("light", "dark"):
                name = f"page-{view}-{screen}-{light}.webp"
                if kept and name not in kept:
                    continue
                async with staged(browser) as stage:
                    stage.room_name = "planning"
                    await stage.amy.call("Emulation.setScrollbarsHidden", hidden=True)
                    await stage.amy.look_as(width, height, dark=light == "dark", phone=phone, scale=2 if phone else 1)
                    await SCENES[view](stage, phone)
                    await settle(stage)
                    await stage.amy.screenshot(folder / name)


async def settle(stage: Stage) -> None:
    """Wait until the connection is measured, and remarks are gone."""
    await stage.amy.wait_for("document.getElementById('room-view').hidden || document.body.innerText.includes('good')")
    await stage.amy.call("Page.bringToFront")  # or what moves would not come to its end
    await stage.amy.wait_for("getComputedStyle(document.getElementById('toast')).opacity === '0'")
    await asyncio.sleep(0.5)


async def main(folder: Path, views: list[str], kept: set[str]) -> None:
    """Take pictures into a folder."""
    microphone = write_wav(folder / ".microphone.wav", np.zeros(SAMPLE_RATE, np.int16))
    try:
        with running_browser(microphone) as browser:
            await take_all(browser, folder, views, kept)
    finally:
        microphone.unlink()


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else KEPT
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(
        main(
            target, sys.argv[2:] or list(SCENES), {one.name for one in KEPT.glob("page-*")} if target == KEPT else set()
        )
    )
