"""Who gets in where: for each route what lets in, and what keeps out. A new route is a new line of ``ROUTES``."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from conference.access.grants import RIGHTS, Right
from conference.settings import Settings
from conference.telephony.destinations import read_destination
from conference.web.app import build_app
from tests.web.doubles import MERGE_PATCH, OFFER, SDP, TRICKLE, FakeWebRtc, Site, problem
from tests.web.passes import as_role, bearer, guarded, token

JSON = {"Content-Type": "application/json"}

NOBODY = "ws://127.0.0.1:1/"
"""Where a bot might be, and none is."""

SETTINGS: dict[str, Any] = {
    "dial_allow": (read_destination("127.0.0.1"),),
    "audiosocket": ("127.0.0.1", 0),
}
"""With which all that there is is there."""


@dataclass(frozen=True)
class Route:
    """One request, and what it needs."""

    method: str
    path: str
    """In room ``tea``, ``{id}`` is somebody who came in with a token of identity ``amy``, ``{other}`` somebody else."""
    right: Right | None = None
    """What it needs besides a token; with ``own``, of everybody but ``amy``."""
    everywhere: bool = False
    """It is not about one room; with a right, it needs a token for all rooms."""
    own: bool = False
    """``amy`` may do it without that right."""
    missing: bool = False
    """What it is about is not there: whoever gets in is told so."""
    headers: dict[str, str] = field(default_factory=dict)
    body: str | None = None

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.headers.get('Content-Type', '')}".strip()


SEAT = "/rooms/tea/participants/{id}"

ROUTES = [
    Route("GET", "/rooms", everywhere=True),
    Route("GET", "/access", everywhere=True),
    Route("GET", "/metrics", "moderate", everywhere=True),
    Route("GET", "/nodes", "moderate", everywhere=True),
    Route("GET", "/overview", "moderate", everywhere=True),
    Route("GET", "/drain", "moderate", everywhere=True),
    Route("POST", "/drain", "moderate", everywhere=True),
    Route("GET", "/rooms/tea"),
    Route("GET", "/rooms/tea/access"),
    Route("GET", "/rooms/tea/events"),
    Route("POST", "/rooms/tea/participants", headers=SDP, body=OFFER),
    Route("GET", SEAT, own=True),
    Route("PATCH", SEAT, "moderate", own=True, headers=MERGE_PATCH, body='{"muted": true}'),
    Route("PATCH", SEAT, "moderate", own=True, headers=TRICKLE, body="a=candidate:1"),
    Route("DELETE", SEAT, "moderate", own=True),
    Route("POST", f"{SEAT}/unmute-request", "moderate"),
    Route("PATCH", "/rooms/tea", "moderate", headers=MERGE_PATCH, body='{"locked": true}'),
    Route("DELETE", "/rooms/tea", "moderate"),
    Route("POST", "/rooms/tea/mute", "moderate"),
    Route("POST", "/rooms/tea/admit", "moderate"),
    Route("POST", "/rooms/tea/messages", "moderate", own=True, headers=JSON, body='{"text": "hello"}'),
    Route("GET", "/rooms/tea/captions"),
    Route("GET", "/rooms/tea/hearing", "moderate"),
    Route("GET", f"{SEAT}/hears", "moderate"),
    Route("PUT", f"{SEAT}/hears/{{other}}", "moderate", headers=JSON, body='{"gain": 0.5}'),
    Route("DELETE", f"{SEAT}/hears/{{other}}", "moderate"),
    Route("GET", f"{SEAT}/volumes", "moderate", own=True),
    Route("PUT", f"{SEAT}/volumes/{{other}}", "moderate", own=True, headers=JSON, body='{"volume": 0.5}'),
    Route("DELETE", f"{SEAT}/volumes/{{other}}", "moderate", own=True),
    Route("PUT", f"{SEAT}/whisper", "moderate", headers=JSON, body='{"to": ["{other}"]}'),
    Route("DELETE", f"{SEAT}/whisper", "moderate"),
    Route("PUT", f"{SEAT}/coach", "moderate", headers=JSON, body='{"agent": "{other}"}'),
    Route("DELETE", f"{SEAT}/coach", "moderate"),
    Route("GET", "/rooms/tea/sidebars", "moderate"),
    Route("POST", "/rooms/tea/sidebars", "moderate", headers=JSON, body='{"participants": ["{id}", "{other}"]}'),
    Route("DELETE", "/rooms/tea/sidebars/none", "moderate", missing=True),
    Route("POST", "/rooms/tea/calls", "dial", headers=JSON, body=json.dumps({"url": NOBODY})),
    Route("POST", "/rooms/tea/audiosocket-calls", "dial", headers=JSON, body="{}"),
    Route("GET", "/rooms/tea/transfers", "moderate"),
    Route("GET", "/rooms/tea/transfers/none", "moderate", missing=True),
    Route(
        "PATCH",
        "/rooms/tea/transfers/none",
        "moderate",
        missing=True,
        headers=MERGE_PATCH,
        body='{"state": "joined"}',
    ),
    Route("DELETE", "/rooms/tea/transfers/none", "moderate", missing=True),
    Route("GET", "/sounds", "moderate", everywhere=True),
    Route("GET", "/rooms/tea/sounds", "moderate"),
    Route("POST", "/rooms/tea/sounds", "moderate", headers=JSON, body='{"sound": "join-tone"}'),
    Route("DELETE", "/rooms/tea/sounds/none", "moderate", missing=True),
]

OPEN = ["/", "/join/tea", "/admin", "/embed.js", "/static/css/page.css", "/config", "/healthz", "/readyz",
        "/openapi.json", "/docs"]  # fmt: skip
"""What is open to all, whatever the server asks for elsewhere."""

ELSEWHERE = {
    ("POST", "/rooms/{room}/tokens"): "test_access_pins.py",
    ("GET", "/twilio/stream"): "test_access_calls.py",
    ("GET", "/twilio/stream/{room}"): "test_access_calls.py",
    ("POST", "/twilio/voice"): "test_access_calls.py",
    ("GET", "/rooms/{room}/audio"): "../joining/test_audio_socket.py",
    ("GET", "/media/{dialect}"): "test_access_calls.py",
    ("GET", "/media/{dialect}/{room}"): "test_access_calls.py",
    ("POST", "/2010-04-01/Accounts/{account}/Calls/{call}.json"): "../joining/test_dialing.py",
    ("POST", "/rooms/{room}/transfers"): "../api/test_transfers.py",
    ("POST", "/twilio/calls/{id}"): "../joining/test_dialed_phone.py",
    ("POST", "/rooms/{room}/recordings"): "test_access_recordings.py",
    ("GET", "/recordings"): "test_access_recordings.py",
    ("GET", "/recordings/{recording}"): "test_access_recordings.py",
    ("PATCH", "/recordings/{recording}"): "test_access_recordings.py",
    ("DELETE", "/recordings/{recording}"): "test_access_recordings.py",
    ("GET", "/recordings/{recording}/files/{name}"): "test_access_recordings.py",
    ("OPTIONS", "/rooms/{room}/participants"): "test_access.py",
    ("OPTIONS", "/rooms/{room}/participants/{id}"): "says nothing that is not known",
}
"""What lets in elsewhere, and where that is held."""

in_rooms = pytest.mark.parametrize("route", [one for one in ROUTES if not one.everywhere], ids=str)
with_rights = pytest.mark.parametrize("route", [one for one in ROUTES if one.right is not None], ids=str)
all_routes = pytest.mark.parametrize("route", ROUTES, ids=str)


@dataclass(frozen=True)
class People:
    """Who is in the room."""

    amy: str
    ben: str


async def people(site: Site) -> People:
    """Amy and Ben come in; their participant ids."""
    ids = []
    for identity in ("amy", "benjamin"):
        joined = await site.join(**as_role(identity=identity))
        assert joined.status == 201
        ids.append(str(joined.headers["Location"].rpartition("/")[2]))
    return People(*ids)


async def ask(site: Site, route: Route, there: People, headers: dict[str, str] | None = None, **more: Any) -> Any:
    path, body = [
        None if one is None else one.replace("{id}", there.amy).replace("{other}", there.ben)
        for one in (route.path, route.body)
    ]
    headers = route.headers | (headers or {})
    return await site.client.request(route.method, path, data=body, headers=headers, **more)


def let_in(response: Any, route: Route) -> bool:
    status: int = response.status
    return status == 404 if route.missing else status < 300


def rights_without(right: Right) -> list[Right]:
    return [one for one in RIGHTS if one != right]


@all_routes
async def test_nobody_gets_in_without_a_token(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        refused = await ask(site, route, await people(site))
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
    async with Site(guarded(**SETTINGS)) as site:
        refused = await ask(site, route, await people(site), bearer(bad))
        assert refused.status == 401
        await problem(refused)
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


@in_rooms
async def test_a_token_for_another_room_keeps_out(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        refused = await ask(site, route, await people(site), as_role("host", "coffee"))
        assert refused.status == 403
        await problem(refused)
        assert 'error="insufficient_scope"' in refused.headers["WWW-Authenticate"]


@all_routes
async def test_a_host_of_all_rooms_gets_in_everywhere(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        assert let_in(await ask(site, route, await people(site), as_role("host", None)), route)


@in_rooms
async def test_a_host_of_the_room_gets_in(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        assert let_in(await ask(site, route, await people(site), as_role("host")), route)


@with_rights
async def test_without_the_right_it_is_refused(route: Route) -> None:
    assert route.right is not None
    async with Site(guarded(**SETTINGS)) as site:
        headers = as_role(room=None if route.everywhere else "tea", rights=rights_without(route.right))
        assert (await ask(site, route, await people(site), headers)).status == 403


@with_rights
async def test_the_right_alone_is_enough(route: Route) -> None:
    assert route.right is not None
    async with Site(guarded(**SETTINGS)) as site:
        headers = as_role(room=None if route.everywhere else "tea", rights=[route.right])
        assert let_in(await ask(site, route, await people(site), headers), route)


@pytest.mark.parametrize("route", [one for one in ROUTES if one.own], ids=str)
async def test_everybody_may_do_it_to_themselves(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        assert let_in(await ask(site, route, await people(site), as_role("listener", identity="amy")), route)


@pytest.mark.parametrize("route", [one for one in ROUTES if one.right and not one.everywhere], ids=str)
async def test_one_who_may_only_speak_does_nothing_to_others(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        there = await people(site)
        for headers in (as_role(), as_role(identity="carl"), as_role("listener")):
            assert (await ask(site, route, there, headers)).status == 403


@all_routes
async def test_without_a_secret_everybody_may_do_everything(route: Route) -> None:
    for headers in ({}, bearer("nonsense"), as_role("host", "coffee")):
        async with Site(Settings(**SETTINGS)) as site:
            assert let_in(await ask(site, route, await people(site), headers), route)


@pytest.mark.parametrize("path", OPEN)
async def test_the_page_and_the_health_are_open_to_all(path: str) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        assert (await site.client.get(path)).status == 200


@all_routes
async def test_a_token_may_stand_in_the_address(route: Route) -> None:
    async with Site(guarded(**SETTINGS)) as site:
        params = {"access_token": token("host", None)}
        assert let_in(await ask(site, route, await people(site), params=params), route)


async def test_every_route_is_held_to_what_lets_in() -> None:
    app = build_app(Settings(), webrtc=FakeWebRtc())
    held = set(ELSEWHERE)
    for method, path in [(one.method, one.path) for one in ROUTES] + [("GET", path) for path in OPEN]:
        filled = path.replace("{id}", "a1").replace("{other}", "b2")
        found = await app.router.resolve(make_mocked_request(method, filled))
        assert found.route.resource is not None, path
        held.add((method, found.route.resource.canonical))
    there = {(one.method, one.resource.canonical) for one in app.router.routes() if one.resource is not None}
    assert {(method, path) for method, path in there if method != "HEAD"} == held
