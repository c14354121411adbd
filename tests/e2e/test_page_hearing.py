"""Who hears whom, as hosts and listeners set it on the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.e2e.running import eventually
from tests.e2e.seats import seat_local
from tests.e2e.two_on_the_page import Stage

pytestmark = pytest.mark.e2e


async def test_a_host_coaches_one_person_knows_it_and_speaks_up_again(stage: Stage) -> None:
    await stage.both()
    amy, ben = stage.person("Amy").id, stage.person("Ben").id
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Talk to them alone")
    await eventually(lambda: stage.room.hearing.gain("local-Cy", amy) == 0, "Cy does not hear Amy")
    assert stage.room.hearing.gain(ben, amy) == 1
    await stage.amy.press("Escape")
    await stage.amy.wait_for_text("Only Ben can hear you.")
    await stage.amy.click("button", "Talk to everybody again")
    await eventually(lambda: stage.room.hearing.plain, "everybody hears Amy")
    await stage.amy.wait_for("document.getElementById('own-status').hidden")


async def test_a_host_has_somebody_heard_by_those_who_are_ticked(stage: Stage) -> None:
    await stage.both()
    amy, ben = stage.person("Amy").id, stage.person("Ben").id
    seat_local(stage.server, stage.room_name, "Cy")
    await stage.amy.click("button", "More about Ben")
    await stage.amy.evaluate("document.getElementById('person-whisper').open = true")
    await stage.amy.click("checkbox", "Amy (you)")
    for talking in (True, False, True):  # what happens meanwhile leaves the focus where it is
        stage.room.participants["local-Cy"].talking = talking
        stage.room.rename("local-Cy", f"Cy {talking}")
        await stage.amy.wait_for(f"document.body.innerText.includes('Cy {talking}')")
        assert await stage.amy.evaluate("document.activeElement.value") == amy
    await stage.amy.click("button", "Only those")
    await eventually(lambda: stage.room.hearing.gain("local-Cy", ben) == 0, "Cy does not hear Ben")
    assert stage.room.hearing.gain(amy, ben) == 1
    assert "can hear you" not in await stage.ben.evaluate("document.body.innerText")  # which is the hosts' business
    await stage.amy.click("button", "Everybody again")
    await eventually(lambda: stage.room.hearing.plain, "everybody hears Ben")


@pytest.mark.parametrize(("listener", "source"), [("Amy", "Ben"), ("Ben", "Amy")], ids=["host", "speaker"])
async def test_a_slider_sets_how_loud_somebody_is_for_oneself(stage: Stage, listener: str, source: str) -> None:
    await stage.both()
    page = stage.amy if listener == "Amy" else stage.ben
    ears, mouth = stage.person(listener).id, stage.person(source).id
    await page.click("button", f"More about {source}")
    set_to = (
        "{const box = document.getElementById('person-volume'); box.value = %d; box.dispatchEvent(new Event('input'))}"
    )
    await page.evaluate(set_to % 50)
    await eventually(lambda: stage.room.volumes.volume(ears, mouth) == 0.5, "at half")
    assert stage.room.volumes.volume(mouth, ears) == 1
    await page.evaluate(set_to % 100)
    await eventually(lambda: stage.room.volumes.plain, "as before")


async def test_a_volume_that_is_refused_goes_back_to_what_it_was(stage: Stage) -> None:
    stage.server.live.settings = replace(stage.server.live.settings, max_own_volumes=0)
    await stage.both()
    await stage.ben.click("button", "More about Amy")
    await stage.ben.evaluate(
        "{const box = document.getElementById('person-volume'); box.value = 50; box.dispatchEvent(new Event('input'))}"
    )
    await stage.ben.wait_for_text("Too many people in this room have set volumes of their own.")
    await stage.ben.wait_for("document.getElementById('person-volume').value === '100'")


async def test_hold_and_deafness_are_told_and_taken_back(stage: Stage) -> None:
    await stage.both()
    await stage.amy.click("button", "More about Ben")
    await stage.amy.click("button", "Put on hold")
    await stage.ben.wait_for_text("You are on hold: nobody hears you, and you hear nobody.")
    await stage.amy.wait_for("document.querySelector('.mark-held')")
    await stage.amy.click("button", "Take off hold")
    await stage.ben.wait_for_text("Amy took you off hold.")
    await stage.amy.click("button", "Deafen")
    await stage.ben.wait_for_text("You hear nobody.")
    await stage.ben.click("button", "Hear the others again")
    await eventually(lambda: not stage.person("Ben").deafened, "Ben hears again")
