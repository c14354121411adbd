"""Running a room over HTTP: what each call does, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from conference.room.events import (
    HearingChanged,
    MessageSent,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    RoomUpdated,
    UnmuteRequested,
)
from conference.room.participant import Departure, Participant
from conference.room.people import HOST_GRACE_TICKS
from conference.room.room import Room
from conference.settings import Settings
from conference.web.http.problems import MUTED, REMOVED
from conference.web.joining.reconnect import RememberedSeats
from conference.webrtc.peer import GOODBYE
from tests.web.doubles import MERGE_PATCH, FakePeer, Site, problem
from tests.web.joining.test_calling import call, people, until
from tests.web.passes import as_role, guarded, seat_of


class Scene:
    """A room with a host, Hana, who comes with a token, and two speakers who have a seat only."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client = site.client
        self.host = as_role("host", identity="hana", name="Hana")
        self.seats: dict[str, dict[str, str]] = {}
        self.paths: dict[str, str] = {}
        self.events: list[RoomEvent] = []
        site.server.conference.subscribe("tea", self.events.append)

    async def come(self, name: str, **headers: str) -> Any:
        joined = await self.site.join(name=name, **headers)
        if joined.status == 201:
            self.seats[name] = seat_of(joined)
            self.paths[name] = joined.headers["Location"]
        return joined

    def id(self, name: str) -> str:
        return self.paths[name].rpartition("/")[2]

    @property
    def room(self) -> Room:
        return self.site.server.conference.rooms["tea"]

    def person(self, name: str) -> Participant:
        return self.room.participants[self.id(name)]

    async def patch(self, name: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        headers = self.seats[name] if headers is None else headers
        return await self.client.patch(self.paths[name], json=body, headers=headers | MERGE_PATCH)

    async def policy(self, **body: Any) -> Any:
        return await self.client.patch("/rooms/tea", json=body, headers=self.host | MERGE_PATCH)

    async def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return await self.client.post(path, json=body, headers=self.host if headers is None else headers)

    async def put(self, path: str, body: Any) -> Any:
        return await self.client.put(path, json=body, headers=self.host)

    async def delete(self, path: str) -> Any:
        return await self.client.delete(path, headers=self.host)

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def lose(self, name: str, reason: str = "The connection failed.") -> None:
        """Their line breaks."""
        [peer] = [one for one in self.site.webrtc.peers if one.source is self.person(name).source]
        assert peer.on_end is not None
        peer.on_end(reason)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with Site(guarded()) as site:
        scene = Scene(site)
        await scene.come("Hana", **scene.host)
        for name in ("Amy", "Ben"):
            await scene.come(name, **as_role("speaker"))
        scene.events.clear()
        yield scene


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


# Going


async def test_leaving_and_being_removed_are_told_apart(scene: Scene) -> None:
    assert (await scene.client.delete(scene.paths["Amy"], headers=scene.seats["Amy"])).status == 204
    assert (await scene.delete(scene.paths["Ben"])).status == 204
    left = [(one.participant.name, one.departure, one.by) for one in scene.told(ParticipantLeft)]
    assert left == [("Amy", "left", None), ("Ben", "removed", "Hana")]
    assert [one.closed for one in scene.site.webrtc.peers] == [0, 1, 1]


async def test_whoever_was_removed_cannot_come_back_into_the_seat(scene: Scene) -> None:
    await scene.delete(scene.paths["Amy"])
    refused = await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
    assert refused.status == 403
    assert (await problem(refused))["type"] == REMOVED
    assert [one.name for one in scene.room.participants.values()] == ["Hana", "Ben"]
    anew = await scene.come("Amy", **as_role("speaker"))
    assert anew.status == 201, "to keep somebody out, lock the room"


async def test_whoever_is_removed_while_they_come_back_is_out(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    accept = FakePeer.accept

    async def meanwhile(peer: FakePeer, offer: str) -> str:
        await scene.delete(scene.paths["Amy"])
        return await accept(peer, offer)

    monkeypatch.setattr(FakePeer, "accept", meanwhile)
    refused = await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
    assert (refused.status, (await problem(refused))["type"]) == (403, REMOVED)
    assert [one.name for one in scene.room.participants.values()] == ["Hana", "Ben"]
    assert scene.site.webrtc.peers[-1].closed == 1


async def test_a_caller_who_hangs_up_is_told_from_one_whose_line_breaks() -> None:
    async with Site() as site:
        scene = Scene(site)
        hanging_up, breaking = await call(site, name="Amy"), await call(site, name="Ben")
        await until(lambda: len(people(site)) == 2)
        await hanging_up.close()
        await until(lambda: len(people(site)) == 1)
        breaking._response.connection.transport.abort()
        await until(lambda: not site.server.conference.rooms)
        left = {one.participant.name: one.departure for one in scene.told(ParticipantLeft)}
        assert left == {"Amy": "left", "Ben": "lost"}


def test_coming_and_going_does_not_make_the_server_forget_whom_it_removed() -> None:
    remembered = RememberedSeats(limit=3)
    room = Room("tea", 0.0, lambda event: None)

    def go(name: str, departure: Departure) -> None:
        remembered.remember(room, Participant(id=name, name=name, transport="local", joined_at=0.0), departure)

    go("amy", "removed")
    for number in range(10):
        go(f"ben{number}", "left")
    assert remembered.removed("tea", "amy")
    assert not remembered.removed("tea", "ben9")
    for number in range(3):
        go(f"cleo{number}", "removed")
    assert not remembered.removed("tea", "amy"), "so many are kept, and no more"


@pytest.mark.parametrize(("reason", "departure"), [("The connection failed.", "lost"), (GOODBYE, "left")])
async def test_a_line_that_breaks_is_told_from_a_goodbye(scene: Scene, reason: str, departure: str) -> None:
    scene.lose("Amy", reason)
    assert [one.departure for one in scene.told(ParticipantLeft)] == [departure]


async def test_what_was_decided_about_somebody_survives_a_lost_connection(scene: Scene) -> None:
    await scene.patch("Amy", {"muted": True, "held": True, "role": "listener"}, scene.host)
    await scene.policy(locked=True)
    before = scene.person("Amy").moderation
    scene.lose("Amy")
    assert (await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))).status == 201
    assert scene.person("Amy").moderation == before


async def test_who_left_by_themselves_meets_a_locked_door_and_is_still_muted(scene: Scene) -> None:
    await scene.patch("Amy", {"muted": True}, scene.host)
    seat = scene.seats["Amy"] | as_role("speaker")
    await scene.client.delete(scene.paths["Amy"], headers=seat)
    await scene.policy(locked=True)
    assert (await scene.come("Amy", **seat)).status == 423
    await scene.policy(locked=False)
    assert (await scene.come("Amy", **seat)).status == 201
    assert scene.person("Amy").muted_by == "Hana"


async def test_a_seat_of_yesterday_opens_no_lobby_of_today() -> None:
    async with Site(guarded()) as site:
        scene = Scene(site)
        await scene.come("Amy", **as_role("speaker"))
        scene.lose("Amy")
        await scene.come("Hana", **scene.host)
        await scene.policy(lobby="admit")
        await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
        assert scene.person("Amy").waiting


@pytest.mark.parametrize(("lobby", "waits"), [("off", False), ("host", False), ("admit", True)])
async def test_who_lost_their_line_in_the_lobby_does_not_wait_for_what_has_come_meanwhile(
    lobby: str, waits: bool
) -> None:
    async with Site(guarded(lobby="host")) as site:
        scene = Scene(site)
        for name in ("Amy", "Ben"):
            await scene.come(name, **as_role("speaker"))
        assert scene.person("Amy").waiting
        scene.lose("Amy")
        await scene.come("Hana", **scene.host)
        await scene.policy(lobby=lobby)
        await scene.come("Amy", **scene.seats["Amy"], **as_role("speaker"))
        assert scene.person("Amy").waiting == waits


async def test_ending_a_room_sends_everybody_home_and_takes_it_away(scene: Scene) -> None:
    assert (await scene.delete("/rooms/tea")).status == 204
    assert {(one.departure, one.by) for one in scene.told(ParticipantLeft)} == {("ended", "Hana")}
    assert len(scene.told(ParticipantLeft)) == 3
    assert site_is_empty(scene)
    assert [one.closed for one in scene.site.webrtc.peers] == [1, 1, 1]
    assert (await scene.delete("/rooms/tea")).status == 404


async def test_a_room_that_ends_with_its_host_is_gone_at_once_or_after_a_while(scene: Scene) -> None:
    await scene.policy(ends_with_host=True)
    scene.lose("Hana")
    conference = scene.site.server.conference
    for number in range(HOST_GRACE_TICKS - 100):
        conference.tick(number, number * 20_000_000)
    assert [one.name for one in scene.room.participants.values()] == ["Amy", "Ben"]
    for number in range(HOST_GRACE_TICKS - 100, HOST_GRACE_TICKS + 1):
        conference.tick(number, number * 20_000_000)
    assert site_is_empty(scene)
    assert [one.departure for one in scene.told(ParticipantLeft)] == ["lost", "ended", "ended"]


def site_is_empty(scene: Scene) -> bool:
    return not scene.site.server.conference.rooms


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


# Messages


async def test_a_message_goes_to_everybody_with_the_name_of_who_wrote_it(scene: Scene) -> None:
    assert (await scene.post("/rooms/tea/messages", {"text": " Hello,\nall "}, scene.seats["Amy"])).status == 204
    assert (await scene.post("/rooms/tea/messages", {"text": "Welcome"}, as_role("host", name="Office"))).status == 204
    messages = [(one.participant_id, one.name, one.text) for one in scene.told(MessageSent)]
    assert messages == [(scene.id("Amy"), "Amy", "Hello,\nall"), (None, "Office", "Welcome")]


async def test_a_name_from_a_token_is_one_line_whoever_reads_it(scene: Scene) -> None:
    office = as_role("host", name="Office\nroom=tea \u202e" + "x" * 100)
    assert (await scene.post("/rooms/tea/messages", {"text": "Welcome"}, office)).status == 204
    assert (await scene.patch("Amy", {"muted": True}, office)).status == 200
    [message] = scene.told(MessageSent)
    assert message.name == scene.person("Amy").muted_by == "Officeroom=tea " + "x" * 49


async def test_only_who_is_in_the_room_writes_there(scene: Scene) -> None:
    refused = await scene.post("/rooms/tea/messages", {"text": "hello"}, as_role("speaker"))
    assert refused.status == 403
    await problem(refused)


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": "  "}, {"text": "x" * 2001}, {"text": "\x07"}, {"text": 7}]
)
async def test_a_message_that_is_none_is_refused(scene: Scene, body: Any) -> None:
    refused = await scene.post("/rooms/tea/messages", body)
    assert refused.status == 400
    await problem(refused)
    assert scene.told(MessageSent) == []


async def test_whoever_writes_too_much_has_to_wait() -> None:
    async with Site(Settings(max_messages_per_minute=2)) as site:
        scene = Scene(site)
        await scene.come("Amy")
        await scene.come("Ben")
        write = [await scene.post("/rooms/tea/messages", {"text": "hi"}, scene.seats["Amy"]) for _ in range(3)]
        assert [one.status for one in write] == [204, 204, 429]
        assert int(write[-1].headers["Retry-After"]) > 0
        assert (await scene.post("/rooms/tea/messages", {"text": "hi"}, scene.seats["Ben"])).status == 204


# Who hears whom


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
