"""Recordings over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conference.settings import Settings, SettingsError
from tests.web.access.test_access_recordings import made, ready
from tests.web.doubles import MERGE_PATCH, Site, problem


async def change(site: Site, place: str, state: Any) -> Any:
    return await site.client.patch(place, data=json.dumps({"state": state}), headers=MERGE_PATCH)


async def test_a_recording_is_begun_paused_resumed_and_ended_and_everybody_is_told(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        await site.join(name="Amy")
        told: list[str] = []
        site.server.conference.subscribe("tea", lambda event: told.append(type(event).__name__))
        begun = await site.client.post("/rooms/tea/recordings", json={"people": True, "mix": True})
        assert begun.status == 201
        place = begun.headers["Location"]
        body = await begun.json()
        assert (body["state"], body["room"], body["files"]) == ("recording", "tea", [])
        room = await (await site.client.get("/rooms/tea")).json()
        assert room["recording"]["id"] == body["id"]
        for state in ("paused", "paused", "recording", "recording"):
            changed = await change(site, place, state)
            assert (changed.status, (await changed.json())["state"]) == (200, state)
        assert (await (await change(site, place, "stopped")).json())["state"] == "finishing"
        room = await (await site.client.get("/rooms/tea")).json()
        assert room["recording"] is None
        await made(site, place, {})
        assert told == [f"Recording{what}" for what in ("Started", "Paused", "Resumed", "Stopped", "Ready")]
        shown = await (await site.client.get(place)).json()
        assert [one["name"] for one in shown["files"]] == ["recording.mka", "mix.opus", "events.jsonl"]
        assert shown["bytes"] == sum(one["bytes"] for one in shown["files"])
        assert "stopped" in shown["reason"]


async def test_a_file_is_sent_in_ranges(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        path = f"/recordings/{await ready(site, {})}/files/mix.opus"
        whole = await site.client.get(path)
        assert whole.status == 200
        assert whole.content_type == "audio/ogg"
        data = await whole.read()
        assert data.startswith(b"OggS")
        part = await site.client.get(path, headers={"Range": "bytes=4-9"})
        assert part.status == 206
        assert await part.read() == data[4:10]
        assert (await site.client.get(path, headers={"Range": f"bytes={len(data)}-"})).status == 416


async def test_what_is_not_a_file_of_the_recording_any_more_is_not_sent(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        recording_id = await ready(site, {})
        file = tmp_path / recording_id / "mix.opus"
        secret = tmp_path / "secret"
        secret.write_text("of somebody else")
        file.unlink()
        for linked in (False, True):
            if linked:
                file.symlink_to(secret)
            refused = await site.client.get(f"/recordings/{recording_id}/files/mix.opus")
            assert refused.status == 404
            assert "gone" in (await problem(refused))["title"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"people": 1}', "'people' must be true or false"),
        ('{"video": true}', "only 'people' and 'mix' can"),
        ("[]", "must be a JSON object"),
        ("{", "not JSON"),
    ],
)
async def test_a_body_that_makes_no_sense_gets_a_sentence(tmp_path: Path, body: str, words: str) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        await site.join()
        headers = {"Content-Type": "application/json"}
        refused = await site.client.post("/rooms/tea/recordings", data=body, headers=headers)
        assert refused.status == 400
        assert words in (await problem(refused))["title"]


async def test_what_cannot_be_done_gets_a_sentence(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        assert (await site.client.post("/rooms/tea/recordings")).status == 404
        await site.join()
        assert (await site.client.post("/rooms/tea/recordings", json={"people": False, "mix": False})).status == 409
        place = (await site.client.post("/rooms/tea/recordings")).headers["Location"]
        assert (await site.client.post("/rooms/tea/recordings")).status == 409
        assert (await site.client.delete(place)).status == 409
        assert (await change(site, place, "ready")).status == 400
        await change(site, place, "stopped")
        assert (await change(site, place, "recording")).status == 409
        await made(site, place, {})
        assert (await site.client.delete(place)).status == 204
        for method in ("GET", "DELETE"):
            assert (await site.client.request(method, place)).status == 404
        assert not [*tmp_path.iterdir()]  # noqa: ASYNC240 - a test may wait for the disk


async def test_a_server_without_a_folder_keeps_nothing_and_says_so() -> None:
    async with Site(Settings()) as site:
        await site.join()
        refused = await site.client.post("/rooms/tea/recordings")
        assert refused.status == 409
        assert "--recordings" in (await problem(refused))["title"]
        assert await (await site.client.get("/recordings")).json() == {"record": "off", "recordings": []}


async def test_where_recording_is_off_what_is_there_can_still_be_had(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path)) as site:
        recording_id = await ready(site, {})
    async with Site(Settings(recordings=tmp_path, record="off")) as site:
        await site.join()
        assert (await site.client.post("/rooms/tea/recordings")).status == 409
        assert (await site.client.get(f"/recordings/{recording_id}/files/mix.opus")).status == 200


def test_all_cannot_be_recorded_to_nowhere() -> None:
    with pytest.raises(SettingsError, match="record always needs recordings"):
        Settings(record="always")


async def test_what_goes_on_when_the_server_stops_is_finished_by_the_next(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path, record="always")) as site:
        await site.join()
        [about] = (await (await site.client.get("/recordings")).json())["recordings"]
        assert about["state"] == "recording"
        assert about["started_by"] is None
    async with Site(Settings(recordings=tmp_path)) as site:
        await made(site, f"/recordings/{about['id']}", {})
        shown = await (await site.client.get(f"/recordings/{about['id']}")).json()
        assert shown["reason"] == "The server was stopped."


async def test_it_ends_when_it_is_long_enough(tmp_path: Path) -> None:
    async with Site(Settings(recordings=tmp_path, recording_max_seconds=1)) as site:
        await site.join()
        place = (await site.client.post("/rooms/tea/recordings")).headers["Location"]
        recordings = site.server.recordings
        assert recordings is not None
        while recordings.all[place.rpartition("/")[2]].status == "recording":
            await recordings.changed()
        await made(site, place, {})
        assert "--recording-max-seconds" in (await (await site.client.get(place)).json())["reason"]
