"""Who may read which events over HTTP, from where, and for how long."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from conference.settings import Settings
from conference.web.http.problems import REMOVED
from conference.web.joining import seats
from tests.web.doubles import MERGE_PATCH, Site, problem
from tests.web.followed import Told, parse
from tests.web.passes import as_role, guarded, seat_of, token

JSON = {"Content-Type": "application/json"}


async def read(response: Any) -> Told:
    """The next event."""
    block = b""
    async with asyncio.timeout(5):
        while line := await response.content.readline():
            block += line
            if line == b"\n":
                if told := parse(block):
                    return told[0]
                block = b""
    return Told(None, "end", {})


async def read_to_the_end(response: Any) -> list[Told]:
    async with asyncio.timeout(5):
        return parse(await response.content.read())


async def test_whoever_comes_back_goes_on_where_they_were() -> None:
    async with Site() as site:
        await site.join(name="Amy")
        async with site.client.get("/rooms/tea/events") as response:
            first = await read(response)
        assert first.id is not None
        await site.client.post("/rooms/tea/messages", data='{"text": "Hello?"}', headers=JSON)
        await site.join(name="Ben")
        for request in (
            {"headers": {"Last-Event-ID": first.id}},
            {"params": {"last_event_id": first.id}},
        ):
            async with site.client.get("/rooms/tea/events", **request) as response:
                message, joined = await read(response), await read(response)
            assert (message.name, message.data["text"]) == ("message", "Hello?")
            assert (joined.name, joined.data["participant"]["name"]) == ("participant.joined", "Ben")
        async with site.client.get("/rooms/tea/events", headers={"Last-Event-ID": "what?"}) as response:
            assert (await read(response)).name == "room"


async def test_how_a_conference_ended_can_still_be_read() -> None:
    async with Site() as site:
        await site.join(name="Amy")
        async with site.client.get("/rooms/tea/events") as response:
            first = await read(response)
        assert first.id is not None
        assert (await site.client.delete("/rooms/tea")).status == 204
        async with site.client.get("/rooms/tea/events", headers={"Last-Event-ID": first.id}) as response:
            left = await read(response)
        assert (left.name, left.data["departure"]) == ("participant.left", "ended")
        await problem(await site.client.get("/rooms/tea/events"))


async def test_the_lobby_is_a_room_of_ones_own_until_one_is_let_in() -> None:
    async with Site(guarded()) as site:
        host = as_role("host", name="Amy")
        await site.join(**host)
        await site.client.patch("/rooms/tea", data='{"lobby": "admit", "pin": "2468"}', headers=host | MERGE_PATCH)
        ben = await site.join(name="Ben", **as_role())
        where, seat = ben.headers["Location"], ben.headers[seats.HEADER]
        in_the_address = {"access_token": token(), "seat": seat}
        async with site.client.get("/rooms/tea/events", params=in_the_address) as response:
            lobby = await read(response)
            assert [one["name"] for one in lobby.data["participants"]] == ["Ben"]
            await site.client.post("/rooms/tea/messages", data='{"text": "Who is that?"}', headers=host | JSON)
            await site.client.patch(where, data='{"waiting": false}', headers=host | MERGE_PATCH)
            room = await read(response)
            assert [one["name"] for one in room.data["participants"]] == ["Amy", "Ben"]
            assert room.data["policy"]["has_pin"]
            assert "pin" not in room.data["policy"]
        async with site.client.get("/rooms/tea/events", headers=host) as response:
            assert (await read(response)).data["policy"]["pin"] == "2468"


async def test_a_token_alone_does_not_see_past_the_lobby() -> None:
    async with Site(guarded(lobby="admit")) as site:
        await site.join(**as_role("host", name="Amy"))
        async with site.client.get("/rooms/tea/events", headers=as_role()) as response:
            assert (await read(response)).data["participants"] == []
        shown = await (await site.client.get("/rooms/tea", headers=as_role())).json()
        assert shown["participants"] == []
        member = await site.join(**as_role(identity="ben@example.org"))
        await site.client.post("/rooms/tea/admit", headers=as_role("host"))
        for headers in (seat_of(member) | as_role(), as_role(identity="ben@example.org")):
            async with site.client.get("/rooms/tea/events", headers=headers) as response:
                assert len((await read(response)).data["participants"]) == 2


async def test_whom_a_host_makes_a_host_is_told_everything_for_as_long_as_they_are_one() -> None:
    async with Site(guarded()) as site:
        host = as_role("host", name="Amy")
        await site.join(**host)
        ben = await site.join(name="Ben", **as_role())
        where, promoted = ben.headers["Location"], as_role() | seat_of(ben)

        async def change(url: str, body: str) -> None:
            assert (await site.client.patch(url, data=body, headers=host | MERGE_PATCH)).status == 200

        await change("/rooms/tea", '{"pin": "2468"}')
        async with site.client.get("/rooms/tea/events", headers=promoted) as response:
            assert "pin" not in (await read(response)).data["policy"]
            await change(where, '{"role": "host"}')
            assert (await read(response)).data["by"] == "Amy"
            assert (await read(response)).data["policy"]["pin"] == "2468"
            await change("/rooms/tea", '{"pin": "1357"}')
            assert (await read(response)).data["policy"]["pin"] == "1357"
            await change(where, '{"role": "speaker"}')
            assert (await read(response)).data["participant"]["role"] == "speaker"
            assert "pin" not in (await read(response)).data["policy"]
            await change("/rooms/tea", '{"pin": "9753"}')
            assert "pin" not in (await read(response)).data["policy"]
        async with site.client.get("/rooms/tea/events", headers=promoted) as response:
            assert "pin" not in (await read(response)).data["policy"]


async def test_a_seat_that_was_never_given_is_refused() -> None:
    async with Site() as site:
        await site.join()
        response = await site.client.get("/rooms/tea/events", params={"seat": "a1." + 64 * "0"})
        assert response.status == 403
        await problem(response)


async def test_whoever_is_removed_reads_that_and_cannot_come_back() -> None:
    async with Site(guarded()) as site:
        host = as_role("host", name="Amy")
        await site.join(**host)
        ben = await site.join(**as_role())
        seat = {"access_token": token(), "seat": ben.headers[seats.HEADER]}
        async with site.client.get("/rooms/tea/events", params=seat) as response:
            await read(response)
            await site.client.delete(ben.headers["Location"], headers=host)
            [left] = await read_to_the_end(response)
        assert (left.name, left.data["departure"], left.data["by"]) == ("participant.left", "removed", "Amy")
        refused = await site.client.get("/rooms/tea/events", params=seat)
        assert refused.status == 403
        assert (await problem(refused))["type"] == REMOVED


async def test_a_stream_ends_with_the_token_that_opened_it() -> None:
    async with Site(guarded()) as site:
        await site.join(**as_role())
        async with site.client.get("/rooms/tea/events", headers=as_role(lasts=1)) as response:
            assert response.status == 200
            assert [one.name for one in await read_to_the_end(response)][:1] == ["room"]


async def test_a_pin_is_not_told_to_those_it_keeps_out() -> None:
    async with Site() as site:
        amy = await site.join(name="Amy")
        listen = site.client.get("/rooms/tea/events")
        async with listen as anybody, site.client.get("/rooms/tea/events", headers=seat_of(amy)) as seated:
            for response in (anybody, seated):
                assert (await read(response)).name == "room"
            await site.client.patch("/rooms/tea", data='{"pin": "2468"}', headers=MERGE_PATCH)
            assert (await read(seated)).data["policy"]["pin"] == "2468"
            assert await read_to_the_end(anybody) == []
        assert (await site.client.get("/rooms/tea/events")).status == 401


async def test_neither_seats_nor_tokens_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Site(guarded()) as site:
        joined = await site.join(**as_role())
        secrets = {"access_token": token(), "seat": joined.headers[seats.HEADER]}
        async with site.client.get("/rooms/tea/events", params=secrets) as response:
            await read(response)
    ours = "\n".join(one.getMessage() for one in caplog.records if not one.name.startswith(("aiohttp", "asyncio")))
    assert "conference.audit" in {one.name for one in caplog.records}
    for secret in secrets.values():
        assert secret not in ours


async def test_a_history_is_as_long_as_it_is_set() -> None:
    async with Site(Settings(event_history=1)) as site:
        await site.join(name="Amy")
        async with site.client.get("/rooms/tea/events") as response:
            first = await read(response)
        for _ in range(2):
            await site.client.post("/rooms/tea/messages", data=json.dumps({"text": "Hello?"}), headers=JSON)
        async with site.client.get("/rooms/tea/events", headers={"Last-Event-ID": first.id}) as response:
            assert (await read(response)).name == "room"


async def test_one_address_reads_no_more_streams_at_once_than_it_may() -> None:
    async with Site(Settings(max_event_streams_per_address=1)) as site:
        await site.join()
        async with site.client.get("/rooms/tea/events") as first:
            assert first.status == 200
            second = await site.client.get("/rooms/tea/events")
            assert (second.status, "Retry-After" in second.headers) == (429, True)
            assert "your address" in (await problem(second))["title"]
        async with asyncio.timeout(10):
            while (await read_status(site)) != 200:  # until the server has seen that the first one is gone
                pass


async def read_status(site: Site) -> int:
    async with site.client.get("/rooms/tea/events") as response:
        return int(response.status)
