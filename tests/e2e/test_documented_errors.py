"""The errors that docs/interfaces.md promises: each one provoked, from outside."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from conference.settings import Settings
from tests.e2e.documented import MERGE_PATCH, OFFER, SDP, TRICKLE, call_start, client, section
from tests.e2e.running import eventually, running_server

pytestmark = pytest.mark.e2e


async def problem_of(response: aiohttp.ClientResponse) -> int:
    """The status, if the answer is a problem as the document says."""
    assert response.content_type == "application/problem+json", await response.text()
    body = await response.json(content_type="application/problem+json")
    assert set(body) == {"type", "title", "status"}
    assert body["status"] == response.status
    assert re.match(r"[A-Z'].+ .+", body["title"]), "a sentence"
    if response.status in (429, 503):
        assert int(response.headers["Retry-After"]) > 0
    return response.status


async def test_every_error_is_a_problem_with_a_documented_status() -> None:
    settings = Settings(
        port=0,
        body_timeout=0.5,
        max_rooms=2,
        max_participants_per_room=2,
        max_event_streams=1,
        max_joins_per_minute=19,
        require_if_match=True,
    )
    async with running_server(settings) as server, client(server) as http:
        seats = "/rooms/tea/participants"
        amy = (await http.post(seats, data=OFFER, headers=SDP)).headers["Location"]
        socket = await http.ws_connect("/twilio/stream/tea")
        await socket.send_str(call_start())
        await eventually(lambda: len(server.live.conference.rooms["tea"].participants) == 2, "the caller is there")
        caller = f"{seats}/{list(server.live.conference.rooms['tea'].participants)[1]}"
        assert (await http.post("/rooms/second/participants", data=OFFER, headers=SDP)).status == 201
        stream = await http.get("/rooms/tea/events")
        section_of_audio = OFFER[OFFER.index("m=") :].replace("a=mid:0\r\n", "")
        two_ways = OFFER + section_of_audio.replace("a=recvonly", "a=sendonly")
        restart = "a=ice-ufrag:Other\r\na=ice-pwd:oooooooooooooooooooooo\r\n"

        async def never() -> AsyncIterator[bytes]:
            yield b"v=0"
            await asyncio.sleep(5)

        async def no(status: int, method: str, path: str, *, data: Any = None, **headers: str) -> int:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            response = await http.request(method, path, data=data, headers=named)
            found = await problem_of(response)
            assert found == status, f"{method} {path}: {await response.text()}"
            if status == 405:
                assert response.headers["Allow"]
            if status == 415:
                assert response.headers["Accept-Post" if method == "POST" else "Accept-Patch"]
            return found

        closed = await http.patch("/rooms/second", data='{"locked": true, "pin": "123456"}', headers=MERGE_PATCH)
        assert closed.status == 200
        token = (await (await http.post("/rooms/second/tokens", json={"pin": "123456"})).json())["token"]

        sdp, trickle, patch = (one["Content-Type"] for one in (SDP, TRICKLE, MERGE_PATCH))
        provoked = [
            await no(400, "POST", seats, data="hello", Content_Type=sdp),
            await no(400, "POST", seats, data=OFFER.replace("a=recvonly", "a=inactive"), Content_Type=sdp),
            await no(400, "POST", "/rooms/two%20words/participants", data=OFFER, Content_Type=sdp),
            await no(400, "POST", f"{seats}?name={'x' * 65}", data=OFFER, Content_Type=sdp),
            await no(400, "PATCH", amy, data="nonsense", Content_Type=trickle, If_Match="*"),
            await no(422, "PATCH", amy, data=restart, Content_Type=trickle, If_Match="*"),
            await no(400, "PATCH", amy, data='{"volume": 3}', Content_Type=patch),
            await no(400, "PATCH", amy, data='{"muted": null}', Content_Type=patch),
            await no(400, "GET", "/twilio/stream/tea"),
            await no(400, "POST", "/twilio/voice?room=two%20words"),
            await no(401, "GET", "/rooms/second"),
            await no(423, "POST", f"/rooms/second/participants?access_token={token}", data=OFFER, Content_Type=sdp),
            await no(403, "POST", seats, data=OFFER, Content_Type=sdp, Conference_Seat="x." + "0" * 64),
            await no(403, "GET", "/twilio/stream/tea", Origin="https://evil.example"),
            await no(404, "GET", "/rooms/nobody"),
            await no(404, "GET", "/rooms/nobody/events"),
            await no(404, "PATCH", f"{seats}/nobody", data="{}", Content_Type=patch),
            await no(404, "GET", "/nowhere"),
            await no(405, "PUT", "/rooms"),
            await no(408, "POST", seats, data=never(), Content_Type=sdp),
            await no(409, "POST", seats, data=OFFER, Content_Type=sdp),
            await no(409, "PATCH", caller, data="", Content_Type=trickle),
            await no(412, "PATCH", amy, data="", Content_Type=trickle, If_Match='"old"'),
            await no(413, "POST", seats, data="x" * 70_000, Content_Type=sdp),
            await no(422, "POST", seats, data=two_ways, Content_Type=sdp),
            await no(428, "PATCH", amy, data="", Content_Type=trickle),
            await no(415, "POST", seats, data=OFFER, Content_Type="text/plain"),
            await no(415, "PATCH", amy, data="{}", Content_Type="application/json"),
            await no(503, "POST", "/rooms/third/participants", data=OFFER, Content_Type=sdp),
            await no(503, "GET", "/rooms/tea/events"),
        ]
        while (answer := await http.post(seats, data="hello", headers=SDP)).status == 400:
            pass
        provoked.append(await problem_of(answer))
        server.live.engine.broken = True
        provoked.append(await no(503, "GET", "/healthz"))
        stream.close()
        await socket.close()
    documented = {int(row) for row in re.findall(r"^\| (\d{3}) \|", section("Errors"), re.MULTILINE)}
    assert set(provoked) | {500} == documented
