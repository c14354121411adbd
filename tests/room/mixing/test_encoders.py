"""The encoders of a room: how listeners move from one to another, and how much they protect against loss.

What a move sounds like is judged by a decoder that follows a listener, and knows nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from conference.room.mixing.encoders import EXPECT_EVERY_TICKS, KEEP_TICKS, PROTECTION, EncoderBank, Moves, protection
from conference.room.participant import Mix
from conference.room.room import Room
from tests.room.fakes import Ear, Mouth, PcmCodec, at, steady

EVERYBODY = ""
AMY = "amy"
WINDOW = SAMPLE_RATE // 200  # 5 ms

CELT, CELT_LOW = (
    OpusCodec(application="audio", complexity=7, expected_loss=0, bitrate=bitrate) for bitrate in (48_000, 24_000)
)
SILK, SILK_LOW = (
    OpusCodec(application="audio", complexity=7, expected_loss=10, bitrate=bitrate) for bitrate in (48_000, 24_000)
)
"""With FEC, Opus codes what is below 8 kHz in another way. A voice that starts in it starts a little more quietly."""

CODECS = {CELT: -4, CELT_LOW: -4, SILK: -9, SILK_LOW: -16, OpusCodec(expected_loss=0): -12}
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

    def hear(self, stream: str, mix: NDArray[np.float64] | None) -> Samples:
        moved: Moves = {self.codec: self.stream} if stream != self.stream else {}
        payload = self.bank.encode(stream, mix, [self.codec], self.tick, moved)[self.codec].payload
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


@pytest.mark.parametrize("codec", CODECS, ids=str)
@pytest.mark.parametrize("joins_at", [40, 47])
def test_who_joins_in_mid_speech_hears_no_click_and_then_what_the_others_hear(codec: OpusCodec, joins_at: int) -> None:
    mixes, bank = ben(80), EncoderBank()
    stayed, joined = OpusDecoder(), OpusDecoder()
    there, new = [], []
    for tick, mix in enumerate(mixes):
        moved: Moves = {codec: None} if tick in (0, joins_at) else {}
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
        bank.encode(stream, None, [codec], 0, {codec: None})
    bank.encode(EVERYBODY, None, [codec], KEEP_TICKS, {})
    bank.forget_unused(KEEP_TICKS)
    assert bank.encoders == 2
    bank.forget_unused(KEEP_TICKS + 1)
    assert bank.encoders == 1


def test_what_is_expected_of_a_stream_that_nobody_hears_concerns_nobody() -> None:
    bank, codec = EncoderBank(), PcmCodec()
    bank.expect_loss(AMY, codec, 10.0)
    bank.encode(AMY, None, [codec], 0, {codec: None})
    bank.expect_loss(AMY, PcmCodec(), 10.0)
    assert bank.encoders == 1


@pytest.mark.parametrize("codec", CODECS, ids=str)
def test_silence_after_sound_is_said(codec: OpusCodec) -> None:
    """Whoever moves from sound to a stream that has been silent for long would otherwise get no packet at all."""
    bank, mixes, other = EncoderBank(), ben(60), OpusDecoder()
    for tick in range(50):
        bank.encode(AMY, None, [codec], tick, {codec: None} if tick == 0 else {})
        payload = bank.encode(EVERYBODY, mixes[tick], [codec], tick, {})[codec].payload
        assert payload is not None
        other.decode(payload)
    payload = bank.encode(AMY, None, [codec], 50, {codec: EVERYBODY})[codec].payload
    assert payload is not None
    other.decode(payload)
    after = [bank.encode(AMY, None, [codec], 51 + n, {})[codec].payload for n in range(40)]
    assert np.abs(np.concatenate([other.decode(one) for one in after[:4] if one]).astype(int)).max() < 100
    assert after[-1] is None, "and then nothing is sent again"


@pytest.mark.parametrize("idle", [0, 50, KEEP_TICKS + 20])
def test_the_limiter_of_a_stream_goes_on_from_the_one_that_was_heard(idle: int) -> None:
    """A loud mix, limited: whoever moves hears it as loud as before, also on a stream that was used for a quiet one."""
    bank, codec, loud = EncoderBank(), PcmCodec(), steady(30_000).astype(np.float64) * 2
    bank.encode(AMY, steady(100).astype(np.float64), [codec], 0, {codec: None})
    for tick in range(1, idle + 60):
        heard = bank.encode(EVERYBODY, loud, [codec], tick, {codec: None} if tick == 1 else {})[codec]
        if tick % 5 == 0:
            bank.forget_unused(tick)
    moved = bank.encode(AMY, loud, [codec], idle + 60, {codec: EVERYBODY})[codec]
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


def test_encoders_are_economical_while_there_are_many_of_them() -> None:
    from tests.room.test_room import person, room_of

    codec = PcmCodec()
    lengths = (80, 80, 80, 80, 10)
    talkers = [person(f"talker{n}", Mouth([steady(1_000)] * ticks), Ear(codec)) for n, ticks in enumerate(lengths)]
    room = room_of(*talkers, person("ear", None, Ear(codec)))
    told = []
    for tick in range(80):
        run(room, 1, tick)
        told.append({encoder.economical[-1] for encoder in codec.made if encoder.economical})
    assert told[0] == {True}
    assert told[9] == {True}
    assert {False, True} in told[10:]
    assert told[79] == {False, True}, "the one of those who talk no more was not needed since"
    assert all(len(encoder.economical) <= 2 for encoder in codec.made), "they are told only what is new"


def test_a_room_of_four_mixes_is_encoded_as_its_settings_say() -> None:
    from tests.room.test_room import person, room_of

    codec = PcmCodec()
    talkers = [person(f"talker{n}", Mouth([steady(1_000)] * 30), Ear(codec)) for n in range(3)]
    run(room_of(*talkers, person("ear", None, Ear(codec))), 30)
    assert len(codec.made) == 4
    assert [encoder.economical for encoder in codec.made] == [[]] * 4


def test_equal_listeners_share_one_object() -> None:
    codec = PcmCodec()
    first, second = Ear(codec), Ear(codec)
    run(room_of(first, second), 5)
    assert all(a is b for a, b in zip(first.mixes, second.mixes, strict=True))
    assert isinstance(first.mixes[0], Mix)
