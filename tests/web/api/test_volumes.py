"""How loud people hear each other, as they have set it for themselves."""

from __future__ import annotations

from typing import Any

from tests.web.api.moderated import Scene
from tests.web.doubles import Site, problem
from tests.web.passes import as_role, guarded


async def set_volume(scene: Scene, listener: str, source: str, volume: Any, headers: dict[str, str]) -> Any:
    path = f"{scene.paths[listener]}/volumes/{scene.id(source)}"
    return await scene.client.put(path, json={"volume": volume}, headers=headers)


async def in_a_room(site: Site, *names: str) -> Scene:
    scene = Scene(site)
    await scene.come("Hana", **scene.host)
    for name in names:
        assert (await scene.come(name, **as_role("speaker"))).status == 201
    scene.events.clear()
    return scene


async def test_somebody_who_is_no_host_sets_how_loud_they_hear_another_and_nobody_is_told() -> None:
    async with Site(guarded()) as site:
        scene = await in_a_room(site, "Amy", "Ben")
        answer = await set_volume(scene, "Amy", "Ben", 0.5, scene.seats["Amy"])
        assert await answer.json() == {"source": scene.id("Ben"), "volume": 0.5}
        shown = await scene.client.get(f"{scene.paths['Amy']}/volumes", headers=scene.seats["Amy"])
        assert await shown.json() == {"volumes": {scene.id("Ben"): 0.5}}
        assert scene.events == []
        assert scene.room.hearing.plain
        path = f"{scene.paths['Amy']}/volumes/{scene.id('Ben')}"
        assert (await scene.client.delete(path, headers=scene.seats["Amy"])).status == 204
        assert scene.room.volumes.plain


async def test_nobody_sets_what_another_hears() -> None:
    async with Site(guarded()) as site:
        scene = await in_a_room(site, "Amy", "Ben")
        for headers in (scene.seats["Ben"], as_role("speaker") | scene.seats["Ben"]):
            assert (await set_volume(scene, "Amy", "Hana", 0.0, headers)).status in (401, 403)
        assert scene.room.volumes.plain
        assert (await set_volume(scene, "Amy", "Ben", 0.0, scene.host)).status == 200


async def test_who_may_not_is_told_so_before_anything_is_said_about_what_they_sent() -> None:
    async with Site(guarded()) as site:
        scene = await in_a_room(site, "Amy", "Ben")
        path = f"{scene.paths['Amy']}/volumes/{scene.id('Hana')}"
        answer = await scene.client.put(path, data="no JSON", headers=as_role("speaker") | scene.seats["Ben"])
        assert answer.status == 403


async def test_what_makes_no_sense_is_refused() -> None:
    async with Site(guarded()) as site:
        scene = await in_a_room(site, "Amy", "Ben")
        amy = scene.seats["Amy"]
        for volume in (-1, 2.5, "loud", None, True, 1e400):
            assert (await set_volume(scene, "Amy", "Ben", volume, amy)).status == 400, volume
        own = await set_volume(scene, "Amy", "Amy", 0.5, amy)
        assert (own.status, (await problem(own))["title"]) == (409, "Nobody hears themselves: name somebody else.")
        path = f"{scene.paths['Amy']}/volumes/nobody"
        assert (await scene.client.put(path, json={"volume": 1}, headers=amy)).status == 404
        assert scene.room.volumes.plain


async def test_in_the_lobby_one_finds_nobody_to_turn_down() -> None:
    async with Site(guarded(lobby="admit")) as site:
        scene = await in_a_room(site, "Amy")
        assert scene.person("Amy").waiting
        assert (await set_volume(scene, "Amy", "Hana", 0.5, scene.seats["Amy"])).status == 404


async def test_so_many_mixes_of_their_own_a_room_holds_and_no_more() -> None:
    async with Site(guarded(max_own_volumes=1)) as site:
        scene = await in_a_room(site, "Amy", "Ben")
        for source in ("Ben", "Hana", "Ben"):
            assert (await set_volume(scene, "Amy", source, 0.5, scene.seats["Amy"])).status == 200
        refused = await set_volume(scene, "Ben", "Amy", 0.5, scene.seats["Ben"])
        assert (refused.status, (await problem(refused))["title"]) == (
            409,
            "Too many people in this room have set volumes of their own.",
        )
        await scene.client.delete(scene.paths["Amy"], headers=scene.seats["Amy"])
        assert (await set_volume(scene, "Ben", "Hana", 0.5, scene.seats["Ben"])).status == 200
