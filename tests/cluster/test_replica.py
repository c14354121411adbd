"""Replicas of a room: what they make of its log."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.cluster.commands import Command
from conference.cluster.replica import ConferenceOver, SeatRemoved
from conference.room.errors import RoomLocked
from conference.room.events import ParticipantJoined, ParticipantLeft, ParticipantUpdated
from conference.room.policy import RoomPolicy
from conference.room.room import Room
from tests.cluster.nodes import ROOM, BareNode, MemoryLog

PEOPLE = ("amy", "ben", "cleo", "dan")

ROLES = ("host", "speaker", "listener")

DECISIONS: dict[str, Callable[[Random], tuple[Any, ...]]] = {
    "join": lambda chance: (chance.choice(PEOPLE), chance.choice(ROLES)),
    "leave": lambda chance: (chance.choice(PEOPLE), chance.choice(["left", "lost"])),
    "node_lost": lambda chance: (chance.choice("abc"),),
    "set_muted": lambda chance: (chance.choice(PEOPLE), chance.random() < 0.6, chance.choice([None, "Amy"])),
    "hold": lambda chance: (chance.choice(PEOPLE), chance.random() < 0.6),
    "deafen": lambda chance: (chance.choice(PEOPLE), chance.random() < 0.6),
    "rename": lambda chance: (chance.choice(PEOPLE), chance.choice("XYZ")),
    "set_role": lambda chance: (chance.choice(PEOPLE), chance.choice(ROLES)),
    "raise_hand": lambda chance: (chance.choice(PEOPLE), chance.choice([None, 1.5, 2.5])),
    "mute_all": lambda chance: (set(chance.sample(PEOPLE, 2)),),
    "admit": lambda chance: (chance.sample(PEOPLE, 2),),
    "admit_all": lambda chance: (),
    "ask_to_unmute": lambda chance: (chance.choice(PEOPLE),),
    "treat_voice": lambda chance: (chance.choice(PEOPLE), chance.random() < 0.5),
    "set_policy": lambda chance: chance.choice(
        [("locked", chance.random() < 0.3), ("mute_on_entry", True), ("ends_with_host", chance.random() < 0.5),
         ("lobby", chance.choice(["off", "off", "host", "admit"])), ("max_participants", chance.choice([None, 3]))]
    ),
    "send_message": lambda chance: (chance.choice([None, *PEOPLE]), chance.choice(["", "hi"])),
    "press_digit": lambda chance: (chance.choice(PEOPLE), chance.choice("12#")),
    "set_gain": lambda chance: (chance.choice([None, *PEOPLE]), chance.choice(PEOPLE), chance.choice([None, 0, 0.3])),
    "set_volume": lambda chance: (*chance.choices(PEOPLE, k=2), chance.choice([0.0, 1.0, 1.7])),
    "whisper": lambda chance: (chance.choice(PEOPLE), chance.sample(PEOPLE, 2)),
    "speak_up": lambda chance: (chance.choice(PEOPLE),),
    "sidebar": lambda chance: (chance.sample(PEOPLE, 2),),
    "rejoin": lambda chance: (chance.sample(PEOPLE, 1),),
    "dismiss": lambda chance: (chance.choice(PEOPLE),),
    "end": lambda chance: (),
}  # fmt: skip
"""What a room can be asked to do, and with what."""

OFTEN = ("join", "join", "join", "leave")
RARELY = {"end", "dismiss", "node_lost"}


def decide(node: BareNode, chance: Random) -> None:
    kind = chance.choice([*DECISIONS, *OFTEN])
    if kind in RARELY and chance.random() < 0.6:
        kind = "join"
    propose(node, kind, DECISIONS[kind](chance))


def propose(node: BareNode, kind: str, about: tuple[Any, ...]) -> None:
    """Ask a node for something, as whoever is connected to it would."""
    room = node.conference.get(ROOM)
    if kind == "join":
        node.join(about[0], role=about[1])
    elif kind == "leave":
        node.conference.leave(ROOM, about[0], "bye", about[1])
    elif kind == "node_lost":
        node.propose(ROOM, kind, {"node": about[0]})
    elif room is not None:
        ask_room(room, kind, about)


def ask_room(room: Room, kind: str, about: tuple[Any, ...]) -> None:
    match kind:
        case "set_muted":
            room.set_muted(about[0], about[1], by=about[2])
        case "treat_voice":
            room.treat_voice(about[0], levelling=about[1])
        case "set_policy":
            room.set_policy(RoomPolicy(**{about[0]: about[1]}))
        case "send_message":
            room.send_message(about[0], "somebody", about[1], 5.0)
        case "dismiss":
            room.dismiss(about[0], "removed", by="a host")
        case "end":
            room.end("over")
        case _:
            getattr(room, kind)(*about)


def step(log: MemoryLog, nodes: list[BareNode], chance: Random) -> None:
    """Something happens somewhere: to a node, to the log, or on the way between them."""
    node = chance.choice(nodes)
    match chance.choice(["decide", "decide", "write", "write", "deliver", "deliver", "deliver", "astray"]):
        case "decide":
            decide(node, chance)
        case "write" if node.proposed:
            if chance.random() < 0.2:  # nobody learns that it was written, so it is written again
                log.append(node.proposed[0])
            else:
                log.append(node.proposed.pop(0))
        case "deliver":
            for entry in log.after(node.replica.position)[: chance.randint(1, 4)]:
                node.deliver(entry)
        case "astray" if log.entries:  # one that was had, or before which some are missing
            node.deliver(chance.choice(log.entries[-12:]))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_replicas_agree_on_the_room_and_its_events_whatever_is_written_by_whom_and_however_it_is_delivered(
    seed: int,
) -> None:
    chance, log, nodes = Random(seed), MemoryLog(), [BareNode(one) for one in "abc"]
    late = BareNode("d")
    for number in range(250):
        step(log, nodes, chance)
        if number == 200:
            late.begin_from(nodes[0])
    for node in (*nodes, late):
        for entry in log.after(node.replica.position):
            node.deliver(entry)
    first, *others = nodes
    assert [number for _, number, _ in first.events] == list(range(1, len(first.events) + 1))
    carried_out = [one.command.id for one in first.outcomes]
    assert len(carried_out) == len(set(carried_out))
    for node in others:
        assert node.state == first.state
        assert node.events == first.events
    assert late.state == first.state
    assert late.events == first.events[len(first.events) - len(late.events) :]


def written(log: MemoryLog, *nodes: BareNode) -> None:
    """Write what nodes propose, and deliver it to all, until nobody proposes more."""
    while any(node.proposed for node in nodes):
        for node in nodes:
            while node.proposed:
                log.append(node.proposed.pop(0))
        for node in nodes:
            for entry in log.after(node.replica.position):
                node.deliver(entry)


@pytest.fixture
def log() -> MemoryLog:
    return MemoryLog()


@pytest.fixture
def a() -> BareNode:
    return BareNode("a")


@pytest.fixture
def b() -> BareNode:
    return BareNode("b")


def test_a_room_that_is_asked_to_decide_changes_nothing_until_that_comes_from_the_log(
    log: MemoryLog, a: BareNode, b: BareNode
) -> None:
    a.join("amy")
    written(log, a, b)
    room = a.conference.rooms[ROOM]
    room.set_muted("amy", True, by="Ben")
    assert a.muted("amy") is False
    written(log, a, b)
    assert a.muted("amy") is True
    assert b.conference.rooms[ROOM].participants["amy"].muted_by == "Ben"


def test_somebody_is_served_by_one_node_and_remote_on_all_others(log: MemoryLog, a: BareNode, b: BareNode) -> None:
    a.join("amy")
    written(log, a, b)
    here, there = a.conference.rooms[ROOM].participants["amy"], b.conference.rooms[ROOM].participants["amy"]
    assert (here.node, here.remote, there.node, there.remote) == ("a", False, "a", True)


def test_of_two_who_lock_and_join_at_once_the_log_decides(log: MemoryLog, a: BareNode, b: BareNode) -> None:
    a.join("amy")
    written(log, a, b)
    a.conference.rooms[ROOM].set_policy(RoomPolicy(locked=True))
    b.join("ben")
    log.append(a.proposed.pop())
    written(log, a, b)
    assert isinstance(b.outcomes[-1].refusal, RoomLocked)
    assert list(a.conference.rooms[ROOM].participants) == list(b.conference.rooms[ROOM].participants) == ["amy"]


def test_two_changes_of_a_policy_at_once_both_hold(log: MemoryLog, a: BareNode, b: BareNode) -> None:
    a.join("amy")
    written(log, a, b)
    a.conference.rooms[ROOM].set_policy(RoomPolicy(locked=True))
    b.conference.rooms[ROOM].set_policy(RoomPolicy(mute_on_entry=True))
    written(log, a, b)
    assert a.conference.rooms[ROOM].policy == RoomPolicy(locked=True, mute_on_entry=True)


def test_whoever_comes_back_through_another_node_takes_their_seat_and_nobody_sees_them_leave(
    log: MemoryLog, a: BareNode, b: BareNode
) -> None:
    a.join("amy")
    a.join("ben")
    written(log, a, b)
    a.conference.rooms[ROOM].hold("amy", True, by="Ben")
    written(log, a, b)
    b.join("amy")
    written(log, a, b)
    kinds = [type(event) for _, _, event in a.events]
    assert kinds == [ParticipantJoined, ParticipantJoined, ParticipantUpdated, ParticipantUpdated]
    assert a.hung_up == ["amy"]  # the connection that was replaced
    amy = a.conference.rooms[ROOM].participants["amy"]
    assert (amy.node, amy.remote, amy.held) == ("b", True, True)
    a.propose(ROOM, "leave", {"participant_id": "amy", "reason": "?", "departure": "lost", "connection": "ax1"})
    written(log, a, b)  # what becomes of the connection before is nobody's business any more
    assert "amy" in b.conference.rooms[ROOM].participants


def test_the_people_of_a_lost_node_leave_and_come_back_as_they_were(log: MemoryLog, a: BareNode, b: BareNode) -> None:
    a.join("amy")
    b.join("ben")
    written(log, a, b)
    b.conference.rooms[ROOM].set_muted("amy", True, by="Ben")
    written(log, a, b)
    b.propose(ROOM, "node_lost", {"node": "a"})
    b.conference.rooms[ROOM].set_policy(RoomPolicy(locked=True))
    written(log, b)
    assert isinstance(b.events[-2][2], ParticipantLeft)
    b.join("amy")
    written(log, b)
    amy = b.conference.rooms[ROOM].participants["amy"]  # through the lock, since she was lost
    assert (amy.muted, amy.muted_by) == (True, "Ben")


def test_a_node_that_was_taken_for_lost_learns_whom_it_serves_all_the_same(
    log: MemoryLog, a: BareNode, b: BareNode
) -> None:
    a.join("amy")
    b.join("ben")
    written(log, a, b)
    b.propose(ROOM, "node_lost", {"node": "a"})
    written(log, a, b)
    assert [one.id for one in a.outcomes[-1].outcasts] == ["amy"]
    assert b.outcomes[-1].outcasts == ()


def test_somebody_who_was_removed_does_not_come_back_through_another_node(
    log: MemoryLog, a: BareNode, b: BareNode
) -> None:
    a.join("amy")
    b.join("ben")
    written(log, a, b)
    b.conference.rooms[ROOM].dismiss("amy", "removed", by="Ben")
    written(log, a, b)
    assert a.hung_up == ["amy"]
    b.join("amy")
    written(log, a, b)
    assert isinstance(b.outcomes[-1].refusal, SeatRemoved)


def test_what_was_decided_about_one_conference_does_not_touch_the_next_of_that_name(
    log: MemoryLog, a: BareNode, b: BareNode
) -> None:
    a.join("amy")
    written(log, a, b)
    b.conference.rooms[ROOM].end("over")
    late = b.proposed.pop()
    a.conference.leave(ROOM, "amy", "bye")
    a.join("ben")
    written(log, a, b)
    log.append(late)
    written_before = len(b.outcomes)
    for entry in log.after(b.replica.position):
        b.deliver(entry)
    assert isinstance(b.outcomes[written_before].refusal, ConferenceOver)
    assert "ben" in b.conference.rooms[ROOM].participants


def test_an_entry_that_nobody_can_read_keeps_its_place(log: MemoryLog, a: BareNode) -> None:
    a.join("amy")
    a.proposed.append(Command("dance", {}, "z", 1, 0.0))
    a.join("ben")
    written(log, a)
    assert list(a.conference.rooms[ROOM].participants) == ["amy", "ben"]


def test_a_host_who_is_lost_is_waited_for_and_then_the_log_ends_the_conference_once(
    log: MemoryLog, a: BareNode, b: BareNode
) -> None:
    a.join("amy", role="host")
    b.join("ben")
    written(log, a, b)
    a.conference.rooms[ROOM].set_policy(RoomPolicy(ends_with_host=True))
    a.conference.leave(ROOM, "amy", "?", "lost")
    written(log, a, b)
    for tick in range(1600):
        a.conference.tick(tick, tick * 20_000_000)
        b.conference.tick(tick, tick * 20_000_000)
    assert a.proposed
    assert b.proposed
    written(log, a, b)
    assert a.conference.rooms == b.conference.rooms == {}
    assert sum(isinstance(event, ParticipantLeft) for _, _, event in b.events) == 2
