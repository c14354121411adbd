"""The chat, and raised hands."""

from __future__ import annotations

import time

import pytest

from tests.e2e.legible import FAINT
from tests.e2e.on_the_page import listen_to_announcements
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e


async def test_the_chat_goes_both_ways_and_shows_markup_as_text(stage: Stage) -> None:
    await stage.both()
    said = await listen_to_announcements(stage.amy)
    evil = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
    await stage.ben.click("button", "Chat")
    await stage.ben.fill("Message to everybody", evil)
    await stage.ben.press("Enter")
    await stage.amy.wait_for("document.getElementById('unread').textContent === '1'")
    assert await stage.amy.accessible("button", "Chat, 1 unread")
    assert [one for one in await said() if one.startswith("Ben writes: <script>")]
    await stage.amy.click("button", "Chat, 1 unread")
    for page in (stage.amy, stage.ben):
        await page.wait_for(f"document.querySelector('.chat-words').textContent === {evil!r}")
        assert await page.evaluate("document.querySelectorAll('.chat-words *').length") == 0
        assert await page.evaluate("window.hacked") is None
    await stage.amy.fill("Message to everybody", "Hello Ben")
    await stage.amy.press("Enter")
    await stage.ben.wait_for("document.querySelector('.chat-log li:last-child').textContent.includes('Hello Ben')")
    assert await stage.ben.evaluate("document.querySelector('.chat-log li:last-child .chat-name').textContent") == "Amy"
    await stage.ben.press("Escape")
    assert await stage.ben.evaluate("document.activeElement.id") == "chat-open"
    assert stage.ben.complaints == stage.amy.complaints == []


async def test_addresses_in_the_chat_are_links_that_open_beside_the_page(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "Chat")
    now = time.time()
    for name in ("Ben", "Amy"):
        person = stage.person(name)
        text = f"See ({stage.server.url}/docs), <b>or</b> javascript:alert(1)."
        stage.room.send_message(person.id, name, text, now)
    await stage.amy.wait_for("document.querySelectorAll('.chat-words').length === 2")
    assert (
        await stage.amy.evaluate("[...document.querySelectorAll('.chat-words')].map((one) => one.textContent)")
        == [text] * 2
    )
    links = await stage.amy.evaluate(
        "[...document.querySelectorAll('.chat-words *')]"
        "  .map((one) => [one.localName, one.textContent, one.href, one.target, one.rel])"
    )
    address = f"{stage.server.url}/docs"
    assert links == [["a", address, address, "_blank", "noopener noreferrer"]] * 2
    assert await stage.amy.evaluate(FAINT) == []
    await stage.amy.evaluate("document.querySelector('.chat-words a').focus()")
    assert await stage.amy.evaluate(FAINT) == []


async def test_a_raised_hand_is_seen_in_its_place_and_a_host_can_lower_it(stage: Stage) -> None:
    await stage.both()
    seat_local(stage.server, stage.room_name, "Cy")
    stage.room.raise_hand("local-Cy", time.time() - 5)
    await stage.ben.click("button", "Raise hand")
    await stage.ben.wait_for("document.getElementById('hand').getAttribute('aria-pressed') === 'true'")
    ben = f"[data-participant='{stage.person('Ben').id}'] .hand"
    await stage.amy.wait_for(f'document.querySelector("{ben}")?.innerText.includes("2")')
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Lower hand")
    await stage.ben.wait_for_text("Amy lowered your hand.")
    assert stage.person("Ben").hand_raised_at is None
    assert await stage.ben.accessible("button", "Raise hand")
