"""What a client hears, and what it misses if it does not listen."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from conference.room.talking_voice import TalkingVoice, VoiceRates
from conference.voices.messages import HEADER
from conference.voices.outlet import MAX_WAITING, VoicesOutlet

TICK_NS = 20_000_000
RATES = VoiceRates()


def voice(name: str, tick: int, *, sounds: bool = True) -> TalkingVoice:
    frame = np.full(960, tick, np.int16) if sounds else None
    return TalkingVoice(name, name.upper(), frame, tick, RATES)


def told(outlet: VoicesOutlet) -> list[Any]:
    """Text messages as they are, sound as (voice, tick)."""
    messages: list[Any] = []
    for message in outlet.take():
        if isinstance(message, str):
            messages.append(json.loads(message))
        else:
            number, at_ms = HEADER.unpack_from(message)
            assert len(message) == 12 + 1920
            messages.append((number, at_ms // 20))
    return messages


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.booleans(), max_size=3), max_size=30))
def test_sound_stands_between_its_beginning_and_its_end_and_has_one_number(ticks: list[dict[str, bool]]) -> None:
    outlet = VoicesOutlet(48_000, 60_000, 0)
    for tick, talking in enumerate([*ticks, {}]):
        outlet.hear([voice(name, tick, sounds=sounds) for name, sounds in talking.items()], tick * TICK_NS)
    open_voices: dict[int, str] = {}
    numbers: dict[str, int] = {}
    heard: list[tuple[str, int]] = []
    for message in told(outlet):
        if isinstance(message, tuple):
            heard.append((open_voices[message[0]], message[1]))
        elif message["type"] == "started":
            assert numbers.setdefault(message["id"], message["voice"]) == message["voice"]
            assert message["name"] == message["id"].upper()
            open_voices[message["voice"]] = message["id"]
        else:
            assert message["type"] == "stopped"
            assert open_voices.pop(message["voice"]) == message["id"]
    assert not open_voices
    assert heard == [
        (name, tick) for tick, talking in enumerate(ticks) for name, sounds in talking.items() if sounds
    ]  # in the order in which they talk


@given(st.integers(1, 40), st.integers(1, 3))
def test_who_does_not_listen_loses_the_oldest_sound_and_is_told_how_much(ticks: int, people: int) -> None:
    kept = 5
    outlet = VoicesOutlet(48_000, kept * 20, 0)
    for tick in range(ticks):
        outlet.hear([voice(name, tick) for name in "abc"[:people]], tick * TICK_NS)
    messages = told(outlet)
    lost = max(0, ticks - kept)
    dropped = {one["voice"]: one["ms"] for one in messages if not isinstance(one, tuple) and one["type"] == "dropped"}
    assert dropped == (dict.fromkeys(range(1, people + 1), lost * 20) if lost else {})
    assert [one[1] for one in messages if isinstance(one, tuple) and one[0] == 1] == list(range(lost, ticks))
    assert outlet.dropped_frames == lost * people
    assert sum(not isinstance(one, tuple) and one["type"] == "started" for one in messages) == people
    assert not told(outlet)


def test_memory_is_bounded_however_long_somebody_does_not_listen() -> None:
    outlet = VoicesOutlet(8_000, 200, 0)
    for tick in range(3000):
        outlet.hear([voice("a", tick)] if tick % 3 else [], tick * TICK_NS)
    assert sum(isinstance(one, bytes) for one in outlet.take()) <= 10
    for _ in range(MAX_WAITING + 1):
        assert not outlet.stuck
        outlet.say("mark", name="x")
    assert outlet.stuck


def test_who_comes_again_is_somebody_new() -> None:
    outlet = VoicesOutlet(48_000, 1000, 0)
    outlet.hear([voice("a", 0)], 0)
    outlet.hear([], TICK_NS)
    outlet.forget("a")
    outlet.hear([voice("a", 2)], 2 * TICK_NS)
    assert [one["voice"] for one in told(outlet) if not isinstance(one, tuple) and one["type"] == "started"] == [1, 2]


def test_all_who_want_a_rate_share_one_conversion() -> None:
    one = voice("a", 7)
    assert one.linear(8_000) is one.linear(8_000)
    assert len(one.linear(8_000) or b"") == 320


def test_after_an_interruption_nothing_of_what_was_before_is_heard() -> None:
    rates = VoiceRates()
    loud, silent = np.full(960, 20_000, np.int16), np.zeros(960, np.int16)
    assert rates.convert(loud, 16_000, 1).any()
    assert rates.convert(silent, 16_000, 2).any()  # the end of the filter
    assert rates.convert(loud, 16_000, 3).any()
    assert not rates.convert(silent, 16_000, 5).any()
