"""A conference that runs without HTTP: when its media is read, when its rooms tick, and how it ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import pytest

from conference.codecs.opus import OpusCodec
from conference.engine.engine import ROOM_PHASES, Engine
from conference.engine.settings import EngineSettings
from conference.room.conference import Conference
from conference.room.local import LocalSource, local_participant
from conference.room.participant import Mix
from tests.tones import tone
from tests.webrtc.stock import eventually

PATIENCE_SECONDS = 10


class FakeMedia:
    """Counts what is asked of it."""

    def __init__(self, error: OSError | None = None) -> None:
        self.open = False
        self.closed = 0
        self.on_read: Callable[[], None] = lambda: None
        self._error = error

    async def start(self) -> None:
        if self._error is not None:
            raise self._error
        self.open = True

    def read(self) -> None:
        assert self.open
        self.on_read()

    async def close(self) -> None:
        self.open = False
        self.closed += 1


async def test_the_rooms_of_all_phases_tick_and_media_is_read_before_each_tick() -> None:
    order: list[str] = []
    media, conference = FakeMedia(), Conference(phases=ROOM_PHASES)
    media.on_read = lambda: order.append("read")
    for number in range(ROOM_PHASES):
        name = f"room-{number}"

        def heard(_: Mix, name: str = name) -> None:
            order.append(name)

        conference.join(name, local_participant("Ear", on_mix=heard))
    engine = Engine(conference, media)
    await engine.start()
    await eventually(lambda: len(order) >= 4 * ROOM_PHASES, PATIENCE_SECONDS)
    await engine.close()
    assert order[: 4 * ROOM_PHASES : 2] == ["read"] * 2 * ROOM_PHASES
    rooms = [f"room-{number}" for number in range(ROOM_PHASES)]
    assert order[1 : 4 * ROOM_PHASES : 2] == rooms * 2
    assert engine.stats.ticks >= 2
    assert sum(engine.stats.lateness.counts) >= 2 * ROOM_PHASES


async def test_one_hears_another_until_the_engine_is_closed() -> None:
    conference, media, voice, loudest = Conference(phases=ROOM_PHASES), FakeMedia(), LocalSource(), 0

    def heard(mix: Mix) -> None:
        nonlocal loudest
        loudest = max(loudest, int(abs(mix.samples).max()))

    conference.join("tea", local_participant("Amy", source=voice))
    conference.join("tea", local_participant("Ben", on_mix=heard))

    def tick(number: int, now_ns: int) -> None:
        voice.push(tone(440.0, 0.02, -12.0), captured_ns=now_ns)
        conference.tick(number, now_ns)

    engine = Engine(conference, media, tick=tick)
    await engine.start()
    await eventually(lambda: loudest > 1000, PATIENCE_SECONDS)
    await engine.close()
    assert {task.get_name() for task in asyncio.all_tasks()}.isdisjoint({"conference clock"})
    assert not media.open


@pytest.mark.parametrize("there", [True, False])
async def test_whether_anybody_is_there_is_what_the_rooms_say_unless_told_otherwise(there: bool) -> None:
    conference = Conference()
    if there:
        conference.join("tea", local_participant("Amy"))
    assert Engine(conference, FakeMedia()).idle() is not there
    assert Engine(conference, FakeMedia(), idle=lambda: there).idle() is there


async def test_a_clock_that_stops_by_an_error_is_told(caplog: pytest.LogCaptureFixture) -> None:
    media = FakeMedia()
    engine = Engine(Conference(), media, tick=lambda *_: 1 / 0)  # type: ignore[arg-type]
    with caplog.at_level(logging.CRITICAL):
        await engine.start()
        await eventually(lambda: engine.broken, PATIENCE_SECONDS)
    assert "no room has sound" in caplog.text
    await engine.close()
    assert not media.open


async def test_a_clock_that_is_stopped_is_not_broken() -> None:
    engine = Engine(Conference(), FakeMedia())
    await engine.start()
    await engine.close()
    await engine.close()
    assert not engine.broken


async def test_without_media_no_clock_starts() -> None:
    engine = Engine(Conference(), FakeMedia(OSError("taken")), tick=lambda *_: pytest.fail("it ticked"))
    with pytest.raises(OSError, match="taken"):
        await engine.start()
    assert engine.stats.ticks == 0
    await engine.close()


async def test_rooms_take_as_much_work_for_a_packet_as_the_settings_say() -> None:
    conference = Conference()
    engine = Engine(conference, FakeMedia(), settings=EngineSettings(opus_complexity=6))
    conference.join("tea", local_participant("Amy"))
    assert conference.rooms["tea"].complexity == engine.complexity.complexity == 6


async def test_a_processor_that_is_full_is_noticed_in_all_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its CPU time is made up: twice what passes, as on no processor that there is."""
    real = time.thread_time_ns
    monkeypatch.setattr(time, "thread_time_ns", lambda: 2 * time.monotonic_ns() + real())
    conference, media, voice = Conference(phases=ROOM_PHASES), FakeMedia(), LocalSource()
    conference.join("tea", local_participant("Amy", source=voice))
    conference.join("tea", local_participant("Ben", on_mix=lambda _: None, codec=OpusCodec()))

    def tick(number: int, now_ns: int) -> None:
        voice.push(tone(440.0, 0.02, -12.0), captured_ns=now_ns)
        conference.tick(number, now_ns)

    engine = Engine(conference, media, tick=tick)
    await engine.start()
    room = conference.rooms["tea"]
    await eventually(lambda: room.complexity == 5, PATIENCE_SECONDS)
    await engine.close()
    assert engine.complexity.complexity == 5
    assert 1 <= engine.complexity.lowered <= 2
    assert engine.complexity.raised == 0
