"""Running a room over HTTP: what each call does, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from conference.room.events import ParticipantUpdated, RoomUpdated, UnmuteRequested
from conference.settings import Settings
from conference.web.http.problems import MUTED
from tests.web.api.moderated import Scene, site_is_empty
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.passes import as_role, guarded

# Oneself and others


async def test_people_change_what_is_theirs_and_nobody_is_named_for_it(scene: Scene) -> None:
    own = {"name": "Amelia", "muted": True, "hand_raised": True, "deafened": True, "levelling": False}
    response = await scene.patch("Amy", own)
    assert response.status == 200
    shown = await response.json()
    assert (shown["name"], shown["muted"], shown["muted_by"], shown["deafened"]) == ("Amelia", True, None, True)
    assert shown["hand_raised_at"] > 1_700_000_000
    assert {event.by for event in scene.told(ParticipantUpdated)} == {None}
    lowered = await scene.patch("Amy", {"hand_raised": False})
    assert (await lowered.json())["hand_raised_at"] is None


@pytest.mark.parametrize("change", [{"role": "host"}, {"held": False}, {"held": True}, {"waiting": False}])
async def test_people_do_not_change_what_a_host_decides_about_them(scene: Scene, change: dict[str, Any]) -> None:
    before = scene.person("Amy").state()
    response = await scene.patch("Amy", change | {"name": "Amelia"}, scene.seats["Amy"] | as_role("speaker"))
    assert response.status == 403
    await problem(response)
    assert scene.person("Amy").state() == before, "nothing of the patch was done"


async def test_a_host_changes_others_and_they_are_told_who_it_was(scene: Scene) -> None:
    response = await scene.patch("Amy", {"muted": True, "held": True, "role": "listener"}, scene.host)
    shown = await response.json()
    assert (shown["muted_by"], shown["held"], shown["role"]) == ("Hana", True, "listener")
    assert {event.by for event in scene.told(ParticipantUpdated)} == {"Hana"}


async def test_whom_a_host_muted_can_unmute_when_they_are_asked_to(scene: Scene) -> None:
    await scene.patch("Amy", {"muted": True}, scene.host)
    refused = await scene.patch("Amy", {"muted": False})
    assert refused.status == 403
    assert (await problem(refused))["type"] == MUTED
    assert (await problem(refused))["title"].startswith("Hana muted you")
    assert (await scene.post(f"{scene.paths['Amy']}/unmute-request")).status == 204
    assert scene.told(UnmuteRequested) == [UnmuteRequested("tea", scene.id("Amy"), "Hana")]
    assert scene.person("Amy").muted
    assert (await scene.patch("Amy", {"muted": False})).status == 200
    assert not scene.person("Amy").muted


async def test_whom_a_host_made_a_host_moderates_by_their_seat(scene: Scene) -> None:
    amy = scene.seats["Amy"] | as_role("speaker")
    assert (await scene.post("/rooms/tea/mute", headers=amy)).status == 403
    await scene.patch("Amy", {"role": "host"}, scene.host)
    assert (await scene.post("/rooms/tea/mute", headers=amy)).status == 200
    assert scene.person("Ben").muted_by == "Amy"
    assert (await scene.post("/rooms/tea/mute", headers=as_role("speaker"))).status == 403, "the seat, not the token"
    await scene.patch("Amy", {"role": "speaker"}, scene.host)
    assert (await scene.post("/rooms/tea/mute", headers=amy)).status == 403


async def test_without_a_secret_whoever_muted_somebody_is_nobody_in_particular() -> None:
    async with Site() as site:
        scene = Scene(site)
        await scene.come("Amy")
        await scene.patch("Amy", {"muted": True}, {})
        assert scene.person("Amy").muted_by == "somebody"
        assert (await scene.patch("Amy", {"muted": False})).status == 200, "everybody may moderate here"


# The room


async def test_a_policy_is_changed_by_what_is_named(scene: Scene) -> None:
    response = await scene.policy(locked=True, max_participants=12, pin="123456", hold_music="hold-music")
    assert response.status == 200
    assert (await response.json())["policy"] == {
        "locked": True,
        "max_participants": 12,
        "lobby": "off",
        "ends_with_host": False,
        "mute_on_entry": False,
        "announce": "off",
        "hold_music": "hold-music",
        "captions": False,
        "has_pin": True,
        "pin": "123456",
    }
    assert [event.by for event in scene.told(RoomUpdated)] == ["Hana"]
    shown = (await (await scene.policy(pin=None, max_participants=None, hold_music=None)).json())["policy"]
    assert (shown["has_pin"], shown["max_participants"], shown["hold_music"], shown["locked"]) == (
        False,
        None,
        None,
        True,
    )


@pytest.mark.parametrize(
    "body",
    [
        {"locked": None},
        {"locked": 1},
        {"max_participants": 0},
        {"max_participants": 2.5},
        {"lobby": "open"},
        {"pin": "12"},
        {"pin": 123456},
        {"name": "coffee"},
        [],
    ],
)
async def test_a_policy_that_is_none_is_refused(scene: Scene, body: Any) -> None:
    response = await scene.client.patch("/rooms/tea", json=body, headers=scene.host | MERGE_PATCH)
    assert response.status == 400
    await problem(response)


async def test_music_that_is_not_there_cannot_be_chosen(scene: Scene) -> None:
    response = await scene.policy(hold_music="silence of the lambs")
    assert response.status == 409
    await problem(response)


async def test_the_pin_is_told_to_hosts_alone(scene: Scene) -> None:
    await scene.policy(pin="123456")
    for headers, told in ((scene.host, True), (as_role("speaker"), False)):
        policy = (await (await scene.client.get("/rooms/tea", headers=headers)).json())["policy"]
        assert policy["has_pin"]
        assert ("pin" in policy) == told


async def test_a_locked_room_says_so(scene: Scene) -> None:
    await scene.policy(locked=True)
    refused = await scene.come("Cleo", **as_role("speaker"))
    assert refused.status == 423
    assert "locked" in (await problem(refused))["title"]


async def test_whoever_waits_sees_themselves_only_until_they_are_admitted(scene: Scene) -> None:
    await scene.policy(lobby="admit")
    await scene.come("Cleo", **as_role("speaker"))
    cleo = scene.seats["Cleo"] | as_role("speaker")

    async def seen() -> list[str]:
        shown = await (await scene.client.get("/rooms/tea", headers=cleo)).json()
        return [one["name"] for one in shown["participants"]]

    assert await seen() == ["Cleo"]
    assert (await scene.client.get(scene.paths["Cleo"], headers=cleo)).status == 200
    for outside in (cleo, as_role("speaker")):  # as if there were nobody else
        assert (await scene.client.get(scene.paths["Amy"], headers=outside)).status == 404
    assert (await scene.client.get(scene.paths["Amy"], headers=scene.seats["Amy"])).status == 200
    assert (await scene.post("/rooms/tea/messages", {"text": "hello?"}, cleo)).status == 403
    assert (await scene.post("/rooms/tea/admit")).status == 204
    assert await seen() == ["Hana", "Amy", "Ben", "Cleo"]
    assert (await scene.client.get(scene.paths["Amy"], headers=cleo)).status == 200
    assert (await scene.post("/rooms/tea/messages", {"text": "hello!"}, cleo)).status == 204


async def test_one_alone_is_admitted(scene: Scene) -> None:
    await scene.policy(lobby="admit")
    for name in ("Cleo", "Dan"):
        await scene.come(name, **as_role("speaker"))
    assert (await scene.patch("Cleo", {"waiting": False}, scene.host)).status == 200
    assert [one.name for one in scene.room.participants.values() if one.waiting] == ["Dan"]
    assert (await scene.patch("Cleo", {"waiting": True}, scene.host)).status == 400


async def test_muting_all_spares_hosts_whoever_is_named_and_whoever_asks(scene: Scene) -> None:
    await scene.come("Cleo", **as_role("speaker"))
    response = await scene.post("/rooms/tea/mute", {"except": [scene.id("Ben")]})
    assert await response.json() == {"muted": [scene.id("Amy"), scene.id("Cleo")]}
    assert [one.muted_by for one in scene.room.participants.values()] == [None, "Hana", None, "Hana"]
    moderator = as_role("speaker", rights=["speak", "listen", "moderate"])
    by_amy = await scene.post("/rooms/tea/mute", headers=moderator | scene.seats["Amy"])
    assert await by_amy.json() == {"muted": [scene.id("Ben"), scene.id("Cleo")]}


@pytest.mark.parametrize("body", [{"except": "all"}, {"except": [7]}, {"but": []}, ["a"]])
async def test_muting_all_but_what_is_no_list_is_refused(scene: Scene, body: Any) -> None:
    assert (await scene.post("/rooms/tea/mute", body)).status == 400
    assert not scene.person("Amy").muted


# From the start


async def test_rooms_begin_as_the_server_was_told() -> None:
    options: dict[str, Any] = {"lobby": "host", "ends_with_host": True, "mute_on_entry": True, "announce": "tones"}
    async with Site(guarded(**options, hold_music="hold-music", pins=(("tea", "123456"),))) as site:
        scene = Scene(site)
        await scene.come("Amy", **as_role("speaker"))
        assert scene.person("Amy").waiting
        assert scene.person("Amy").muted
        await scene.come("Hana", **scene.host)
        assert not scene.person("Amy").waiting
        policy = (await (await site.client.get("/rooms/tea", headers=scene.host)).json())["policy"]
        assert {name: policy[name] for name in options} == options
        assert (policy["hold_music"], policy["pin"]) == ("hold-music", "123456")
        await site.client.delete(scene.paths["Hana"], headers=scene.host | scene.seats["Hana"])
        assert site_is_empty(scene)


async def test_a_body_of_another_type_says_which_is_taken(scene: Scene) -> None:
    patched = await scene.client.patch("/rooms/tea", json={"locked": True}, headers=scene.host)
    assert (patched.status, patched.headers["Accept-Patch"]) == (415, "application/merge-patch+json")
    posted = await scene.client.post("/rooms/tea/messages", data="hello", headers=scene.host)
    assert (posted.status, posted.headers["Accept-Post"]) == (415, "application/json")
    await problem(posted)


async def test_a_body_that_is_too_large_is_refused() -> None:
    async with Site(Settings(max_sdp_bytes=2048)) as site:
        scene = Scene(site)
        await scene.come("Amy")
        assert (await scene.post("/rooms/tea/messages", {"text": "x" * 3000}, {})).status == 413
