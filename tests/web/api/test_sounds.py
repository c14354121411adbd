"""Sounds over HTTP: who may play what to whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conference.prompts.library import LibraryError
from conference.settings import Settings
from conference.web.app import build_app
from tests.tones import tone
from tests.wav import write_wav
from tests.web.doubles import MERGE_PATCH, FakeWebRtc, Site, problem
from tests.web.joining.test_calling import until
from tests.web.passes import as_role, guarded, seat_of

URL = "/rooms/tea/sounds"


async def listed(site: Site, url: str = URL) -> list[dict[str, Any]]:
    response = await site.client.get(url)
    assert response.status == 200
    return list((await response.json())["sounds"])


async def test_the_library_is_what_ships_and_what_the_operator_has(tmp_path: Path) -> None:
    write_wav(tmp_path / "our jingle.wav", tone(440.0, 0.5))
    async with Site(Settings(sounds=(tmp_path,))) as site:
        sounds = {one["name"]: one for one in await listed(site, "/sounds")}
    assert sounds["our jingle"] == {"name": "our jingle", "seconds": 0.5, "origin": "file"}
    assert sounds["hold-music"]["origin"] == "music"
    assert sounds["join-tone"]["origin"] == "tone"
    assert sounds["alone"]["origin"] == "prompt"
    assert all(one["seconds"] > 0.1 for one in sounds.values())


async def test_a_sound_is_played_and_stopped() -> None:
    async with Site() as site:
        await site.join("tea")
        [amy] = site.server.conference.rooms["tea"].participants
        wanted = {"sound": "hold-music", "to": [amy], "talk_gain": 0.25, "gain": 0.5, "loop": True}
        response = await site.client.post(URL, json=wanted)
        assert response.status == 201
        sound = await response.json()
        assert response.headers["Location"] == f"{URL}/{sound['id']}"
        assert sound == {"id": sound["id"], "name": wanted.pop("sound"), "for_absent": False, **wanted}
        assert await listed(site) == [sound]
        assert (await site.client.delete(response.headers["Location"])).status == 204
        await until(lambda: not site.server.conference.rooms["tea"].sounds)
        gone = await site.client.delete(response.headers["Location"])
        assert gone.status == 404
        await problem(gone)


async def test_a_sound_ends_by_itself() -> None:
    async with Site() as site:
        await site.join("tea")
        assert (await site.client.post(URL, json={"sound": "join-tone"})).status == 201
        assert len(await listed(site)) == 1
        await until(lambda: not site.server.conference.rooms["tea"].sounds)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"sound": "nothing of the kind"}, 404),
        ({"sound": "../../etc/passwd"}, 404),
        ({"sound": "join-tone", "to": ["nobody"]}, 404),
        ({"sound": "join-tone", "to": []}, 400),
        ({"sound": "join-tone", "to": ["x"] * 1001}, 400),
        ({"sound": "join-tone", "gain": 2.5}, 400),
        ({"sound": "join-tone", "talk_gain": 1.5}, 400),
        ({"sound": "join-tone", "loop": "yes"}, 400),
        ({"sound": 5}, 400),
        ({}, 400),
        ([], 400),
    ],
)
async def test_what_cannot_be_played_is_refused(body: Any, status: int) -> None:
    async with Site() as site:
        await site.join("tea")
        response = await site.client.post(URL, json=body)
        assert response.status == status
        await problem(response)
        assert await listed(site) == []


async def test_a_room_plays_so_many_sounds_and_no_more() -> None:
    async with Site() as site:
        await site.join("tea")
        statuses = [(await site.client.post(URL, json={"sound": "hold-music"})).status for _ in range(33)]
        assert statuses == [201] * 32 + [409]


async def test_sounds_are_for_those_who_may_moderate() -> None:
    async with Site(guarded()) as site:
        await site.join("tea", **as_role("host"))
        assert (await site.client.get("/sounds", headers=as_role("host"))).status == 200
        for role, status in (("host", 201), ("speaker", 403), ("listener", 403)):
            answered = await site.client.post(URL, json={"sound": "join-tone"}, headers=as_role(role))  # type: ignore[arg-type]
            assert answered.status == status
        for method, url in (("GET", "/sounds"), ("GET", URL), ("DELETE", f"{URL}/x")):
            assert (await site.client.request(method, url, headers=as_role("speaker"))).status == 403
            assert (await site.client.request(method, url)).status == 401


async def test_whom_a_host_makes_a_host_sees_what_they_can_play() -> None:
    async with Site(guarded()) as site:
        amy = await site.join(**as_role())
        promoted, host = as_role() | seat_of(amy), as_role("host") | MERGE_PATCH
        await site.client.patch(amy.headers["Location"], data='{"role": "host"}', headers=host)
        assert (await site.client.get("/sounds", headers=promoted)).status == 200
        assert (await site.client.get("/sounds", headers=as_role())).status == 403
        assert (await site.client.get("/sounds", headers=as_role(room="milk") | seat_of(amy))).status == 403
        await site.client.patch(amy.headers["Location"], data='{"role": "speaker"}', headers=host)
        assert (await site.client.get("/sounds", headers=promoted)).status == 403


async def test_a_room_that_is_not_there_plays_nothing() -> None:
    async with Site() as site:
        assert (await site.client.post(URL, json={"sound": "join-tone"})).status == 404


async def test_a_sound_that_cannot_be_decoded_keeps_the_server_from_starting(tmp_path: Path) -> None:
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(1).bytes(2000))
    site = Site(Settings(sounds=(tmp_path,)))
    with pytest.raises(LibraryError, match=r"noise\.mp3"):
        await site.client.start_server()
    await site.client.close()


def test_a_folder_with_too_many_sounds_keeps_the_server_from_starting(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_wav(tmp_path / f"{name}.wav", tone(440.0, 0.1))
    with pytest.raises(LibraryError, match="--max-sounds"):
        build_app(Settings(sounds=(tmp_path,), max_sounds=2), webrtc=FakeWebRtc())


def test_music_that_there_is_not_keeps_the_server_from_starting() -> None:
    with pytest.raises(LibraryError, match="--hold-music"):
        build_app(Settings(hold_music="no such"), webrtc=FakeWebRtc())
