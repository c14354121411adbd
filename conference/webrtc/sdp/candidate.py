"""ICE candidates as text (RFC 8839 section 5.1): read, judged and written again."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass

from conference.webrtc.sdp.grammar import is_token, parse_number, shown

_TYPES = ("host", "srflx", "relay")
_THIS_NETWORK = ipaddress.ip_network("0.0.0.0/8")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A UDP candidate of component 1 with an address that can be sent to."""

    foundation: str
    priority: int
    address: str
    """An IP address in its canonical text form."""

    port: int
    type: str
    """``host``, ``srflx`` or ``relay``."""

    def __str__(self) -> str:
        text = f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.type}"
        if self.type == "host":
            return text
        # "raddr and rport MUST be present for srflx and relay"; ours, and what we hand on, hides them.
        unspecified = "::" if ":" in self.address else "0.0.0.0"  # noqa: S104 - not an address to bind
        return f"{text} raddr {unspecified} rport 9"


def parse_candidate(value: str) -> Candidate | None:
    """Read the value of an ``a=candidate`` line.

    Returns:
        The candidate, or ``None`` if it is well-formed and of no use to us: TCP, RTCP's component, or a ``.local``
        name (which nobody can resolve across networks; such a peer is found through its own checks instead).

    Raises:
        ValueError: the line is malformed.
    """
    fields = value.removeprefix("candidate:").split()
    if len(fields) < 8 or fields[6].lower() != "typ":
        raise ValueError(f"malformed ICE candidate: '{shown(value)}'")
    foundation, component, transport, priority_text, host, port_text, _, kind = fields[:8]
    kind = kind.lower()
    priority = parse_number(priority_text, 2**32 - 1)
    port = parse_number(port_text, 65535)
    if not is_token(foundation.replace("/", "+")) or priority is None or port is None:
        raise ValueError(f"malformed ICE candidate: '{shown(value)}'")
    address = _reachable(host)
    if component != "1" or transport.lower() != "udp" or kind not in _TYPES or port == 0 or address is None:
        return None
    return Candidate(foundation[:32], priority, address, port, kind)


def _reachable(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.is_unspecified or address.is_multicast or "%" in host:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.ipv4_mapped is not None else str(address)  # no address on the wire (RFC 4291 2.5.5.2)
    return None if address in _THIS_NETWORK or address.is_reserved else str(address)


def can_be_reached(candidate: Candidate, ours: Collection[str]) -> bool:
    """Whether a peer of ours can be at a candidate's address.

    Nobody but this machine itself is at loopback addresses, and nobody beyond this link at link-local ones: from
    elsewhere they are no way to a peer, but a way to what else is here.

    Args:
        candidate: theirs.
        ours: the addresses that we announce.
    """
    address = ipaddress.ip_address(candidate.address)
    own = [ipaddress.ip_address(one) for one in ours]
    if address.is_loopback:
        return any(one.is_loopback for one in own)
    return not address.is_link_local or any(one.is_loopback or one.is_link_local for one in own)
