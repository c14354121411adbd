"""A bot in a room, tick by tick: what it hears, when it is heard, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import conference
from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.public.bot import Bot
from conference.public.events import Event
from conference.public.room import Room, RoomsOfAServer
from conference.room.conference import Conference
from conference.room.local import LocalSource, local_participant
from conference.room.participant import Mix
from conference.room.voice import VoiceSettings
from tests.tones import tone

HUM = tone(440.0, 1.0, -20.0, fade=0)
PLAIN = VoiceSettings(levelling=False)


class Stage:
    """A room, its clock in the test's hand, and somebody who keeps what they hear."""

    def __init__(self) -> None:
        self.conference = Conference(voice=PLAIN)
        self.rooms = RoomsOfAServer(self.conference)
        self.room = Room("tea", self.rooms)
        self.voice = LocalSource()
        self.heard: list[Samples] = []
        self.ticks = 0
        self.conference.join("tea", local_participant("amy", source=self.voice, on_mix=self._hear))

    def _hear(self, mix: Mix) -> None:
        self.heard.append(mix.samples)

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.conference.tick(self.ticks, self.now_ns)
            self.ticks += 1

    @property
    def now_ns(self) -> int:
        return self.ticks * TICK_NS

    def heard_ticks(self) -> list[int]:
        """The ticks in which Amy heard something."""
        return [number for number, frame in enumerate(self.heard) if frame.any()]


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def frames_of(bot: Bot, stage: Stage, count: int) -> list[conference.Frame]:
    frames = bot.frames()
    stage.tick(count)
    return [await anext(frames) for _ in range(count)]


async def test_it_hears_the_others_and_the_frames_are_numbered_and_timed(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    stage.voice.push(HUM[: 10 * FRAME_SAMPLES], captured_ns=0)
    frames = await frames_of(bot, stage, 10)
    assert [one.number for one in frames] == list(range(10))
    assert [round(one.time * 1e9) for one in frames] == [n * TICK_NS for n in range(10)]
    assert all(one.samples.shape == (FRAME_SAMPLES,) and one.samples.dtype == np.int16 for one in frames)
    assert frames[0].silent is False or frames[1].silent is False


@pytest.mark.parametrize("length", [1, 7, 480, 959, 960, 961, 5000, 48_000])
async def test_what_is_pushed_in_any_lengths_is_heard_whole_and_in_one_piece(stage: Stage, length: int) -> None:
    bot = stage.room.join("Bot", hears=False)
    for start in range(0, len(HUM), length):
        bot.push(HUM[start : start + length])
    assert bot.pending == pytest.approx(1.0)
    stage.tick(60)
    assert bot.pending == 0
    ticks = stage.heard_ticks()
    assert 50 <= len(ticks) <= 55  # the voice fades at its ends
    assert ticks == list(range(ticks[0], ticks[0] + len(ticks)))


async def test_what_has_a_time_is_heard_at_that_time(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    bot.push(HUM[:9600], at=0.4)
    stage.tick(50)
    ticks = stage.heard_ticks()
    assert 19 <= ticks[0] <= 21
    assert 9 <= len(ticks) <= 16


async def test_the_end_of_a_timed_push_that_fills_no_frame_is_heard_too(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    stage.tick(5)
    bot.push(HUM[:1500], at=stage.now_ns / 1e9)
    stage.tick(5)
    assert bot.pending == 0


async def test_an_array_that_is_used_again_does_not_change_what_was_pushed(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    buffer = HUM[: 5 * FRAME_SAMPLES].copy()
    bot.push(buffer)
    buffer[:] = 0
    stage.tick(8)
    assert stage.heard_ticks()


@pytest.mark.parametrize(
    "wrong",
    [np.zeros(10), np.zeros((2, 10), np.int16), np.zeros(10, np.int32), [1.5], "samples", None, np.int16(1)],
    ids=lambda one: type(one).__name__,
)
async def test_what_is_no_sound_is_refused_with_a_sentence(stage: Stage, wrong: Any) -> None:
    bot = stage.room.join("Bot")
    with pytest.raises(conference.SamplesError, match=r"int16, 48 kHz, mono"):
        bot.push(wrong)


async def test_more_than_may_wait_is_refused_and_fits_after_a_while(stage: Stage) -> None:
    bot = stage.room.join("Bot", max_said=1.0)
    bot.push(HUM)
    for at in (None, 1.0):
        with pytest.raises(conference.BufferFull, match="1 s"):
            bot.push(HUM[:960], at=at)
    stage.tick(2)
    bot.push(HUM[:960])


async def test_drain_waits_until_little_is_left(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    await bot.drain()
    bot.push(HUM)
    half = asyncio.ensure_future(bot.drain(below=0.5))
    whole = asyncio.ensure_future(bot.drain())
    await asyncio.sleep(0)
    stage.tick(24)
    await asyncio.sleep(0)
    assert not half.done()
    stage.tick(2)
    await half
    assert not whole.done()
    stage.tick(30)
    await whole


async def test_clear_and_leave_end_a_wait_for_what_is_not_said_any_more(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    ends: list[Callable[[], None]] = [bot.clear, bot.leave]
    for end in ends:
        bot.push(HUM)
        waiting = asyncio.ensure_future(bot.drain())
        await asyncio.sleep(0)
        end()
        await waiting
        assert bot.pending == 0


async def test_who_reads_too_slowly_misses_the_oldest_frames_and_can_tell(stage: Stage) -> None:
    bot = stage.room.join("Bot", max_heard=0.1)
    frames = bot.frames()
    stage.tick(20)
    assert (await anext(frames)).number == 15


async def test_leaving_ends_the_frames_and_takes_it_out_of_the_room(stage: Stage) -> None:
    async with stage.room.join("Bot") as bot:
        frames = bot.frames()
        assert [one.name for one in stage.room.participants] == ["amy", "Bot"]
    assert [one async for one in frames] == []
    assert [one async for one in bot.frames()] == []
    assert [one.name for one in stage.room.participants] == ["amy"]
    assert bot.over
    assert await bot.ended() == "left"
    bot.leave()
    bot.push(HUM)
    assert not stage.rooms.members


async def test_who_is_removed_is_told_why(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    frames = bot.frames()
    stage.room.remove(bot.id)
    assert [one async for one in frames] == []
    assert await bot.ended() == "removed"
    other = stage.room.join("Bot")
    stage.room.end("That was it.")
    assert await other.ended() == "That was it."
    assert not stage.rooms.members


async def test_a_room_that_is_locked_says_so(stage: Stage) -> None:
    stage.room.lock()
    with pytest.raises(conference.RoomLocked):
        stage.room.join("Bot")
    stage.room.join("Host", role="host")
    stage.room.lock(False)
    stage.room.join("Bot")


async def test_somebody_who_is_muted_or_on_hold_is_not_heard(stage: Stage) -> None:
    bot = stage.room.join("Bot")
    ways: list[tuple[Callable[[], None], Callable[[], None]]] = [
        (lambda: stage.room.mute(bot.id), lambda: stage.room.unmute(bot.id)),
        (lambda: stage.room.hold(bot.id), lambda: stage.room.hold(bot.id, False)),
    ]
    for silence, again in ways:
        silence()
        stage.tick(3)  # what was heard just before fades
        stage.heard.clear()
        bot.push(HUM[:9600])
        stage.tick(12)
        assert not stage.heard_ticks()
        again()
        bot.push(HUM[:9600])
        stage.tick(12)
        assert stage.heard_ticks()


@pytest.mark.parametrize("what", ["mute", "unmute", "hold", "admit", "remove"])
async def test_nobody_of_that_id_is_a_sentence(stage: Stage, what: str) -> None:
    with pytest.raises(conference.NoSuchParticipant, match=r"^Nobody with the id nobody is in room tea\.$"):
        getattr(stage.room, what)("nobody")


async def test_a_room_that_is_not_there_is_empty_and_can_be_asked(stage: Stage) -> None:
    room = Room("coffee", stage.rooms)
    assert room.participants == []
    room.send_message("hello")
    room.lock()
    room.end()
    with pytest.raises(conference.InvalidRoomName):
        Room("not a name", stage.rooms)


async def test_events_go_to_those_who_read_until_the_server_stops(stage: Stage) -> None:
    events = stage.room.events()
    stage.rooms.tell("tea", Event("message", {"text": "hello"}))
    stage.rooms.tell("coffee", Event("message", {"text": "elsewhere"}))
    assert (await anext(events)).data["text"] == "hello"
    stage.rooms.close()
    assert [one async for one in events] == []


async def test_an_interruptible_bot_is_silenced_by_who_begins_to_talk(stage: Stage) -> None:
    bot = stage.room.join("Bot", interruptible=True)
    bot.push(np.tile(HUM, 10))
    stage.tick(50)
    before = bot.pending
    stage.voice.push(tone(300.0, 1.0, -15.0, fade=0), captured_ns=stage.now_ns)
    stage.tick(50)
    assert before > 8
    assert bot.pending == 0


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": None}, "A name is text"),
        ({"name": "x" * 65}, "too long"),
        ({"name": "a\nb"}, "control characters"),
        ({"name": "\ud800"}, "control characters"),
        ({"name": "Bot", "role": "king"}, "A role is one of"),
        ({"name": "Bot", "max_heard": -1.0}, "max_heard"),
        ({"name": "Bot", "max_said": float("nan")}, "max_said"),
        ({"name": "Bot", "max_said": float("inf")}, "max_said"),
    ],
)
async def test_who_can_never_be_in_a_room_is_refused_with_a_sentence(
    stage: Stage, wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(conference.ArgumentError, match=sentence):
        stage.room.join(**wrong)
    assert [one.name for one in stage.room.participants] == ["amy"]


async def test_a_name_that_does_not_show_is_a_guests(stage: Stage) -> None:
    assert stage.room.join("  ").name == "Guest"


@pytest.mark.parametrize("text", [5, "", "  ", "\ud800", "x" * 2001])
async def test_a_message_that_cannot_be_shown_is_refused_with_a_sentence(stage: Stage, text: Any) -> None:
    with pytest.raises(conference.ArgumentError, match="message"):
        stage.room.send_message(text)
    with pytest.raises(conference.ArgumentError, match="name"):
        stage.room.send_message("Hello", name=text if text == 5 else "x" * 65)


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e300, "soon"])
async def test_what_is_no_time_is_refused_with_a_sentence(stage: Stage, time: Any) -> None:
    bot = stage.room.join("Bot")
    with pytest.raises(conference.ArgumentError, match="seconds"):
        bot.push(np.ones(960, np.int16), at=time)
    bot.push(np.ones(960, np.int16))
    with pytest.raises(conference.ArgumentError, match="seconds"):
        await bot.drain(below=-1.0 if time == 1e300 else time)
    assert bot.pending == 0.02


async def test_nothing_is_to_be_waited_for_once_the_server_has_stopped(stage: Stage) -> None:
    stage.rooms.close()
    with pytest.raises(conference.ConnectionClosed, match="has stopped"):
        stage.room.join("Bot")
    assert [event async for event in stage.room.events()] == []


async def test_events_that_nobody_reads_any_more_are_forgotten_before_others_begin(stage: Stage) -> None:
    for number in range(5):
        Room(f"tea-{number}", stage.rooms).events()
    kept = stage.room.events()
    assert list(stage.rooms.fans) == ["tea"]
    del kept
