from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest
from yarl import URL

from conference.audio.suppression import SuppressionUnavailable
from conference.iceservers import parse_ice_server
from conference.settings import Settings
from tests.web.doubles import MERGE_PATCH, OFFER, SDP, TRICKLE, Site, problem


async def test_an_offer_is_answered_with_a_seat() -> None:
    async with Site() as site:
        response = await site.join()
        assert response.status == 201
        assert response.content_type == "application/sdp"
        assert await response.text() == f"answer to {OFFER}"
        location = response.headers["Location"]
        assert location.startswith("/rooms/tea/participants/")
        assert response.headers["ETag"].startswith('"')
        assert response.headers["Conference-Seat"].startswith(location.rsplit("/", 1)[1] + ".")


async def test_a_participant_shows_what_the_design_says() -> None:
    async with Site() as site:
        location = (await site.join(name="  Amy ")).headers["Location"]
        body = await (await site.client.get(location)).json()
        connection = body.pop("connection")
        assert body.pop("id") == location.rsplit("/", 1)[1]
        assert body.pop("joined_at") > 1_700_000_000
        assert body.pop("voice").keys() == {"levelling", "noise_suppression", "original_sound", "available"}
        assert body == {
            "name": "Amy",
            "transport": "webrtc",
            "muted": False,
            "talking": False,
            "level": -127.0,
            "role": "speaker",
            "identity": None,
            "muted_by": None,
            "held": False,
            "deafened": False,
            "waiting": False,
            "hand_raised_at": None,
        }
        assert connection == {"state": "connected", "packets_in": 0, "jitter_ms": None}


async def test_somebody_without_a_name_is_a_guest() -> None:
    async with Site() as site:
        location = (await site.join(name="  ")).headers["Location"]
        assert (await (await site.client.get(location)).json())["name"] == "Guest"


async def test_a_body_that_is_no_sdp_is_refused() -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants", json={})
        assert response.status == 415
        assert response.headers["Accept-Post"] == "application/sdp"
        await problem(response)


async def test_a_bad_offer_says_what_is_wrong_and_leaves_nothing() -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants", data="bad", headers=SDP)
        assert response.status == 400
        assert (await problem(response))["title"] == "This offer has no sound in it."
        assert site.server.conference.rooms == {}
        assert site.webrtc.peers[0].closed == 1


async def test_a_server_that_is_too_busy_to_answer_says_so_and_when_to_come_back() -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants", data="busy", headers=SDP)
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert "too busy" in (await problem(response))["title"]
        assert site.server.conference.rooms == {}
        assert site.webrtc.peers[0].closed == 1


async def test_a_body_that_is_not_text_is_refused() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        response = await site.client.patch(location, data=b"\xff\xfe", headers=MERGE_PATCH)
        assert response.status == 400
        await problem(response)


async def test_a_name_of_a_room_that_is_none_is_refused() -> None:
    async with Site() as site:
        for room in ("two%20words", "a" * 65, "caf%C3%A9", "a%2Fb", "%2E", "%2e%2E"):
            address = URL(f"/rooms/{room}/participants", encoded=True)
            response = await site.client.post(address, data=OFFER, headers=SDP)
            assert response.status == 400, room
            await problem(response)
        assert not site.webrtc.peers


async def test_a_name_of_a_person_that_cannot_be_shown_is_refused() -> None:
    async with Site() as site:
        for name in ("a\nb", "\u202eyma", "x" * 65):
            response = await site.join(name=name)
            assert response.status == 400
            await problem(response)


async def test_an_offer_that_is_too_large_is_refused() -> None:
    async with Site(Settings(max_sdp_bytes=2048)) as site:
        response = await site.client.post("/rooms/tea/participants", data="x" * 5000, headers=SDP)
        assert response.status == 413
        await problem(response)


async def test_a_full_room_is_a_conflict() -> None:
    async with Site(Settings(max_participants_per_room=1)) as site:
        assert (await site.join()).status == 201
        response = await site.join()
        assert response.status == 409
        assert "full" in (await problem(response))["title"]
        assert site.webrtc.peers[1].closed == 1


async def test_one_room_too_many_has_to_wait() -> None:
    async with Site(Settings(max_rooms=1)) as site:
        assert (await site.join("tea")).status == 201
        response = await site.join("coffee")
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        await problem(response)


async def test_too_many_joins_from_one_address_have_to_wait() -> None:
    async with Site(Settings(max_joins_per_minute=2)) as site:
        assert [(await site.join()).status for _ in range(2)] == [201, 201]
        response = await site.join()
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 60
        await problem(response)


async def test_behind_a_proxy_it_is_the_address_that_the_proxy_names_that_counts() -> None:
    async with Site(Settings(max_joins_per_minute=1, behind_proxy=True)) as site:
        first = {"X-Forwarded-For": "203.0.113.66, 198.51.100.1"}
        assert (await site.join(**first)).status == 201
        assert (await site.join(**{"X-Forwarded-For": "203.0.113.66, 198.51.100.2"})).status == 201
        assert (await site.join(**{"X-Forwarded-For": "203.0.113.77, 198.51.100.1"})).status == 429


async def test_a_connection_that_ends_before_it_is_answered_takes_no_seat() -> None:
    async with Site() as site:
        site.webrtc.next_ends = True
        response = await site.join()
        assert response.status == 503
        await problem(response)
        assert site.server.conference.rooms == {}


async def test_a_surprise_is_told_without_its_details(caplog: pytest.LogCaptureFixture) -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants", data="surprise", headers=SDP)
        assert response.status == 500
        await problem(response)
        assert "secret" not in await response.text()
        assert "secret detail" in caplog.text


async def test_leaving_takes_the_participant_and_the_room_away() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        assert (await site.client.delete(location)).status == 204
        assert site.webrtc.peers[0].closed == 1
        response = await site.client.delete(location)
        assert response.status == 404
        await problem(response)
        assert site.server.conference.rooms == {}


async def test_a_connection_that_ends_is_leaving() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        await site.join(name="Ben")
        on_end = site.webrtc.peers[0].on_end
        assert on_end is not None
        on_end("connection lost")
        assert (await site.client.get(location)).status == 404
        assert len(site.server.conference.rooms["tea"].participants) == 1


async def test_whoever_is_hung_up_is_gone() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        [participant] = site.server.conference.rooms["tea"].participants.values()
        assert participant.hang_up is not None
        participant.hang_up("removed")
        assert (await site.client.get(location)).status == 404
        assert site.webrtc.peers[0].closed == 1


async def test_candidates_reach_the_peer() -> None:
    async with Site() as site:
        joined = await site.join()
        location, etag = joined.headers["Location"], joined.headers["ETag"]
        for headers in ({}, {"If-Match": etag}, {"If-Match": "*"}, {"If-Match": f'"other", {etag}'}):
            response = await site.client.patch(location, data="candidate", headers=TRICKLE | headers)
            assert response.status == 204
        assert site.webrtc.peers[0].candidates == ["candidate"] * 4


async def test_candidates_of_an_earlier_connection_are_refused() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        response = await site.client.patch(location, data="x", headers=TRICKLE | {"If-Match": '"old"'})
        assert response.status == 412
        await problem(response)
        assert site.webrtc.peers[0].candidates == []


async def test_every_line_of_if_match_counts() -> None:
    async with Site() as site:
        joined = await site.join()
        headers = [("If-Match", '"old"'), ("If-Match", joined.headers["ETag"]), *TRICKLE.items()]
        response = await site.client.patch(joined.headers["Location"], data="candidate", headers=headers)
        assert response.status == 204


async def test_candidates_without_if_match_are_refused_only_if_that_is_wanted() -> None:
    async with Site(Settings(require_if_match=True)) as site:
        joined = await site.join()
        location = joined.headers["Location"]
        response = await site.client.patch(location, data="x", headers=TRICKLE)
        assert response.status == 428
        assert "If-Match" in (await problem(response))["title"]
        for wanted in (joined.headers["ETag"], "*"):
            response = await site.client.patch(location, data="x", headers=TRICKLE | {"If-Match": wanted})
            assert response.status == 204


async def test_an_ice_restart_is_refused_with_a_status_of_its_own() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        response = await site.client.patch(location, data="restart", headers=TRICKLE | {"If-Match": "*"})
        assert response.status == 422
        assert "ICE restart" in (await problem(response))["title"]


async def test_an_offer_may_have_a_name_in_another_charset() -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants", data="s=Café".encode("latin-1"), headers=SDP)
        assert response.status == 201


async def test_an_offer_that_asks_for_what_there_is_not_is_refused_with_422() -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants", data="two transports", headers=SDP)
        assert response.status == 422
        await problem(response)


async def test_a_malformed_fragment_says_what_is_wrong() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        response = await site.client.patch(location, data="bad", headers=TRICKLE)
        assert response.status == 400
        assert "candidates" in (await problem(response))["title"]


async def test_a_patch_of_another_type_says_which_ones_there_are() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        response = await site.client.patch(location, data="x", headers={"Content-Type": "text/plain"})
        assert response.status == 415
        assert response.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag, application/merge-patch+json"
        await problem(response)


async def test_muting_and_renaming_answer_with_the_participant() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        patch = json.dumps({"muted": True, "name": "Amelia", "levelling": False})
        response = await site.client.patch(location, data=patch, headers=MERGE_PATCH)
        assert response.status == 200
        body = await response.json()
        assert (body["muted"], body["name"]) == (True, "Amelia")
        response = await site.client.patch(location, data="{}", headers=MERGE_PATCH)
        assert (await response.json())["muted"] is True


async def test_original_sound_is_asked_for_on_joining_and_later() -> None:
    async with Site() as site:
        for asked, original in (("", False), ("&original_sound=false", False), ("&original_sound=true", True)):
            url = f"/rooms/tea/participants?name=Amy{asked}"
            response = await site.client.post(url, data="v=0 offer", headers={"Content-Type": "application/sdp"})
            assert response.status == 201
            location = response.headers["Location"]
            assert (await (await site.client.get(location)).json())["voice"]["original_sound"] is original
            patch = json.dumps({"original_sound": not original})
            assert (await site.client.patch(location, data=patch, headers=MERGE_PATCH)).status == 200
            assert (await (await site.client.get(location)).json())["voice"]["original_sound"] is not original
            proof = {"Content-Type": "application/sdp", "Conference-Seat": response.headers["Conference-Seat"]}
            response = await site.client.post(url, data="v=0 offer", headers=proof)
            assert response.headers["Location"] == location
            again = (await (await site.client.get(location)).json())["voice"]["original_sound"]
            assert again is (original if asked else True), "what is not asked for stays as it was"


@pytest.mark.parametrize("asked", ["yes", "1", "", "TRUE"])
async def test_original_sound_is_true_or_false(asked: str) -> None:
    async with Site() as site:
        response = await site.client.post(
            f"/rooms/tea/participants?original_sound={asked}",
            data="v=0 offer",
            headers={"Content-Type": "application/sdp"},
        )
        assert response.status == 400
        assert (await response.json())["title"] == "'original_sound' is true or false."


@pytest.mark.parametrize("there", [True, False])
async def test_what_can_be_done_to_a_voice_is_said(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", SimpleNamespace() if there else None)
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        body = await (await site.client.get(location)).json()
        assert body["voice"]["available"] == ["levelling", *["noise_suppression"] * there, "original_sound"]
        [participant] = site.server.conference.rooms["tea"].participants.values()
        participant.source = None
        body = await (await site.client.get(location)).json()
        assert body["voice"]["available"] == [], "there is no voice"


async def test_noise_suppression_that_the_server_has_not_got_is_a_conflict(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise SuppressionUnavailable("Install it")

    monkeypatch.setattr("conference.room.voice.Suppressor", missing)
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        patch = '{"noise_suppression": true, "name": "Amelia"}'
        response = await site.client.patch(location, data=patch, headers=MERGE_PATCH)
        assert response.status == 409
        assert (await problem(response))["title"] == "Install it."
        body = await (await site.client.get(location)).json()
        assert body["voice"]["noise_suppression"] is False
        assert body["name"] != "Amelia"


async def test_nothing_else_can_be_changed() -> None:
    async with Site() as site:
        location = (await site.join()).headers["Location"]
        refused = ['{"level": 0}', '{"muted": 1}', '{"muted": null}', '{"levelling": 1}', '{"name": 7}']
        for patch in (*refused, "[]", "7", "{", "[" * 50000):
            response = await site.client.patch(location, data=patch, headers=MERGE_PATCH)
            assert response.status == 400, patch
            await problem(response)
        assert (await (await site.client.get(location)).json())["muted"] is False


async def test_what_can_be_done_is_told_with_the_servers_for_ice() -> None:
    ice = (parse_ice_server("stun:stun.example.org:3478"), parse_ice_server('turn:amy:a"b@turn.example.org'))
    async with Site(Settings(ice_servers=ice)) as site:
        response = await site.client.options("/rooms/tea/participants")
        assert response.status == 204
        assert response.headers["Accept-Post"] == "application/sdp"
        links = [
            '<stun:stun.example.org:3478>; rel="ice-server"',
            '<turn:turn.example.org>; rel="ice-server"; username="amy"; credential="a\\"b"; credential-type="password"',
        ]
        assert response.headers.getall("Link") == links
        joined = await site.join()
        assert joined.headers.getall("Link") == links
        response = await site.client.options(joined.headers["Location"])
        assert response.headers["Accept-Patch"] == joined.headers["Accept-Patch"]
        config = await (await site.client.get("/config")).json()
        assert config["iceServers"] == [
            {"urls": "stun:stun.example.org:3478"},
            {"urls": "turn:turn.example.org", "username": "amy", "credential": 'a"b'},
        ]


async def test_while_the_server_stops_everything_is_answered_with_not_now() -> None:
    async with Site() as site:
        site.server.stopping = True
        for path in ("/", "/rooms", "/healthz"):
            response = await site.client.get(path)
            assert response.status == 503
            assert "Retry-After" in response.headers
            await problem(response)
