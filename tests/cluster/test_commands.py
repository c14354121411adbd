"""What nodes read of each other comes from elsewhere: whatever it is, it is read, or refused with a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.access.grants import make_grant
from conference.cluster.commands import Command, MalformedEntry, decode, read_position, write_position
from conference.cluster.grants import grant_json, read_grant
from conference.cluster.presence import NodeState, RoomPart, read_node, read_part, told_address, trunk_address
from conference.cluster.settings import read_node_url, read_redis
from conference.cluster.snapshots import read_snapshot, write_snapshot
from tests.cluster.nodes import BareNode, MemoryLog

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
data = st.binary() | values.map(lambda value: json.dumps(value).encode())


@given(st.text(), st.dictionaries(st.text(), st.text()), st.integers(0, 2**60), st.floats(0, 2e9))
def test_a_command_is_read_as_it_was_written(kind: str, arguments: dict[str, str], number: int, at: float) -> None:
    command = Command(kind, arguments, "a0", number, at, "b1x2")
    assert decode(command.encode()) == command


@given(data)
def test_what_is_no_command_is_refused(raw: bytes) -> None:
    try:
        command = decode(raw)
    except MalformedEntry:
        return
    assert decode(command.encode()) == command


@given(st.lists(values, min_size=6, max_size=6))
def test_what_looks_like_a_command_is_one_or_is_refused(fields: list[Any]) -> None:
    try:
        command = decode(json.dumps(fields).encode())
    except MalformedEntry:
        return
    assert isinstance(command.number, int)
    assert command.id


@given(st.text())
def test_a_place_in_a_log_is_read_or_refused(text: str) -> None:
    try:
        position = read_position(text)
    except MalformedEntry:
        return
    assert read_position(write_position(position)) == position


@given(data)
@pytest.mark.parametrize("read", [read_node, read_part])
def test_what_is_no_state_of_a_node_is_left_out(read: Callable[[bytes], object], raw: bytes) -> None:
    found = read(raw)
    assert found is None or isinstance(found, (NodeState, RoomPart))


def test_the_state_of_a_node_is_read_as_it_was_written() -> None:
    state = NodeState("a", "http://a:1", ("10.0.0.1:5",), 3, 1, 0.5, True, 12.0)
    assert read_node(state.encode()) == state
    part = RoomPart(3, 1.5, True)
    assert read_part(part.encode()) == part


def test_a_state_that_tells_more_than_is_known_is_read_all_the_same() -> None:
    state = NodeState("a", "http://a:1")
    assert read_node(json.dumps({**json.loads(state.encode()), "colour": "red"}).encode()) == state


@given(data)
def test_what_is_no_snapshot_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEntry):
        read_snapshot(raw)


def test_a_snapshot_is_read_as_it_was_written() -> None:
    log, node = MemoryLog(), BareNode("a")
    node.join("amy")
    node.deliver(log.append(node.proposed.pop()))
    assert read_snapshot(write_snapshot(node.state)) == json.loads(json.dumps(node.state))


@given(values)
def test_what_is_no_grant_grants_nothing(told: Any) -> None:
    assert read_grant(told) is None


def test_a_grant_is_read_as_it_was_written() -> None:
    grant = make_grant("host", room="tea", identity="amy", name="Amy", expires_at=9.0)
    assert read_grant(json.loads(json.dumps(grant_json(grant)))) == grant


@pytest.mark.parametrize("address", ["redis://h:6379", "rediss://:p@h", "unix:///run/redis.sock"])
def test_addresses_of_a_redis_are_taken(address: str) -> None:
    assert read_redis(address) == address


@pytest.mark.parametrize("address", ["h:6379", "http://h", "redis://", ""])
def test_what_is_no_address_of_a_redis_is_refused_with_what_would_be_one(address: str) -> None:
    with pytest.raises(ValueError, match="redis://HOST:6379"):
        read_redis(address)


@pytest.mark.parametrize("address", ["h:80", "ftp://h", "http://h/path", "http://"])
def test_what_is_no_address_of_a_node_is_refused_with_what_would_be_one(address: str) -> None:
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        read_node_url(address)


@pytest.mark.parametrize("address", [("127.0.0.1", 5000), ("::1", 65535)])
def test_an_address_of_a_trunk_is_read_as_it_was_told(address: tuple[str, int]) -> None:
    assert trunk_address(NodeState("a", "", (told_address(address),))) == address


@pytest.mark.parametrize(
    "told", ["", ":5", "localhost:5000", "a.example:5000", "1.2.3.4:0", "1.2.3.4:99999", "x" * 300 + ":5", "1.2.3:5"]
)
def test_what_is_no_address_of_a_trunk_is_not_looked_up(told: str) -> None:
    assert trunk_address(NodeState("a", "", (told,))) is None


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_a_node_tells_of_numbers_that_json_has(number: str) -> None:
    assert read_node(b'{"id": "a", "url": "", "load": %s}' % number.encode()) is None


@pytest.mark.parametrize(
    "address",
    ["redis://:hu/sh@127.0.0.1", "redis://:hush@[::1", "redis://:hush@h:99999", "http://:hush@h", "redis:hush"],
)
def test_what_is_said_of_a_wrong_address_tells_no_password(address: str) -> None:
    with pytest.raises(ValueError, match="no address of a Redis") as refused:
        read_redis(address)
    assert "hu" not in str(refused.value)
