"""Which candidates are of use."""

from __future__ import annotations

import pytest

from conference.webrtc.sdp.candidate import parse_candidate


def line(address: str, port: int = 5000) -> str:
    return f"candidate:1 1 udp 2130706431 {address} {port} typ host"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "0.1.2.3",
        "224.0.0.251",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:198.51.100.1",
        "fe80::1%eth0",
        "2130706433",
        "0x7f.1",
    ],
)
def test_nobody_can_be_at_such_an_address(address: str) -> None:
    assert parse_candidate(line(address)) is None


@pytest.mark.parametrize("address", ["192.0.2.1", "10.0.0.1", "127.0.0.1", "169.254.1.1", "2001:db8::1", "fe80::1"])
def test_somebody_may_be_at_such_an_address(address: str) -> None:
    candidate = parse_candidate(line(address))
    assert candidate is not None
    assert candidate.address == address


def test_nobody_can_be_at_port_0() -> None:
    assert parse_candidate(line("192.0.2.1", 0)) is None
