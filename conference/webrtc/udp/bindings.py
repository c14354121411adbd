"""Which addresses are announced to peers, and which ones the sockets are bound to for it.

* Addresses that were asked for and are this machine's own get a socket each, so that answers leave from the address
  that was asked ("the source and destination addresses are symmetric", RFC 8445 section 7.2.5.2.1).
* Addresses that were asked for and are not here (1:1 NAT, a load balancer) are served by a wildcard socket.
* When none was asked for, it is a wildcard socket too, and the machine's addresses are looked up again for each peer:
  a laptop moves between networks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from aioice.ice import get_host_addresses

ANY_IPV4 = "0.0.0.0"  # noqa: S104 - the wildcard is what is meant
ANY_IPV6 = "::"


@dataclass(frozen=True, slots=True)
class Binding:
    """One socket to be opened."""

    bind: str
    """Address to bind to."""

    announce: tuple[str, ...] | None
    """What peers are told; ``None`` for whatever addresses of this family the machine has."""

    @property
    def version(self) -> int:
        """4 or 6."""
        return ipaddress.ip_address(self.bind).version


def host_addresses() -> list[str]:
    """The machine's own addresses, without loopback and link-local ones."""
    return get_host_addresses(use_ipv4=True, use_ipv6=True)


def plan_bindings(announce_ips: Sequence[str], own: Sequence[str]) -> tuple[Binding, ...]:
    """Decide which sockets to open.

    Args:
        announce_ips: what peers are to be told; empty for the machine's own addresses.
        own: the machine's own addresses. Loopback addresses are always its own.

    Raises:
        ValueError: something in ``announce_ips`` is no IP address that could be announced.
    """
    if not announce_ips:
        bindings = [Binding(ANY_IPV4, None)]
        if any(ipaddress.ip_address(one).version == 6 for one in own):
            bindings.append(Binding(ANY_IPV6, None))
        return tuple(bindings)
    wanted = list(dict.fromkeys(_announceable(one) for one in announce_ips))
    here = {str(ipaddress.ip_address(one)) for one in own}
    bindings = []
    for version, wildcard in ((4, ANY_IPV4), (6, ANY_IPV6)):
        family = [one for one in wanted if ipaddress.ip_address(one).version == version]
        if all(one in here or ipaddress.ip_address(one).is_loopback for one in family):
            bindings += [Binding(one, (one,)) for one in family]
        else:
            bindings.append(Binding(wildcard, tuple(family)))
    return tuple(bindings)


def addresses_of(binding: Binding, own: Sequence[str]) -> tuple[str, ...]:
    """The addresses that are announced for a socket."""
    if binding.announce is not None:
        return binding.announce
    return tuple(one for one in own if ipaddress.ip_address(one).version == binding.version)


def _announceable(text: str) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"'{text}' is not an IP address, so it cannot be announced to peers.") from None
    if address.is_unspecified or address.is_multicast:
        raise ValueError(f"'{text}' is not an address that peers could send to.")
    return str(address)
