"""Captions over HTTP: asked for by hosts, told to those who may hear what is said, kept for those who join late."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from conference.captions.engines.known import read_engine
from conference.captions.room_captioner import audience_of
from conference.room.captioned import Caption
from conference.settings import Settings
from tests.captions.captioned import Tones
from tests.web.api.moderated import Scene
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.passes import as_role, guarded

ENGINE = read_engine(f"python:{Tones.__module__}:Tones")
"""It is loaded in a process of its own, and hears nothing here: captions are told by the tests."""


async def turn(site: Site, on: bool) -> Any:
    return await site.client.patch("/rooms/tea", data=json.dumps({"captions": on}), headers=MERGE_PATCH)


async def test_where_nothing_recognises_speech_captions_cannot_be_had() -> None:
    async with Site() as site:
        await site.join()
        refused = await turn(site, True)
        assert refused.status == 409
        assert "--captions" in (await problem(refused))["title"]
        assert (await turn(site, False)).status == 200
        assert await (await site.client.get("/rooms/tea/captions")).json() == {"captions": []}
        assert (await (await site.client.get("/config")).json())["captions"] is False


async def test_a_host_asks_for_captions_and_everybody_is_told() -> None:
    async with Site(Settings(captions_engine=ENGINE, captions_processes=1)) as site:
        await site.join()
        assert (await (await site.client.get("/config")).json())["captions"] is True
        assert (await (await site.client.get("/rooms/tea")).json())["policy"]["captions"] is False
        assert (await turn(site, True)).status == 200
        assert (await (await site.client.get("/rooms/tea")).json())["policy"]["captions"] is True


async def test_with_captions_everywhere_each_room_begins_with_them() -> None:
    async with Site(Settings(captions_engine=ENGINE, captions_processes=1, captions_always=True)) as site:
        await site.join()
        assert (await (await site.client.get("/rooms/tea")).json())["policy"]["captions"] is True


async def texts(site: Site, headers: dict[str, str]) -> list[str]:
    answer = await site.client.get("/rooms/tea/captions", headers=headers)
    assert answer.status == 200
    return [one["text"] for one in (await answer.json())["captions"]]


async def captioned(scene: Scene) -> Callable[..., None]:
    """Have three people come into a room with captions. Returns what tells of something that was said."""
    for name in ("Amy", "Ben", "Eve"):
        assert (await scene.come(name, **as_role())).status == 201
    assert (await scene.policy(captions=True)).status == 200
    captions = scene.site.server.captions
    assert captions is not None
    of_room = captions._rooms["tea"]

    def say(name: str, text: str) -> None:
        audience = audience_of(scene.room, scene.person(name))
        now_ns = time.monotonic_ns()
        captions.tell(
            of_room, Caption(f"c-{text}", scene.id(name), name, text, True, now_ns, now_ns, 1.5, 2.5, audience)
        )

    return say


async def test_who_joined_late_reads_what_they_may_hear_and_nothing_else() -> None:
    async with Site(guarded(captions_engine=ENGINE, captions_processes=1)) as site:
        scene = Scene(site)
        say = await captioned(scene)
        room = scene.room
        say("Amy", "for all")
        room.whisper(scene.id("Amy"), [scene.id("Ben")])
        say("Amy", "whispered")
        room.speak_up(scene.id("Amy"))
        room.sidebar([scene.id("Amy"), scene.id("Ben")])
        say("Amy", "aside")
        say("Eve", "in the room")
        room.rejoin([scene.id("Amy"), scene.id("Ben")])
        room.hold(scene.id("Eve"), True)
        say("Amy", "while Eve is held")
        room.hold(scene.id("Eve"), False)
        room.deafen(scene.id("Ben"), True)
        say("Amy", "while Ben is deaf")
        room.deafen(scene.id("Ben"), False)
        room.set_gain(scene.id("Eve"), scene.id("Amy"), 0.0)
        say("Amy", "not for Eve")
        everybody = ["for all", "in the room", "while Eve is held", "while Ben is deaf", "not for Eve"]
        seats = {name: seat | as_role() for name, seat in scene.seats.items()}
        assert await texts(site, seats["Amy"]) == [
            "for all", "whispered", "aside", "while Eve is held", "while Ben is deaf", "not for Eve",
        ]  # fmt: skip
        assert await texts(site, seats["Ben"]) == ["for all", "whispered", "aside", "while Eve is held", "not for Eve"]
        assert await texts(site, seats["Eve"]) == ["for all", "in the room", "while Ben is deaf"]
        assert await texts(site, scene.host) == everybody  # who is not in the room
        assert (await site.client.get("/rooms/tea/captions")).status == 401
        assert (await site.client.get("/rooms/tea/captions", headers=as_role("host", room="other"))).status == 403


@pytest.mark.parametrize("settings", [Settings, guarded], ids=["open", "guarded"])
async def test_who_is_in_the_lobby_reads_nothing(settings: Callable[..., Settings]) -> None:
    async with Site(settings(captions_engine=ENGINE, captions_processes=1)) as site:
        scene = Scene(site)
        say = await captioned(scene)
        assert (await scene.policy(lobby="admit")).status == 200
        assert (await scene.come("Zoe", **as_role())).status == 201
        assert scene.person("Zoe").waiting
        say("Amy", "for all")
        seats = {name: seat | as_role() for name, seat in scene.seats.items()}
        assert await texts(site, seats["Zoe"]) == []
        assert await texts(site, seats["Ben"]) == ["for all"]
        scene.room.admit([scene.id("Zoe")])
        assert await texts(site, seats["Zoe"]) == ["for all"]


async def test_there_is_no_such_room() -> None:
    async with Site() as site:
        assert (await site.client.get("/rooms/tea/captions")).status == 404
