"""What silent packets leave behind: counts, and what a decoder is given before speech, however they are mixed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES
from conference.playout.history import HISTORY_PACKETS
from conference.playout.silence import SILENT_DBOV
from conference.playout.source import PacketSource
from tests.playout.test_source import CountingDecoder
from tests.room.fakes import at

SILENT, NOISE, LOUD, UNTOLD = -127, -60, -20, None


@given(levels=st.lists(st.sampled_from([SILENT] * 8 + [LOUD, UNTOLD]), max_size=80), looks=st.sets(st.integers(0, 80)))
def test_every_packet_is_counted_whenever_it_is_looked(levels: list[int | None], looks: set[int]) -> None:
    source = PacketSource(CountingDecoder())
    for number, level in enumerate(levels):
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number), level)
        source.pull(at(number) + 10_000_000)
        if number in looks:
            assert source.stats.jitter.received == number + 1
    assert source.stats.jitter.received == len(levels)
    assert source.stats.jitter.lost == 0


@given(silent=st.integers(0, 60), looks=st.sets(st.integers(0, 60)))
def test_speech_is_decoded_after_the_silence_right_before_it(silent: int, looks: set[int]) -> None:
    decoder = CountingDecoder()
    source = PacketSource(decoder)
    payloads = [bytes([number + 1] * 2 * FRAME_SAMPLES) for number in range(silent + 1)]
    for number, payload in enumerate(payloads):
        source.push(number, number * FRAME_SAMPLES, payload, at(number), LOUD if number == silent else SILENT)
        source.pull(at(number) + 10_000_000)
        if number in looks:
            assert source.stats.passed_over <= number
    last = payloads[-1 - HISTORY_PACKETS :]
    assert decoder.decoded[-len(last) :] == last


@given(loud=st.integers(1, 12), silent=st.integers(0, 40))
def test_a_word_that_is_played_late_is_decoded_to_its_end_before_the_silence_after_it(loud: int, silent: int) -> None:
    decoder, bypass = CountingDecoder(), CountedBypass()
    source = PacketSource(decoder)
    source.bypass = bypass
    levels = [LOUD] * (10 + loud) + [SILENT] * silent + [LOUD]
    payloads = [bytes([number + 1] * 2 * FRAME_SAMPLES) for number in range(len(levels))]
    together = len(levels) - 2  # the network holds up all after the first ten until this one was sent
    came = 0
    for tick in range(len(levels) + 60):
        while came < len(levels) and (came if came < 10 else max(came, together)) <= tick:
            if levels[came] == LOUD or not bypass.passes(payloads[came]):
                source.push(came, came * FRAME_SAMPLES, payloads[came], at(tick), levels[came])
            came += 1
        source.pull(at(tick) + 10_000_000)
    assert decoder.decoded == sorted(decoder.decoded)
    assert source.stats.jitter.received == len(levels)


@given(delay_ms=st.integers(3, 190), noise=st.integers(0, 40))
def test_noise_that_is_left_out_is_nothing_that_was_lost_however_long_what_came_before_it_waits(
    delay_ms: int, noise: int
) -> None:
    source = PacketSource(CountingDecoder(), minimum_delay_ms=delay_ms)
    levels = [NOISE] * (50 + noise) + [LOUD] * 20
    for number, level in enumerate(levels):
        if number == 50:
            source.squelch(NOISE + 9)
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number), level)
        pull = source.skip if source.squelched else source.pull
        pull(at(number) + 10_000_000)
    assert not source.squelched
    assert source.stats.jitter.lost == source.stats.concealed == 0
    assert source.stats.jitter.received == len(levels)


def test_silent_packets_that_came_inside_later_ones_are_counted_too() -> None:
    source = PacketSource(CountingDecoder())
    for number in range(40):
        source.push(
            number,
            number * FRAME_SAMPLES,
            bytes(2 * FRAME_SAMPLES),
            at(number),
            SILENT if number % 3 else UNTOLD,
            redundant=number % 3 == 0,
        )
        source.pull(at(number) + 10_000_000)
    assert source.stats.jitter.received == 40


def test_another_stream_begins_with_a_look_at_its_packets() -> None:
    decoder = CountingDecoder()
    source = PacketSource(decoder)
    for number in range(12):
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number), SILENT)
        source.pull(at(number) + 10_000_000)
    source.restart()
    assert source.stats.jitter.received == 12
    source.push(500, 9_000_000, bytes([7] * 2 * FRAME_SAMPLES), at(12), LOUD)
    assert source.pull(at(12) + 10_000_000) is not None
    assert decoder.decoded[-1] == bytes([7] * 2 * FRAME_SAMPLES)


def test_a_packet_recovered_from_noise_ends_no_squelch_and_one_from_a_word_does() -> None:
    source = PacketSource(CountingDecoder())
    source.squelch(NOISE + 9)
    for number in range(30):
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number), NOISE)
        source.skip(at(number) + 10_000_000)
    for number, level in ((31, NOISE), (33, LOUD)):
        assert source.squelched
        assert source.idle
        source.push(number, number * FRAME_SAMPLES, bytes(2 * FRAME_SAMPLES), at(number + 1), level, redundant=True)
    assert not source.squelched
    assert not source.idle


class RepairingDecoder(CountingDecoder):
    """Of packets each of which holds the one before it, too."""

    def repairs(self, payload: bytes) -> bool:
        return True


def test_what_went_by_unread_is_nothing_that_was_lost_and_should_have_been_waited_for() -> None:
    source = PacketSource(RepairingDecoder())
    for number in range(2000):
        level = SILENT if number // 50 % 2 else LOUD
        payload = bytes(2 * FRAME_SAMPLES) if level == SILENT else bytes([1] * 2 * FRAME_SAMPLES)
        source.push(number, number * FRAME_SAMPLES, payload, at(number), level)
        source.pull(at(number) + 10_000_000)
    assert source.stats.passed_over > 500
    assert source.delay_ms < 10  # the first of them had play wait for another 20 ms, as a warning


class CountedBypass:
    """A bypass that keeps what takes it."""

    def __init__(self) -> None:
        self.passing = 0
        self.passed: list[bytes] = []

    def open(self, packets: int, silent_dbov: int) -> None:
        assert silent_dbov == SILENT_DBOV
        self.passing = packets

    last_passed: int | None = None

    def close(self) -> int:
        left, self.passing = self.passing, 0
        return left

    def kept(self, packets: int) -> list[bytes]:
        return self.passed[-packets:]

    def passes(self, payload: bytes) -> bool:
        if self.passing:
            self.passing -= 1
            self.passed.append(payload)
            return True
        return False


@given(silent=st.integers(0, 60), leaves=st.none() | st.integers(0, 60))
def test_a_bypass_keeps_what_speech_is_decoded_after(silent: int, leaves: int | None) -> None:
    decoder, bypass = CountingDecoder(), CountedBypass()
    source = PacketSource(decoder)
    source.bypass = bypass
    payloads = [bytes([number + 1] * 2 * FRAME_SAMPLES) for number in range(silent + 1)]
    for number, payload in enumerate(payloads):
        if number == leaves:
            source.bypass = None
        if source.bypass is None or number == silent or not bypass.passes(payload):
            source.push(number, number * FRAME_SAMPLES, payload, at(number), LOUD if number == silent else SILENT)
        source.pull(at(number) + 10_000_000)
    last = payloads[-1 - HISTORY_PACKETS :]
    assert decoder.decoded[-len(last) :] == last
    assert source.stats.jitter.received == silent + 1
