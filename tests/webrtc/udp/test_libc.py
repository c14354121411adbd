"""The C library's calls: taken where they fit, and nowhere else."""

from __future__ import annotations

import platform
import sys

import pytest

from conference.webrtc.udp import datagrams, libc

FITS = sys.platform == "linux" and platform.machine() in ("x86_64", "aarch64")


@pytest.mark.skipif(not FITS, reason="MISSING: Linux on a 64-bit little-endian machine, which alone has the calls")
def test_where_servers_run_many_datagrams_go_and_come_at_once() -> None:
    assert libc.load("sendmmsg", "recvmmsg") is not None
    assert datagrams.AVAILABLE


def test_a_library_without_one_of_the_calls_is_not_taken() -> None:
    assert libc.load("sendmmsg", "no_such_function") is None


@pytest.mark.parametrize(("name", "value"), [("platform", "darwin"), ("byteorder", "big"), ("maxsize", 2**31 - 1)])
def test_a_machine_whose_structures_are_others_goes_without(
    monkeypatch: pytest.MonkeyPatch, name: str, value: object
) -> None:
    monkeypatch.setattr(sys, name, value)
    assert libc.load("sendmmsg") is None
