"""The description of the API says what there is, and nothing else."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any, get_args

import pytest

from conference.room.policy import Lobby, RoomPolicy
from conference.settings import Settings
from conference.web.app import build_app
from conference.web.events.event_json import BATCH_NAMES, EVENT_NAMES
from conference.web.openapi.description import describe
from conference.web.openapi.reference import render
from conference.web.openapi.routes import DESCRIBED
from tests.web.doubles import FakeWebRtc, Site
from tests.web.passes import guarded


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return describe(build_app(Settings(), webrtc=FakeWebRtc()))


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def test_every_route_is_described_and_nothing_else(description: dict[str, Any]) -> None:
    app = build_app(Settings(), webrtc=FakeWebRtc())
    there = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.method != "HEAD" and route.resource is not None
    }
    assert {(method, path) for method, path, _ in operations(description)} == there


def test_no_handler_is_described_that_has_no_route() -> None:
    app = build_app(Settings(), webrtc=FakeWebRtc())
    assert set(DESCRIBED) <= {route.handler for route in app.router.routes()}


def test_every_reference_leads_somewhere_and_every_type_is_used(description: dict[str, Any]) -> None:
    used = {one.removeprefix("#/components/schemas/") for one in references(description)}
    assert used == set(description["components"]["schemas"])


def test_every_operation_says_who_may_and_what_it_answers(description: dict[str, Any]) -> None:
    names = [one["operationId"] for _, _, one in operations(description)]
    assert len(names) == len(set(names))
    for method, path, one in operations(description):
        assert one["summary"], (method, path)
        assert "503" in one["responses"], (method, path)
        assert {each["name"] for each in one.get("parameters", ()) if each["in"] == "path"} == set(
            re.findall(r"{(\w+)}", path)
        )
        for status, answer in one["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)
        assert ("401" in one["responses"]) == bool(one["security"]), (method, path)


def test_a_server_with_a_secret_says_that_a_token_is_needed() -> None:
    guarded_app = build_app(guarded(), webrtc=FakeWebRtc())
    for app, needed in ((guarded_app, True), (build_app(Settings(), webrtc=FakeWebRtc()), False)):
        security = describe(app)["paths"]["/rooms"]["get"]["security"]
        assert ({} not in security) is needed


def test_what_may_be_left_out_of_a_patch_may_not_be_null(description: dict[str, Any]) -> None:
    fields = description["components"]["schemas"]["ParticipantPatch"]["properties"]
    assert fields["muted"] == {
        "type": "boolean",
        "description": "Not heard. Muted by somebody else, one cannot unmute oneself.",
    }
    pin = description["components"]["schemas"]["RoomPatch"]["properties"]["pin"]
    assert {"type": "null"} in pin["anyOf"]


def test_a_room_s_policy_is_shown_as_it_is_and_can_be_changed_in_full(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    fields = {one.name for one in dataclasses.fields(RoomPolicy)}
    assert set(schemas["RoomPatch"]["properties"]) == fields
    shown = schemas["Policy"]["properties"]
    assert set(shown) == fields | {"has_pin"}
    assert set(schemas["Policy"]["required"]) == (fields - {"pin"}) | {"has_pin"}
    assert shown["lobby"]["enum"] == schemas["RoomPatch"]["properties"]["lobby"]["enum"] == list(get_args(Lobby))


def test_every_event_of_a_stream_is_described(description: dict[str, Any]) -> None:
    told = description["paths"]["/rooms/{room}/events"]["get"]["x-events"]
    assert set(told) == {"room", *EVENT_NAMES.values(), *BATCH_NAMES.values()}
    page = render(description)
    for name, each in told.items():
        kind = each["$ref"].rpartition("/")[2]
        assert f'<tr><td><code>{name}</code></td><td><a href="#type-{kind}">{kind}</a></td></tr>' in page


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.targets: set[str] = set()
        self.tags: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        assert "style" not in given, "the policy of the page's content forbids it"
        if given.get("id"):
            self.ids.add(str(given["id"]))
        if tag == "a":
            self.targets.add(str(given["href"]))
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_shows_every_operation_and_every_link_leads_somewhere(description: dict[str, Any]) -> None:
    page = _Links()
    page.feed(render(description))
    assert page.open == []
    assert not page.tags & {"script", "style"}
    assert {one["operationId"] for _, _, one in operations(description)} <= page.ids
    assert page.targets - {"/openapi.json"} <= {f"#{one}" for one in page.ids}


def test_what_stands_in_a_description_is_text_and_not_markup(description: dict[str, Any]) -> None:
    hostile = {**description, "info": {**description["info"], "description": "<img src=x> `<b>`"}}
    assert "&lt;img" in render(hostile)
    assert "<img" not in render(hostile)


async def test_both_are_open_to_all() -> None:
    async with Site(guarded()) as site:
        response = await site.client.get("/openapi.json")
        assert (await response.json())["openapi"] == "3.1.0"
        page = await site.client.get("/docs")
        assert page.content_type == "text/html"
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert (await site.client.get("/static/reference.css")).status == 200
