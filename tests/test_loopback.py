from __future__ import annotations

import pytest

from conference.loopback import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_alone_is_at_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "example.org", "localhost.example.org", "192.0.2.1", "0.0.0.0", "::", "fe80::1", "[::1]"]
)
def test_no_other_host_is(host: str) -> None:
    assert not is_loopback(host)
