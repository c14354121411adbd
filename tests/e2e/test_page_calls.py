"""A host calls telephones from the page, sees how far that has come, and hands a caller over."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from conference.captions.engines.known import read_engine
from conference.room.participant import Participant
from conference.settings import Settings
from conference.telephony.destinations import read_destination
from tests.captions.captioned import Tones
from tests.e2e.running import eventually
from tests.e2e.two_on_the_page import Stage, staged
from tests.room.fakes import Ear
from tests.web.joining.twilio_api import ACCOUNT, CALLER_ID, ORIGIN, TOKEN, PhoneCall, TwilioApi

pytestmark = pytest.mark.e2e

SILENT = read_engine(f"python:{Tones.__module__}:Silent")


@asynccontextmanager
async def calling_stage(browser: str, **more: Any) -> AsyncIterator[tuple[Stage, TwilioApi]]:
    """The stage, on a server that calls telephones."""
    async with TwilioApi().serve() as twilio:
        settings = Settings(
            port=0,
            dial_allow=(read_destination("+1555*"),),
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=TOKEN,
            twilio_api_url=twilio.url,
            caller_ids=(CALLER_ID,),
            public_url=ORIGIN,
            **more,
        )
        async with staged(browser, settings) as stage, aiohttp.ClientSession(stage.server.url) as client:
            twilio.site = SimpleNamespace(client=client)  # type: ignore[assignment]
            yield stage, twilio
            for call in twilio.calls:
                if call.socket is not None:
                    await call.socket.close()


@pytest.fixture
async def calling(beeping_browser: str) -> AsyncIterator[tuple[Stage, TwilioApi]]:
    async with calling_stage(beeping_browser) as ready:
        yield ready


async def call_from_page(stage: Stage, twilio: TwilioApi, number: str, name: str) -> PhoneCall:
    await stage.amy.wait_for("document.getElementById('call-dialog').open")
    await stage.amy.fill("Phone number", number)
    await stage.amy.evaluate(f"document.getElementById('call-name').value = {name!r}")
    await stage.amy.evaluate("document.getElementById('call-form').requestSubmit()")
    return await twilio.placed(len(twilio.calls) + 1)


def marks(name: str) -> str:
    """What a tile says of somebody."""
    return (
        "[...document.querySelectorAll('.person')].find((one) => one.querySelector('.person-name').textContent === "
        f"{name!r})?.querySelector('.marks').textContent"
    )


async def test_a_host_calls_somebody_and_sees_how_far_it_has_come(calling: tuple[Stage, TwilioApi]) -> None:
    stage, twilio = calling
    await stage.both()
    await stage.amy.wait_for("!document.getElementById('call').hidden")
    assert await stage.ben.evaluate("document.getElementById('call').hidden")
    await stage.amy.evaluate("document.getElementById('call').click()")
    await stage.amy.fill("Phone number", "not a number")
    await stage.amy.evaluate("document.getElementById('call-form').requestSubmit()")
    await stage.amy.wait_for_text("A number begins with + and its country's code.")
    call = await call_from_page(stage, twilio, "+1 (555) 222-3333", "Cat")
    assert call.form["To"] == "+15552223333"
    await stage.amy.wait_for(f"{marks('Cat')} === 'Calling…'")
    await twilio.tell(call, "ringing")
    await stage.amy.wait_for(f"{marks('Cat')} === 'Ringing…'")
    await stage.ben.wait_for(f"{marks('Cat')} === 'Ringing…'")
    await twilio.answer(call)
    await stage.amy.wait_for(f"{marks('Cat')} === ''")
    await stage.amy.click("button", "More about Cat")
    await stage.amy.click("button", "Hang up")
    await eventually(lambda: twilio.ended == [call.sid], "the call is ended at Twilio", within=30)
    await stage.amy.evaluate("document.getElementById('call').click()")
    busy = await call_from_page(stage, twilio, "0015552224444", "Dan")
    await twilio.tell(busy, "busy")
    await stage.amy.wait_for_text("Dan is busy.")
    assert stage.amy.complaints == []
    assert stage.ben.complaints == []


async def test_a_host_hands_a_caller_over(calling: tuple[Stage, TwilioApi]) -> None:
    stage, twilio = calling
    await stage.enter(stage.amy, "Amy", "host")
    await stage.amy.look_as(390, 844, dark=False, phone=True)
    caller = Participant(id="caller", name="Cat", transport="twilio", joined_at=time.time(), sink=Ear())
    stage.server.live.conference.join(stage.room_name, caller)
    await stage.amy.wait_for("!document.getElementById('call').hidden")
    await stage.amy.click("button", "More about Cat")
    await stage.amy.click("button", "Hand over…")
    await stage.amy.wait_for_text("Cat is on hold meanwhile")
    assert await stage.amy.evaluate(
        "(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)(document.getElementById('call-dialog'))"
    )
    call = await call_from_page(stage, twilio, "+15552223333", "Dan")
    await stage.amy.wait_for_text("Calling Dan. Cat is on hold.")
    assert caller.held
    await twilio.tell(call, "ringing")
    await twilio.answer(call)
    await stage.amy.wait_for_text("You are talking to Dan alone. Cat is on hold.")
    await stage.amy.click("button", "Bring them together")
    await eventually(lambda: not caller.held, "all three talk")
    await stage.amy.wait_for("document.getElementById('transfer').hidden")
    await stage.amy.click("button", "More about Cat")
    await stage.amy.click("button", "Hand over…")
    second = await call_from_page(stage, twilio, "+15552224444", "Eve")
    await stage.amy.wait_for_text("Calling Eve. Cat is on hold.")
    await stage.amy.click("button", "Take back")
    await eventually(lambda: not caller.held and twilio.ended == [second.sid], "it is as before")
    await stage.amy.click("button", "More about Cat")
    await stage.amy.click("button", "Hand over…")
    third = await call_from_page(stage, twilio, "+15552225555", "Fay")
    await twilio.answer(third)
    await stage.amy.click("button", "Hand over and leave")
    await stage.amy.wait_for("!document.getElementById('join-view').hidden")
    await eventually(lambda: stage.names() == ["Cat", "Dan", "Fay"], "they are left to each other")
    assert stage.amy.complaints == []


async def test_where_nobody_can_be_called_nothing_offers_it(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    assert await stage.amy.evaluate(
        "document.getElementById('call').hidden && document.querySelector('[data-action=transfer]').hidden"
    )


NOT_EVERYWHERE = ["captions-open", "call", "recordings"]
HIDE = "%(all)s.forEach((id) => document.getElementById(id).hidden = %(gone)s.includes(id))"
WIDTHS = [
    320,
    390,
    600,
    740,
    780,
    900,
    1020,
    1030,
    1100,
    1240,
    1250,
    1280,
    1300,
    1440,
    1450,
    1590,
    1610,
    1790,
    1800,
    1900,
]
FITS = "document.documentElement.scrollWidth <= innerWidth"

ROWS = """new Set([...document.querySelectorAll('.controls-row > *, .more-controls > *')]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height)
  .map((one) => Math.round(one.getBoundingClientRect().bottom))).size"""


async def test_all_buttons_of_a_host_stand_in_one_row_however_wide_the_window_is(
    beeping_browser: str, tmp_path: Path
) -> None:
    more = {"recordings": tmp_path, "captions_engine": SILENT, "captions_processes": 1, "captions_always": True}
    async with calling_stage(beeping_browser, **more) as (stage, _):
        await stage.enter(stage.amy, "Amy", "host")
        await stage.amy.wait_for("!document.getElementById('call').hidden")
        await stage.amy.wait_for("!document.getElementById('recordings').hidden")
        await stage.amy.wait_for("!document.getElementById('captions-open').hidden")
        for width in WIDTHS:
            await stage.amy.look_as(width, 800, dark=False, phone=False)
            await stage.amy.wait_for(f"innerWidth === {width}")
            for number in range(len(NOT_EVERYWHERE) + 1):
                for gone in combinations(NOT_EVERYWHERE, number):
                    await stage.amy.evaluate(HIDE % {"all": NOT_EVERYWHERE, "gone": [*gone]})
                    assert await stage.amy.evaluate(ROWS) == 1, (width, gone)
                    assert await stage.amy.evaluate(FITS), (width, gone)
