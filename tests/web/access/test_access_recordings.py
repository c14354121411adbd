"""Recordings are for those with the right to record in their room, and for nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conference.settings import Settings
from conference.web.joining.seats import HEADER
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.passes import as_role, bearer, guarded

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


async def test_who_makes_the_room_anew_gets_no_recordings_of_the_one_before(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        await site.join()
        await site.client.patch("/rooms/tea", data='{"pin": "1234"}', headers=MERGE_PATCH)
        amy = await with_pin(site, "1234")
        place = (await site.client.post("/rooms/tea/recordings", headers=amy)).headers["Location"]
        await site.client.patch(place, data='{"state": "stopped"}', headers=MERGE_PATCH | amy)
        late = await with_pin(site, "1234")
        assert (await site.client.get(place, headers=late)).status == 200  # the room is still there
        await made(site, place, amy)
        site.server.conference.end("tea", "over")
        seat = {HEADER: (await site.join(name="Mallory")).headers[HEADER]}
        await site.client.patch("/rooms/tea", data='{"pin": "9999"}', headers=MERGE_PATCH)
        for headers in (seat, await with_pin(site, "9999"), {}):
            for method, path, more in requests(place.rpartition("/")[2])[2:]:
                own = {**more, "headers": {**more.get("headers", {}), **headers}}
                assert (await site.client.request(method, path, **own)).status == 401, (method, path)
            listed = await site.client.get("/recordings?room=tea", headers=headers)
            assert listed.status == 401 or (await listed.json())["recordings"] == []
        assert (await site.client.get(f"{place}/files/mix.opus", headers=amy)).status == 200


async def test_a_pin_that_a_room_always_begins_with_opens_all_its_recordings(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path, pins=(("tea", "1234"),))) as site:
        recording_id = await ready(site, await with_pin(site, "1234"))
        site.server.conference.end("tea", "over")
        later = await with_pin(site, "1234")
        assert (await site.client.get(f"/recordings/{recording_id}", headers=later)).status == 200


async def with_pin(site: Site, pin: str) -> dict[str, str]:
    entered = await site.client.post("/rooms/tea/tokens", json={"pin": pin})
    return bearer((await entered.json())["token"])


@pytest.mark.parametrize("name", ["recording.json", "journal", "..%2Frecording.json", "%2Fetc%2Fpasswd", "mix.opus%00"])
async def test_only_the_files_of_a_recording_can_be_had(tmp_path: Path, name: str) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        recording_id = await ready(site, {})
        assert (await site.client.get(f"/recordings/{recording_id}/files/{name}")).status == 404
