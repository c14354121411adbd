"""A caller's voice, from messages of any size at any time to one frame a tick. Time is a number here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import SILENCE, SILENT_LEVEL, Samples
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.audio.noise_gate import level_of
from conference.audio.resample import Resampler
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.codecs.waveform import WaveformCodec
from conference.telephony.frame_source import MOST_UNMEASURED
from conference.telephony.intake import PacedSource, is_quiet
from conference.telephony.playout_schedule import PlayoutSchedule
from conference.telephony.settings import LegSettings
from tests.speech import spoken
from tests.tones import tone

MS = 1_000_000
TICK = 20 * MS
CONCEALED = -1
SILENT_FRAME = b"\xff" * 160
"""20 ms of silence; in mu-law 0xFF is +0."""

QUIET = 0xFE
"""A byte that is mu-law for a very small sample, so that it can be told from silence."""


class Recorder:
    """A decoder whose frames show what they were made from: the last byte, since what follows a loss fades in."""

    name = "PCMU"
    clock_rate = 8000
    has_memory = False

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def duration(self, payload: bytes) -> int:
        return len(payload)

    def decode(self, payload: bytes) -> Samples:
        self.payloads.append(payload)
        return np.full(6 * len(payload), payload[-1], dtype=np.int16)

    def repairs(self, payload: bytes) -> bool:
        return False

    def lead_to(self, samples: Samples) -> Samples:
        return samples

    def conceal(self, duration: int, following: bytes | None = None) -> Samples:
        return np.full(6 * duration, CONCEALED, dtype=np.int16)

    def reset(self) -> None: ...

    def copy(self) -> Self:
        return self


class Line:
    """A caller whose messages arrive when told, and who is pulled once a tick."""

    def __init__(self, **settings: int) -> None:
        self.decoder = Recorder()
        self.source = PacedSource(self.decoder, LegSettings(**settings))
        self.now = 0
        self.heard: list[int | None] = []

    def say(self, *values: int, size: int = 160, timestamp: int | None = None) -> int:
        return self.source.push(b"".join(bytes([value]) * size for value in values), timestamp, self.now)

    def ticks(self, count: int) -> None:
        for _ in range(count):
            before = self.source.concealed_frames
            frame = self.source.pull(self.now)
            if frame is None:
                self.heard.append(None)
            elif self.source.concealed_frames > before:
                self.heard.append(CONCEALED)
            else:
                assert frame.shape == (960,)
                self.heard.append(int(frame[0]))
            self.now += TICK

    def talk(self, values: Iterable[int]) -> None:
        """In real time, one frame a tick."""
        for value in values:
            self.say(value)
            self.ticks(1)

    @property
    def sound(self) -> list[int]:
        return [value for value in self.heard if value is not None and value != CONCEALED]


LOUD = range(1, 100)
"""Bytes that are loud samples, each told from the others."""


def test_a_steady_stream_is_played_in_order_a_short_while_later() -> None:
    line = Line(buffer_ms=40)
    line.talk(LOUD)
    line.ticks(5)
    assert line.sound == list(LOUD)
    assert line.heard.index(1) <= 2
    assert CONCEALED not in line.heard[: len(LOUD)]
    assert line.source.dropped_frames == 0


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=15))
def test_messages_of_any_size_become_whole_frames_in_order(sizes: list[int]) -> None:
    line = Line()
    total = b""
    for index, size in enumerate(sizes):
        payload = bytes([index + 1]) * size
        total += payload
        line.source.push(payload, None, line.now)
    line.ticks(len(total) // 160 + 10)
    played = b"".join(line.decoder.payloads)
    assert played[: len(total)] == total
    assert played[len(total) :].startswith(b"\xff" * (-len(total) % 160)), "what follows is made up"
    assert len(played) <= len(total) + (-len(total) % 160) + 160 * line.source.concealed_frames
    assert line.source.buffered_ms == 0


def test_ten_millisecond_messages_are_joined_and_not_padded() -> None:
    line = Line()
    for value in LOUD:
        line.say(value, size=80)
        line.now += 10 * MS
        line.say(value, size=80)
        line.now -= 10 * MS
        line.ticks(1)
    assert line.sound == list(range(1, len(line.sound) + 1))
    assert len(line.sound) >= len(LOUD) - 3


def test_seconds_at_once_are_played_in_order_in_real_time() -> None:
    line = Line()
    values = [1 + index % 99 for index in range(250)]  # 5 s
    assert line.say(*values) == 0
    line.ticks(260)
    assert line.sound == values
    assert line.heard[:250] == values
    assert line.source.dropped_frames == 0


def test_messages_faster_than_real_time_are_all_played() -> None:
    line = Line()
    values = [1 + index % 99 for index in range(240)]
    for index in range(0, 240, 2):  # twice as fast
        line.say(*values[index : index + 2])
        line.ticks(1)
    line.ticks(130)
    assert line.sound == values


def test_what_is_too_far_ahead_is_dropped_from_the_end() -> None:
    line = Line(max_ahead_ms=1000)
    assert line.say(*[1] * 40) == 0
    assert line.say(*[2] * 40) == 600
    assert line.say(*[3] * 40) == 800
    assert line.source.buffered_ms == 1000
    line.ticks(60)
    assert line.sound == [1] * 40 + [2] * 10


def live(line: Line) -> None:
    """Four seconds of sound that tell that this client sends in real time."""
    line.talk([QUIET] * 200)


def stall(line: Line, ticks: int, values: Iterable[int]) -> None:
    """Nothing arrives for a while, then all of it at once."""
    line.ticks(ticks)
    line.say(*values)


def test_after_a_stall_the_surplus_is_made_up_for_in_silence() -> None:
    line = Line(buffer_ms=40)
    live(line)
    line.talk(range(1, 20))
    stall(line, 10, range(20, 30))
    line.talk([*range(30, 40), *[QUIET] * 30, *range(40, 60)])
    line.ticks(5)
    assert [value for value in line.sound if value != QUIET] == list(range(1, 60))
    assert line.heard.index(59) - line.heard.index(58) == 1
    # The last word was said ten ticks of stall after its number, and 30 silences after that.
    assert line.heard.index(59) - (200 + 58 + 30) <= 4


def test_after_a_stall_without_any_silence_the_delay_still_shrinks_back() -> None:
    line = Line(buffer_ms=40)
    live(line)
    line.talk([50] * 50)
    stall(line, 10, [51] * 10)
    assert line.source.buffered_ms >= 200
    line.talk([52] * 150)
    assert line.source.buffered_ms <= 100
    assert line.source.dropped_frames <= 10


def test_a_long_stall_ends_with_a_delay_that_goes_away_in_silence() -> None:
    line = Line(buffer_ms=40, max_behind_ms=500)
    line.talk([50] * 50)
    stall(line, 100, [51] * 100)
    line.talk([52] * 250)
    line.talk([QUIET] * 100)
    line.talk([60] * 20)
    assert line.source.buffered_ms <= 100
    assert line.heard[-1] == 60


def test_a_long_stall_ends_with_a_delay_that_shrinks_without_silence_too() -> None:
    line = Line(buffer_ms=40, max_behind_ms=500)
    line.talk([50] * 50)
    stall(line, 100, [51] * 100)
    line.talk([52] * 1000)
    assert line.source.buffered_ms <= 600


def test_a_client_that_hands_over_much_at_once_keeps_its_pauses() -> None:
    line = Line()
    spoken = [50] * 50 + [QUIET] * 30 + [51] * 50
    for _ in range(3):
        line.say(*spoken, timestamp=line.now // MS)
        line.ticks(len(spoken) + 40)
    assert line.sound == spoken * 3


def test_without_timestamps_it_keeps_all_it_said() -> None:
    line = Line()
    spoken = [50] * 50 + [QUIET] * 30 + [51] * 50
    for _ in range(3):
        line.say(*spoken)
        line.ticks(len(spoken) + 40)
    assert [value for value in line.sound if value != QUIET] == ([50] * 50 + [51] * 50) * 3


def test_a_live_client_whose_timestamps_tell_of_a_pause_is_not_hurried_after_it() -> None:
    line = Line()
    for _ in range(200):
        line.say(49, timestamp=line.now // MS)
        line.ticks(1)
    line.ticks(20)  # it sends nothing while nobody speaks
    spoken = [50] * 10 + [QUIET] * 10 + [51] * 10
    line.say(*spoken, timestamp=line.now // MS)
    line.ticks(40)
    assert line.sound[200:] == spoken


def test_stall_after_stall_adds_no_delay() -> None:
    line = Line()
    for _ in range(20):
        line.talk([50] * 20)
        stall(line, 10, [51] * 10)
        assert line.source.buffered_ms <= 600
    line.talk([52] * 200)
    assert line.source.buffered_ms <= 300
    line.talk([QUIET] * 50)
    assert line.source.buffered_ms <= 100


def test_gaps_that_are_short_do_not_add_up_to_the_end_of_a_talk() -> None:
    """After that, the next frame would wait until enough are gathered."""
    line = Line(buffer_ms=40)
    line.talk([50] * 3)
    for value in range(60, 100):
        line.say(value)
        line.ticks(2)
    assert line.heard[:5] == [None, 50, 50, 50, 60], "the first of them was gathered"
    assert line.heard[5:] == [heard for value in range(61, 100) for heard in (value, CONCEALED)]


@pytest.mark.parametrize("ppm", [-500, 500])
def test_a_clock_that_runs_differently_adds_no_delay(ppm: int) -> None:
    line = Line()
    arrival, worst = 0.0, 0.0
    for _ in range(30_000):  # ten minutes
        while arrival <= line.now:
            line.say(50)
            arrival += TICK * (1 - ppm / 1e6)
        line.ticks(1)
        worst = max(worst, line.source.buffered_ms)
    assert worst <= 140


def test_uneven_arrival_within_the_buffer_is_not_heard() -> None:
    line = Line(buffer_ms=60)
    line.talk(range(1, 21))
    for value in range(21, 81, 2):  # two at a time, every second tick
        line.ticks(1)
        line.say(value, value + 1)
        line.ticks(1)
    assert line.sound == list(range(1, line.sound[-1] + 1))
    assert CONCEALED not in line.heard


def test_sound_that_breaks_off_fades_and_then_there_is_nothing() -> None:
    line = Line()
    line.talk([50] * 10)
    line.ticks(10)
    assert line.heard[-8:-4].count(CONCEALED) <= 3
    assert line.heard[-4:] == [None] * 4


def test_a_client_that_sends_no_silence_is_heard_from_its_first_word() -> None:
    line = Line(buffer_ms=40)
    for _ in range(3):
        line.talk(LOUD)
        said = line.now
        line.ticks(150)
        assert line.now > said
    assert line.sound == list(LOUD) * 3
    starts = [index for index, value in enumerate(line.heard) if value == 1]
    assert [start % (99 + 150) for start in starts] == [starts[0]] * 3


def test_a_single_short_message_is_played() -> None:
    line = Line(buffer_ms=40)
    line.say(50, size=30)
    line.ticks(6)
    assert line.decoder.payloads[0] == bytes([50]) * 30 + b"\xff" * 130


def test_a_step_in_the_timestamps_is_a_frame_that_went_missing() -> None:
    line = Line(buffer_ms=60)
    for number in range(1, 40):
        if number != 20:
            line.say(number, timestamp=(number - 1) * 20)
        line.ticks(1)
    line.ticks(5)
    start = line.heard.index(1)
    assert line.heard[start + 18 : start + 21] == [19, CONCEALED, 21]


def test_timestamps_need_not_be_multiples_of_twenty() -> None:
    line = Line()
    for number in range(1, 90):
        line.say(number, timestamp=(number - 1) * 20 + (7 * number) % 9)
        line.ticks(1)
    line.ticks(5)
    assert line.sound == list(range(1, 90))
    assert CONCEALED not in line.heard[:88]


@pytest.mark.parametrize("step", [0, -20, 160, 8_000, 1 << 40])
def test_timestamps_that_make_no_sense_change_nothing(step: int) -> None:
    line, plain = Line(), Line()
    for number in range(1, 90):
        line.say(number, timestamp=max(0, (1 << 30) + number * step))
        plain.say(number)
        line.ticks(1)
        plain.ticks(1)
    assert line.heard == plain.heard


arrivals = st.tuples(
    st.integers(0, 3000),  # bytes
    st.none() | st.integers(0, 10**18 - 1) | st.integers(0, 5000),  # timestamp
    st.integers(0, 30),  # ticks until the next
)


@given(st.lists(arrivals, max_size=40))
def test_whatever_arrives_it_stays_bounded_and_runs_empty(messages: list[tuple[int, int | None, int]]) -> None:
    line = Line(max_ahead_ms=2000)
    for size, timestamp, ticks in messages:
        line.source.push(b"\x32" * size, timestamp, line.now)
        assert line.source.buffered_ms <= 2000 + 500
        line.ticks(ticks)
    line.ticks(150)
    assert line.source.buffered_ms == 0
    assert line.heard[-1:] in ([None], [])


def test_silence_is_not_decoded() -> None:
    source = PacedSource(PcmuCodec().make_decoder(), LegSettings(buffer_ms=0))
    speech = ulaw_encode(tone(400, 0.1, rate=8000)).tobytes()
    now, frames = 0, []
    for payload in [speech[i : i + 160] for i in range(0, 800, 160)] + [b"\xff" * 160] * 5:
        source.push(payload, None, now)
        frames.append(source.pull(now))
        now += TICK
    assert all(frame is not None for frame in frames[:6])  # the sixth holds the end of the fifth
    assert frames[7:] == [None] * 3


def test_what_is_caught_up_with_in_mid_sound_keeps_its_pitch_and_has_no_click() -> None:
    source = PacedSource(PcmuCodec().make_decoder(), LegSettings(buffer_ms=40))
    sound = ulaw_encode(tone(200, 16.0, rate=8000))
    payloads = [one.tobytes() for one in sound.reshape(-1, 160)]
    now, heard, fullest = 0, [], 0.0
    for number, _ in enumerate(payloads):
        if not 400 <= number < 410:  # a stall of 200 ms
            for payload in payloads[400 : number + 1] if number == 410 else [payloads[number]]:
                source.push(payload, None, now)
        fullest = max(fullest, source.buffered_ms)
        frame = source.pull(now)
        heard.append(SILENCE if frame is None else frame)
        now += TICK
    assert fullest >= 200
    assert source.buffered_ms <= 80
    assert source.dropped_frames == 0
    caught_up = np.concatenate(heard[430:600]).astype(int)
    plain = np.concatenate(heard[100:300]).astype(int)
    assert np.abs(np.diff(caught_up)).max() <= 1.1 * np.abs(np.diff(plain)).max()
    spectrum = np.abs(np.fft.rfft(caught_up * np.hanning(len(caught_up))))
    assert abs(spectrum.argmax() * 48_000 / len(caught_up) - 200) < 1


@pytest.mark.parametrize(("dbfs", "quiet"), [(-70, True), (-50, True), (-40, False), (-12, False)])
def test_only_what_nobody_would_miss_is_quiet(dbfs: float, quiet: bool) -> None:
    assert is_quiet(ulaw_encode(tone(400, 0.02, dbfs, rate=8000, fade=0)).tobytes()) is quiet


def test_a_frame_that_is_missing_would_be_missed_by_nobody() -> None:
    assert is_quiet(None)
    assert is_quiet(SILENT_FRAME)


def test_a_schedule_tells_a_stall_from_a_client_that_runs_ahead() -> None:
    schedule = PlayoutSchedule(slack_ns=500 * MS)
    for tick in range(150):
        schedule.extend(TICK, tick * TICK)
        schedule.standing_ns(tick * TICK)
    now = 160 * TICK
    assert schedule.behind_ns(now) == pytest.approx(200 * MS, abs=2 * MS)
    schedule.extend(10 * TICK, now)
    assert schedule.ahead_ns(now) == pytest.approx(0, abs=2 * MS)
    schedule.extend(50 * TICK, now)
    assert schedule.ahead_ns(now) == pytest.approx(1000 * MS, abs=2 * MS)


class Taken:
    """Gets frames as they came."""

    outlets: Sequence[object] = ()

    def __init__(self) -> None:
        self.got: list[tuple[int, int, bytes]] = []

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        assert duration == len(payload)
        self.got.append((sequence, timestamp, payload))

    def restart(self) -> None: ...

    @property
    def heard(self) -> list[int]:
        return [payload[0] for _, _, payload in self.got]


def test_what_is_forwarded_goes_on_where_it_was_played_and_back_without_a_frame_lost_or_repeated() -> None:
    line, taken = Line(buffer_ms=40), Taken()
    line.talk(range(1, 20))
    line.source.forward(taken, plays=False)
    line.source.send_on(line.now - TICK)
    already = line.sound[-1]
    for value in range(20, 50):
        line.say(value)
        assert line.source.take_level(line.now) is not None
        line.source.send_on(line.now)
        line.now += TICK
    assert taken.heard == list(range(already, already + 31)), "the last one that was played, and on"
    line.source.forward(None)
    assert line.source.resume()[0] == taken.heard[-1]
    line.ticks(4)
    assert [value for value in line.heard if value is not None][-4] == taken.heard[-1] + 1
    sequences, timestamps, _ = zip(*taken.got, strict=True)
    assert list(sequences) == list(range(31))
    assert list(timestamps) == [160 * one for one in range(31)]


def test_a_frame_that_was_taken_for_forwarding_and_not_given_is_played() -> None:
    line, taken = Line(buffer_ms=0), Taken()
    line.source.forward(taken, plays=False)
    line.say(5, 6, 7)
    for _ in range(2):
        line.source.take_level(line.now)
        line.source.send_on(line.now)
        line.now += TICK
    line.source.take_level(line.now)
    line.source.resume()
    line.ticks(1)
    assert (taken.heard, line.heard) == ([5, 6], [7])


@given(st.binary(min_size=160, max_size=160))
def test_the_level_is_that_of_the_decoded_frame(payload: bytes) -> None:
    source = PacedSource(PcmuCodec().make_decoder(), LegSettings(buffer_ms=0))
    source.forward(Taken(), plays=False)
    source.push(payload, None, 0)
    level = source.take_level(0)
    assert (SILENT_LEVEL if level is None else level) == pytest.approx(level_of(ulaw_decode(payload)))


@pytest.mark.parametrize("codec", [PcmuCodec(), PcmaCodec()], ids=lambda one: one.name)
@given(data=st.data(), ticks=st.integers(1, MOST_UNMEASURED))
def test_the_level_of_several_ticks_is_that_of_the_loudest_of_what_was_sent_on(
    codec: WaveformCodec, data: st.DataObject, ticks: int
) -> None:
    source, taken = PacedSource(codec.make_decoder(), LegSettings(buffer_ms=0), codec), Taken()
    source.forward(taken, plays=False)
    size = codec.frame_bytes
    frames = data.draw(st.lists(st.binary(min_size=size, max_size=size), min_size=ticks, max_size=ticks))
    for number, frame in enumerate(frames):
        source.push(frame, None, number * TICK)
        if number < ticks - 1:
            source.send_on(number * TICK)
    level = source.take_level((ticks - 1) * TICK, ticks)
    source.send_on((ticks - 1) * TICK)
    loudest = max(level_of(codec.decode_samples(frame)) for frame in frames)
    assert (SILENT_LEVEL if level is None else level) == pytest.approx(loudest)
    assert [payload for _, _, payload in taken.got] == frames


@pytest.mark.parametrize("phase_ms", [4, 14])
@pytest.mark.parametrize("begin_ms", [0, 1000, 3000])
@pytest.mark.parametrize("length_ms", [70, 170, 215])
def test_what_a_stall_delays_is_made_up_for_within_five_seconds_without_a_pause(
    phase_ms: int, begin_ms: int, length_ms: int
) -> None:
    voice = spoken(10.0, seed=4)
    blocks = voice[: voice.size // 240 * 240].reshape(-1, 240)
    voice = np.resize(blocks[np.abs(blocks.astype(np.int32)).max(axis=1) >= 400], 10 * 48_000)
    frames = ulaw_encode(Resampler(48_000, 8_000).process(voice))
    frames = frames[: frames.size // 160 * 160].reshape(-1, 160)
    source = PacedSource(PcmuCodec().make_decoder(), LegSettings())
    end_ms, sent = begin_ms + length_ms, 0
    here = []
    for tick in range((end_ms + 5500) // 20):
        now_ms = 20 * tick + phase_ms
        while 20 * sent <= now_ms and not begin_ms <= now_ms < end_ms:
            source.push(
                frames[sent].tobytes(),
                20 * sent,
                min(now_ms, max(20 * sent, end_ms if 20 * sent >= begin_ms else 0)) * MS,
            )
            sent += 1
        here.append(source.buffered_ms)
        source.pull(now_ms * MS)
    assert max(here[-10:]) <= 40 + 25
