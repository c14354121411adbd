"""A room expects a call on AudioSocket: who may say so, and what comes of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from conference.settings import Settings, SettingsError
from tests.web.doubles import Site
from tests.web.passes import as_role, guarded

HERE = ("127.0.0.1", 0)
PATH = "/rooms/tea/audiosocket-calls"


async def test_it_gets_a_uuid_that_is_good_once() -> None:
    async with Site(Settings(audiosocket=HERE)) as site:
        answer = await site.client.post(PATH, json={"name": "Amy", "role": "host", "prompts": True})
        assert answer.status == 201
        body = await answer.json()
        assert body["room"] == "tea"
        call = site.server.expected_calls.claim(UUID(body["uuid"]), 0.0)
        assert call is not None
        assert (call.room, call.name, call.grant.joins_as, call.grant.room, call.prompts) == (
            "tea", "Amy", "host", "tea", True,
        )  # fmt: skip
        assert (await site.client.post(PATH)).status == 201  # without a body, too


@pytest.mark.parametrize(
    ("settings", "body", "status"),
    [
        ({}, {}, 403),
        ({"audiosocket": HERE}, {"role": "king"}, 400),
        ({"audiosocket": HERE}, {"uuid": "00000000-0000-0000-0000-000000000000"}, 400),
    ],
)
async def test_what_cannot_be_is_a_problem(settings: dict[str, Any], body: dict[str, str], status: int) -> None:
    async with Site(Settings(**settings)) as site:
        assert (await site.client.post(PATH, json=body)).status == status


async def test_there_are_not_more_than_there_may_be() -> None:
    async with Site(Settings(audiosocket=HERE, max_expected_calls=1)) as site:
        assert (await site.client.post(PATH)).status == 201
        answer = await site.client.post(PATH)
        assert (answer.status, "Retry-After" in answer.headers) == (503, True)


async def test_it_needs_the_right_to_call_people_in() -> None:
    async with Site(guarded(audiosocket=HERE)) as site:
        assert (await site.client.post(PATH)).status == 401
        assert (await site.client.post(PATH, headers=as_role("speaker"))).status == 403
        assert (await site.client.post(PATH, headers=as_role("host", room="coffee"))).status == 403
        assert (await site.client.post(PATH, headers=as_role("speaker", rights=["speak", "dial"]))).status == 201
        answer = await site.client.post(
            PATH, headers=as_role("speaker", rights=["speak", "dial"]), json={"role": "host"}
        )
        assert answer.status == 403
        assert (await site.client.post(PATH, headers=as_role("host"), json={"role": "host"})).status == 201


def test_a_room_for_all_calls_needs_an_address() -> None:
    with pytest.raises(SettingsError, match="audiosocket"):
        Settings(audiosocket_room="tea")
    with pytest.raises(SettingsError, match="audiosocket-room"):
        Settings(audiosocket=HERE, audiosocket_room="two words")
