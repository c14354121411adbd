"""What access means beyond single routes: seats, lists, roles at the join, and what is told to whom."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.access.grants import RIGHTS, Right
from conference.iceservers import parse_ice_server
from conference.room.participant import Participant
from conference.settings import Settings
from tests.web.doubles import MERGE_PATCH, SDP, FakeSink, FakeSource, Site, problem
from tests.web.passes import SECRET, as_role, bearer, guarded, seat_of, token

TURN = parse_ice_server("turn:user:password@turn.example.org")


def participants(site: Site, room: str = "tea") -> list[Participant]:
    found = site.server.conference.get(room)
    return [] if found is None else list(found.participants.values())


async def rooms(site: Site, headers: dict[str, str] | None = None) -> list[str]:
    listed = await (await site.client.get("/rooms", headers=headers)).json()
    return [one["name"] for one in listed["rooms"]]


# Seats


async def test_a_seat_is_enough_to_mute_rename_and_leave() -> None:
    async with Site(guarded()) as site:
        joined = await site.join(**as_role())
        where, seat = joined.headers["Location"], seat_of(joined)
        patched = await site.client.patch(where, data='{"muted": true, "name": "Ann"}', headers=MERGE_PATCH | seat)
        assert patched.status == 200
        assert (await site.client.get(where, headers=seat)).status == 200
        assert (await site.client.delete(where, headers=seat)).status == 204
        assert participants(site) == []


async def test_a_seat_is_enough_when_the_token_has_expired() -> None:
    async with Site(guarded()) as site:
        joined = await site.join(**as_role())
        expired = as_role(lasts=-60)
        assert (await site.client.delete(joined.headers["Location"], headers=expired)).status == 401
        assert (await site.client.delete(joined.headers["Location"], headers=expired | seat_of(joined))).status == 204


async def test_a_seat_says_nothing_about_other_seats() -> None:
    async with Site(guarded()) as site:
        amy, ben = await site.join(**as_role()), await site.join(**as_role())
        assert (await site.client.delete(ben.headers["Location"], headers=seat_of(amy))).status == 401
        assert (await site.client.delete(ben.headers["Location"], headers=seat_of(amy) | as_role())).status == 403
        assert (await site.client.get("/rooms/tea", headers=seat_of(amy))).status == 401


@pytest.mark.parametrize("header", ["Basic YW15OnNlY3JldA==", "Bearer", "Bearer  ", "", "Digest Bearer x"])
async def test_a_token_in_the_address_counts_where_the_header_holds_none(header: str) -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role())
        answer = await site.client.get(
            "/rooms/tea", params={"access_token": token()}, headers={"Authorization": header}
        )
        assert answer.status == 200
        shown = await site.client.get("/rooms/tea", headers={"Authorization": f"bearer  {token()} "})
        assert shown.status == 200
        refused = await site.client.get("/rooms/tea", headers={"Authorization": header})
        assert (refused.status, "error=" in refused.headers["WWW-Authenticate"]) == (401, False)


async def test_a_seat_that_was_left_says_nothing_any_more() -> None:
    async with Site(guarded()) as site:
        joined = await site.join(**as_role())
        await site.client.delete(joined.headers["Location"], headers=seat_of(joined))
        assert (await site.client.get(joined.headers["Location"], headers=seat_of(joined))).status == 401


async def test_a_token_without_an_identity_is_nobody_in_particular() -> None:
    async with Site(guarded()) as site:
        joined = await site.join(**as_role())
        assert (await site.client.delete(joined.headers["Location"], headers=as_role())).status == 403


async def test_coming_back_into_a_seat_needs_a_token_again() -> None:
    async with Site(guarded()) as site:
        joined = await site.join(**as_role())
        assert (await site.join(**seat_of(joined))).status == 401
        back = await site.join(**seat_of(joined), **as_role())
        assert back.headers["Location"] == joined.headers["Location"]


# Hosts make hosts


async def patch(site: Site, joined: Any, body: str, headers: dict[str, str]) -> int:
    response = await site.client.patch(joined.headers["Location"], data=body, headers=MERGE_PATCH | headers)
    return int(response.status)


async def test_whom_a_host_makes_a_host_moderates_from_their_seat_for_as_long_as_they_are_one() -> None:
    async with Site(guarded()) as site:
        amy, ben = await site.join(**as_role(identity="amy")), await site.join(**as_role(identity="ben"))
        host, promoted = as_role("host"), as_role(identity="amy") | seat_of(amy)
        mute = '{"muted": true}'
        assert await patch(site, ben, mute, promoted) == 403
        assert await patch(site, amy, '{"role": "host"}', host) == 200
        assert await patch(site, ben, mute, promoted) == 200
        assert await patch(site, ben, mute, as_role(identity="carl") | seat_of(ben)) == 200  # themselves
        assert await patch(site, amy, mute, as_role(identity="carl") | seat_of(ben)) == 403
        assert await patch(site, ben, mute, seat_of(amy)) == 401  # a seat is no token
        assert await patch(site, ben, mute, as_role("host", "coffee") | seat_of(amy)) == 403
        assert await patch(site, amy, '{"role": "speaker"}', host) == 200
        assert await patch(site, ben, mute, promoted) == 403


async def test_nobody_makes_themselves_a_host() -> None:
    async with Site(guarded()) as site:
        amy = await site.join(**as_role(identity="amy"))
        for headers in (seat_of(amy), as_role(identity="amy"), as_role(identity="amy") | seat_of(amy)):
            assert await patch(site, amy, '{"role": "host"}', headers) in (401, 403)
        [participant] = participants(site)
        assert participant.role == "speaker"


# What is seen


async def test_the_list_of_rooms_holds_those_that_the_token_is_for() -> None:
    async with Site(guarded()) as site:
        for room in ("tea", "coffee"):
            assert (await site.join(room, **as_role(room=room))).status == 201
        assert await rooms(site, as_role()) == ["tea"]
        assert await rooms(site, as_role("host", None)) == ["tea", "coffee"]
        assert await rooms(site, as_role(room="milk")) == []


async def test_whether_a_room_is_there_is_told_to_those_who_may_know() -> None:
    async with Site(guarded()) as site:
        assert (await site.client.get("/rooms/tea")).status == 401
        assert (await site.client.get("/rooms/tea", headers=as_role(room="milk"))).status == 403
        assert (await site.client.get("/rooms/tea", headers=as_role())).status == 404


async def test_the_configuration_says_what_is_needed() -> None:
    async with Site() as site:
        assert (await (await site.client.get("/config")).json())["access"] == "open"
    async with Site(guarded()) as site:
        assert (await (await site.client.get("/config")).json())["access"] == "token"


async def test_relays_and_their_passwords_are_told_to_those_with_a_token() -> None:
    async with Site(guarded(ice_servers=(TURN,))) as site:
        seats = "/rooms/tea/participants"
        assert (await (await site.client.get("/config")).json())["iceServers"] == []
        assert (await (await site.client.get("/config", headers=as_role())).json())["iceServers"] == [
            {"urls": "turn:turn.example.org", "username": "user", "credential": "password"}
        ]
        preflight = await site.client.options(seats)
        assert preflight.status == 204
        assert "Link" not in preflight.headers
        assert "Link" not in (await site.client.options(seats, headers=as_role(room="milk"))).headers
        assert (await site.client.options(seats, headers=as_role())).headers["Link"] == TURN.link()


async def test_what_a_token_allows_is_told_to_whoever_has_it() -> None:
    async with Site(guarded()) as site:
        response = await site.client.get("/access", headers=as_role("listener", identity="amy@home", name="Amy"))
        told = await response.json()
        assert told.pop("expires_at") > 0
        assert told == {"room": "tea", "identity": "amy@home", "name": "Amy", "role": "listener", "rights": ["listen"]}


async def test_without_a_secret_everything_is_allowed() -> None:
    async with Site() as site:
        told = await (await site.client.get("/access")).json()
        assert told["rights"] == list(RIGHTS)
        assert told["expires_at"] is None


async def test_the_metrics_can_be_opened() -> None:
    async with Site(guarded(open_metrics=True)) as site:
        assert (await site.client.get("/metrics")).status == 200


async def test_a_room_full_of_metrics_is_not_for_the_host_of_one_room() -> None:
    async with Site(guarded()) as site:
        assert (await site.client.get("/metrics", headers=as_role("host"))).status == 403


# At the join


@pytest.mark.parametrize("role", ["host", "speaker", "listener"])
async def test_people_join_in_the_role_of_their_token(role: Any) -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role(role, identity="amy@home"))
        [amy] = participants(site)
        assert (amy.role, amy.identity) == (role, "amy@home")


async def test_the_name_is_that_of_the_token_if_no_other_is_given() -> None:
    async with Site(guarded()) as site:
        await site.join(name="", **as_role(name="Amy Token"))
        await site.join(name="Amy Typed", **as_role(name="Amy Token"))
        assert [one.name for one in participants(site)] == ["Amy Token", "Amy Typed"]


async def test_a_name_in_a_token_is_cut_and_may_hold_no_control_characters() -> None:
    async with Site(guarded(max_name_length=5)) as site:
        assert (await site.join(name="", **as_role(name="Amy Token"))).status == 201
        assert [one.name for one in participants(site)] == ["Amy T"]
        assert (await site.join(name="", **as_role(name="A\u202e"))).status == 400


@pytest.mark.parametrize(
    ("rights", "asked", "allowed"),
    [
        (["speak", "listen"], "listener", True),
        (["speak", "listen"], "speaker", True),
        (["speak", "listen"], "host", False),
        (["listen"], "speaker", False),
        (["listen", "moderate"], "host", True),
    ],
)
async def test_another_role_may_be_asked_for_within_the_rights(
    rights: list[Right], asked: str, *, allowed: bool
) -> None:
    async with Site(guarded()) as site:
        path = f"/rooms/tea/participants?role={asked}"
        response = await site.client.post(path, data="v=0\r\n", headers=SDP | as_role(rights=rights))
        assert response.status == (201 if allowed else 403)
        assert [one.role for one in participants(site)] == ([asked] if allowed else [])


async def test_a_role_that_is_none_is_refused() -> None:
    async with Site() as site:
        response = await site.client.post("/rooms/tea/participants?role=king", data="v=0\r\n", headers=SDP)
        assert response.status == 400
        await problem(response)


async def test_whoever_may_not_speak_is_a_listener() -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role("host", rights=["listen", "moderate"]))
        [amy] = participants(site)
        assert amy.role == "listener"
        assert amy.sink is not None


async def test_whoever_may_not_listen_hears_nothing() -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role(rights=["speak"]))
        [amy] = participants(site)
        assert amy.role == "speaker"
        assert amy.source is not None
        assert amy.sink is None


@pytest.mark.parametrize(
    ("rights", "speaks", "hears"),
    [
        (["speak"], False, True),
        (["listen"], True, False),
        (["moderate"], True, True),
        ([], True, True),
    ],
)
async def test_whoever_may_do_nothing_of_what_they_offer_is_not_let_in(
    rights: list[Right], *, speaks: bool, hears: bool
) -> None:
    async with Site(guarded()) as site:
        new_peer = site.webrtc.new_peer

        def peer() -> Any:
            made: Any = new_peer()
            made.source = FakeSource() if speaks else None
            made.sink = FakeSink() if hears else None
            return made

        site.webrtc.new_peer = peer  # type: ignore[method-assign]
        refused = await site.join(**as_role(rights=rights))
        assert refused.status == 403
        await problem(refused)
        assert participants(site) == []
        assert [one.closed for one in site.webrtc.peers] == [1]


# Secrets


async def test_a_token_of_the_secret_before_is_good_while_that_one_is_still_named() -> None:
    before = "the secret before this one: 32 bytes"
    old = as_role(secret=before)
    async with Site(guarded()) as site:
        assert (await site.client.get("/access", headers=old)).status == 401
    async with Site(Settings(secret=f"{SECRET}, {before}")) as site:
        assert (await site.client.get("/access", headers=old)).status == 200
        assert (await site.client.get("/access", headers=as_role())).status == 200


async def test_no_token_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = token("host", None)
    async with Site(guarded()) as site:
        for path in ("/rooms", "/rooms/tea", "/nothing"):
            await site.client.get(path, params={"access_token": secret})
            await site.client.get(path, headers=bearer(secret))
        path = "/rooms/tea/participants"
        failed = await site.client.post(path, params={"access_token": secret}, data="surprise", headers=SDP)
        assert failed.status == 500
        assert secret not in await failed.text()
    # The test server's own access log is not there when `conference serve` runs: see tests/e2e/test_access.py.
    logged = [one.getMessage() for one in caplog.records if one.name != "aiohttp.access"]
    assert "POST /rooms/tea/participants failed" in logged
    assert not [one for one in logged if secret in one]


def test_settings_do_not_show_their_secrets() -> None:
    settings = Settings(secret=SECRET, pins=(("tea", "8642"),), twilio_auth_token="t0p", public_url="https://x.example")
    assert not [one for one in (SECRET, "8642", "t0p") if one in repr(settings)]


async def test_whatever_is_presented_is_answered_and_opens_nothing() -> None:
    """One server, many credentials: hypothesis makes them, and none is a surprise."""
    presented: list[tuple[str, str, str]] = []
    header = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=80)

    @given(header | header.map("Bearer {}".format), st.text(st.characters(codec="utf-8"), max_size=80), header)
    def collect(authorization: str, query: str, seat: str) -> None:
        presented.append((authorization.strip(), query, seat.strip()))

    collect()
    async with Site(guarded()) as site:
        await site.join(**as_role())
        for authorization, query, seat in presented:
            headers = {"Authorization": authorization, "Conference-Seat": seat}
            for path in ("/rooms", "/rooms/tea", "/twilio/voice"):
                method = "POST" if path == "/twilio/voice" else "GET"
                refused = await site.client.request(method, path, headers=headers, params={"access_token": query})
                assert refused.status == 401, (path, headers, query)
                assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
