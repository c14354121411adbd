"""A call, another program that takes the microphone, a frozen page: sound goes both ways again after."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.browser import Page
from tests.e2e.on_the_page import BEN_HZ, hears, hears_amy, join, participant, until
from tests.e2e.running import RunningServer, eventually
from tests.e2e.seats import Ear, seat_local

pytestmark = [pytest.mark.e2e, pytest.mark.alone, pytest.mark.usefixtures("chromium")]

# Every microphone is in `opened`, every AudioContext in `contexts`; while `busy` is true, there is no microphone.
_WATCHED = """
window.opened = []; window.contexts = []; window.busy = false;
const get = MediaDevices.prototype.getUserMedia;
MediaDevices.prototype.getUserMedia = async function (wish) {
  if (busy) throw new DOMException('in a call', 'NotReadableError');
  const stream = await get.call(this, wish);
  opened.push(...stream.getTracks());
  return stream;
};
window.AudioContext = new Proxy(AudioContext, {
  construct(...call) { const context = Reflect.construct(...call); contexts.push(context); return context; },
});
"""


async def talk(server: RunningServer, page: Page) -> Ear:
    """Have Amy talk with Ben, whose ear is given."""
    ben = seat_local(server, "standup", "Ben", BEN_HZ)
    await page.before_load(_WATCHED)
    await join(page, server)
    await both_ways(page, ben)
    return ben


async def both_ways(page: Page, ben: Ear) -> None:
    """Wait until Ben hears Amy, and Amy hears Ben, as loud as each speaks."""
    await until(lambda: hears_amy(ben), "Ben hears Amy", within=60)
    await hears(page, BEN_HZ, -20, within=60)


async def test_after_a_call_on_the_phone_sound_goes_both_ways_again(server: RunningServer, humming_page: Page) -> None:
    page = humming_page
    ben = await talk(server, page)
    seat = participant(server).id
    await page.evaluate(
        "busy = true; for (const track of opened) { track.stop(); track.dispatchEvent(new Event('ended')); }"
        "document.getElementById('remote').pause(); Promise.all(contexts.map((context) => context.suspend()))"
    )
    await page.wait_for_text("Nothing comes from your microphone: a call or another program has it")
    await eventually(lambda: not participant(server).talking, "Amy is silent", within=20)
    await page.evaluate("busy = false; document.dispatchEvent(new Event('visibilitychange'))")
    await page.wait_for_text("Your microphone is back.", within=20)
    await page.wait_for("!document.getElementById('remote').paused && contexts.every((one) => one.state === 'running')")
    await both_ways(page, ben)
    assert participant(server).id == seat
    assert await page.evaluate("opened.filter((track) => track.readyState === 'live').length") == 1
    assert page.complaints == []


async def test_a_microphone_that_another_program_silences_is_opened_anew_and_who_was_muted_stays_so(
    server: RunningServer, humming_page: Page
) -> None:
    page = humming_page
    ben = await talk(server, page)
    silence = (
        "{const track = opened.at(-1); Object.defineProperty(track, 'muted', {get: () => true});"
        " track.stop(); Object.defineProperty(track, 'readyState', {get: () => 'live'});"
        " track.dispatchEvent(new Event('mute'))}"
    )
    await page.evaluate(silence)
    await page.wait_for("opened.length > 1 && document.getElementById('interrupted').hidden", 20)
    await both_ways(page, ben)
    await page.click("button", "Mute")
    await eventually(lambda: participant(server).muted, "muted")
    count = await page.evaluate("opened.length")
    await page.evaluate(silence)
    await page.wait_for(f"opened.length > {count} && !opened.at(-1).enabled", 20)
    assert participant(server).muted
    await page.click("button", "Unmute")
    await both_ways(page, ben)
    assert page.complaints == []


async def test_a_page_that_was_frozen_talks_and_hears_again(server: RunningServer, humming_page: Page) -> None:
    page = humming_page
    ben = await talk(server, page)
    await page.call("Page.setWebLifecycleState", state="frozen")
    await asyncio.sleep(2)  # so long it sleeps
    await page.call("Page.setWebLifecycleState", state="active")
    await both_ways(page, ben)
    await page.wait_for("document.getElementById('banner').hidden", 20)
    assert len(server.live.conference.rooms["standup"].participants) == 2
