"""Who is written to and when: each what they have yet to be told, in order, a few in a turn, and within bounds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.web.events.channel import AT_ONCE, BYTES_AT_ONCE, Channel, FanOut, Subscription
from tests.web.followed import Wire


class Hall:
    """A channel with members."""

    def __init__(self, members: int = 0, *, limit: int = 5) -> None:
        self.fan_out = FanOut()
        self.channel = Channel(self.fan_out)
        self.limit = limit
        self.wires: list[Wire] = []
        self.members = [self.member() for _ in range(members)]

    def member(self) -> Subscription:
        """Somebody who follows the channel, and whose connection takes all."""
        made, wire = Subscription(self.limit, self.fan_out), Wire()
        made.follow(self.channel)
        made.attach(wire)
        self.wires.append(wire)
        return made


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_what_is_due_in_one_turn_is_one_write() -> None:
    hall = Hall(1)
    await turns(2)
    for piece in (b"1", b"2", b"3"):
        hall.channel.append(piece)
    await turns(2)
    hall.channel.append(b"4")
    await turns(2)
    assert hall.wires[0].written == [b"123", b"4"]


async def test_what_many_are_told_alike_is_put_together_once() -> None:
    hall = Hall(10)
    await turns(2)
    hall.channel.append(b"1")
    hall.channel.append(b"2")
    await turns(3)
    assert all(one.written[0] is hall.wires[0].written[0] for one in hall.wires)


async def test_only_so_many_are_written_to_in_a_turn() -> None:
    hall = Hall(3 * AT_ONCE)
    await turns(5)
    hall.channel.append(b"x")
    seen = []
    for _ in range(5):
        await turns(1)
        seen.append(sum(map(len, (one.written for one in hall.wires))))
    steps = [now - before for before, now in zip([0, *seen], seen, strict=False)]
    assert max(steps) == AT_ONCE
    assert seen[-1] == len(hall.wires)


async def test_those_who_get_much_are_fewer_in_a_turn() -> None:
    hall = Hall(AT_ONCE)
    await turns(3)
    hall.channel.append(b"x" * (BYTES_AT_ONCE // 2 + 1))
    await turns(1)
    assert sum(bool(one.written) for one in hall.wires) == 2
    await turns(AT_ONCE)
    assert all(one.written for one in hall.wires)


async def test_a_connection_that_raises_takes_nothing_from_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    hall = Hall(3)
    await turns(2)
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))

    def fail(_: bytes) -> bool:
        raise RuntimeError("broken")

    monkeypatch.setattr(hall.wires[0], "write", fail)
    for piece in (b"1", b"2"):
        hall.channel.append(piece)
        await turns(4)
    assert [one.got for one in hall.wires[1:]] == [b"12", b"12"]
    assert {str(one) for one in complaints} == {"broken"}


async def test_who_comes_in_the_middle_of_a_turn_is_told_what_comes_after() -> None:
    hall = Hall(1)
    await turns(2)
    hall.channel.append(b"before")
    late = hall.member()
    hall.channel.append(b"after")
    await turns(3)
    assert (hall.wires[0].got, hall.wires[1].got) == (b"beforeafter", b"after")
    assert not late.over


async def test_what_is_for_one_alone_comes_in_its_place() -> None:
    hall = Hall(2)
    await turns(2)
    hall.channel.append(b"1")
    hall.members[0].push(b"own")
    hall.channel.append(b"2")
    await turns(3)
    assert [one.got for one in hall.wires] == [b"1own2", b"12"]


async def test_who_follows_something_else_loses_nothing_and_is_told_nothing_twice() -> None:
    hall = Hall(1)
    await turns(2)
    other = Channel(hall.fan_out)
    hall.channel.append(b"1")
    other.append(b"not for them")
    hall.members[0].follow(other)
    hall.channel.append(b"not for them")
    other.append(b"2")
    hall.members[0].follow(None)
    other.append(b"not for them")
    await turns(3)
    assert hall.wires[0].got == b"12"
    assert hall.channel.empty
    assert other.empty


async def test_a_connection_that_is_full_is_written_to_no_more_until_it_takes_more() -> None:
    hall = Hall(2)
    await turns(2)
    hall.wires[0].full = True
    for piece in (b"1", b"2", b"3"):
        hall.channel.append(piece)
        await turns(2)
    assert [one.got for one in hall.wires] == [b"1", b"123"]
    hall.wires[0].full = False
    hall.members[0].resume()
    await turns(2)
    assert hall.wires[0].written == [b"1", b"23"]


@pytest.mark.parametrize("alone", [True, False])
async def test_who_takes_nothing_is_cut_off_with_the_first_piece_too_many(alone: bool) -> None:
    hall = Hall(2, limit=3)
    await turns(2)
    slow, quick = hall.members
    cut_off: list[bool] = []
    slow.on_overflow = lambda: cut_off.append(True)
    hall.wires[0].full = True
    tell: Any = slow.push if alone else hall.channel.append
    tell(b"0")
    await turns(2)
    for piece in (b"1", b"2", b"3"):
        tell(piece)
    assert (slow.closed, slow.cut_off, cut_off) == (False, False, [])
    tell(b"4")
    tell(b"5")
    assert (slow.closed, slow.cut_off, slow.over, cut_off) == (True, True, True, [True])
    assert slow.take() == b""
    assert not quick.closed
    await turns(2)
    assert hall.wires[1].got == (b"" if alone else b"012345")


async def test_who_reads_is_not_cut_off_by_a_burst() -> None:
    hall = Hall(1, limit=3)
    await turns(2)
    for number in range(20):
        hall.channel.append(b"%d" % number)
    await turns(2)
    assert not hall.members[0].closed
    assert hall.wires[0].got == b"".join(b"%d" % number for number in range(20))


async def test_what_waits_is_still_written_when_a_stream_ends() -> None:
    hall = Hall(1)
    await turns(2)
    hall.channel.append(b"1")
    hall.members[0].finish()
    hall.members[0].push(b"2")
    hall.channel.append(b"3")
    assert not hall.wires[0].over
    await turns(2)
    assert (hall.wires[0].got, hall.wires[0].over, hall.members[0].over) == (b"1", True, True)


def test_what_all_have_read_is_forgotten() -> None:
    hall = Hall(limit=10_000)
    reader, sleeper = (Subscription(10_000, hall.fan_out) for _ in range(2))
    for one in (reader, sleeper):
        one.follow(hall.channel)
    for number in range(1000):
        hall.channel.append(b"%d," % number)
        reader.take()
    assert sleeper.take() == b"".join(b"%d," % number for number in range(1000))
    for _ in range(1000):
        hall.channel.append(bytes(10))
        reader.take()
        sleeper.take()
    assert len(hall.channel) < 300


STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "own", "move", "read", "leave", "come"]), st.integers(0, 3)), max_size=60
)


@given(STEPS)
def test_everybody_is_told_in_order_all_of_what_they_followed_while_they_followed_it(  # noqa: C901 - an arm a step
    steps: list[tuple[str, int]],
) -> None:
    fan_out = FanOut()
    channels = [Channel(fan_out), Channel(fan_out)]
    there: dict[int, tuple[Subscription, int]] = {}
    expected: dict[int, bytes] = {}
    got: dict[int, bytes] = {}
    for number, (step, who) in enumerate(steps):
        piece = b"%d " % number
        if step == "come" and who not in there:
            there[who] = Subscription(10_000, fan_out), number % 2
            there[who][0].follow(channels[number % 2])
            expected[who] = got[who] = b""
        elif step == "tell":
            channels[who % 2].append(piece)
            for one, (_, where) in there.items():
                expected[one] += piece if where == who % 2 else b""
        elif who in there:
            subscription, where = there[who]
            if step == "own":
                subscription.push(piece)
                expected[who] += piece
            elif step == "move":
                subscription.follow(channels[1 - where])
                there[who] = subscription, 1 - where
            elif step == "read":
                got[who] += subscription.take()
            elif step == "leave":
                got[who] += subscription.take()
                subscription.close()
                del there[who]
                assert got[who] == expected[who]
    for who, (subscription, _) in there.items():
        assert got[who] + subscription.take() == expected[who]
