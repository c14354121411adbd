"""Names, spoken: each once, a few at a time, and never a room that waits for it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from conference.audio.frame import Samples
from conference.web.joining.spoken import AT_ONCE, Names
from tests.prompts.test_speech import SPEAKER


async def test_a_name_is_spoken_once_and_then_known() -> None:
    names, heard = Names([sys.executable, "-c", SPEAKER]), list[Samples | None]()
    names.speak("Amy", heard.append)
    assert heard == []
    await names.close()
    names.speak("Amy", heard.append)
    assert heard[0] is not None
    assert heard[1] is heard[0]


async def test_what_cannot_be_spoken_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    names, heard = Names(["/no/such/program"]), list[Samples | None]()
    names.speak("Amy", heard.append)
    await names.close()
    assert heard == [None]
    assert "cannot be spoken" in caplog.text


async def test_a_crowd_does_not_start_a_crowd_of_programs() -> None:
    names, heard = Names([sys.executable, "-c", SPEAKER]), list[Samples | None]()
    for number in range(20):
        names.speak(f"P{number}", heard.append)
    assert heard == [None] * (20 - AT_ONCE)
    async with asyncio.timeout(30):
        await names.close()
    assert sum(one is not None for one in heard) == AT_ONCE
