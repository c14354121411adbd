"""The encoders of a room: how listeners move from one to another, and how much they protect against loss.

What a move sounds like is judged by a decoder that follows a listener, and knows nothing else.
"""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.audio.limiter import CEILING
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.load.signal.voice import in_frames
from conference.room.mixing.encoders import (
    EXPECT_EVERY_TICKS,
    KEEP_TICKS,
    PROTECTION,
    EncoderBank,
    HeardBefore,
    Moves,
    protection,
)
from conference.room.participant import Mix
from conference.room.room import Room
from tests.room.fakes import Ear, Mouth, PcmCodec, at, steady
from tests.speech import spoken

EVERYBODY = ""
AMY = "amy"
WINDOW = SAMPLE_RATE // 200  # 5 ms

MIX, MIX_LOW = (OpusCodec(bitrate, complexity=10, expected_loss=0) for bitrate in (56_000, 24_000))
FEC, FEC_LOW = (OpusCodec(bitrate, complexity=10, expected_loss=10) for bitrate in (56_000, 24_000))
CELT, CELT_LOW = (replace(codec, application="audio", complexity=5) for codec in (MIX, MIX_LOW))

CODECS = {MIX: -9, MIX_LOW: -16, FEC: -9, FEC_LOW: -16, CELT: -4, CELT_LOW: -4}
"""How many dB a moment may be quieter after a move; it was 14 to 26 for encoders that started from nothing."""


def ben(ticks: int) -> NDArray[np.float64]:
    """A voice that goes on and on, all of it below 4 kHz, so that what is above 12 kHz is no voice: rows of frames."""
    time = np.arange(ticks * FRAME_SAMPLES) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(130 + 20 * np.sin(10.7 * time)) / SAMPLE_RATE
    wave = sum(np.sin(k * phase + k * k) / k for k in range(1, 24)) * (0.6 + 0.4 * np.sin(19 * time))
    return np.rint(3000 * wave).astype(np.float64).reshape(ticks, FRAME_SAMPLES)


class Listener:
    """Hears a stream of their own while they talk, and the common one else, as the room has it."""

    def __init__(self, codec: OpusCodec) -> None:
        self.bank = EncoderBank()
        self.codec = codec
        self.decoder = OpusDecoder()
        self.stream: str | None = None
        self.tick = 0

    def hear(
        self,
        stream: str,
        mix: NDArray[np.float64] | None,
        *,
        others: OpusDecoder | None = None,
        heard: list[Samples] | None = None,
    ) -> Samples:
        """The next 20 ms; ``others`` hear the common stream all the time, and what they hear goes to ``heard``."""
        moved: Moves = {self.codec: (self.stream,)} if stream != self.stream else {}
        self.bank.begin(self.tick, {stream: moved})
        payload = self.bank.encode(stream, mix, [self.codec], self.tick, moved)[self.codec].payload
        if others is not None and heard is not None:
            common = payload
            if stream != EVERYBODY:
                common = self.bank.encode(EVERYBODY, mix, [self.codec], self.tick, {})[self.codec].payload
            assert common is not None
            heard.append(others.decode(common))
        self.bank.forget_unused(self.tick)
        self.stream, self.tick = stream, self.tick + 1
        return np.zeros(FRAME_SAMPLES, np.int16) if payload is None else self.decoder.decode(payload)


def listen(codec: OpusCodec, mixes: NDArray[np.float64], talks: Callable[[int], bool]) -> Samples:
    listener = Listener(codec)
    return np.concatenate([listener.hear(AMY if talks(n) else EVERYBODY, mix) for n, mix in enumerate(mixes)])


def windows(samples: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Level of every 5 ms, four times as often, in dB: all of it, and what is above 12 kHz."""
    pieces = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), WINDOW)[:: WINDOW // 4]
    power = np.abs(np.fft.rfft(pieces * np.hanning(WINDOW))) ** 2
    high = round(12_000 * WINDOW / SAMPLE_RATE)
    return 10 * np.log10(power.sum(axis=1) + 1), 10 * np.log10(power[:, high:].sum(axis=1) + 1)


def around(moves: list[int]) -> Iterator[slice]:
    """The windows from each move on, for a frame and a half: the codec is 6.5 ms behind."""
    for tick in moves:
        start = tick * FRAME_SAMPLES // (WINDOW // 4)
        yield slice(start, start + FRAME_SAMPLES * 3 // 2 // (WINDOW // 4))


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("every", [4, 13, KEEP_TICKS + 30])
def test_whoever_starts_and_stops_talking_hears_no_click(codec: OpusCodec, every: int) -> None:
    """Against what one hears who never moves. Encoders that start from nothing splatter by 47 to 58 dB."""
    ticks = max(200, 3 * every)
    mixes = ben(ticks)
    moves = list(range(every, ticks - 2, every))
    stayed_level, stayed_splatter = windows(listen(codec, mixes, lambda _: False))
    level, splatter = windows(listen(codec, mixes, lambda tick: tick // every % 2 == 1))
    for part in around(moves):
        assert (level[part] - stayed_level[part]).min() > CODECS[codec], "no hole"
        assert (splatter[part] - stayed_splatter[part]).max() < 8, "no click"


@pytest.mark.parametrize("complexity", [10, 5])
def test_two_hundred_moves_of_a_voice_are_not_heard_by_who_moves_nor_by_those_who_stay(complexity: int) -> None:
    """The way back is to a stream that others hear, whose encoder makes a packet that stands on its own."""
    frames = in_frames(spoken(26.0, seed=3))
    moves = sorted(random.Random(4).sample(range(10, len(frames) - 5), 200))
    listener, stays = Listener(MIX), OpusDecoder()
    alone = MIX.make_encoder()
    alone.limit_complexity(complexity)
    listener.bank.complexity = complexity
    moved: list[Samples] = []
    stayed: list[Samples] = []
    undisturbed, decoder = [], OpusDecoder()
    for tick, frame in enumerate(frames):
        mix = frame.astype(np.float64)
        moved.append(listener.hear(AMY if bisect(moves, tick) % 2 else EVERYBODY, mix, others=stays, heard=stayed))
        undisturbed.append(decoder.decode(alone.encode(frame, fresh=tick == 0)))
    level, usual = windows(np.concatenate(undisturbed))
    usual = np.maximum.reduce([np.roll(usual, shift) for shift in range(-16, 17)])  # 20 ms, either way
    loud = np.minimum.reduce([np.roll(level, shift) for shift in range(-8, 9)])
    for heard in (moved, stayed):
        new_level, splatter = windows(np.concatenate(heard))
        assert (splatter - np.maximum(usual, 30.0)).max() < 12, "no click: one is 50 dB"
        assert (new_level - loud)[loud > loud.max() - 20].min() > -6, "no hole"


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_who_moves_to_a_stream_of_their_own_hears_what_they_would_have_heard(codec: OpusCodec) -> None:
    """Bit for bit: they take the encoder along."""
    listener, alone, mixes = Listener(codec), Listener(codec), ben(60)
    for n, mix in enumerate(mixes):
        assert (listener.hear(AMY if n >= 30 else EVERYBODY, mix) == alone.hear(EVERYBODY, mix)).all()


def test_those_who_come_from_different_streams_get_a_packet_that_stands_on_its_own() -> None:
    bank, codec, mix = EncoderBank(), PcmCodec(), steady(1_000).astype(np.float64)
    for tick in range(2):
        moved: dict[str, Moves] = {one: {codec: (None,)} for one in ("amy", "ben")} if tick == 0 else {}
        bank.begin(tick, moved)
        for one in ("amy", "ben"):
            bank.encode(one, mix, [codec], tick, moved.get(one, {}))
    together: Moves = {codec: ("amy", "ben")}
    bank.begin(2, {EVERYBODY: together})
    bank.encode(EVERYBODY, mix, [codec], 2, together)
    assert (codec.made[2].took_over, codec.made[2].fresh) == ([], [False, True]), "after one that is thrown away"
    alone: Moves = {codec: (EVERYBODY,)}
    bank.begin(3, {"eve": alone})
    bank.encode("eve", mix, [codec], 3, alone)
    assert (codec.made[3].took_over, codec.made[3].fresh) == ([codec.made[2]], [False])


def test_who_comes_to_a_stream_that_others_hear_gets_a_packet_that_stands_on_its_own() -> None:
    bank, codec, mix = EncoderBank(), PcmCodec(), steady(100).astype(np.float64)
    for tick in range(2):
        moves: Moves = {codec: (None,)} if tick == 0 else {}
        bank.begin(tick, {"amy": moves, EVERYBODY: moves})
        for one in ("amy", EVERYBODY):
            bank.encode(one, mix, [codec], tick, moves)
    moves = {codec: ("amy",)}
    bank.begin(2, {EVERYBODY: moves})
    bank.encode(EVERYBODY, mix, [codec], 2, moves)
    assert (codec.made[1].took_over, codec.made[1].fresh) == ([], [True, False, True])


@pytest.mark.parametrize("stays", [True, False])
def test_who_comes_in_mid_word_to_a_stream_that_was_silent_is_coded_for_on_if_nobody_else_is_left(stays: bool) -> None:
    bank, codec, heard = EncoderBank(), PcmCodec(), HeardBefore(steady(700))
    moves: Moves = {codec: (None,)}
    bank.begin(0, {EVERYBODY: moves})
    bank.encode(EVERYBODY, None, [codec], 0, moves)
    moves = {codec: (heard,)}
    bank.begin(1, {EVERYBODY: moves})
    bank.encode(EVERYBODY, steady(700).astype(np.float64), [codec], 1, moves, left=() if stays else [codec])
    (made,) = codec.made
    assert made.fresh == ([True] if stays else [False, True]), "what others have heard is coded for nobody who stays"


def test_who_comes_with_another_codec_has_not_heard_what_its_encoder_said() -> None:
    from tests.room.test_room import person, room_of

    one, other = PcmCodec(), PcmCodec("L24")
    changes = Ear(one)
    room = room_of(
        person("talker", Mouth([steady(5_000)] * 100)), person("a", None, changes), person("b", None, Ear(other))
    )
    run(room, 5)
    changes.codec = other
    room.set_gain("a", "talker", 0.5)
    run(room, 1, 5)
    (made,) = other.made[1:]
    assert made.took_over == []
    assert made.fresh[-1]


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("joins_at", [40, 47])
def test_who_joins_in_mid_speech_hears_no_click_and_then_what_the_others_hear(codec: OpusCodec, joins_at: int) -> None:
    mixes, bank = ben(80), EncoderBank()
    stayed, joined = OpusDecoder(), OpusDecoder()
    there, new = [], []
    for tick, mix in enumerate(mixes):
        moved: Moves = {codec: (None,)} if tick in (0, joins_at) else {}
        bank.begin(tick, {EVERYBODY: moved})
        payload = bank.encode(EVERYBODY, mix, [codec], tick, moved)[codec].payload
        assert payload is not None
        there.append(stayed.decode(payload))
        if tick >= joins_at:
            new.append(joined.decode(payload))
    heard, expected = np.concatenate(new), np.concatenate(there[joins_at:])
    assert windows(heard)[1].max() < windows(expected)[1].max() + 8, "no click"
    later = slice(2 * FRAME_SAMPLES, None)
    error = (heard[later].astype(float) - expected[later]).std()
    assert 20 * np.log10(expected[later].std() / (error + 1e-9)) > 25


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_nothing_comes_back_that_was_said_long_ago(codec: OpusCodec) -> None:
    """Amy's stream is used, left in the middle of a word, and used again in silence."""
    listener, mixes = Listener(codec), ben(40)
    for mix in mixes:
        listener.hear(AMY, mix)
    for _ in range(KEEP_TICKS - 10):
        listener.hear(EVERYBODY, None)
    heard = np.concatenate([listener.hear(AMY, None) for _ in range(5)])
    assert np.abs(heard.astype(int)).max() < 60


def test_encoders_that_nobody_has_listened_to_for_a_while_are_let_go() -> None:
    bank, codec = EncoderBank(), PcmCodec()
    for stream in (AMY, EVERYBODY):
        bank.encode(stream, None, [codec], 0, {codec: (None,)})
    bank.encode(EVERYBODY, None, [codec], KEEP_TICKS, {})
    bank.forget_unused(KEEP_TICKS)
    assert bank.encoders == 2
    bank.forget_unused(KEEP_TICKS + 1)
    assert bank.encoders == 1


def test_what_is_expected_of_a_stream_that_nobody_hears_concerns_nobody() -> None:
    bank, codec = EncoderBank(), PcmCodec()
    bank.expect_loss(AMY, codec, 10.0)
    bank.encode(AMY, None, [codec], 0, {codec: (None,)})
    bank.expect_loss(AMY, PcmCodec(), 10.0)
    assert bank.encoders == 1


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_silence_after_sound_is_said(codec: OpusCodec) -> None:
    """Whoever moves from sound to a stream that has been silent for long would otherwise get no packet at all."""
    bank, mixes, other = EncoderBank(), ben(60), OpusDecoder()
    for tick in range(50):
        bank.encode(AMY, None, [codec], tick, {codec: (None,)} if tick == 0 else {})
        payload = bank.encode(EVERYBODY, mixes[tick], [codec], tick, {})[codec].payload
        assert payload is not None
        other.decode(payload)
    payload = bank.encode(AMY, None, [codec], 50, {codec: (EVERYBODY,)})[codec].payload
    assert payload is not None
    other.decode(payload)
    after = [bank.encode(AMY, None, [codec], 51 + n, {})[codec].payload for n in range(40)]
    assert np.abs(np.concatenate([other.decode(one) for one in after[:4] if one]).astype(int)).max() < 100
    assert after[-1] is None, "and then nothing is sent again"


@pytest.mark.parametrize("idle", [0, 50, KEEP_TICKS + 20])
def test_the_limiter_of_a_stream_goes_on_from_the_one_that_was_heard(idle: int) -> None:
    """A loud mix, limited: whoever moves hears it as loud as before, also on a stream that was used for a quiet one."""
    bank, codec, loud = EncoderBank(), PcmCodec(), steady(30_000).astype(np.float64) * 2
    bank.encode(AMY, steady(100).astype(np.float64), [codec], 0, {codec: (None,)})
    for tick in range(1, idle + 60):
        heard = bank.encode(EVERYBODY, loud, [codec], tick, {codec: (None,)} if tick == 1 else {})[codec]
        if tick % 5 == 0:
            bank.forget_unused(tick)
    moved = bank.encode(AMY, loud, [codec], idle + 60, {codec: (EVERYBODY,)})[codec]
    assert abs(int(moved.samples[0]) - int(heard.samples[-1])) <= 1
    assert np.abs(np.diff(moved.samples.astype(int))).max() <= 1
    assert moved.samples.max() <= CEILING


class Lossy(Ear):
    """A listener whose network loses packets."""

    expected_loss = 0.0


def room_of(*ears: Ear) -> Room:
    from tests.room.test_room import person, room_of

    talker = person("talker", Mouth([steady(5_000)] * 1000))
    return room_of(talker, *(person(f"ear{n}", None, ear) for n, ear in enumerate(ears)))


def run(room: Room, ticks: int, first: int = 0) -> None:
    for tick in range(first, first + ticks):
        room.tick(tick, at(tick))


def test_fec_is_for_the_listener_who_loses_the_most() -> None:
    codec = PcmCodec()
    one, other = Lossy(codec), Lossy(codec)
    room = room_of(one, other, Ear(codec))
    run(room, 10)
    (encoder,) = codec.made
    assert encoder.losses == [0]
    one.expected_loss = 5.0
    run(room, EXPECT_EVERY_TICKS, 10)
    assert encoder.losses == [0, 10]
    other.expected_loss = 30.0
    run(room, EXPECT_EVERY_TICKS, 60)
    assert encoder.losses == [0, 10, 20]
    one.expected_loss = other.expected_loss = 0.0
    run(room, 10 * EXPECT_EVERY_TICKS, 110)
    assert encoder.losses == [0, 10, 20, 0], "and it is told only what is new"


def joins(room: Room, name: str, codec: PcmCodec, expected_loss: float) -> Lossy:
    from tests.room.test_room import person

    ear = Lossy(codec)
    ear.expected_loss = expected_loss
    room.add(person(name, None, ear))
    return ear


def test_who_comes_is_protected_at_once_and_whoever_loses_less_takes_nothing_from_the_others() -> None:
    codec, room, told = PcmCodec(), room_of(), []
    for tick, loss in enumerate((5.0, 0.0, 30.0, 0.0), 1):
        joins(room, f"ear{tick}", codec, loss)
        run(room, 1, tick)
        told.append(list(codec.made[0].losses))
    assert told == [[10], [10], [10, 20], [10, 20]]
    room.remove("ear3", "left")
    run(room, EXPECT_EVERY_TICKS, 5)
    assert codec.made[0].losses == [10, 20, 10], "the one who left no longer counts"


def test_an_encoder_that_is_used_again_protects_as_its_listeners_need_it_now() -> None:
    codec, room = PcmCodec(), room_of()
    ear = joins(room, "ear", codec, 30.0)
    run(room, 5, 1)
    room.set_gain("ear", "talker", 0.5)
    run(room, 5, 6)
    ear.expected_loss = 0.0
    room.set_gain("ear", "talker", None)
    run(room, 5, 11)
    assert codec.made[0].losses == [20, 0]


def test_listeners_who_know_nothing_of_loss_leave_the_codec_as_it_is() -> None:
    codec = PcmCodec()
    run(room_of(Ear(codec)), 2 * EXPECT_EVERY_TICKS)
    assert codec.made[0].losses == []


def test_a_listener_whose_loss_is_no_number_is_hung_up_and_the_others_hear_on() -> None:
    class Broken(Ear):
        @property
        def expected_loss(self) -> float:
            raise RuntimeError("broken")

    well = Ear(PcmCodec())
    room = room_of(Broken(PcmCodec()), well)
    run(room, 10)
    assert len(well.mixes) == 10
    assert list(room.participants) == ["talker", "ear1"]


@given(st.lists(st.floats(0, 100), max_size=50))
def test_protection_is_never_less_than_asked_for_and_ends_with_the_loss(losses: list[float]) -> None:
    held = 0
    for loss in losses:
        held = protection(loss, held)
        assert held >= protection(loss, 0)
    assert protection(0.0, held) == 0


@pytest.mark.parametrize(("begin", "percent"), PROTECTION)
def test_a_step_of_protection_begins_at_its_loss_and_ends_below_half_of_it(begin: float, percent: int) -> None:
    assert protection(begin, 0) == percent
    assert protection(begin - 0.01, 0) < percent
    assert protection(begin / 2, percent) == percent
    assert protection(begin / 2 - 0.01, percent) < percent


def test_a_loss_that_wavers_about_a_step_does_not_switch_to_and_fro() -> None:
    held, seen = 0, [0]
    for n in range(100):
        held = protection(2.1 if n % 2 else 1.5, held)
        seen.append(held)
    assert sum(before != after for before, after in pairwise(seen)) == 1


def test_encoders_are_told_how_much_work_they_may_take_if_it_is_new_to_them() -> None:
    from tests.room.test_room import person, room_of

    codec = PcmCodec()
    talkers = [person(f"talker{n}", Mouth([steady(1_000)] * 30), Ear(codec)) for n in range(3)]
    room = room_of(*talkers, person("ear", None, Ear(codec)))
    run(room, 10)
    assert [encoder.complexities for encoder in codec.made] == [[]] * 4, "they begin with the most"
    room.limit_complexity(5)
    room.limit_complexity(7)
    run(room, 10, 10)
    room.limit_complexity(7)
    run(room, 10, 20)
    assert [encoder.complexities for encoder in codec.made] == [[7]] * 4
    late = person("late", Mouth([steady(1_000)] * 30), Ear(codec))
    room.add(late)
    run(room, 10, 30)
    assert codec.made[-1].complexities == [7]


@pytest.mark.parametrize("complexity", [-1, 11])
def test_a_complexity_out_of_range_is_refused(complexity: int) -> None:
    room = room_of()
    with pytest.raises(ValueError, match="a complexity is 0 to 10"):
        room.limit_complexity(complexity)
    assert room.complexity == 10


def test_equal_listeners_share_one_object() -> None:
    codec = PcmCodec()
    first, second = Ear(codec), Ear(codec)
    run(room_of(first, second), 5)
    assert all(a is b for a, b in zip(first.mixes, second.mixes, strict=True))
    assert isinstance(first.mixes[0], Mix)
