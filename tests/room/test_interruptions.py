"""Somebody begins to talk while a bot is heard: at once, and only then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from conference.audio.echo import correlation, is_alike
from conference.audio.frame import TICK_NS, Samples
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.audio.noise_gate import level_of
from conference.audio.resample import Resampler
from conference.room import interruptions
from conference.room.events import BotInterrupted, ParticipantLeft, Published
from conference.room.participant import Participant
from conference.room.room import Room
from tests.room.meeting import Meeting, Person
from tests.speech import spoken
from tests.tones import frames, silence, tone

BOT = spoken(30.0, peak=9000, seed=7)
AT_MS = 20


class Speaker:
    """Says its samples, a frame on each tick, in a room of its own."""

    def __init__(self, samples: Samples, *, ahead: bool = False) -> None:
        self._frames = frames(samples)
        self._at = 0
        self._ahead = ahead

    @property
    def buffered_ms(self) -> float:
        return AT_MS * max(0, len(self._frames) - self._at) if self._ahead else 0.0

    def pull(self, now_ns: int) -> Samples | None:
        del now_ns
        self._at += 1
        return self._frames[self._at - 1] if self._at <= len(self._frames) else None

    def stop(self) -> None:
        self._frames = self._frames[: self._at]


class Scene:
    """A room, in which ticks pass."""

    def __init__(self) -> None:
        self.interruptions: list[tuple[int, str, str]] = []
        self.left: list[str] = []
        self.tick = 0
        self.room = Room("tea", 0.0, self._note)

    def _note(self, event: Published) -> None:
        if isinstance(event, BotInterrupted):
            self.interruptions.append((self.tick, event.participant_id, event.by))
        elif isinstance(event, ParticipantLeft):
            self.left.append(event.participant.id)

    def add(self, name: str, samples: Samples, *, bot: bool = False, **more: Any) -> Participant:
        ahead = more.pop("ahead", False)
        participant = Participant(
            id=name,
            name=name,
            transport="local",
            joined_at=0.0,
            source=Speaker(samples, ahead=ahead),
            bot=bot,
            **more,
        )
        self.room.add(participant)
        return participant

    def go_on(self, ticks: int = 1) -> None:
        for _ in range(ticks):
            self.room.tick(self.tick, self.tick * TICK_NS)
            self.tick += 1


def played(*people: tuple[str, Samples, bool], ticks: int = 400) -> list[tuple[int, str, str]]:
    scene = Scene()
    for name, samples, bot in people:
        scene.add(name, samples, bot=bot, ahead=bot)
    scene.go_on(ticks)
    return scene.interruptions


def later(seconds: float, samples: Samples) -> Samples:
    return np.concatenate([silence(seconds), samples])


def first_sound(samples: Samples) -> int:
    """The tick in which the first syllable begins."""
    return next(tick for tick, frame in enumerate(frames(samples)) if level_of(frame) > -50)


@pytest.mark.parametrize("seed", range(20, 28))
@pytest.mark.parametrize("noise_dbov", [-127.0, -60.0])
def test_a_word_interrupts_a_bot_within_60_ms_of_its_first_syllable(seed: int, noise_dbov: float) -> None:
    word = later(2.0 + seed / 100, spoken(2.0, seed=seed))
    begin = first_sound(word)
    rng = np.random.default_rng(seed)
    hiss = rng.standard_normal(len(word)) * 32768 * 10 ** (noise_dbov / 20)
    heard = np.clip(word + hiss, -32768, 32767).astype(np.int16)
    interruptions = played(("bot", BOT, True), ("amy", heard, False), ticks=begin + 20)
    assert interruptions[:1] == [(interruptions[0][0], "bot", "amy")]
    assert (interruptions[0][0] + 1 - begin) * AT_MS <= 60  # the tick is over when its frame has been said


def test_a_pause_between_words_makes_one_interruption_of_each_talk() -> None:
    talk = np.concatenate([silence(1.0), tone(300, 0.3), silence(0.1), tone(300, 0.3), silence(0.5), tone(300, 0.3)])
    interruptions = played(("bot", BOT, True), ("amy", talk, False), ticks=200)
    assert [tick for tick, _, _ in interruptions] == [51, 111]


def noise(seconds: float, dbov: float, seed: int = 1) -> Samples:
    rng = np.random.default_rng(seed)
    return np.rint(rng.standard_normal(round(seconds * 48_000)) * 32768 * 10 ** (dbov / 20)).astype(np.int16)


def clicks(seconds: float) -> Samples:
    """Keys of a keyboard: 8 ms each, three a second."""
    samples = silence(seconds)
    for at in range(0, len(samples) - 400, 16_000):
        samples[at + 300 : at + 684] = noise(0.008, -25, at)
    return samples


def humming(seconds: float) -> Samples:
    time = np.arange(round(seconds * 48_000)) / 48_000
    hum = sum(np.sin(2 * np.pi * 50 * harmonic * time) / harmonic for harmonic in range(1, 6))
    return np.rint(150 * hum).astype(np.int16)


@pytest.mark.parametrize(
    "sound",
    [noise(8, -45), noise(8, -60), clicks(8), humming(8), noise(8, -80)],
    ids=["loud noise", "noise", "keyboard", "mains hum", "faint noise"],
)
def test_noise_interrupts_nobody(sound: Samples) -> None:
    """It was there before the bot began to talk, as the noise of a room is."""
    assert not played(("bot", later(2.0, BOT), True), ("amy", sound, False))


def test_neither_does_another_bot_nor_the_bot_itself_nor_somebody_who_talked_before_it() -> None:
    assert not played(("bot", BOT, True), ("other", later(2.0, spoken(5.0, seed=3)), True))
    assert not played(("bot", later(2.0, BOT), True), ("amy", tone(300, 8.0), False))
    assert not played(("bot", BOT[: 48_000 * 2], True), ("amy", later(3.0, spoken(3.0, seed=3)), False))


def through_a_telephone(samples: Samples) -> Samples:
    narrow = Resampler(48_000, 8_000).process(samples)
    return Resampler(8_000, 48_000).process(ulaw_decode(ulaw_encode(narrow)))


def echo(samples: Samples, *, delay_ms: int, loss_db: float, direct_db: float = 6.0, seed: int = 1) -> Samples:
    """What comes back of a loudspeaker in a room, by telephone: directly, and from the walls for a quarter second."""
    rng = np.random.default_rng(seed)
    walls = rng.standard_normal(7200) * np.exp(-6.9 * np.arange(7200) / 12_000)
    walls[:48] = 0
    walls /= np.sqrt((walls**2).sum())
    walls[0] = 10 ** (direct_db / 20)
    walls /= np.sqrt((walls**2).sum())
    back = np.convolve(samples, walls)[: len(samples)] * 10 ** (-loss_db / 20)
    back = np.concatenate([np.zeros(48 * delay_ms), back])[: len(samples)]
    back += rng.standard_normal(len(back)) * 5
    return through_a_telephone(np.clip(np.rint(back), -32768, 32767).astype(np.int16))


@pytest.mark.parametrize(("delay_ms", "loss_db"), [(87, 6.0), (615, 6.0), (233, 14.0), (87, 30.0), (615, 30.0)])
def test_the_bots_own_echo_does_not_interrupt_it(delay_ms: int, loss_db: float) -> None:
    back = echo(BOT[: 48_000 * 10], delay_ms=delay_ms, loss_db=loss_db)
    assert not played(("bot", BOT, True), ("amy", back, False), ticks=400)


@pytest.mark.parametrize("seed", range(50, 54))
def test_whoever_talks_into_the_echo_interrupts_it(seed: int) -> None:
    back = echo(BOT[: 48_000 * 6], delay_ms=200, loss_db=25.0)
    word = later(3.0, spoken(2.0, seed=seed))
    back[: len(word)] += word
    begin = first_sound(word)
    interruptions = played(("bot", BOT, True), ("amy", back, False), ticks=begin + 25)
    assert [one[1:] for one in interruptions] == [("bot", "amy")]
    assert interruptions[0][0] >= begin


def test_whoever_is_as_quiet_as_usual_interrupts_a_loud_bot_too() -> None:
    quiet = spoken(3.0, peak=900, seed=5)
    samples = np.concatenate([quiet, silence(2.0), quiet])
    interruptions = played(("bot", later(4.0, spoken(20.0, peak=30_000, seed=7)), True), ("amy", samples, False))
    assert interruptions
    assert interruptions[0][0] * AT_MS >= 5000


def test_however_many_are_echoes_only_some_are_looked_at_on_a_tick_and_none_interrupts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks: list[int] = []
    scene = Scene()

    def look(played: Any, heard: Any) -> bool:
        looks.append(scene.tick)
        return is_alike(played, heard)

    monkeypatch.setattr(interruptions, "is_alike", look)
    people = 6
    scene.add("bot", BOT, bot=True)
    for number in range(people):
        scene.add(f"person {number}", echo(BOT[: 48_000 * 3], delay_ms=90 + 7 * number, loss_db=10.0, seed=number))
    scene.go_on(120)
    assert max(Counter(looks).values()) == interruptions.LOOKS_PER_TICK
    assert len(looks) <= 120 * people / interruptions.LOOKED_AT_FRAMES
    assert not scene.interruptions


@pytest.mark.parametrize("seed", range(3))
def test_the_echo_of_two_bots_who_talk_at_once_interrupts_neither(seed: int) -> None:
    other = spoken(4.0, peak=9000, seed=9)
    both = echo(BOT[: 48_000 * 4] + other, delay_ms=110, loss_db=10.0, seed=seed)
    assert not played(("bot", BOT, True), ("other", other, True), ("amy", both, False), ticks=200)


def test_how_alike_two_stretches_are() -> None:
    bot = frames(BOT[: 48_000 * 3])[60:110]
    assert correlation(bot, bot[20:24]) == pytest.approx(1.0, abs=1e-3)
    assert is_alike(bot, [np.rint(frame * 0.3).astype(np.int16) for frame in bot[20:22]])
    assert not is_alike(bot, frames(noise(0.2, -30)))
    silent = [np.zeros(960, np.int16)] * 50
    assert correlation(silent, bot[:3]) == correlation(bot, silent[:3]) == 0.0


Change = Callable[[Room], None]


@pytest.mark.parametrize(
    ("change", "interrupts"),
    [
        (lambda room: None, True),
        (lambda room: room.set_muted("amy", True), False),
        (lambda room: room.hold("amy", True), False),
        (lambda room: room.set_muted("bot", True), False),
        (lambda room: room.deafen("bot", True), False),
        (lambda room: room.whisper("amy", ["ben"]), False),
        (lambda room: room.whisper("amy", ["bot"]), True),
        (lambda room: room.whisper("bot", ["ben"]), False),
        (lambda room: room.sidebar(["amy", "ben"]), False),
    ],
    ids=["", "muted", "held", "bot muted", "bot deaf", "whispers", "to the bot", "bot whispers", "sidebar"],
)
def test_only_those_interrupt_whom_the_bot_hears_and_who_hear_it(change: Change, interrupts: bool) -> None:
    scene = Scene()
    scene.add("bot", BOT, bot=True)
    scene.add("amy", later(2.0, spoken(2.0, seed=3)))
    scene.add("ben", silence(1.0))
    change(scene.room)
    scene.go_on(200)
    assert bool(scene.interruptions) is interrupts


def test_a_bot_that_lets_itself_be_interrupted_is_silenced_and_one_that_fails_at_it_goes() -> None:
    scene = Scene()
    stopped: list[str] = []
    bot = scene.add("bot", BOT, bot=True, ahead=True)
    speaker = bot.source
    assert isinstance(speaker, Speaker)

    def interrupt(by: Participant) -> None:
        stopped.append(by.id)
        speaker.stop()

    bot.interrupt = interrupt
    other = scene.add("other", BOT, bot=True)

    def fail(by: Participant) -> None:
        raise RuntimeError

    other.interrupt = fail
    scene.add("amy", later(2.0, spoken(2.0, seed=3)))
    scene.go_on(200)
    assert stopped == ["amy"]
    assert scene.left == ["other"]
    assert not bot.talking


def test_a_pause_of_a_bot_that_has_more_to_say_is_not_its_end() -> None:
    pausing = np.concatenate([spoken(1.5, seed=1), silence(0.3), spoken(1.0, seed=2)])
    word = later(1.65, tone(300, 0.3))
    for ahead, expected in ((True, 1), (False, 0)):
        scene = Scene()
        scene.add("bot", pausing, bot=True, ahead=ahead)
        scene.add("amy", word)
        scene.go_on(95)
        assert len(scene.interruptions) == expected


def spoken_on(samples: Samples) -> Callable[[int], Samples]:
    cut = frames(samples)
    return lambda tick: cut[tick] if tick < len(cut) else np.zeros(960, np.int16)


@pytest.mark.parametrize("seed", range(60, 64))
def test_packets_that_are_only_sent_on_to_others_interrupt_as_soon(seed: int) -> None:
    word = later(3.0, spoken(2.0, seed=seed))
    begin = first_sound(word)
    amy, ben = Person("amy", spoken_on(word)), Person("ben", spoken_on(silence(1.0)))
    meeting = Meeting(amy, ben)
    meeting.go_on(100)
    assert meeting.room.forwarded
    interruptions: list[int] = []

    def note(event: Published) -> None:
        if isinstance(event, BotInterrupted):
            interruptions.append(meeting.tick)

    meeting.room._publish_now = note
    quiet = Speaker(BOT // 8)  # what is louder is no echo of it, however alike two voices may be
    bot = Participant(id="bot", name="bot", transport="local", joined_at=0.0, source=quiet, bot=True)
    meeting.room.add(bot)
    meeting.go_on(begin + 20 - meeting.tick)
    assert interruptions
    # Her packet with the first syllable comes with tick `begin`; it is played when the jitter buffer lets it.
    assert (interruptions[0] - begin) * AT_MS <= 60
