"""Who gets in where: for each route what lets in, and what keeps out. A new route is a new line of ``ROUTES``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from conference.access.grants import RIGHTS, Right
from tests.web.doubles import MERGE_PATCH, OFFER, SDP, TRICKLE, Site, problem
from tests.web.passes import as_role, bearer, guarded, token


@dataclass(frozen=True)
class Route:
    """One request, and what it needs."""

    method: str
    path: str
    """``{id}`` is somebody in room ``tea``, who came in with a token of identity ``amy``."""
    right: Right | None = None
    """What it needs besides a token; with ``own``, of everybody but ``amy``."""
    everywhere: bool = False
    """It is not about one room; with a right, it needs a token for all."""
    own: bool = False
    """``amy`` may do it without that right."""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.headers.get('Content-Type', '')}".strip()


SEAT = "/rooms/tea/participants/{id}"

ROUTES = [
    Route("GET", "/rooms", everywhere=True),
    Route("GET", "/access", everywhere=True),
    Route("GET", "/metrics", "moderate", everywhere=True),
    Route("GET", "/rooms/tea"),
    Route("GET", "/rooms/tea/access"),
    Route("GET", "/rooms/tea/events"),
    Route("POST", "/rooms/tea/participants", headers=SDP, body=OFFER),
    Route("GET", SEAT, own=True),
    Route("PATCH", SEAT, "moderate", own=True, headers=MERGE_PATCH, body='{"muted": true}'),
    Route("PATCH", SEAT, "moderate", own=True, headers=TRICKLE, body="a=candidate:1"),
    Route("DELETE", SEAT, "moderate", own=True),
]

OPEN = ["/", "/join/tea", "/static/style.css", "/config", "/healthz"]
"""What is open to all, whatever the server asks for elsewhere."""

in_rooms = pytest.mark.parametrize("route", [one for one in ROUTES if not one.everywhere], ids=str)
with_rights = pytest.mark.parametrize("route", [one for one in ROUTES if one.right is not None], ids=str)
all_routes = pytest.mark.parametrize("route", ROUTES, ids=str)


async def amy(site: Site) -> str:
    """Somebody in the room, and their participant id."""
    joined = await site.join(**as_role(identity="amy"))
    assert joined.status == 201
    return str(joined.headers["Location"].rpartition("/")[2])


async def ask(site: Site, route: Route, participant_id: str, headers: dict[str, str] | None = None) -> Any:
    path = route.path.replace("{id}", participant_id)
    return await site.client.request(route.method, path, data=route.body, headers=route.headers | (headers or {}))


def rights_without(right: Right) -> list[Right]:
    return [one for one in RIGHTS if one != right]


@all_routes
async def test_nobody_gets_in_without_a_token(route: Route) -> None:
    async with Site(guarded()) as site:
        refused = await ask(site, route, await amy(site))
        assert refused.status == 401
        await problem(refused)
        assert refused.headers["WWW-Authenticate"] == 'Bearer realm="conference"'


@all_routes
@pytest.mark.parametrize(
    "bad",
    [
        "nonsense",
        token(lasts=-60),
        token(secret="another secret, just as long as it must be"),
        token() + "x",
    ],
    ids=["nonsense", "expired", "foreign", "changed"],
)
async def test_nobody_gets_in_with_a_token_that_is_not_valid(route: Route, bad: str) -> None:
    async with Site(guarded()) as site:
        refused = await ask(site, route, await amy(site), bearer(bad))
        assert refused.status == 401
        await problem(refused)
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


@in_rooms
async def test_a_token_for_another_room_keeps_out(route: Route) -> None:
    async with Site(guarded()) as site:
        refused = await ask(site, route, await amy(site), as_role("host", "coffee"))
        assert refused.status == 403
        await problem(refused)
        assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


@all_routes
async def test_a_host_of_all_rooms_gets_in_everywhere(route: Route) -> None:
    async with Site(guarded()) as site:
        assert (await ask(site, route, await amy(site), as_role("host", None))).status < 300


@in_rooms
async def test_a_host_of_the_room_gets_in(route: Route) -> None:
    async with Site(guarded()) as site:
        assert (await ask(site, route, await amy(site), as_role("host"))).status < 300


@with_rights
async def test_without_the_right_it_is_refused(route: Route) -> None:
    assert route.right is not None
    async with Site(guarded()) as site:
        headers = as_role(room=None if route.everywhere else "tea", rights=rights_without(route.right))
        assert (await ask(site, route, await amy(site), headers)).status == 403


@with_rights
async def test_the_right_alone_is_enough(route: Route) -> None:
    assert route.right is not None
    async with Site(guarded()) as site:
        headers = as_role(room=None if route.everywhere else "tea", rights=[route.right])
        assert (await ask(site, route, await amy(site), headers)).status < 300


@pytest.mark.parametrize("route", [one for one in ROUTES if one.own], ids=str)
async def test_everybody_may_do_it_to_themselves(route: Route) -> None:
    async with Site(guarded()) as site:
        assert (await ask(site, route, await amy(site), as_role("listener", identity="amy"))).status < 300


@pytest.mark.parametrize("route", [one for one in ROUTES if one.right and not one.everywhere], ids=str)
async def test_one_who_may_only_speak_does_nothing_to_others(route: Route) -> None:
    async with Site(guarded()) as site:
        person = await amy(site)
        for headers in (as_role(), as_role(identity="ben"), as_role("listener")):
            assert (await ask(site, route, person, headers)).status == 403


@all_routes
async def test_without_a_secret_everybody_may_do_everything(route: Route) -> None:
    async with Site() as site:
        person = str((await site.join()).headers["Location"].rpartition("/")[2])
        for headers in ({}, bearer("nonsense"), as_role("host", "coffee")):
            response = await ask(site, route, person, headers)
            assert response.status < 300 or (route.method == "DELETE" and response.status == 404)  # done already


@pytest.mark.parametrize("path", OPEN)
async def test_the_page_and_the_health_are_open_to_all(path: str) -> None:
    async with Site(guarded()) as site:
        assert (await site.client.get(path)).status == 200


@all_routes
async def test_a_token_may_stand_in_the_address(route: Route) -> None:
    async with Site(guarded()) as site:
        person = await amy(site)
        path = route.path.replace("{id}", person)
        params = {"access_token": token("host", None)}
        response = await site.client.request(route.method, path, data=route.body, headers=route.headers, params=params)
        assert response.status < 300
