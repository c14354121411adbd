"""Recordings are for those with the right to record in their room, and for nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conference.settings import Settings
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.passes import as_role, guarded

RECORDS = as_role("speaker", rights=["speak", "listen", "record"], lasts=3600)
STRANGERS = {
    "nobody": {},
    "a speaker": as_role("speaker", lasts=3600),
    "one who moderates": as_role("host", rights=["speak", "listen", "moderate"], lasts=3600),
    "a host of another room": as_role("host", "coffee", lasts=3600),
}


async def ready(site: Site, headers: dict[str, str]) -> str:
    """A recording of room tea that is over, by its id; its files are made."""
    assert (await site.join(**headers)).status == 201
    begun = await site.client.post("/rooms/tea/recordings", headers=headers)
    assert begun.status == 201, await begun.text()
    place = begun.headers["Location"]
    await site.client.patch(place, data='{"state": "stopped"}', headers=MERGE_PATCH | headers)
    return await made(site, place, headers)


async def made(site: Site, place: str, headers: dict[str, str]) -> str:
    recordings = site.server.recordings
    assert recordings is not None
    recording_id = place.rpartition("/")[2]
    while recordings.all[recording_id].status == "finishing":
        await recordings.changed()
    shown = await (await site.client.get(place, headers=headers)).json()
    assert shown["state"] == "ready", shown
    return recording_id


def requests(recording_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    place = f"/recordings/{recording_id}"
    return [
        ("POST", "/rooms/tea/recordings", {}),
        ("GET", "/recordings?room=tea", {}),
        ("GET", place, {}),
        ("PATCH", place, {"data": '{"state": "stopped"}', "headers": MERGE_PATCH}),
        ("GET", f"{place}/files/mix.opus", {}),
        ("GET", f"{place}/files/events.jsonl", {}),
        ("GET", f"{place}/files/recording.mka", {}),
        ("DELETE", place, {}),
    ]


async def test_without_the_right_nothing_can_be_done_and_nothing_is_known(tmp_path: Path) -> None:
    async with Site(guarded(recordings=tmp_path)) as site:
        recording_id = await ready(site, RECORDS)
        for who, headers in STRANGERS.items():
            for method, path, more in requests(recording_id):
                own = {**more, "headers": {**more.get("headers", {}), **headers}}
                response = await site.client.request(method, path, **own)
                assert response.status in (401, 403), (who, method, path)
                assert recording_id not in (await problem(response))["title"]
            listed = await site.client.get("/recordings", headers=headers)
            if listed.status == 200:
                assert (await listed.json())["recordings"] == [], who
        assert (await (await site.client.get("/recordings", headers=RECORDS)).json())["recordings"] != []


async def test_with_the_right_all_of_it_can(tmp_path: Path) -> None:
    async with Site(guarded(recordings=tmp_path)) as site:
        recording_id = await ready(site, RECORDS)
        statuses = []
        for method, path, more in requests(recording_id):
            own = {**more, "headers": {**more.get("headers", {}), **RECORDS}}
            statuses.append((await site.client.request(method, path, **own)).status)
        assert statuses == [201, 200, 200, 409, 200, 200, 200, 204]


async def test_a_recording_of_a_room_with_a_pin_is_not_open_to_all_where_everything_else_is(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        await site.join()
        await site.client.patch("/rooms/tea", data='{"pin": "1234"}', headers=MERGE_PATCH)
        room = site.server.conference.rooms["tea"]
        recordings = site.server.recordings
        assert recordings is not None
        about = recordings.start(room, by="Amy")
        site.server.conference.end("tea", "over")
        for path in (f"/recordings/{about.id}", f"/recordings/{about.id}/files/mix.opus"):
            assert (await site.client.get(path)).status == 401
        assert (await (await site.client.get("/recordings")).json())["recordings"] == []


@pytest.mark.parametrize("name", ["recording.json", "journal", "..%2Frecording.json", "%2Fetc%2Fpasswd", "mix.opus%00"])
async def test_only_the_files_of_a_recording_can_be_had(tmp_path: Path, name: str) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        recording_id = await ready(site, {})
        assert (await site.client.get(f"/recordings/{recording_id}/files/{name}")).status == 404
