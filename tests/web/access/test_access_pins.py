"""PINs: what lets people in who have no token, and what keeps out those who guess."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.access.grants import RIGHTS
from conference.access.tokens import verify
from conference.settings import Settings, SettingsError
from conference.web.access.callers import admit_caller
from conference.web.access.pins import check_pin
from conference.web.api.reading import parse
from conference.web.http.problems import Problem
from conference.web.joining.admitted import NotAdmitted
from conference.web.joining.pin_limit import Guesses
from conference.web.schemas.requests import PinEntered
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.passes import as_role, bearer, guarded, seat_of, token

PINS = (("tea", "8642"),)


async def enter(site: Site, pin: str = "8642", room: str = "tea", **more: Any) -> Any:
    return await site.client.post(f"/rooms/{room}/tokens", json={"pin": pin} | more)


async def test_whoever_knows_the_pin_gets_a_token_and_gets_in() -> None:
    async with Site(guarded(pins=PINS)) as site:
        entered = await enter(site, name="Amy")
        assert entered.status == 201
        assert entered.headers["Cache-Control"] == "no-store"
        body = await entered.json()
        assert (body["room"], body["role"], body["name"]) == ("tea", "speaker", "Amy")
        assert body["rights"] == ["speak", "listen"]
        assert verify(body["token"], site.server.token_keys, body["expires_at"] - 1).name == "Amy"
        assert (await site.join(name="", **bearer(body["token"]))).status == 201
        assert [one.name for one in site.server.room("tea").participants.values()] == ["Amy"]


async def test_two_who_know_the_pin_are_two_people() -> None:
    async with Site(guarded(pins=PINS)) as site:
        amy, ben = [bearer((await (await enter(site)).json())["token"]) for _ in range(2)]
        where = (await site.join(**amy)).headers["Location"]
        assert (await site.client.delete(where, headers=ben)).status == 403
        assert (await site.client.delete(where, headers=amy)).status == 204


@pytest.mark.parametrize(("pin", "room"), [("8643", "tea"), ("86420", "tea"), ("8642", "coffee"), ("8642é", "tea")])
async def test_any_other_pin_is_refused(pin: str, room: str) -> None:
    async with Site(guarded(pins=PINS)) as site:
        refused = await enter(site, pin, room)
        assert refused.status == 403
        await problem(refused)


async def test_a_room_without_a_pin_says_no_more_than_one_with_another() -> None:
    async with Site(guarded(pins=PINS)) as site:
        wrong, none = await enter(site, "1111"), await enter(site, "1111", "coffee")
        assert await wrong.text() == await none.text()


async def test_too_many_wrong_pins_from_one_address_are_not_looked_at() -> None:
    async with Site(guarded(pins=PINS, max_pin_guesses_per_minute=3)) as site:
        assert [(await enter(site, "1111")).status for _ in range(4)] == [403, 403, 403, 429]
        late = await enter(site)
        assert late.status == 429
        assert 1 <= int(late.headers["Retry-After"]) <= 20


async def test_right_pins_are_not_counted() -> None:
    async with Site(guarded(pins=PINS, max_pin_guesses_per_minute=1)) as site:
        assert [(await enter(site)).status for _ in range(3)] == [201, 201, 201]


async def test_guesses_for_one_room_are_counted_over_all_addresses() -> None:
    async with Site(guarded(pins=(*PINS, ("coffee", "9753")), max_pin_guesses_per_room=2, behind_proxy=True)) as site:

        async def guess(room: str, address: str) -> int:
            headers = {"X-Forwarded-For": address}
            answer = await site.client.post(f"/rooms/{room}/tokens", json={"pin": "1111"}, headers=headers)
            return int(answer.status)

        assert [await guess("tea", f"192.0.2.{number}") for number in range(3)] == [403, 403, 429]
        assert await guess("coffee", "192.0.2.9") == 403


async def test_a_pin_that_hosts_give_a_room_counts_instead_of_the_one_it_began_with() -> None:
    async with Site(guarded(pins=PINS)) as site:
        await site.join(**as_role())
        room = site.server.room("tea")
        assert room.policy.pin == "8642"
        room.set_policy(dataclasses.replace(room.policy, pin="777777"))
        assert (await enter(site)).status == 403
        assert (await enter(site, "777777")).status == 201
        room.set_policy(dataclasses.replace(room.policy, pin=None))
        assert (await enter(site, "777777")).status == 403


@pytest.mark.parametrize(
    "body", ["", "7", "[]", "{}", '{"pin": 8642}', '{"pin": ""}', '{"pin": "1", "name": 1}', '{"pin": "1", "x": 1}']
)
async def test_what_is_no_pin_is_refused_with_a_sentence(body: str) -> None:
    async with Site(guarded(pins=PINS)) as site:
        headers = {"Content-Type": "application/json"}
        refused = await site.client.post("/rooms/tea/tokens", data=body, headers=headers)
        assert refused.status == 400
        await problem(refused)


async def test_a_pin_comes_as_json_and_for_a_room() -> None:
    async with Site(guarded(pins=PINS)) as site:
        assert (await site.client.post("/rooms/tea/tokens", data="pin=8642")).status == 415
        assert (await enter(site, room="no%20room")).status == 400
        assert (await site.client.options("/rooms/tea/tokens")).headers["Allow"] == "OPTIONS, POST"


@given(
    st.text(max_size=200)
    | st.dictionaries(st.sampled_from(["pin", "name", "x"]), st.text() | st.integers()).map(json.dumps)
)
def test_a_body_is_read_or_refused(body: str) -> None:
    try:
        entered = parse(PinEntered, body)
    except Problem:
        return
    assert entered.pin


# Without a secret


async def test_a_room_with_a_pin_asks_for_it_even_where_nothing_else_does() -> None:
    async with Site(Settings(pins=PINS)) as site:
        refused = await site.join()
        assert refused.status == 401
        assert "PIN" in (await problem(refused))["title"]
        assert (await site.join("coffee")).status == 201
        pass_ = bearer((await (await enter(site)).json())["token"])
        joined = await site.join(**pass_)
        assert joined.status == 201
        assert (await site.client.get("/rooms/tea")).status == 401
        assert (await site.client.get("/rooms/tea", headers=pass_)).status == 200
        listed = await (await site.client.get("/rooms")).json()
        assert [one["name"] for one in listed["rooms"]] == ["coffee"]
        listed = await (await site.client.get("/rooms", headers=pass_)).json()
        assert [one["name"] for one in listed["rooms"]] == ["coffee", "tea"]


async def test_whoever_knows_the_pin_may_do_everything_there_where_everybody_may_elsewhere() -> None:
    async with Site(Settings(pins=PINS)) as site:
        entered = await (await enter(site)).json()
        assert entered["rights"] == list(RIGHTS)
        pass_, other = bearer(entered["token"]), bearer((await (await enter(site)).json())["token"])
        where = (await site.join(**other)).headers["Location"]
        assert (await site.client.patch(where, data='{"muted": true}', headers=MERGE_PATCH | pass_)).status == 200


async def test_a_token_for_the_room_with_a_pin_does_not_keep_out_of_the_others() -> None:
    async with Site(Settings(pins=PINS)) as site:
        pass_ = bearer((await (await enter(site)).json())["token"])
        assert (await site.join("coffee", **pass_)).status == 201
        assert (await site.client.get("/metrics", headers=pass_)).status == 200


async def test_whoever_is_in_a_room_when_it_gets_a_pin_may_go_on_there() -> None:
    async with Site() as site:
        joined = await site.join()
        room = site.server.room("tea")
        room.set_policy(dataclasses.replace(room.policy, pin="8642"))
        path = joined.headers["Location"]
        assert (await site.client.get("/rooms/tea")).status == 401
        assert (await site.client.get("/rooms/tea", headers=seat_of(joined))).status == 200
        proof = seat_of(joined)["Conference-Seat"]
        assert (await site.client.get("/rooms/tea/access", params={"seat": proof})).status == 200
        assert (await (await site.client.get("/rooms/tea/access", headers=seat_of(joined))).json())["room"] == "tea"
        assert (await site.client.get("/rooms/tea", headers={"Conference-Seat": proof + "x"})).status == 401
        assert (await site.client.delete(path, headers=seat_of(joined))).status == 204
        assert (await site.client.get("/rooms/coffee", headers=seat_of(joined))).status == 404


async def test_with_a_secret_a_seat_stands_for_no_token() -> None:
    async with Site(guarded()) as site:
        joined = await site.join(**as_role("host"))
        assert (await site.client.get("/rooms/tea", headers=seat_of(joined))).status == 401


async def test_tokens_of_one_process_are_nothing_to_another() -> None:
    async with Site(Settings(pins=PINS)) as one, Site(Settings(pins=PINS)) as two:
        pass_ = bearer((await (await enter(one)).json())["token"])
        assert (await two.join(**pass_)).status == 401
        assert (await two.join(**bearer(token("host", None)))).status == 401


# One room after another


def change_pin(site: Site, pin: str | None) -> None:
    room = site.server.room("tea")
    room.set_policy(dataclasses.replace(room.policy, pin=pin))


@pytest.mark.parametrize("anew", ["9753", None])
async def test_what_a_pin_opened_opens_no_later_room_of_that_name(anew: str | None) -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role("host"))
        change_pin(site, "8642")
        guest = bearer((await (await enter(site)).json())["token"])
        assert (await site.join(name="Guest", **guest)).status == 201
        site.server.conference.end("tea", "over")
        for there in (False, True):
            if there:
                await site.join(**as_role("host"))
                change_pin(site, anew)
            refused = await site.join(name="Guest", **guest)
            assert refused.status == 401
            assert "PIN" in (await problem(refused))["title"]
            for path in ("/rooms/tea", "/rooms/tea/access", "/rooms/tea/events", "/access"):
                assert (await site.client.get(path, headers=guest)).status == 401, path
            assert (
                await (await site.client.get("/config", headers=guest)).json()
                == await (await site.client.get("/config")).json()
            )


async def test_a_room_that_always_begins_with_its_pin_is_open_to_those_who_entered_it_before() -> None:
    async with Site(guarded(pins=PINS)) as site:
        guest = bearer((await (await enter(site)).json())["token"])
        for _ in range(2):
            assert (await site.join(**guest)).status == 201
            site.server.conference.end("tea", "over")


async def test_on_an_open_server_a_pin_opens_no_later_room_of_that_name_with_another() -> None:
    async with Site() as site:
        await site.join()
        change_pin(site, "8642")
        guest = bearer((await (await enter(site)).json())["token"])
        site.server.conference.end("tea", "over")
        await site.join()
        change_pin(site, "9753")
        assert (await site.join(**guest)).status == 401
        assert (await site.client.get("/rooms/tea", headers=guest)).status == 401
        assert (
            await site.client.patch("/rooms/tea", data='{"locked": true}', headers=MERGE_PATCH | guest)
        ).status == 401
        listed = await (await site.client.get("/rooms", headers=guest)).json()
        assert listed["rooms"] == []
        change_pin(site, None)
        assert (await site.client.get("/rooms/tea", headers=guest)).status == 200  # as with no token at all


@pytest.mark.parametrize("settings", [guarded(pins=PINS), Settings(pins=PINS)], ids=["with a secret", "open"])
async def test_when_hosts_change_the_pin_who_is_in_stays_in_and_who_is_not_needs_the_new_one(
    settings: Settings,
) -> None:
    async with Site(settings) as site:
        amy, ben, eve = [bearer((await (await enter(site)).json())["token"]) for _ in range(3)]
        await site.join(**eve)  # stays, and with her the room
        joined = await site.join(**amy)
        there, seat = joined.headers["Location"], seat_of(joined)
        change_pin(site, "9753")
        assert (await site.client.get("/rooms/tea", headers=amy | seat)).status == 200
        assert (await site.client.patch(there, data='{"muted": true}', headers=MERGE_PATCH | amy | seat)).status == 200
        assert (await site.join(**amy, **seat)).status == 201  # a lost connection
        assert (await site.client.get("/rooms/tea", headers=ben)).status == 401
        assert (await site.join(name="Ben", **ben)).status == 401
        assert (await site.client.delete(there, headers=amy | seat)).status == 204
        assert (await site.join(**amy, **seat)).status == 401


async def test_a_stream_with_the_token_of_an_earlier_pin_is_not_let_in() -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role("host"))
        change_pin(site, "8642")
        guest = (await (await enter(site)).json())["token"]
        assert admit_caller(site.server, "tea", {"token": guest}, None)
        change_pin(site, "9753")
        for parameters, shaken in (({"token": guest}, None), ({}, guest)):
            with pytest.raises(NotAdmitted, match="PIN"):
                admit_caller(site.server, "tea", parameters, shaken)


# For phones


async def test_a_pin_that_was_keyed_in_gives_a_grant() -> None:
    async with Site(guarded(pins=PINS, max_pin_guesses_per_minute=1)) as site:
        grant = check_pin(site.server, "tea", "8642", "+15551234")
        assert grant is not None
        assert grant.covers("tea")
        assert not grant.covers("coffee")
        assert check_pin(site.server, "tea", "1111", "+15551234") is None
        assert check_pin(site.server, "tea", "8642", "+15551234") is None  # too soon after a wrong one
        assert check_pin(site.server, "tea", "8642", "+15559876") is not None


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.floats(0, 30)), max_size=40))
def test_no_more_wrong_pins_are_looked_at_than_the_limits_allow(guesses: list[tuple[str, float]]) -> None:
    limits, now, looked_at = Guesses(3, 5), 0.0, []
    for address, gap in guesses:
        now += gap
        if limits.wait("tea", address, now) == 0:
            limits.wrong("tea", address, now)
            looked_at.append((address, now))
    for start in [at for _, at in looked_at]:
        within = [address for address, at in looked_at if start <= at < start + 60]
        assert len(within) <= 2 * 5
        assert max(within.count("a"), within.count("b")) <= 2 * 3


@pytest.mark.parametrize("pins", [(("tea", "123"),), (("tea", "12a4"),), (("tea", "1" * 13),), (("no room", "1234"),)])
def test_a_pin_is_digits_for_a_room(pins: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(SettingsError):
        Settings(pins=pins)
