from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict

from conference.load.send_schedule import SendSchedule
from conference.load.signal.scripts import Script, humming, silent, talking


class Fake:
    def __init__(self) -> None:
        self.sent: list[tuple[bytes, int, int | None]] = []
        self.drained = 0

    def drain(self) -> None:
        self.drained += 1

    def send(self, payload: bytes, timestamp: int, level: int | None = None) -> None:
        self.sent.append((payload, timestamp, level))


async def played(schedule: SendSchedule, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await schedule.run()


async def test_everybody_sends_a_packet_every_20_ms_in_turn() -> None:
    schedule, people = SendSchedule(drain_every=5), [Fake() for _ in range(30)]
    for one in people:
        schedule.add(one, Script([b"0", b"1", None, b"3"], [-1, -2, -3, -4]))
    await played(schedule, 0.5)
    for one in people:
        assert len(one.sent) > 6
        by_time = {timestamp // 960: payload for payload, timestamp, _ in one.sent}
        turn = (int(one.sent[0][0]) - one.sent[0][1] // 960) % 4
        assert all(int(payload) == (tick + turn) % 4 for tick, payload in by_time.items())
        assert {level for _, _, level in one.sent} == {-1, -2, -4}
        assert one.drained <= len(one.sent) / 2


async def test_the_removed_send_nothing_more() -> None:
    schedule, one = SendSchedule(), Fake()
    schedule.add(one, Script([b"0"]))
    schedule.remove(one)
    schedule.remove(one)
    await played(schedule, 0.1)
    assert one.sent == []


async def test_a_burst_is_told_when_its_packet_goes() -> None:
    told: list[float] = []
    schedule, one = SendSchedule(on_burst=told.append), Fake()
    schedule.add(one, Script([b"0", b"1", b"2", b"3"], bursts={1: 480}))
    await played(schedule, 0.5)
    assert len(told) == sum(payload == b"1" for payload, _, _ in one.sent) > 1


def test_scripts_are_what_they_say() -> None:
    sizes: dict[str, int] = defaultdict(int)
    for name, script in (("talking", talking(0, levels=True)), ("humming", humming()), ("silent", silent())):
        assert len(script.payloads) == 400
        sizes[name] = sum(payload is not None for payload in script.payloads)
    assert sizes["talking"] == sizes["humming"] == 400
    assert 15 <= sizes["silent"] <= 25  # every 400 ms
    levels = talking(0, levels=True).levels
    assert levels is not None
    assert -40 < sum(levels) / len(levels) < -10
    assert humming().levels is None
    noise = humming(-60, levels=True).levels
    assert noise is not None
    assert {*noise} <= {-61, -60, -59}


async def test_scripts_in_step_begin_together() -> None:
    schedule, people = SendSchedule(), [Fake() for _ in range(3)]
    script = Script([bytes((number,)) for number in range(200)], in_step=True)
    for one in people:
        schedule.add(one, script)
    await played(schedule, 0.3)
    firsts = [one.sent[0] for one in people]
    assert len({(payload[0] - timestamp // 960) % 200 for payload, timestamp, _ in firsts}) == 1
