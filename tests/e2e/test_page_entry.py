"""Getting in: by an invitation with a token, by a PIN, or not at all; and what each gets to see."""

from __future__ import annotations

import time

import pytest

from conference.access.grants import Role
from conference.room.policy import RoomPolicy
from tests.e2e.browser import Page
from tests.e2e.on_the_page import WATCH_TRIES, in_the_room, join, tries_nothing_more
from tests.e2e.running import eventually, running_server
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage, open_link

pytestmark = pytest.mark.e2e


async def test_an_invitation_lets_in_and_its_token_is_not_left_in_the_address(stage: Stage) -> None:
    await open_link(stage.amy, stage.link("Amy", "host"))
    assert await stage.amy.evaluate("location.href") == f"{stage.server.url}/join/{stage.room_name}?processing=off"
    assert await stage.amy.evaluate("document.getElementById('name').value") == "Amy"
    await stage.amy.click("button", "Join")
    await in_the_room(stage.amy)
    assert stage.person("Amy").role == "host"
    assert await stage.amy.accessible("button", "Manage room")
    await stage.amy.click("button", "Leave")  # or else a reload comes back into the seat, without a question
    await eventually(lambda: not stage.names(), "she has left")
    await stage.amy.evaluate("window.before = true; location.reload()")
    await stage.amy.wait_for("!window.before && document.getElementById('join-view')?.hidden === false")
    await stage.amy.click("button", "Join")  # the tab still knows it
    await in_the_room(stage.amy)
    assert stage.person("Amy").role == "host"


async def test_a_token_may_come_in_the_query_and_name_the_room_by_itself(stage: Stage) -> None:
    token = stage.link("Ben", "speaker").partition("#token=")[2]
    await open_link(stage.ben, f"{stage.server.url}/?token={token}")
    assert await stage.ben.evaluate("location.href") == f"{stage.server.url}/"
    await stage.ben.click("button", "Join")
    await in_the_room(stage.ben)
    assert stage.names() == ["Ben"]


async def test_who_has_no_invitation_is_asked_for_the_pin(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    stage.room.set_policy(RoomPolicy(pin="2468"))
    await open_link(stage.ben, f"{stage.server.url}/join/{stage.room_name}?name=Ben")
    await stage.ben.click("button", "Join")
    await stage.ben.wait_for_text("This room needs an invitation")
    assert await stage.ben.evaluate("document.activeElement.id") == "pin"
    await stage.ben.fill("PIN", "1111")
    await stage.ben.press("Enter")
    await stage.ben.wait_for_text("That is not the room's PIN")
    assert await stage.ben.evaluate("document.getElementById('pin').getAttribute('aria-invalid')") == "true"
    assert stage.names() == ["Amy"]
    await stage.ben.fill("PIN", "2468")
    await stage.ben.press("Enter")
    await in_the_room(stage.ben)
    assert stage.person("Ben").role == "speaker"
    assert not await stage.ben.accessible("button", "Manage room")


async def test_an_invitation_that_is_no_good_is_told_in_the_servers_words(stage: Stage) -> None:
    await open_link(stage.ben, stage.link("Ben", "speaker") + "x")
    await stage.ben.wait_for_text("This token was not signed by this server")
    await open_link(stage.ben, stage.link("Ben", "speaker").replace(f"/join/{stage.room_name}", "/join/elsewhere"))
    await stage.ben.click("button", "Join")
    await stage.ben.wait_for_text("Your token is for another room.")


async def test_an_invitation_outlasts_a_server_that_does_not_answer(stage: Stage) -> None:
    await stage.ben.before_load(
        "const ask = window.fetch; window.down = true; window.tried = 0;"
        "window.fetch = (...request) => (down ? Promise.reject(new TypeError(`${++tried}`)) : ask(...request));"
    )
    await open_link(stage.ben, stage.link("Ben", "speaker"))
    await stage.ben.wait_for_text("The server does not answer.")
    await stage.ben.evaluate("window.before = true; location.reload()")
    await stage.ben.wait_for("!window.before && document.getElementById('join-view')?.hidden === false")
    await stage.ben.click("button", "Join")
    await stage.ben.wait_for("tried > 1 && document.getElementById('join-button').textContent === 'Join'")
    await stage.ben.evaluate("down = false; 0")
    await stage.ben.click("button", "Join")
    await in_the_room(stage.ben)


async def test_an_open_room_gets_a_pin_while_people_are_in_it(stage: Stage) -> None:
    async with running_server() as server:
        await join(stage.amy, server)
        await stage.amy.click("button", "Manage room")
        await stage.amy.fill("PIN, for people without an invitation", "2468")
        await stage.amy.click("button", "Set PIN")
        await stage.amy.wait_for_text("The PIN is 2468 now.")
        await stage.amy.press("Escape")
        await open_link(stage.ben, f"{server.url}/join/standup?name=Ben")
        await stage.ben.click("button", "Join")
        await stage.ben.wait_for_text("This room has a PIN")
        await stage.ben.fill("PIN", "2468")
        await stage.ben.press("Enter")
        await in_the_room(stage.ben)
        await stage.amy.wait_for("document.querySelectorAll('.person').length === 2")
        await stage.amy.click("button", "Raise hand")  # who was here before still may do everything
        await stage.amy.click("button", "More about Ben")
        await stage.amy.click("button", "Mute")
        await stage.ben.wait_for_text("Muted by Amy")
        assert stage.amy.complaints == []
        for page in (stage.amy, stage.ben):
            await page.goto("about:blank")


# Everything that can be pressed, chosen, moved or filled in and is not a way out; each once, dialogs too.
_USE_EVERYTHING = """
(async () => {
  const used = [];
  const rest = () => new Promise((resolve) => setTimeout(resolve, 120));
  const label = (one) => one.ariaLabel || one.textContent.trim() || one.labels?.[0]?.textContent.trim() || one.id;
  const name = (one) => label(one).replace(/\\s+/g, ' ');
  const wayOut = (one) => /^(Leave|Copy invitation)$/.test(name(one)) || /close|done|confirm-yes/.test(one.id);
  const seen = new Set();
  const next = () => {
    const open = [...document.querySelectorAll('dialog[open]')].at(-1) ?? document;
    return [...open.querySelectorAll('button, input, select, summary')].find((one) =>
      one.checkVisibility() && !one.disabled && !seen.has(key(one)) && !wayOut(one));
  };
  const key = (one) => one.type === 'radio' ? `${one.name}=${one.value}` : one.id || one.dataset.action || name(one);
  for (let turns = 0; turns < 200; turns++) {
    const one = next();
    if (!one) {
      const open = [...document.querySelectorAll('dialog[open]')].at(-1);
      if (!open) break;
      open.close();
      await rest();
      continue;
    }
    seen.add(key(one));
    used.push(name(one));
    if (one.matches('select')) {
      one.selectedIndex = one.options.length - 1;
      one.dispatchEvent(new Event('change'));
    } else if (one.matches('input[type=text]')) {
      one.value ||= one.inputMode === 'numeric' ? '2468' : 'Hello';
    } else if (one.matches('input[type=range]')) {
      one.value = 50;
      one.dispatchEvent(new Event('input'));
    } else {
      one.click();
    }
    await rest();
  }
  return used;
})()
"""


_OF_GUESTS = {"Raise hand", "Chat", "Send", "Settings", "Rename", "Stop hearing the others"}


@pytest.mark.parametrize(
    ("role", "has", "has_not"),
    [("speaker", _OF_GUESTS | {"Mute"}, {"Manage room"}), ("listener", _OF_GUESTS, {"Mute", "Manage room"})],
)
async def test_nothing_that_a_guest_sees_is_refused(stage: Stage, role: Role, has: set[str], has_not: set[str]) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.enter(stage.ben, "Ben", role)
    await stage.ben.wait_for("document.querySelectorAll('.person').length === 3")
    used = set(await stage.ben.evaluate(_USE_EVERYTHING, within=60))
    assert has <= used
    assert not has_not & used
    assert "Volume, for you alone" in used
    assert stage.ben.complaints == []  # the browser complains of every answer that is an error


async def test_nothing_that_somebody_in_the_lobby_sees_is_refused(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    stage.room.set_policy(RoomPolicy(lobby="admit"))
    await stage.knock(stage.ben, "Ben")
    await stage.ben.wait_for_text("You are in the waiting room")
    used = set(await stage.ben.evaluate(_USE_EVERYTHING, within=60))
    assert {"Mute", "Settings"} <= used
    assert not {"Raise hand", "Chat", "More about you", "Let yourself in", "Manage room"} & used
    assert stage.ben.complaints == []


async def test_everything_that_a_host_sees_works(stage: Stage) -> None:
    await stage.enter(stage.amy, "Amy", "host")
    await stage.enter(stage.ben, "Ben")
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.wait_for("document.querySelectorAll('.person').length === 3")
    used = set(await stage.amy.evaluate(_USE_EVERYTHING, within=120))
    assert {"Manage room", "More about Ben", "More about Cy", "Put on hold", "Set PIN", "End it for everybody…"} <= used
    assert stage.amy.complaints == []
    assert stage.names() == ["Amy", "Ben", "Cy"]


async def test_who_may_moderate_and_waits_can_let_themselves_in(stage: Stage) -> None:
    await stage.enter(stage.ben, "Ben", "host")
    stage.room.set_policy(RoomPolicy(lobby="admit"))
    await open_link(stage.amy, stage.link("Amy", "host").replace("processing=off", "role=speaker"))
    await stage.amy.click("button", "Join")
    await stage.amy.wait_for_text("You are in the waiting room")
    await stage.amy.click("button", "Let yourself in")
    await in_the_room(stage.amy)
    await stage.amy.wait_for("document.querySelectorAll('.person').length === 2")
    assert stage.person("Amy").role == "speaker"


class _Later:
    """The time in an hour."""

    @staticmethod
    def time() -> float:
        return time.time() + 3600


async def test_whose_invitation_expires_stays_in_and_is_told(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.ben.before_load(WATCH_TRIES)
    await stage.enter(stage.ben, "Ben")
    with monkeypatch.context() as later:
        later.setattr("conference.web.live.time", _Later)
        stage.server.live.feeds.finish()  # as a stream does whose reader's token has expired
        await stage.ben.wait_for_text("Your invitation has expired.")
        await stage.ben.evaluate(
            "window.said = 0; new MutationObserver(() => said++)"
            ".observe(document.getElementById('announce-assertive'), {childList: true}); 0"
        )
        await stage.ben.click("button", "Mute")  # which the seat allows by itself
        await eventually(lambda: stage.person("Ben").muted, "Ben is muted")
        assert await tries_nothing_more(stage.ben)
        assert await stage.ben.evaluate("said") == 0
    stage.ben.complaints.clear()


async def test_a_page_without_storage_works_too(stage: Stage) -> None:
    page: Page = await stage.browser.open_page()
    await page.before_load(
        "for (const kind of ['localStorage', 'sessionStorage'])"
        "  Object.defineProperty(window, kind, {get() { throw new DOMException('', 'SecurityError'); }});"
    )
    await stage.enter(page, "Cy")
    await eventually(lambda: stage.names() == ["Cy"], "Cy is in")
    await page.evaluate("0")  # what there is to complain of has come before the answer
    assert page.complaints == []
    await page.goto("about:blank")
