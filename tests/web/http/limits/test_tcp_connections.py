"""Who gives way when too many connections are open."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.web.http.limits.concurrency import ConcurrencyLimit, TooManyAtOnce
from conference.web.http.limits.tcp_connections import GRACE_S, TcpConnection, TcpConnections

LONG = 10 * GRACE_S


@dataclass
class Port:
    """Takes connections, and knows which of them were dropped."""

    connections: TcpConnections
    now: float = 0.0
    dropped: list[str] = field(default_factory=list)

    def open(self, address: str, name: str = "") -> TcpConnection | None:
        return self.connections.open(address, lambda: self.dropped.append(name or address), self.now)

    def taken(self, address: str, name: str = "") -> TcpConnection:
        connection = self.open(address, name)
        assert connection is not None
        return connection


def port(most: int = 10, most_per_address: int = 0) -> Port:
    return Port(TcpConnections(most, most_per_address))


def test_the_one_of_an_address_that_has_waited_longest_gives_way_to_a_newcomer_from_there() -> None:
    here = port(most_per_address=2)
    for name in ("first", "second"):
        here.taken("a", name)
    here.taken("b")
    here.now += LONG
    here.taken("a", "third")
    assert here.dropped == ["first"]
    assert len(here.connections) == 3


def test_who_has_just_come_does_not_give_way_to_others_from_there() -> None:
    here = port(most_per_address=1)
    here.taken("a")
    assert here.open("a") is None
    assert here.connections.refused == 1
    here.taken("b")
    assert here.dropped == []


def test_who_is_being_answered_does_not_give_way() -> None:
    here = port(most=2, most_per_address=1)
    here.connections.works(here.taken("a"))
    here.connections.works(here.taken("b"))
    here.now += LONG
    assert here.open("a") is None
    assert here.open("c") is None


def test_who_waits_anew_has_waited_from_then_on() -> None:
    here = port(most_per_address=2)
    busy = here.taken("a", "busy")
    here.taken("a", "idle")
    here.connections.works(busy)
    here.now += LONG
    here.connections.waits(busy, here.now)
    here.taken("a")
    assert here.dropped == ["idle"]


def test_who_has_been_let_in_takes_no_place_from_others_and_loses_none_to_them() -> None:
    here = port(most=2, most_per_address=1)
    for _ in range(5):
        here.connections.stays(here.taken("a"))
    here.taken("a")
    here.taken("b")
    assert here.connections.staying == 5
    here.now += LONG
    here.taken("c")
    assert here.dropped == ["a"]
    assert here.connections.staying == 5


def test_a_crowd_of_one_address_gives_way_to_others_at_once() -> None:
    here = port(most=10)
    here.taken("patient")
    for number in range(9):
        here.taken("crowd", f"crowd {number}")
    here.taken("newcomer")
    assert here.dropped == ["crowd 0"]


def test_where_the_system_has_less_to_give_everything_that_is_open_counts() -> None:
    here = port(most=10)
    here.connections.most_in_all = 3
    for _ in range(2):
        here.connections.stays(here.taken("a"))
    here.taken("b")
    assert here.open("c") is None
    here.now += LONG
    here.taken("c")
    assert here.dropped == ["b"]


def test_without_anybody_who_waits_nobody_can_be_dropped() -> None:
    here = port()
    here.connections.works(here.taken("a"))
    assert not here.connections.drop_one()
    here.taken("b")
    assert here.connections.drop_one()
    assert here.dropped == ["b"]


@dataclass
class Model(Port):
    """Knows besides in what state each one should be that is open."""

    everybody: list[TcpConnection] = field(default_factory=list)
    states: dict[TcpConnection, str] = field(default_factory=dict)

    def act(self, act: str, number: int) -> None:
        if act == "open":
            self._come(f"address {number % 4}")
        elif act == "drop":
            there = "waits" in self.states.values()
            assert self.connections.drop_one() == there
        elif self.everybody:
            self._change(self.everybody[number % len(self.everybody)], act)

    def _come(self, address: str) -> None:
        connection = self.connections.open(address, lambda: None, self.now)
        if connection is not None:
            connection.drop = partial(self.states.__delitem__, connection)
            self.everybody.append(connection)
            self.states[connection] = "waits"

    def _change(self, one: TcpConnection, act: str) -> None:
        match act:
            case "waits":
                self.connections.waits(one, self.now)
            case "works":
                self.connections.works(one)
            case "stays":
                self.connections.stays(one)
            case "closed":
                self.connections.closed(one)
                self.states.pop(one, None)
        if one in self.states:
            self.states[one] = act

    def check(self) -> None:
        states = [*self.states.values()]
        counts = (len(self.connections), self.connections.waiting, self.connections.staying)
        assert counts == (len(states), states.count("waits"), states.count("stays"))


ACTS = st.sampled_from(["open", "open", "works", "waits", "stays", "closed", "drop"])


STEPS = st.lists(st.tuples(ACTS, st.integers(0, 30), st.floats(0, 2)), max_size=80)


@given(STEPS, st.integers(1, 6), st.integers(0, 3))
def test_whatever_comes_and_goes_is_counted_and_leaves_nothing_behind(
    acts: list[tuple[str, int, float]], most: int, most_per_address: int
) -> None:
    here = Model(TcpConnections(most, most_per_address))
    for act, number, gap in acts:
        here.now += gap
        here.act(act, number)
        here.check()
    for one in here.everybody:
        here.connections.closed(one)
    assert (len(here.connections), here.connections.waiting, here.connections.staying) == (0, 0, 0)
    for number in range(most):
        here.connections.works(here.taken(str(number)))
    assert here.open("another") is None


def test_of_what_is_counted_there_is_no_more_than_there_may_be() -> None:
    limit = ConcurrencyLimit(3, 2)
    limit.enter("a")
    limit.enter("a")
    with pytest.raises(TooManyAtOnce, match="your address"):
        limit.enter("a")
    limit.enter("b")
    with pytest.raises(TooManyAtOnce, match=r"^Too many are open\.$"):
        limit.enter("c")
    limit.leave("a")
    limit.enter("c")
    assert len(limit) == 3
    free = ConcurrencyLimit(0, 0)
    for _ in range(100):
        free.enter("a")
