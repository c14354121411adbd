"""The whole server at a glance, for those who may moderate every room."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from conference.settings import Settings
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.passes import as_role, guarded


async def test_each_room_is_shown_with_how_many_are_in_it(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        await site.join("tea")
        await site.join("tea", name="Ben")
        await site.join("milk")
        await site.client.patch("/rooms/tea", data=json.dumps({"locked": True}), headers=MERGE_PATCH)
        await site.client.post("/rooms/milk/recordings")
        body = await (await site.client.get("/overview")).json()
        assert (body["participants"], body["talking"], body["drain"]["draining"]) == (3, 0, False)
        assert body["ticks"] >= body["ticks_late"] >= 0
        assert body["recording_bytes"] >= 0
        rooms = {one["name"]: one for one in body["rooms"]}
        assert (rooms["tea"]["participants"], rooms["tea"]["locked"], rooms["tea"]["recording"]) == (2, True, None)
        assert (rooms["milk"]["participants"], rooms["milk"]["locked"]) == (1, False)
        assert rooms["milk"]["recording"]["state"] == "recording"


@pytest.mark.parametrize(
    ("role", "room", "status"), [("host", None, 200), ("host", "tea", 403), ("speaker", None, 403)]
)
async def test_it_is_for_those_who_may_moderate_every_room(role: str, room: str | None, status: int) -> None:
    async with Site(guarded()) as site:
        headers = as_role("host" if role == "host" else "speaker", room)
        assert (await site.client.get("/overview", headers=headers)).status == status
        refused = await site.client.get("/overview")
        assert refused.status == 401
        await problem(refused)


async def test_where_no_token_is_needed_rooms_with_a_pin_are_nobody_s_business() -> None:
    async with Site() as site:
        await site.join("tea")
        await site.join("milk")
        room = site.server.conference.rooms["milk"]
        room.set_policy(dataclasses.replace(room.policy, pin="4321"))
        body = await (await site.client.get("/overview")).json()
        assert [one["name"] for one in body["rooms"]] == ["tea"]
        assert body["participants"] == 1


async def test_the_page_that_shows_it_is_there_for_everybody() -> None:
    async with Site(guarded()) as site:
        page = await site.client.get("/admin")
        assert page.status == 200
        assert page.content_type == "text/html"
        assert "/static/js/admin.js" in await page.text()
