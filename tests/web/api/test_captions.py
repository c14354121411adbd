"""Captions over HTTP: asked for by hosts, told to those who may hear what is said, kept for those who join late."""

from __future__ import annotations

import json
from typing import Any

from conference.captions.engines.known import read_engine
from conference.room.captioned import EVERYBODY, Audience, Caption
from conference.settings import Settings
from tests.captions.captioned import Tones
from tests.web.doubles import MERGE_PATCH, Site, problem

ENGINE = read_engine(f"python:{Tones.__module__}:Tones")
"""It is loaded in a process of its own, and hears nothing here: captions are told by the tests."""


def caption(text: str, audience: Audience = EVERYBODY, *, final: bool = True) -> Caption:
    return Caption(f"c-{text}", "somebody", "Amy", text, final, 1, 2, 1000.5, 1001.25, audience)


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


async def test_there_is_no_such_room() -> None:
    async with Site() as site:
        assert (await site.client.get("/rooms/tea/captions")).status == 404
