"""Who hears whom, as hosts set it over HTTP: gains, coaching, whispers, sidebars."""

from __future__ import annotations

from typing import Any

import pytest

from conference.room.events import HearingChanged
from tests.web.api.moderated import Scene
from tests.web.doubles import problem
from tests.web.passes import as_role


def hears(scene: Scene) -> dict[str, dict[str, float]]:
    """The matrix by names."""
    people = scene.room.participants.values()
    return {
        listener.name: {one.name: scene.room.hearing.gain(listener.id, one.id) for one in people if one is not listener}
        for listener in people
    }


PLAIN = {
    "Hana": {"Amy": 1.0, "Ben": 1.0},
    "Amy": {"Hana": 1.0, "Ben": 1.0},
    "Ben": {"Hana": 1.0, "Amy": 1.0},
}


async def test_a_gain_is_set_shown_and_taken_back(scene: Scene) -> None:
    place = f"{scene.paths['Amy']}/hears/{scene.id('Ben')}"
    response = await scene.put(place, {"gain": 0.25})
    assert await response.json() == {"listener": scene.id("Amy"), "source": scene.id("Ben"), "gain": 0.25}
    assert hears(scene)["Amy"] == {"Hana": 1.0, "Ben": 0.25}
    shown = await (await scene.client.get(f"{scene.paths['Amy']}/hears", headers=scene.host)).json()
    assert shown == {"gains": {scene.id("Hana"): 1.0, scene.id("Ben"): 0.25}}
    assert [event.by for event in scene.told(HearingChanged)] == ["Hana"]
    assert (await scene.delete(place)).status == 204
    assert (await scene.delete(place)).status == 204, "what is not set is not set"
    assert hears(scene) == PLAIN


async def test_a_star_is_anybody(scene: Scene) -> None:
    everybody = f"/rooms/tea/participants/*/hears/{scene.id('Ben')}"
    assert (await scene.put(everybody, {"gain": 0})).status == 200
    assert (await scene.put(f"{scene.paths['Amy']}/hears/*", {"gain": 2})).status == 200
    assert hears(scene)["Hana"] == {"Amy": 1.0, "Ben": 0.0}
    assert hears(scene)["Amy"] == {"Hana": 2.0, "Ben": 0.0}
    shown = await (await scene.client.get("/rooms/tea/participants/*/hears", headers=scene.host)).json()
    assert shown["gains"][scene.id("Ben")] == 0.0
    rules = await (await scene.client.get("/rooms/tea/hearing", headers=scene.host)).json()
    assert rules == {
        "rules": [
            {"listener": None, "source": scene.id("Ben"), "gain": 0.0},
            {"listener": scene.id("Amy"), "source": None, "gain": 2.0},
        ]
    }


@pytest.mark.parametrize("gain", [-0.1, 2.1, "1", None, True])
async def test_a_gain_is_a_number_from_0_to_2(scene: Scene, gain: Any) -> None:
    refused = await scene.put(f"{scene.paths['Amy']}/hears/*", {"gain": gain})
    assert refused.status == 400
    assert (await problem(refused))["title"] == "'gain' must be a number from 0 to 2."


async def test_nobody_has_a_gain_for_themselves_or_for_somebody_who_is_not_there(scene: Scene) -> None:
    for path, status in (
        (f"{scene.paths['Amy']}/hears/{scene.id('Amy')}", 409),
        ("/rooms/tea/participants/*/hears/*", 409),
        (f"{scene.paths['Amy']}/hears/nobody", 404),
        ("/rooms/tea/participants/nobody/hears/*", 404),
    ):
        assert (await scene.put(path, {"gain": 1})).status == status, path
        assert (await scene.delete(path)).status == status, path


async def test_a_gain_for_somebody_who_has_left_can_be_taken_back(scene: Scene) -> None:
    place = f"{scene.paths['Amy']}/hears/{scene.id('Ben')}"
    await scene.put(place, {"gain": 0.25})
    await scene.delete(scene.paths["Ben"])
    assert (await scene.delete(place)).status == 204
    assert scene.room.hearing.rules == []


async def test_a_coach_is_heard_by_the_agent_alone(scene: Scene) -> None:
    assert (await scene.put(f"{scene.paths['Hana']}/coach", {"agent": scene.id("Amy")})).status == 204
    assert hears(scene) == PLAIN | {"Ben": {"Hana": 0.0, "Amy": 1.0}}
    assert (await scene.delete(f"{scene.paths['Hana']}/coach")).status == 204
    assert hears(scene) == PLAIN


async def test_a_whisper_is_heard_by_those_who_are_meant(scene: Scene) -> None:
    await scene.come("Cleo", **as_role("speaker"))
    meant = [scene.id("Hana"), scene.id("Cleo")]
    assert (await scene.put(f"{scene.paths['Amy']}/whisper", {"to": meant})).status == 204
    assert [hears(scene)[name]["Amy"] for name in ("Hana", "Cleo", "Ben")] == [1.0, 1.0, 0.0]
    assert (await scene.delete(f"{scene.paths['Amy']}/whisper")).status == 204
    assert hears(scene)["Ben"]["Amy"] == 1.0


@pytest.mark.parametrize(("to", "status"), [("self", 409), ("nobody", 404), (None, 400)])
async def test_a_whisper_needs_somebody_else_who_is_there(scene: Scene, to: str | None, status: int) -> None:
    listeners = [] if to is None else [scene.id("Amy") if to == "self" else to]
    refused = await scene.put(f"{scene.paths['Amy']}/whisper", {"to": listeners})
    assert refused.status == status
    await problem(refused)
    assert hears(scene) == PLAIN


async def test_a_sidebar_is_made_listed_and_ended(scene: Scene) -> None:
    made = await scene.post("/rooms/tea/sidebars", {"participants": [scene.id("Amy"), scene.id("Ben")]})
    assert made.status == 201
    sidebar = await made.json()
    assert made.headers["Location"] == f"/rooms/tea/sidebars/{sidebar['id']}"
    assert hears(scene) == {
        "Hana": {"Amy": 0.0, "Ben": 0.0},
        "Amy": {"Hana": 0.0, "Ben": 1.0},
        "Ben": {"Hana": 0.0, "Amy": 1.0},
    }
    listed = await (await scene.client.get("/rooms/tea/sidebars", headers=scene.host)).json()
    assert listed == {"sidebars": [sidebar]}
    assert (await scene.delete(made.headers["Location"])).status == 204
    assert (await scene.delete(made.headers["Location"])).status == 404
    assert hears(scene) == PLAIN


async def test_a_coach_who_was_in_a_sidebar_is_still_not_heard_by_the_caller(scene: Scene) -> None:
    coach, agent, caller = "Hana", "Amy", "Ben"
    await scene.put(f"{scene.paths[coach]}/coach", {"agent": scene.id(agent)})
    before = hears(scene)
    assert before[caller][coach] == 0.0
    aside = await scene.post("/rooms/tea/sidebars", {"participants": [scene.id(coach), scene.id(agent)]})
    assert (await scene.delete(aside.headers["Location"])).status == 204
    assert hears(scene) == before


async def test_a_coach_is_heard_by_the_agent_again_who_was_in_a_sidebar_without_them(scene: Scene) -> None:
    coach, agent, caller = "Hana", "Amy", "Ben"
    await scene.put(f"{scene.paths[coach]}/coach", {"agent": scene.id(agent)})
    before = hears(scene)
    aside = await scene.post("/rooms/tea/sidebars", {"participants": [scene.id(agent), scene.id(caller)]})
    assert hears(scene)[agent][coach] == hears(scene)[caller][coach] == 0.0
    assert (await scene.delete(aside.headers["Location"])).status == 204
    assert hears(scene) == before


async def test_whoever_is_back_from_a_sidebar_whispers_into_no_other(scene: Scene) -> None:
    await scene.come("Cleo", **as_role("speaker"))
    await scene.put(f"{scene.paths['Amy']}/whisper", {"to": [scene.id("Cleo")]})
    for pair in (("Amy", "Ben"), ("Cleo", "Hana")):
        made = await scene.post("/rooms/tea/sidebars", {"participants": [scene.id(one) for one in pair]})
        if pair[0] == "Amy":
            aside = made.headers["Location"]
    assert (await scene.delete(aside)).status == 204
    assert all(hears(scene)[one]["Amy"] == 0.0 for one in ("Cleo", "Hana", "Ben"))


async def test_nobody_is_in_two_sidebars_or_whispers_out_of_one(scene: Scene) -> None:
    both = [scene.id("Amy"), scene.id("Ben")]
    assert (await scene.post("/rooms/tea/sidebars", {"participants": both})).status == 201
    before = hears(scene)
    refusals = [
        await scene.post("/rooms/tea/sidebars", {"participants": [scene.id("Amy"), scene.id("Hana")]}),
        await scene.put(f"{scene.paths['Amy']}/whisper", {"to": [scene.id("Hana")]}),
        await scene.put(f"{scene.paths['Amy']}/coach", {"agent": scene.id("Ben")}),
        await scene.delete(f"{scene.paths['Amy']}/whisper"),
    ]
    for refused in refusals:
        assert refused.status == 409
        assert "Amy is in a sidebar" in (await problem(refused))["title"]
    assert hears(scene) == before


@pytest.mark.parametrize(("names", "status"), [(["Amy"], 400), (["Amy", "Amy"], 409), (["Amy", "nobody"], 404)])
async def test_a_sidebar_has_two_members_who_are_there(scene: Scene, names: list[str], status: int) -> None:
    members = [scene.id(name) if name in scene.paths else name for name in names]
    refused = await scene.post("/rooms/tea/sidebars", {"participants": members})
    assert refused.status == status
    assert hears(scene) == PLAIN


async def test_sidebars_go_with_their_room(scene: Scene) -> None:
    await scene.post("/rooms/tea/sidebars", {"participants": [scene.id("Amy"), scene.id("Ben")]})
    await scene.delete("/rooms/tea")
    await scene.come("Hana", **scene.host)
    listed = await scene.client.get("/rooms/tea/sidebars", headers=scene.host)
    assert await listed.json() == {"sidebars": []}
