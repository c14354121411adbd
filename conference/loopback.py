"""Whether a host is this machine, by its name."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether a host can be reached from this machine only: it is a loopback address, or "localhost"."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
