"""What is said, in words, on the page: asked for by a host, shown to those who hear it, and hidden by whoever likes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from conference.captions.engines.known import read_engine
from conference.room.captioned import EVERYBODY, Audience, Caption
from conference.room.events import Captioned
from conference.settings import Settings
from tests.captions.captioned import Tones
from tests.e2e.two_on_the_page import Stage, staged

pytestmark = pytest.mark.e2e

SHOWN = "[...document.querySelectorAll('#captions-log li')].map((one) => one.innerText.replace(/\\s+/g, ' ')).join('|')"
READ_OUT = "[...document.querySelectorAll('#captions-log li:not([aria-hidden])')].length"


@pytest.fixture
async def captioned(beeping_browser: str) -> AsyncIterator[Stage]:
    """The stage, on a server whose engine understands nothing that is said here: the tests tell what was said."""
    engine = read_engine(f"python:{Tones.__module__}:Silent")
    settings = Settings(port=0, captions_engine=engine, captions_processes=1)
    async with staged(beeping_browser, settings) as stage:
        yield stage


def say(stage: Stage, number: int, text: str, *, final: bool = True, audience: Audience = EVERYBODY) -> None:
    caption = Caption(f"c{number}", "x", "Ben", text, final, number, number + 1, number, time.time(), audience)
    stage.server.live.conference.publish(Captioned(stage.room_name, caption))


async def test_a_host_turns_captions_on_and_each_sees_what_they_may_hear_and_may_hide_it(captioned: Stage) -> None:
    stage = captioned
    await stage.both()
    assert await stage.ben.evaluate("document.getElementById('captions').hidden")
    await stage.amy.click("button", "Manage room")
    await stage.amy.wait_for("!document.getElementById('captions-field').hidden")
    await stage.amy.evaluate("document.getElementById('policy-captions').click()")
    await stage.amy.evaluate("document.getElementById('manage-close').click()")
    for page in (stage.amy, stage.ben):
        await page.wait_for("!document.getElementById('captions').hidden")
        await page.wait_for("!document.getElementById('captioned').hidden")
    say(stage, 1, "good", final=False)
    await stage.ben.wait_for(f"{SHOWN} === 'Ben good'")
    assert await stage.ben.evaluate(READ_OUT) == 0
    say(stage, 1, "Good morning.")
    await stage.ben.wait_for(f"{SHOWN} === 'Ben Good morning.'")
    assert await stage.ben.evaluate(READ_OUT) == 1
    say(stage, 2, "Between us.", audience=Audience(heard_by=frozenset({stage.person("Amy").id})))
    say(stage, 3, "For all.")
    await stage.amy.wait_for(f"{SHOWN} === 'Ben Good morning.|Ben Between us.|Ben For all.'")
    await stage.ben.wait_for(f"{SHOWN} === 'Ben Good morning.|Ben For all.'")
    await stage.ben.click("button", "Captions")
    await stage.ben.wait_for("document.getElementById('captions').hidden")
    await stage.ben.click("button", "Captions")
    await stage.ben.wait_for("!document.getElementById('captions').hidden")
    assert not await stage.amy.evaluate("document.getElementById('captions').hidden")
    assert stage.amy.complaints == []
    assert stage.ben.complaints == []
