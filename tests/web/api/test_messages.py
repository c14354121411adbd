"""Messages that people in a room write to each other."""

from __future__ import annotations

from typing import Any

import pytest

from conference.room.events import MessageSent
from conference.settings import Settings
from tests.web.api.moderated import Scene
from tests.web.doubles import Site, problem
from tests.web.passes import as_role


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
