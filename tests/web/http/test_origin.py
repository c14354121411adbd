from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from conference.settings import Settings
from conference.web.http.origin import client_address, is_foreign, public_origin, rate_key
from tests.web.doubles import Site, problem


def request(**headers: str) -> Any:
    return make_mocked_request("GET", "/", headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_rate_is_that_of_an_address_or_of_an_ipv6_network(address: str, key: str) -> None:
    assert rate_key(address) == key


def test_what_a_proxy_says_counts_only_behind_one() -> None:
    asked = request(X_Forwarded_For="203.0.113.9, 198.51.100.7", X_Forwarded_Proto="https", Host="talk.example.org")
    assert client_address(asked, behind_proxy=True) == "198.51.100.7"
    assert client_address(asked, behind_proxy=False) != "198.51.100.7"
    assert public_origin(asked, Settings(behind_proxy=True)) == "https://talk.example.org"
    assert public_origin(asked, Settings()) == "http://talk.example.org"
    assert public_origin(asked, Settings(public_url="https://a.example/")) == "https://a.example"


def test_a_page_is_foreign_unless_it_is_ours_or_allowed() -> None:
    ours = request(Host="talk.example.org:8443", Origin="https://talk.example.org:8443")
    other = request(Host="talk.example.org", Origin="https://evil.example")
    assert not is_foreign(ours, ())
    assert not is_foreign(request(Host="talk.example.org"), ())
    assert is_foreign(other, ())
    assert is_foreign(request(Host="talk.example.org", Origin="null"), ())
    assert not is_foreign(other, ("https://evil.example",))
    assert not is_foreign(other, ("*",))


async def test_a_server_whose_clock_has_stopped_is_not_well() -> None:
    async with Site() as site:
        site.server.broken = True
        response = await site.client.get("/healthz")
        assert response.status == 503
        await problem(response)


async def test_an_offer_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conference.web.http.body._BODY_TIMEOUT", 0.05)
    async with Site() as site:
        host, port = site.client.server.host, site.client.server.port
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(
            b"POST /rooms/tea/participants HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Content-Type: application/sdp\r\nContent-Length: 9\r\n\r\nv=0"
        )
        async with asyncio.timeout(2):
            assert b"408" in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/rooms", "GET, HEAD, OPTIONS"), ("/access", "GET, HEAD, OPTIONS"), ("/twilio/voice", "OPTIONS, POST")],
)
async def test_a_browser_may_ask_of_every_address_before_it_sends_a_token_to_another_site(
    path: str, allowed: str
) -> None:
    async with Site(Settings(secret="s" * 32, allowed_origins=("https://intranet.example.org",))) as site:
        told = await site.client.options(path, headers={"Origin": "https://intranet.example.org"})
        assert (told.status, told.headers["Allow"]) == (204, allowed)
        assert "Authorization" in told.headers["Access-Control-Allow-Headers"]
        assert (await site.client.options("/nothing")).status == 404


@pytest.mark.parametrize(
    ("origin", "site", "status"),
    [
        (None, None, 204),  # a program
        ("http://127.0.0.1:8080", "same-origin", 204),
        (None, "none", 204),
        ("https://intranet.example.org", "cross-site", 204),
        ("https://evil.example", "cross-site", 403),
        ("http://127.0.0.1:3000", "same-site", 403),
        ("null", "cross-site", 403),
    ],
)
async def test_pages_of_other_sites_change_nothing_even_where_a_browser_does_not_ask_first(
    origin: str | None, site: str | None, status: int
) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": site}
    sent = {name: value for name, value in headers.items() if value is not None}
    async with Site(Settings(allowed_origins=("https://intranet.example.org",))) as server:
        await server.join()
        assert (await server.client.post("/rooms/tea/admit", headers=sent)).status == status
        assert (await server.client.get("/rooms/tea", headers=sent)).status == 200


async def test_every_site_may_change_things_if_all_are_allowed() -> None:
    sent = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with Site(Settings(allowed_origins=("*",))) as server:
        await server.join()
        assert (await server.client.post("/rooms/tea/admit", headers=sent)).status == 204
