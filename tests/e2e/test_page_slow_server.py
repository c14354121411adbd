"""What people do while the server has not answered yet is not undone, nor done to somebody else, when it answers."""

from __future__ import annotations

import pytest

from tests.e2e.running import eventually
from tests.e2e.seats import seat_local
from tests.e2e.slow_server import SLOW_SERVER
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e


async def test_a_slider_that_was_just_moved_is_about_whom_it_was_moved_for(stage: Stage) -> None:
    await stage.amy.before_load(SLOW_SERVER)
    await stage.both()
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.wait_for("document.querySelectorAll('.person').length === 3")
    amy, ben = stage.person("Amy").id, stage.person("Ben").id
    await stage.amy.click("button", "More about Ben")
    await stage.amy.evaluate(
        "{const box = document.getElementById('person-volume'); box.value = 50; box.dispatchEvent(new Event('input'));"
        " slow = '/volumes/'; document.getElementById('person-close').click();"
        " document.querySelector('[data-participant=local-Cy] .person-more').click()}"
    )
    assert await stage.amy.evaluate("document.getElementById('person-volume').value") == "100"
    await stage.amy.wait_for("asked.length > 0")
    await stage.amy.evaluate("answer()")
    await eventually(lambda: stage.room.volumes.volume(amy, ben) == 0.5, "Amy hears Ben at half")
    assert stage.room.volumes.volume(amy, "local-Cy") == 1


async def test_an_answer_about_somebody_leaves_the_dialog_of_somebody_else_open(stage: Stage) -> None:
    await stage.amy.before_load(SLOW_SERVER)
    await stage.both()
    seat_local(stage.server, stage.room_name, "Cy")
    stage.room.set_muted(stage.person("Ben").id, True)
    await stage.amy.click("button", "More about Ben")
    await stage.amy.evaluate("slow = '/unmute-request'; 0")
    await stage.amy.click("button", "Ask to unmute")
    await stage.amy.press("Escape")
    await stage.amy.click("button", "More about Cy")
    await stage.amy.wait_for("document.getElementById('person-dialog').open")
    await stage.amy.evaluate("answer()")
    await stage.amy.wait_for_text("Ben was asked to unmute.")
    assert await stage.amy.evaluate("document.getElementById('person-dialog').open")


async def test_what_is_typed_while_a_message_is_being_sent_stays(stage: Stage) -> None:
    await stage.ben.before_load(SLOW_SERVER)
    await stage.both()
    await stage.ben.click("button", "Chat")
    typed = "document.getElementById('chat-text').value"
    for comes_through in (True, False):
        await stage.ben.evaluate("slow = '/messages'; 0")
        await stage.ben.fill("Message to everybody", "Hello")
        await stage.ben.press("Enter")
        await stage.ben.call("Input.insertText", text="you")
        if not comes_through:
            await stage.ben.call("Network.enable")
            await stage.ben.call("Network.setBlockedURLs", urls=["*/messages"])
        await stage.ben.evaluate("answer()")
        if comes_through:
            await stage.ben.wait_for("document.querySelector('.chat-words')?.textContent === 'Hello'")
            assert await stage.ben.evaluate(typed) == "you"
        else:
            await stage.ben.wait_for_text("The server does not answer.")
            assert await stage.ben.evaluate(typed) == "Hello you"


async def test_nothing_moves_under_the_pointer_when_the_settings_are_known(stage: Stage) -> None:
    await stage.amy.before_load(SLOW_SERVER)
    await stage.both()
    amy = stage.person("Amy").id
    stage.room.treat_voice(amy, levelling=True)
    await stage.amy.evaluate(f"slow = '/participants/{amy}'; 0")
    await stage.amy.click("button", "Settings")
    await stage.amy.wait_for("asked.length === 1 && document.getElementById('voice-settings').matches(':disabled')")
    top = "document.getElementById('settings-close').getBoundingClientRect().top"
    before = await stage.amy.evaluate(top)
    await stage.amy.evaluate("answer()")
    await stage.amy.wait_for("document.getElementById('levelling').matches(':enabled:checked')")
    assert await stage.amy.evaluate(top) == before
