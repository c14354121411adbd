"""A room is recorded from the page: everybody sees it, and those who may find it, play it and delete it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conference.settings import Settings
from tests.e2e.running import eventually
from tests.e2e.two_on_the_page import Stage, staged

pytestmark = pytest.mark.e2e


@pytest.fixture
async def recorded(beeping_browser: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """The stage, on a server that keeps recordings."""
    async with staged(beeping_browser, Settings(port=0, recordings=tmp_path)) as stage:
        yield stage


async def test_a_host_records_and_everybody_sees_who_began_it(recorded: Stage, tmp_path: Path) -> None:
    stage = recorded
    await stage.both()
    await stage.amy.wait_for("!document.getElementById('recordings').hidden")
    assert await stage.ben.evaluate("document.getElementById('recordings').hidden")
    await stage.amy.click("button", "Recordings")
    await stage.amy.wait_for_text("There is no recording of this room.")
    await stage.amy.click("button", "Record this room")
    await stage.ben.wait_for("document.getElementById('recording-text').textContent === 'Recording, begun by Amy'")
    await stage.amy.wait_for("document.getElementById('recording-text').textContent === 'Recording, begun by Amy'")
    await stage.amy.click("button", "Pause")
    await stage.ben.wait_for("document.getElementById('recording-text').textContent.startsWith('Recording paused')")
    await stage.amy.click("button", "Go on")
    await stage.ben.wait_for("document.getElementById('recording-text').textContent === 'Recording, begun by Amy'")
    recordings = stage.server.live.recordings
    assert recordings is not None
    [recording_id] = recordings.all
    await eventually(lambda: recordings.all[recording_id].seconds > 3, "somebody has been heard")
    await stage.amy.click("button", "Stop recording")
    await stage.ben.wait_for("document.getElementById('recording').hidden")
    while recordings.all[recording_id].status == "finishing":
        await recordings.changed()
    said = {"name": "Ben", "text": "Good <b>morning</b>.", "begins_at": 0.0, "ends_at": 3600.0}
    with (tmp_path / recording_id / "events.jsonl").open("a") as events:  # as if somebody had recognised it
        events.write(json.dumps({"t": 0.0, "event": "caption", "data": said}) + "\n")
    await stage.amy.wait_for("document.querySelector('#recordings-list button')?.textContent === 'Play'", within=15)
    await stage.amy.evaluate("document.querySelector('#recordings-list button').click()")
    await stage.amy.wait_for("document.getElementById('recording-audio').duration > 2", within=15)
    await stage.amy.wait_for("document.querySelectorAll('#recording-lanes .lane-talk').length > 0")
    lanes = await stage.amy.evaluate(
        "[...document.querySelectorAll('#recording-lanes .lane-name')].map((one) => one.textContent).sort().join()"
    )
    assert lanes in ("Amy,Ben", "Amy", "Ben")
    await stage.amy.wait_for(
        "document.getElementById('recording-captions').innerText.trim() === 'Ben Good <b>morning</b>.'"
    )
    await stage.amy.evaluate("document.getElementById('recording-audio').pause()")
    await stage.amy.evaluate("""(() => {
      const box = document.querySelector('.lane').getBoundingClientRect();
      const there = {bubbles: true, clientX: box.left + box.width / 2, clientY: box.top + 2};
      document.querySelector('.lane').dispatchEvent(new MouseEvent('click', there));
    })()""")
    await stage.amy.wait_for("document.getElementById('recording-audio').currentTime > 1")
    address = await stage.amy.evaluate("document.querySelector('#recordings-list a').href")
    assert "/files/recording.mka" in address
    await stage.amy.evaluate("[...document.querySelectorAll('#recordings-list .danger')][0].click()")
    await stage.amy.click("button", "Delete")
    await eventually(lambda: not recordings.all, "it is deleted")
    await stage.amy.wait_for_text("There is no recording of this room.")
    assert stage.amy.complaints == []
    assert stage.ben.complaints == []
