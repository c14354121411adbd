"""Whom a server may call: only whom an operator has named, so that nobody makes it call where it should not.

A name stands for what can be reached of it in the internet. An address that is not of the internet (of this machine, a
private or a link-local one) is called only if it is named itself, as an address or as part of a network; by whatever
name somebody may have it resolved from. So it is the address that is connected to which is looked at, and not an
earlier answer of the DNS.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?|\*")
_PORT = re.compile(r"[0-9]{1,5}")
_NUMBERS = re.compile(r"\+(?:[1-9][0-9]{6,14}|(?:[1-9][0-9]{0,13})?\*)")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_LOCALHOST: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))


@dataclass(frozen=True, slots=True)
class Destination:
    """One place, or kind of place, that may be called."""

    text: str
    """As the operator wrote it."""

    name: str | None = None
    """Lower case: a host's; with ``*.`` before it, those below it; ``*`` is every host of the internet."""

    networks: tuple[Network, ...] = ()
    port: int | None = None
    """The only one; ``None`` for all."""

    number: str | None = None
    """A telephone's, as E.164 has it; with ``*`` at its end, all that begin so."""

    def __str__(self) -> str:
        return self.text

    def has_name(self, host: str) -> bool:
        """Whether a host's name, in lower case and without a dot at its end, is meant."""
        if self.name is None:
            return False
        if self.name.startswith("*."):
            return host.endswith(self.name[1:])
        return self.name in ("*", host)

    def has_address(self, address: Address) -> bool:
        """Whether an address is named itself."""
        return any(address.version == one.version and address in one for one in self.networks)

    def has_number(self, number: str) -> bool:
        """Whether a telephone number is meant."""
        if self.number is None:
            return False
        return number.startswith(self.number[:-1]) if self.number.endswith("*") else number == self.number


def read_number(text: str) -> str:
    """A telephone number as E.164 has it: ``+15551234567``. Spaces, dots, dashes and brackets in it are left out.

    Raises:
        ValueError: it is none; with a sentence.
    """
    number = re.sub(r"[ .()/-]", "", text)
    if not _NUMBER.fullmatch(number):
        raise ValueError(f"'{text}' is no telephone number with its country's code, like +15551234567.")
    return number


def read_destination(text: str) -> Destination:
    """What an operator writes: ``bot.example.org``, ``*.example.org``, ``10.1.2.3:8765``, ``10.0.0.0/8``, ``+1555*``.

    Raises:
        ValueError: it is none; with a sentence.
    """
    wrong = ValueError(
        f"'{text}' is no destination: give a host's name, *.example.org, an address or network, or * for all of the "
        "internet; with :PORT for that one alone; or a telephone number, or the beginning of numbers, like +1555*."
    )
    if text.strip().startswith("+"):
        if not _NUMBERS.fullmatch(text.strip()):
            raise wrong
        return Destination(text, number=text.strip())
    place, port = _split_port(text.strip())
    if port is not None and not 1 <= port <= 65_535:
        raise wrong
    try:
        return Destination(text, None, (ip_network(place, strict=False),), port)
    except ValueError:
        pass
    if not _NAME.fullmatch(place) or place.replace(".", "").isdigit():
        raise wrong
    name = place.lower().rstrip(".")
    return Destination(text, name, _LOCALHOST if name == "localhost" else (), port)


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("[") and "]" in text:
        place, _, rest = text[1:].partition("]")
        return (place, int(rest[1:])) if rest[:1] == ":" and _PORT.fullmatch(rest[1:]) else (place + rest, None)
    place, colon, port = text.rpartition(":")
    if colon and ":" not in place and _PORT.fullmatch(port):
        return place, int(port)
    return text, None


class Destinations:
    """All that may be called.

    Args:
        allowed: each of them.
    """

    def __init__(self, allowed: Iterable[Destination]) -> None:
        self._allowed = tuple(allowed)

    def __bool__(self) -> bool:
        return bool(self._allowed)

    @property
    def has_hosts(self) -> bool:
        """Whether any host or address may be called."""
        return any(one.number is None for one in self._allowed)

    @property
    def has_numbers(self) -> bool:
        """Whether any telephone may be called."""
        return any(one.number is not None for one in self._allowed)

    def may_dial(self, number: str) -> bool:
        """Whether a telephone number may be called."""
        return any(one.has_number(number) for one in self._allowed)

    def may_have(self, host: str, port: int) -> bool:
        """Whether a host may perhaps be called, before it is known which addresses it has."""
        address = read_address(host)
        if address is not None:
            return self.permit(host, address, port)
        return any(_at(one, port) and (one.has_name(_plain(host)) or one.networks) for one in self._allowed)

    def permit(self, host: str, address: Address, port: int) -> bool:
        """Whether an address may be connected to, as one of a host's.

        Args:
            host: as it was asked for: a name, or an address.
            address: what it turned out to be.
            port: of it.
        """
        address = _unwrapped(address)
        for one in self._allowed:
            if not _at(one, port):
                continue
            if one.has_address(address) or (one.has_name(_plain(host)) and is_public(address)):
                return True
        return False


def read_address(host: str) -> Address | None:
    """An address as it stands in a URL; ``None`` for a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet, of one host."""
    address = _unwrapped(address)
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (RFC 4291, section 2.5.5.2; RFC 3056; RFC 6052), if it does."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return inner
    return address


_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""What is given to hosts of the internet (RFC 4291, section 2.4, as IANA has assigned it): no site-local ones."""


def _plain(host: str) -> str:
    return host.lower().rstrip(".")


def _at(one: Destination, port: int) -> bool:
    return one.port is None or one.port == port
