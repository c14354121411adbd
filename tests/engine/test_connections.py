"""The connections of participants: who is found by which, and what is counted of all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from conference.access.grants import EVERYTHING
from conference.engine.connections import AT_ONCE, ConnectionRegistry
from conference.room.participant import Transport


class FakeConnection:
    """Counts what it is told to."""

    grant = EVERYTHING
    prompted = False

    def __init__(
        self,
        participant_id: str,
        room_name: str | None = "tea",
        transport: Transport = "webrtc",
        counts: Mapping[str, int] | None = None,
    ) -> None:
        self.participant_id = participant_id
        self.room_name = room_name
        self.transport = transport
        self.counts = counts or {}

    def stats(self) -> Any:
        return None

    def tally(self) -> Mapping[str, int]:
        return self.counts


class FakeCall(FakeConnection):
    """Of another kind."""


async def test_totals_never_go_down() -> None:
    registry = ConnectionRegistry()
    lost = {"lost_in": 5}
    connection = FakeConnection("a", counts=lost)
    registry.opened(connection)
    assert (await registry.totals())["webrtc", "lost_in"] == 5
    lost["lost_in"] = 3  # two were only late
    assert (await registry.totals())["webrtc", "lost_in"] == 5
    registry.closed(connection)
    registry.closed(connection)
    assert (await registry.totals())["webrtc", "lost_in"] == 5


async def test_many_connections_are_asked_in_turns_and_those_that_end_meanwhile_count_once() -> None:
    registry = ConnectionRegistry()
    connections = [FakeConnection(str(number), counts={"packets_in": 1}) for number in range(3 * AT_ONCE)]
    for connection in connections:
        registry.opened(connection)
    counting = asyncio.create_task(registry.totals())
    await asyncio.sleep(0)
    for number in (0, 2 * AT_ONCE):  # one that was asked, and one that was not
        registry.closed(connections[number])
    assert (await counting)["webrtc", "packets_in"] == 3 * AT_ONCE - 1
    assert (await registry.totals())["webrtc", "packets_in"] == 3 * AT_ONCE


async def test_counts_are_told_apart_by_transport() -> None:
    registry = ConnectionRegistry()
    registry.opened(FakeConnection("a", counts={"packets_in": 1}))
    registry.opened(FakeConnection("b", transport="twilio", counts={"packets_in": 2}))
    assert await registry.totals() == {("webrtc", "packets_in"): 1, ("twilio", "packets_in"): 2}


@pytest.mark.parametrize("transport", ["webrtc", "twilio"])
def test_a_participant_s_connection_is_found_whatever_its_transport(transport: Transport) -> None:
    registry, connection = ConnectionRegistry(), FakeConnection("a", transport=transport)
    registry.opened(connection)
    assert registry.find("tea", "a") is registry.get("a") is connection
    assert registry.find("milk", "a") is registry.find("tea", "b") is registry.get("b") is None
    registry.closed(connection)
    assert registry.find("tea", "a") is registry.get("a") is None


def test_whoever_is_not_in_a_room_yet_is_found_by_who_they_are_alone() -> None:
    registry, call = ConnectionRegistry(), FakeCall("a", None)
    registry.opened(call)
    assert registry.get("a") is call
    assert registry.find("tea", "a") is None
    call.room_name = "tea"
    assert registry.find("tea", "a") is call


def test_a_connection_that_replaces_another_is_found_from_then_on() -> None:
    registry, before, after = ConnectionRegistry(), FakeConnection("a"), FakeConnection("a")
    registry.opened(before)
    registry.opened(after)
    assert registry.find("tea", "a") is after
    assert registry.of_kind(FakeConnection) == [before, after]
    assert not registry.lost(before)
    registry.closed(before)
    assert registry.find("tea", "a") is after
    assert registry.of_kind(FakeConnection) == [after]


async def test_what_is_lost_is_found_no_more_and_counted_until_it_is_closed() -> None:
    registry, counts = ConnectionRegistry(), {"packets_in": 1}
    connection = FakeConnection("a", counts=counts)
    registry.opened(connection)
    assert registry.lost(connection)
    assert not registry.lost(connection)
    assert registry.get("a") is None
    counts["packets_in"] = 2
    assert (await registry.totals())["webrtc", "packets_in"] == 2
    registry.closed(connection)
    counts["packets_in"] = 3
    assert (await registry.totals())["webrtc", "packets_in"] == 2


def test_those_of_one_kind_are_listed() -> None:
    registry, page, call = ConnectionRegistry(), FakeConnection("a"), FakeCall("b", None, "twilio")
    registry.opened(page)
    registry.opened(call)
    assert registry.of_kind(FakeCall) == [call]


async def test_what_was_never_opened_is_closed_without_harm() -> None:
    registry = ConnectionRegistry()
    registry.closed(FakeConnection("a", counts={"packets_in": 1}))
    assert not await registry.totals()
