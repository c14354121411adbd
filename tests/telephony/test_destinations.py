"""Where a server may call, and where nobody can make it call."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.destinations import Destinations, is_public, read_address, read_destination, read_number

PUBLIC = ip_address("93.184.216.34")
INNER = (
    "127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.9", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fec0::1", "fd00::1", "::ffff:10.1.2.3", "64:ff9b::a01:203",
    "2002:a01:203::1", "ff02::1",
)  # fmt: skip


def allowing(*texts: str) -> Destinations:
    return Destinations(map(read_destination, texts))


@pytest.mark.parametrize("address", INNER)
@pytest.mark.parametrize("allowed", ["*", "bot.example.org", "*.example.org"])
def test_a_name_never_leads_into_the_operators_network(address: str, allowed: str) -> None:
    assert not is_public(ip_address(address))
    assert not allowing(allowed).permit("bot.example.org", ip_address(address), 443)


@pytest.mark.parametrize(
    ("allowed", "host", "may"),
    [
        ("bot.example.org", "bot.example.org", True),
        ("bot.example.org", "BOT.example.org.", True),
        ("bot.example.org", "example.org", False),
        ("bot.example.org", "xbot.example.org", False),
        ("*.example.org", "a.b.example.org", True),
        ("*.example.org", "example.org", False),
        ("*.example.org", "example.org.evil.net", False),
        ("*", "anything.net", True),
    ],
)
def test_a_name_is_that_name(allowed: str, host: str, may: bool) -> None:
    destinations = allowing(allowed)
    assert destinations.may_have(host, 443) is may
    assert destinations.permit(host, PUBLIC, 443) is may


def test_what_is_not_of_the_internet_is_called_if_it_is_named_by_whatever_name_it_was_found() -> None:
    destinations = allowing("10.0.0.0/8", "[fd00::1]:9000")
    assert destinations.may_have("10.1.2.3", 80)
    assert destinations.permit("bot.internal", ip_address("10.1.2.3"), 80)
    assert destinations.permit("bot.internal", ip_address("::ffff:10.1.2.3"), 80)
    assert not destinations.permit("bot.internal", ip_address("11.1.2.3"), 80)
    assert not destinations.permit("bot.internal", PUBLIC, 80)
    assert destinations.may_have("[fd00::1]", 9000)
    assert not destinations.may_have("[fd00::1]", 9001)


def test_localhost_is_this_machine() -> None:
    destinations = allowing("localhost:8765")
    for address in ("127.0.0.1", "::1"):
        assert destinations.permit("localhost", ip_address(address), 8765)
        assert not destinations.permit("localhost", ip_address(address), 8766)
    assert not destinations.permit("localhost", ip_address("10.0.0.1"), 8765)


def test_nothing_named_is_nobody_called() -> None:
    assert not allowing()
    assert not allowing().may_have("bot.example.org", 443)
    assert not allowing().permit("93.184.216.34", PUBLIC, 443)


NONE = (
    "",
    " ",
    "a b",
    "http://x",
    "host:0",
    "host:99999",
    "*.",
    "a..b",
    "*.*",
    "1.2.3",
    "-x",
    "10.0.0.0/33",
    "[::1",
    "x/8",
)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_destination_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no destination"):
        read_destination(text)


@given(st.text(max_size=40))
def test_any_text_is_a_destination_or_a_sentence(text: str) -> None:
    try:
        destination = read_destination(text)
    except ValueError:
        return
    assert destination.networks or destination.name


@given(st.ip_addresses(), st.sampled_from(["*", "*.org", "x.org"]), st.integers(1, 65535))
def test_a_name_permits_what_is_public_and_nothing_else(address: object, allowed: str, port: int) -> None:
    found = ip_address(str(address))
    assert allowing(allowed).permit("x.org", found, port) is is_public(found)


def test_an_address_is_read_as_it_stands_in_a_url() -> None:
    assert read_address("[::1]") == ip_address("::1")
    assert read_address("bot.example.org") is None


@pytest.mark.parametrize(
    ("allowed", "number", "may"),
    [
        ("+15551234567", "+15551234567", True),
        ("+15551234567", "+15551234568", False),
        ("+15551234567", "+155512345678", False),
        ("+1555*", "+15551234567", True),
        ("+1555*", "+15561234567", False),
        ("+*", "+4930123456", True),
        ("*", "+4930123456", False),
        ("0.0.0.0/0", "+4930123456", False),
    ],
)
def test_telephones_are_called_by_their_numbers_and_are_no_hosts(allowed: str, number: str, may: bool) -> None:
    destinations = Destinations([read_destination(allowed)])
    assert destinations.may_dial(number) is may
    assert destinations.has_numbers is not destinations.has_hosts
    assert not destinations.may_have(number, 443) or not destinations.has_numbers


@pytest.mark.parametrize("text", ["+", "+0301234567", "+1*5", "+1555:80", "+15x", "+1234567890123456"])
def test_what_is_no_telephone_number_is_no_destination(text: str) -> None:
    with pytest.raises(ValueError, match="is no destination"):
        read_destination(text)


@given(st.text(max_size=30))
def test_a_number_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        number = read_number(text)
        assert number[0] == "+"
        assert number[1:].isascii()
        assert number[1:].isdigit()
