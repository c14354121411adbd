"""What strangers may take of the event loop's time."""

from __future__ import annotations

import secrets
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.udp.datagrams import pack_name
from conference.webrtc.udp.policer import MOST_NS, SAVED_NS, SLOTS, WINDOW_NS, Policer

ALICE = pack_name(("192.0.2.1", 1000), socket.AF_INET)
BOB = pack_name(("192.0.2.2", 1000), socket.AF_INET)

PAUSE_NS = 20_000


def run(policer: Policer, names: list[bytes], seconds: float, cost_ns: int) -> dict[bytes, int]:
    """One datagram after the other, in turn. Returns how many of each were looked at."""
    now_ns, looked = 10**15, dict.fromkeys(names, 0)
    end_ns = now_ns + int(seconds * 1e9)
    number = 0
    while now_ns < end_ns:
        name = names[number % len(names)]
        number += 1
        if policer.admits(name, now_ns):
            looked[name] += 1
            now_ns += cost_ns
            policer.charge(name, cost_ns)
        now_ns += PAUSE_NS
    return looked


def test_one_address_has_so_many_a_second_and_the_others_have_theirs() -> None:
    looked = run(Policer(100, 100), [ALICE, BOB], seconds=3 - 1e-3, cost_ns=1000)
    assert looked == {ALICE: 300, BOB: 300}


def test_another_port_is_the_same_address() -> None:
    ports = [pack_name(("192.0.2.1", port), socket.AF_INET) for port in (1000, 2000, 3000)]
    assert sum(run(Policer(100, 100), ports, seconds=1 - 1e-3, cost_ns=1000).values()) == 100


def test_a_network_of_64_bits_is_one_address() -> None:
    hosts = [pack_name((f"2001:db8::{host:x}", 9), socket.AF_INET6) for host in range(1, 9)]
    assert sum(run(Policer(100, 100), hosts, seconds=1 - 1e-3, cost_ns=1000).values()) == 100
    other = pack_name(("2001:db8:0:1::1", 9), socket.AF_INET6)
    assert run(Policer(100, 100), [hosts[0], other], seconds=1 - 1e-3, cost_ns=1000)[other] == 100


@pytest.mark.parametrize("percent", [1.0, 15.0, 50.0])
@pytest.mark.parametrize("cost_ns", [2_000, 20_000, MOST_NS])
def test_all_together_take_their_part_of_the_time(percent: float, cost_ns: int) -> None:
    names = [secrets.token_bytes(32) for _ in range(50)]
    looked = run(Policer(0, percent), names, seconds=2.0, cost_ns=cost_ns)
    spent_ns = sum(looked.values()) * cost_ns
    assert spent_ns <= 2e9 * percent / 100 + SAVED_NS * percent / 100 + cost_ns
    asked_for = cost_ns / (cost_ns + PAUSE_NS)
    assert spent_ns >= 0.8 * 2e9 * min(percent / 100, asked_for) - cost_ns


def test_after_a_rest_no_more_is_taken_at_once_than_the_share_of_a_tick() -> None:
    policer = Policer(0, 10)
    now_ns, spent_ns = 10**15, 0
    while policer.admits(ALICE, now_ns):
        policer.charge(ALICE, 10_000)
        spent_ns += 10_000
    assert spent_ns == pytest.approx(SAVED_NS / 10, abs=10_000)


def test_time_that_other_programs_took_is_charged_to_nobody() -> None:
    policer = Policer(0, 10)
    now_ns = 10**15
    assert policer.admits(ALICE, now_ns)
    policer.charge(ALICE, 10**10)
    assert policer.admits(ALICE, now_ns)


def test_no_limit_is_none() -> None:
    policer = Policer(0, 100)
    for _ in range(10_000):
        assert policer.admits(ALICE, 5)
        policer.charge(ALICE, 10**9)


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.integers(0, 10**10), st.integers(0, 10**7))))
def test_whatever_comes_takes_no_more_memory(sent: list[tuple[bytes, int, int]]) -> None:
    policer = Policer(3, 20)
    now_ns = 0
    for name, later_ns, spent_ns in sent:
        now_ns += later_ns
        if policer.admits(name, now_ns):
            policer.charge(name, spent_ns)
    assert len(policer._per_address._counts) in (0, SLOTS)
    assert not sent or policer.admits(ALICE, now_ns + 2 * WINDOW_NS) or policer._time.level(now_ns) <= 0
