"""The Opus encoder: what it sends for sound and for silence, and how a listener moves from one to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.noise_gate import level_of
from conference.audio.resample import Resampler
from conference.codecs import libopus
from conference.codecs.opus import OpusCodec, OpusEncoder
from conference.codecs.opus_decoder import OpusDecoder
from conference.load.signal.voice import in_frames
from tests.speech import spoken
from tests.tones import tone

MIX = OpusCodec(56_000, complexity=10, expected_loss=0)
"""What a server encodes mixes with."""


def voice(pitch: float, ticks: int, loudness: float = 3_000) -> Samples:
    """A voice that wavers in pitch and loudness, as rows of frames."""
    at = np.arange(ticks * FRAME_SAMPLES) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(pitch + 20 * np.sin(10.7 * at + pitch)) / SAMPLE_RATE
    sound = sum(np.sin(k * phase + k * k) / k for k in range(1, 20)) * (0.55 + 0.45 * np.sin(19 * at + pitch))
    noise = np.random.default_rng(round(pitch)).normal(0, 40, len(at))
    return np.rint(loudness * sound + noise).astype(np.int16).reshape(ticks, FRAME_SAMPLES)


def likeness(heard: NDArray[Any], expected: NDArray[Any]) -> float:
    """Signal to error, in dB."""
    wide = expected.astype(np.float64)
    error = heard - wide
    return 10 * float(np.log10((wide**2).sum() / ((error**2).sum() + 1)))


def same_voice(heard: NDArray[Any], sent: NDArray[Any]) -> float:
    """Correlation of the spectrograms, below 8 kHz, with what was sent 6.5 ms earlier: so far VOIP looks ahead.

    Its high-pass filter turns the phase of low tones, so that waveforms say little.
    """
    spectra = []
    for sound in (heard.reshape(-1)[312:], sent.reshape(-1)[:-312]):
        windows = np.lib.stride_tricks.sliding_window_view(sound, 960)[::480] * np.hanning(960)
        spectra.append(np.abs(np.fft.rfft(windows)[:, :160]).reshape(-1))
    return float(np.corrcoef(spectra)[0, 1])


def splatter(samples: Samples) -> NDArray[np.float64]:
    """The level above 12 kHz of every 5 ms, in dB: where nothing of a voice is, and every click."""
    pieces = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 240)[::60]
    power = np.abs(np.fft.rfft(pieces * np.hanning(240)))[:, 60:] ** 2
    return np.asarray(10 * np.log10(power.sum(axis=1) + 1))


def test_sound_survives() -> None:
    encoder, decoder, frames = OpusCodec().make_encoder(), OpusCodec().make_decoder(), voice(120, 60)
    heard = np.array([decoder.decode(encoder.encode(frame)) for frame in frames])
    assert same_voice(heard, frames) > 0.95
    assert level_of(heard.reshape(-1)) == pytest.approx(level_of(frames.reshape(-1)), abs=2)


def likeness_after_moving(codec: OpusCodec, *, fresh: bool) -> list[float]:
    """Amy hears everybody, then begins to talk and hears a mix of her own: the likeness, packet by packet from the
    move on, of what she hears to what she would hear had she been there all along."""
    one, other, moves_at = voice(120, 70), voice(190, 70), 50
    left, joined = codec.make_encoder(), codec.make_encoder()
    moved, stayed = OpusDecoder(), OpusDecoder()
    result = []
    for n in range(70):
        before = left.encode(one[n] + other[n])
        after = joined.encode(one[n], fresh=fresh and n == moves_at)
        result.append(likeness(moved.decode(before if n < moves_at else after), stayed.decode(after)))
    return result[moves_at:]


@pytest.mark.parametrize("application", ["voip", "audio"])
@pytest.mark.parametrize("bitrate", [16_000, 24_000, 32_000, 48_000, 96_000])
def test_after_a_fresh_packet_a_listener_hears_what_one_hears_who_was_there_all_along(
    bitrate: int, application: Literal["voip", "audio"]
) -> None:
    codec = OpusCodec(bitrate, 10, application)
    first, second, *later = likeness_after_moving(codec, fresh=True)
    # The first packet overlaps with the last of the other stream; after the second nothing of it is left.
    assert second > first
    assert second > 6
    assert min(later) > 30


def test_without_a_fresh_packet_the_old_stream_lingers() -> None:
    """If this fails, libopus recovers by itself, and the test above proves nothing."""
    careless, careful = (likeness_after_moving(OpusCodec(), fresh=fresh)[2] for fresh in (False, True))
    assert careless < careful - 15


def made_up_for(decoder: OpusDecoder, seed: int) -> None:
    """Let a decoder hear somebody's word, a few packets of quiet, and then nothing."""
    encoder, frames = OpusCodec(32_000, expected_loss=0).make_encoder(), in_frames(spoken(4.0, seed=seed))
    quiet = np.random.default_rng(seed).normal(0, 2, (5, 960)).astype(np.int16)
    for frame in (*frames[40 + 3 * seed : 90 + 3 * seed], *quiet):
        decoder.decode(encoder.encode(frame))
    decoder.conceal(20 * 960)


@pytest.mark.parametrize("silent_first", [False, True], ids=["new", "after silence"])
def test_whatever_a_listener_has_heard_and_made_up_for_a_word_of_ours_is_heard_as_by_one_who_is_new(
    silent_first: bool,
) -> None:
    likenesses = []
    for seed in range(12):
        frames = in_frames(spoken(4.0, seed=100 + seed))
        word = next(n for n in range(5, len(frames)) if level_of(frames[n]) > -35 > level_of(frames[n - 2]))
        encoder, listener, new = OpusCodec(expected_loss=0).make_encoder(), OpusDecoder(), OpusDecoder()
        made_up_for(listener, seed)
        if silent_first:
            while len(encoder.encode_silence() or b"") > 2:
                pass
        for number, frame in enumerate(frames[word : word + 12]):
            packet = encoder.encode(frame, fresh=number == 0)
            heard = likeness(listener.decode(packet), new.decode(packet))
            likenesses += [heard] if number else []
    assert min(likenesses) > 15


@pytest.mark.parametrize("new_encoder", [True, False])
def test_moving_between_encoders_does_not_click(new_encoder: bool) -> None:
    """The same sound through two encoders: no sample jumps more than in the sound of either."""
    codec, frames, moves_at = OpusCodec(), voice(140, 80), 40
    left, joined, decoder = codec.make_encoder(), codec.make_encoder(), OpusDecoder()
    heard = []
    for n, frame in enumerate(frames):
        before = left.encode(frame)
        after = joined.encode(frame, fresh=n == moves_at) if n >= moves_at or not new_encoder else b""
        heard.append(decoder.decode(before if n < moves_at else after))
    jumps = np.abs(np.diff(np.concatenate(heard).astype(int)))
    around = slice((moves_at - 1) * FRAME_SAMPLES, (moves_at + 3) * FRAME_SAMPLES)
    assert jumps[around].max() < 1.3 * jumps[: around.start].max()


def test_a_fresh_packet_changes_only_what_comes_from_there_on() -> None:
    codec, frames = OpusCodec(), voice(120, 30)
    plain, fresh = codec.make_encoder(), codec.make_encoder()
    same = [plain.encode(frame) == fresh.encode(frame, fresh=n == 20) for n, frame in enumerate(frames)]
    assert all(same[:20])
    assert not same[20]


def test_silence_ends_in_no_packets_but_a_keep_alive_every_400_ms() -> None:
    encoder = OpusCodec().make_encoder()
    for frame in voice(120, 25):
        encoder.encode(frame)
    packets = [encoder.encode_silence() for _ in range(100)]
    quiet = next(n for n, packet in enumerate(packets) if packet is not None and len(packet) <= 2)
    assert quiet <= 25  # half a second
    assert all(packets[:quiet])
    assert [n for n in range(quiet, 100) if packets[n] is not None] == list(range(quiet, 100, 20))
    assert {packet for packet in packets[quiet:] if packet is not None} == {packets[quiet]}


def test_silence_is_silence_for_the_listener() -> None:
    encoder, decoder = OpusCodec().make_encoder(), OpusDecoder()
    for frame in voice(120, 25):
        decoder.decode(encoder.encode(frame))
    heard = []
    for _ in range(80):
        packet = encoder.encode_silence()
        heard.append(decoder.conceal(960) if packet is None else decoder.decode(packet))
    assert np.abs(np.concatenate(heard[5:]).astype(int)).max() <= 8  # -72 dBov


def test_a_voice_after_silence_is_whole_again() -> None:
    encoder, decoder = OpusCodec().make_encoder(), OpusDecoder()
    for _ in range(60):
        packet = encoder.encode_silence()
        if packet is not None:
            decoder.decode(packet)
    frames = voice(150, 30)
    packets = [encoder.encode(frame) for frame in frames]
    assert min(map(len, packets)) > 20
    heard = np.array([decoder.decode(packet) for packet in packets])
    assert same_voice(heard, frames) > 0.95
    # From its first packet on: 6.5 ms of that one were silence still
    assert level_of(heard[0]) > level_of(frames[0]) - 6


def test_a_pause_and_a_second_silence_go_as_the_first() -> None:
    encoder, frames = OpusCodec().make_encoder(), voice(120, 10)
    for _ in range(3):
        for frame in frames:
            assert len(encoder.encode(frame)) > 2
        sent = [encoder.encode_silence() for _ in range(60)]
        assert sent[0]
        assert sent[-25:].count(None) >= 23


def test_a_steady_tone_is_never_taken_for_silence() -> None:
    encoder = OpusCodec().make_encoder()
    tone = np.rint(500 * np.sin(2 * np.pi * 400 * np.arange(FRAME_SAMPLES) / SAMPLE_RATE)).astype(np.int16)
    assert min(len(encoder.encode(tone)) for _ in range(200)) > 10
    encoder.encode_silence()
    assert min(len(encoder.encode(SILENCE)) for _ in range(50)) > 2


def test_a_higher_bitrate_makes_longer_packets() -> None:
    frames = voice(120, 30)
    low, high = (
        sum(len(encoder.encode(frame)) for frame in frames)
        for encoder in (OpusCodec(bitrate=bitrate).make_encoder() for bitrate in (16_000, 96_000))
    )
    assert high > 3 * low


def test_a_narrow_receiver_gets_a_narrow_band() -> None:
    """Configurations 0 to 3 are narrowband SILK, 16 to 19 narrowband CELT (RFC 6716, table 2)."""
    encoder = OpusCodec(max_playback_rate=8_000).make_encoder()
    assert {encoder.encode(frame)[0] >> 3 for frame in voice(120, 20)} <= {0, 1, 2, 3, 16, 17, 18, 19}


def test_packets_do_not_share_memory() -> None:
    encoder, frames = OpusCodec().make_encoder(), voice(120, 2)
    first = encoder.encode(frames[0])
    kept = bytes(bytearray(first))
    encoder.encode(frames[1])
    assert first == kept


def test_a_frame_that_is_not_contiguous_is_encoded_all_the_same() -> None:
    frame = voice(120, 2).reshape(-1)[::2]
    assert OpusCodec().make_encoder().encode(frame) == OpusCodec().make_encoder().encode(frame.copy())


@pytest.mark.parametrize(
    "frame", [np.zeros(480, dtype=np.int16), np.zeros((2, 480), dtype=np.int16), np.zeros(960, dtype=np.float32)]
)
def test_what_is_not_a_frame_is_refused(frame: Samples) -> None:
    with pytest.raises(ValueError, match="960 samples of int16"):
        OpusCodec().make_encoder().encode(frame)


def test_equal_settings_are_equal_keys() -> None:
    assert len({OpusCodec(), OpusCodec(bitrate=48_000), OpusCodec(bitrate=32_000)}) == 2
    assert OpusCodec().name == "opus"


@pytest.mark.parametrize(
    "make",
    [
        lambda: OpusCodec(bitrate=5_999),
        lambda: OpusCodec(bitrate=510_001),
        lambda: OpusCodec(complexity=11),
        lambda: OpusCodec(complexity=-1),
        lambda: OpusCodec(expected_loss=101),
        lambda: OpusCodec(application="music"),  # type: ignore[arg-type]
        lambda: OpusCodec(max_playback_rate=7_999),
        lambda: OpusCodec(max_playback_rate=96_000),
        lambda: OpusCodec().make_encoder().set_expected_loss(-1),
        lambda: OpusCodec().make_encoder().limit_complexity(11),
        lambda: OpusCodec().make_encoder().limit_complexity(-1),
    ],
)
def test_settings_out_of_range_are_refused(make: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"is .* (to|or) "):
        make()


@pytest.mark.parametrize(("expected_loss", "has_fec"), [(0, False), (5, False), (10, True), (20, True)])
def test_a_mix_is_coded_with_fec_once_loss_is_expected_however_little_work_it_may_take(
    expected_loss: int, has_fec: bool
) -> None:
    """In CELT, the modes from 16 on (RFC 6716, table 2), there is no FEC."""
    encoder = MIX.make_encoder()
    encoder.limit_complexity(5)
    encoder.set_expected_loss(expected_loss)
    packets = [encoder.encode(frame) for frame in voice(120, 30)]
    assert {packet[0] >> 3 < 16 for packet in packets[5:]} == {has_fec}


@pytest.mark.parametrize(("limit", "like_voices"), [(5, False), (6, False), (7, True), (10, True)])
def test_a_mix_is_coded_as_voices_are_if_there_is_time_to_tell_that_it_is_one(limit: int, like_voices: bool) -> None:
    encoder = MIX.make_encoder()
    encoder.limit_complexity(limit)
    packets = [encoder.encode(frame) for frame in in_frames(spoken(4.0, seed=1))]
    assert {packet[0] >> 3 < 16 for packet in packets} == {like_voices}


def test_a_voice_after_a_pause_is_coded_as_one_from_the_second_packet_on() -> None:
    """The first is CELT, so that a decoder follows; libopus alone would stay with that for up to a second."""
    encoder = MIX.make_encoder()
    words = voice(120, 20)
    for frame in words:
        encoder.encode(frame)
    while encoder.encode_silence() is not None:
        pass
    packets = [encoder.encode(frame) for frame in words]
    assert [packet[0] >> 3 >= 16 for packet in packets] == [True] + [False] * (len(packets) - 1)


def test_tones_are_not_coded_as_voices_are_and_a_voice_after_them_is() -> None:
    encoder = MIX.make_encoder()
    tones = in_frames(tone(440.0, 4.0, -12.0) + tone(1000.0, 4.0, -12.0))
    packets = [encoder.encode(frame) for frame in tones]
    assert {packet[0] >> 3 >= 16 for packet in packets[100:]} == {True}
    packets = [encoder.encode(frame) for frame in in_frames(spoken(6.0, seed=1))]
    assert {packet[0] >> 3 < 16 for packet in packets[200:]} == {True}


@pytest.mark.parametrize(("complexity", "limit"), [(10, 7), (3, 7), (3, 5)])
def test_an_encoder_takes_no_more_work_than_it_may_and_no_more_than_it_was_to(complexity: int, limit: int) -> None:
    encoder, other = (OpusCodec(complexity=one).make_encoder() for one in (complexity, min(complexity, limit)))
    encoder.limit_complexity(limit)
    other.limit_complexity(10 if limit >= 7 else 5)
    frames = in_frames(spoken(2.0, seed=1))
    assert [encoder.encode(frame) for frame in frames] == [other.encode(frame) for frame in frames]


@pytest.mark.parametrize("silent", [False, True])
def test_who_has_heard_one_encoder_can_go_on_with_another_that_goes_on_from_it(silent: bool) -> None:
    """In mid-word, and in the middle of a silence: the same packets come from both, until they are told apart."""
    frames = in_frames(spoken(2.0, seed=1))
    one, other = MIX.make_encoder(), MIX.make_encoder()
    one.set_expected_loss(10)
    for frame in frames[:50]:
        one.encode(frame)
        other.encode(frame[::-1].copy())
    if silent:
        for _ in range(40):
            one.encode_silence()
    other.go_on_from(one)
    assert [one.encode_silence() for _ in range(45)] == [other.encode_silence() for _ in range(45)]
    assert [one.encode(frame) for frame in frames] == [other.encode(frame) for frame in frames]
    one.limit_complexity(5)
    assert [one.encode(frame) for frame in frames] != [other.encode(frame) for frame in frames], "each is its own"


@pytest.mark.parametrize("one", [10, 7])
@pytest.mark.parametrize("seed", [1, 2])
def test_how_much_work_is_taken_can_change_in_mid_speech_without_a_click(one: int, seed: int) -> None:
    """Two hundred times, against the same voice as it sounds with either: nothing is sharper, and nothing louder."""
    frames = in_frames(spoken(28.0, seed=seed))
    changing, *steady = (MIX.make_encoder() for _ in range(3))
    for encoder, limit in zip(steady, (5, one), strict=True):
        encoder.limit_complexity(limit)
    decoders = [OpusDecoder() for _ in range(3)]
    heard: list[list[Samples]] = [[], [], []]
    for n, frame in enumerate(frames):
        if n % 7 == 0:
            changing.limit_complexity(one if n % 14 else 5)
        for encoder, decoder, sound in zip((changing, *steady), decoders, heard, strict=True):
            sound.append(decoder.decode(encoder.encode(frame)))
    assert len(frames) >= 1400
    assert same_voice(np.array(heard[0]), np.array(frames)) > 0.95
    ours, *others = (splatter(np.concatenate(sound)) for sound in heard)
    usual = np.maximum(*others)
    nearby = np.maximum.reduce([np.roll(usual, shift) for shift in range(-16, 17)])  # 20 ms, either way
    assert (ours - np.maximum(nearby, 30.0)).max() < 12, "a click is 50 dB"


def test_fec_can_be_switched_on_and_off_in_mid_speech() -> None:
    encoder, decoder, frames = (
        MIX.make_encoder(),
        OpusDecoder(),
        voice(120, 90),
    )
    heard = []
    for n, frame in enumerate(frames):
        if n % 30 == 0:
            encoder.set_expected_loss(10 if n == 30 else 0)
        heard.append(decoder.decode(encoder.encode(frame)))
    assert same_voice(np.array(heard), frames) > 0.95
    jumps = np.abs(np.diff(np.concatenate(heard).astype(int)))
    assert jumps.max() < 1.3 * jumps[: 29 * FRAME_SAMPLES].max()


@pytest.mark.parametrize("application", ["voip", "audio"])
def test_what_is_narrow_is_coded_in_a_narrow_band_and_a_change_of_that_is_not_heard(
    application: Literal["voip", "audio"],
) -> None:
    up = Resampler(8_000, SAMPLE_RATE)
    telephone = up.process(Resampler(SAMPLE_RATE, 8_000).process(spoken(8.0, seed=3))).reshape(-1, FRAME_SAMPLES)
    encoder, decoder = OpusCodec(application=application, expected_loss=0).make_encoder(), OpusDecoder()
    heard, bands = [], []
    for number, frame in enumerate(telephone):
        encoder.narrow = number // 50 % 2 == 0
        packet = encoder.encode(frame)
        config = packet[0] >> 3
        bands.append(config < 4 or 16 <= config < 20)  # RFC 6716, table 2
        heard.append(decoder.decode(packet))
    assert all(bands[:50])
    assert not all(bands[50:100]), "at the latest where it is quiet"
    spectra = np.abs(np.fft.rfft(np.stack(heard) * np.hanning(FRAME_SAMPLES), axis=1)) ** 2
    whole = spectra.sum(axis=1)
    high = spectra[:, 120:].sum(axis=1)[whole > whole.max() / 1000] / whole[whole > whole.max() / 1000]
    assert 10 * np.log10(high.max()) < -38, "above 6 kHz there is nothing, and no click"


def test_what_is_narrow_takes_less_work_where_the_bitrate_makes_up_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[int, int] = {}
    tell = OpusEncoder._set

    def note(encoder: OpusEncoder, request: int, value: int) -> None:
        told[request] = value
        tell(encoder, request, value)

    monkeypatch.setattr(OpusEncoder, "_set", note)
    complexities, frame = {}, voice(120, 2)[0]
    for bitrate in (24_000, 32_000, 47_999, 48_000, 56_000):
        encoder = OpusCodec(bitrate=bitrate, complexity=9).make_encoder()
        encoder.narrow = True
        encoder.encode(frame)
        complexities[bitrate] = told[libopus.SET_COMPLEXITY]
    assert complexities == {24_000: 9, 32_000: 5, 47_999: 5, 48_000: 1, 56_000: 1}
    encoder.limit_complexity(0)
    encoder.encode(frame)
    assert told[libopus.SET_COMPLEXITY] == 0
