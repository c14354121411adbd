"""A page whose name leads to this machine is not let in (DNS rebinding)."""

from __future__ import annotations

import asyncio

import pytest

from conference.settings import Settings
from conference.web.http.host_header import is_ours
from tests.web.doubles import Site, problem
from tests.web.passes import bearer, guarded, token

EVIL = {"Host": "evil.example:8080"}
PROXY = Settings(public_url="https://Talk.example.org", allowed_origins=("https://intranet.example.org:8443",))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "LOCALHOST:80", "localhost.", "a.localhost"],
)
def test_names_and_addresses_of_this_machine_alone_are_ours(host: str) -> None:
    assert is_ours(host, Settings())


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "notlocalhost",
        "192.0.2.1",
        "0.0.0.0",
        "[2001:db8::1]",
        "[::1",
        "[localhost]",
        "",
        ":8080",
        "talk.example.org",
    ],
)
def test_no_other_name_is_ours(host: str) -> None:
    assert not is_ours(host, Settings())


@pytest.mark.parametrize("host", ["talk.example.org", "TALK.example.org:443", "intranet.example.org", "localhost"])
def test_a_proxy_may_ask_by_the_names_that_the_settings_know(host: str) -> None:
    assert is_ours(host, PROXY)
    assert not is_ours(f"evil.{host}.example", PROXY)


async def test_an_open_server_answers_to_no_name_that_is_not_its_own() -> None:
    async with Site() as site:
        for method, path in [("GET", "/"), ("GET", "/rooms"), ("POST", "/rooms/tea/admit"), ("GET", "/nowhere")]:
            response = await site.client.request(method, path, headers=EVIL)
            assert response.status == 403
            assert "--public-url" in (await problem(response))["title"]
        assert (await site.client.get("/rooms", headers={"Host": "localhost"})).status == 200
        assert (await site.client.get("/twilio/stream/tea", headers=EVIL)).status == 403


async def test_a_program_that_names_no_host_is_answered() -> None:
    async with Site() as site:
        reader, writer = await asyncio.open_connection(site.client.server.host, site.client.server.port)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        async with asyncio.timeout(5):
            assert b"200" in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "settings",
    [Settings(host="0.0.0.0", open=True), Settings(allowed_origins=("*",)), Settings(public_url="http://evil.example")],
    ids=["others reach it", "all may use it", "its own name"],
)
async def test_a_server_that_others_may_use_goes_by_any_name_of_theirs(settings: Settings) -> None:
    async with Site(settings) as site:
        assert (await site.client.get("/rooms", headers=EVIL)).status == 200


async def test_where_a_token_is_asked_for_the_name_does_not_matter() -> None:
    async with Site(guarded()) as site:
        assert (await site.client.get("/rooms", headers=EVIL)).status == 401
        assert (await site.client.get("/rooms", headers=EVIL | bearer(token("host")))).status == 200
