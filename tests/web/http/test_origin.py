from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from conference.settings import Settings
from conference.web.http.origin import client_address, is_authority, is_foreign, public_origin, rate_key
from tests.web.doubles import Site, problem

PROXY = Settings(behind_proxy=True)


def request(**headers: str) -> Any:
    return asked(*((name.replace("_", "-"), value) for name, value in headers.items()))


def asked(*headers: tuple[str, str]) -> Any:
    """A request with these header fields, each a line of its own."""
    return make_mocked_request("GET", "/", headers=CIMultiDict(headers))


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("unknown", "unknown"),
    ],
)
def test_a_rate_is_that_of_an_address_or_of_an_ipv6_network(address: str, key: str) -> None:
    assert rate_key(address) == key


def test_what_a_proxy_says_counts_only_behind_one() -> None:
    asked = request(X_Forwarded_For="203.0.113.9, 198.51.100.7", X_Forwarded_Proto="https", Host="talk.example.org")
    assert client_address(asked, PROXY) == "198.51.100.7"
    assert client_address(asked, Settings()) != "198.51.100.7"
    assert public_origin(asked, PROXY) == "https://talk.example.org"
    assert public_origin(asked, Settings()) == "http://talk.example.org"
    assert public_origin(asked, Settings(public_url="https://a.example/")) == "https://a.example"


@pytest.mark.parametrize(
    ("lines", "proxies", "address"),
    [
        (["203.0.113.9", "198.51.100.7"], 1, "198.51.100.7"),  # the proxy added a line of its own
        (["203.0.113.9, 203.0.113.8", "203.0.113.7,198.51.100.7"], 1, "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7, 192.0.2.1"], 2, "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7", "192.0.2.1"], 2, "198.51.100.7"),
        (["198.51.100.7"], 2, "198.51.100.7"),  # all that there is was written by proxies
        (["203.0.113.9", " 198.51.100.7 , ,"], 1, "198.51.100.7"),
        (["203.0.113.9", "198.51.100.7:40000"], 1, "198.51.100.7"),  # as some proxies write it
        (["203.0.113.9", "[2001:db8::7]:40000"], 1, "2001:db8::7"),
        (["203.0.113.9", "[2001:db8::7]"], 1, "2001:db8::7"),
        (["203.0.113.9", "unknown"], 1, None),
        (["203.0.113.9", "198.51.100.7x"], 1, None),
        ([""], 1, None),
        ([], 1, None),
    ],
)
def test_of_all_lines_only_the_entries_of_our_own_proxies_are_believed(
    lines: Sequence[str], proxies: int, address: str | None
) -> None:
    told = asked(*(("X-Forwarded-For", line) for line in lines))
    found = client_address(told, Settings(behind_proxy=True, trusted_proxies=proxies))
    assert found == (told.remote or "unknown" if address is None else address)


@given(st.lists(st.text(alphabet="0123456789abcdef.:[], %x", max_size=30), max_size=4), st.integers(1, 3))
def test_nothing_that_a_caller_writes_before_a_proxy_changes_their_address(theirs: list[str], proxies: int) -> None:
    own = [f"198.51.100.{number}" for number in range(proxies)]
    lines = (("X-Forwarded-For", line) for line in (*theirs, *own))
    assert client_address(asked(*lines), Settings(behind_proxy=True, trusted_proxies=proxies)) == own[0]


def test_what_else_a_proxy_says_is_read_in_the_same_way() -> None:
    told = asked(
        ("Host", "inside:8080"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Proto", "gopher, https"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Host", "talk.example.org"),
    )
    assert public_origin(told, PROXY) == "https://talk.example.org"
    assert public_origin(told, Settings()) == "http://inside:8080"
    assert public_origin(asked(("Host", "inside"), ("X-Forwarded-Host", "]]>")), PROXY) == "http://inside"


def test_who_names_no_host_is_told_the_address_that_they_came_to() -> None:
    assert public_origin(asked(), Settings()).startswith("http://")


def test_a_page_is_foreign_unless_it_is_ours_or_allowed() -> None:
    ours = request(Host="talk.example.org:8443", Origin="https://talk.example.org:8443")
    other = request(Host="talk.example.org", Origin="https://evil.example")
    assert not is_foreign(ours, Settings())
    assert not is_foreign(request(Host="talk.example.org"), Settings())
    assert is_foreign(other, Settings())
    assert is_foreign(request(Host="talk.example.org", Origin="null"), Settings())
    assert not is_foreign(other, Settings(allowed_origins=("https://evil.example",)))
    assert not is_foreign(other, Settings(allowed_origins=("*",)))


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("talk.example.org", "https://talk.example.org"),
        ("talk.example.org:443", "https://talk.example.org"),
        ("talk.example.org", "http://talk.example.org:80"),
        ("TALK.example.org", "https://talk.example.org"),
        ("inside:8080", "https://public.example"),  # the public address
        ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
    ],
)
def test_a_page_of_our_own_is_known_by_the_address_that_it_asked_for_or_by_the_public_one(
    host: str, origin: str
) -> None:
    assert not is_foreign(request(Host=host, Origin=origin), Settings(public_url="https://public.example/"))


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://",
        "https://evil.example",
        "https://talk.example.org.evil.example",
        "https://talk.example.org:8443",
        "https://talk.example.org@evil.example",
        "https://evil.example/talk.example.org",
        "https://[talk.example.org",
        "https://talk.example.org:99999",
        "file://talk.example.org",
        "chrome-extension://talk.example.org",
        "talk.example.org",
        "https://talk.example.org https://evil.example",
    ],
)
def test_no_other_origin_is_ours(origin: str) -> None:
    assert is_foreign(request(Host="talk.example.org", Origin=origin), Settings())


def test_one_foreign_origin_among_several_is_enough() -> None:
    host, ours = ("Host", "talk.example.org"), ("Origin", "https://talk.example.org")
    assert not is_foreign(asked(host, ours, ours), Settings())
    assert is_foreign(asked(host, ours, ("Origin", "https://evil.example")), Settings())
    assert is_foreign(asked(host, ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")), Settings())


@given(st.text(max_size=30) | st.text(alphabet="[]:/@.%0aA-", max_size=12))
def test_a_host_is_an_authority_or_it_is_not(text: str) -> None:
    told = is_authority(text)
    if told and text:
        assert public_origin(request(Host=text), Settings()) == f"http://{text}"
    assert is_foreign(request(Host="talk.example.org", Origin=f"https://{text}"), Settings())


@pytest.mark.parametrize(
    "host",
    ["]]>", "[::1", "[localhost]", "a b", "a:b", "a:99999", "a/b", "a?b", "a#b", "u@a", "<a>", "é", '"'],
)
async def test_what_cannot_be_a_host_is_refused(host: str) -> None:
    async with Site(Settings(host="0.0.0.0", open=True)) as site:
        reader, writer = await asyncio.open_connection(site.client.server.host, site.client.server.port)
        writer.write(b"POST /twilio/voice HTTP/1.1\r\nContent-Length: 0\r\nHost: " + host.encode() + b"\r\n\r\n")
        async with asyncio.timeout(10):
            assert b" 400 " in await reader.readline()
        writer.close()


async def test_a_server_whose_clock_has_stopped_is_not_well() -> None:
    async with Site() as site:
        site.server.engine.broken = True
        response = await site.client.get("/healthz")
        assert response.status == 503
        await problem(response)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/rooms/tea/participants", "application/sdp"),
        ("/rooms/tea/messages", "application/json"),
        ("/rooms/tea/mute", "application/json"),
        ("/rooms/tea/tokens", "application/json"),
        ("/twilio/voice", "application/x-www-form-urlencoded"),
    ],
)
async def test_a_body_that_does_not_come_is_not_waited_for(path: str, kind: str) -> None:
    async with Site(Settings(body_timeout=0.1, pins=(("coffee", "1234"),))) as site:
        await site.join()
        reader, writer = await asyncio.open_connection(site.client.server.host, site.client.server.port)
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: 9\r\n\r\n{{"
        writer.write(head.encode())
        async with asyncio.timeout(10):
            assert b" 408 " in await reader.readline()
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
    ("allowed", "origin", "varies", "told"),
    [
        ((), "https://intranet.example.org", False, None),
        (("https://intranet.example.org",), None, False, None),
        (("https://intranet.example.org",), "https://intranet.example.org", True, "https://intranet.example.org"),
        (
            ("https://intranet.example.org",),
            "https://evil.example",
            True,
            None,
        ),  # a cache must not keep that for others
        (("*",), "https://evil.example", True, "*"),
    ],
)
async def test_an_answer_that_depends_on_who_asks_says_so_to_caches(
    allowed: tuple[str, ...], origin: str | None, varies: bool, told: str | None
) -> None:
    async with Site(Settings(allowed_origins=allowed)) as site:
        for path, status in (("/rooms", 200), ("/rooms/nowhere", 404)):
            answer = await site.client.get(path, headers={} if origin is None else {"Origin": origin})
            assert answer.status == status
            assert ("Origin" in answer.headers.getall("Vary", [])) is varies
            assert answer.headers.get("Access-Control-Allow-Origin") == told
            assert ("Conference-Seat" in answer.headers.get("Access-Control-Expose-Headers", "")) is (told is not None)
            assert "Access-Control-Allow-Methods" not in answer.headers, "that is for those who ask beforehand"


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
        ("https://evil.example", None, 403),  # over plain HTTP, browsers tell no more
        ("https://evil.example", "same-origin", 403),
        ("null", None, 403),
        ("", None, 403),
        ("https://intranet.example.org", None, 204),
        (None, "cross-site", 403),
    ],
)
async def test_pages_of_other_sites_change_nothing_even_where_a_browser_does_not_ask_first(
    origin: str | None, site: str | None, status: int
) -> None:
    headers = {"Origin": origin, "Sec-Fetch-Site": site}
    sent = {name: value for name, value in headers.items() if value is not None} | {"Host": "127.0.0.1:8080"}
    async with Site(Settings(allowed_origins=("https://intranet.example.org",))) as server:
        await server.join()
        assert (await server.client.post("/rooms/tea/admit", headers=sent)).status == status
        assert (await server.client.get("/rooms/tea", headers=sent)).status == 200


async def test_every_site_may_change_things_if_all_are_allowed() -> None:
    sent = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with Site(Settings(allowed_origins=("*",))) as server:
        await server.join()
        assert (await server.client.post("/rooms/tea/admit", headers=sent)).status == 204
