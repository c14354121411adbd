from __future__ import annotations

import contextlib
import errno
import gc
import subprocess
import sys
import textwrap
import wave
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.cli.media import WavRecorder, open_recorder
from conference.prompts.decode import MediaError, read_audio


def sine(frequency: float, seconds: float, amplitude: float = 8000.0) -> Samples:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return np.rint(amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)


def write_wav(path: Path, samples: np.ndarray, *, rate: int, channels: int = 1) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sizes=st.lists(st.integers(0, 5000), min_size=1, max_size=6), seed=st.integers(0, 999))
def test_a_wav_recording_in_any_chunks_reads_back_bit_for_bit(tmp_path: Path, sizes: list[int], seed: int) -> None:
    path = tmp_path / "call.wav"
    samples = np.random.default_rng(seed).integers(-32768, 32768, sum(sizes) + 1).astype(np.int16)
    with open_recorder(path) as recorder:
        for chunk in np.split(samples, np.cumsum(sizes)):
            recorder.write(chunk)

    assert np.array_equal(read_audio(path), samples)


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".OGG"])
def test_an_ogg_recording_keeps_length_and_loudness(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"call{suffix}"
    samples = sine(440, 2.0)
    with open_recorder(path) as recorder:
        for start in range(0, samples.size, 960):
            recorder.write(samples[start : start + 960])

    with av.open(str(path)) as container:
        assert container.format.name == "ogg"
        assert container.streams.audio[0].codec_context.name in {"opus", "libopus"}
    heard = read_audio(path)
    assert abs(heard.size - samples.size) <= 960
    middle = slice(SAMPLE_RATE // 2, SAMPLE_RATE)
    assert np.std(heard[middle]) == pytest.approx(np.std(samples[middle]), rel=0.06)


def test_another_rate_and_two_channels_become_48_khz_mono(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    time = np.arange(44_100) / 44_100
    left = 10_000 * np.sin(2 * np.pi * 300 * time)
    write_wav(path, np.stack([left, left], axis=1).reshape(-1), rate=44_100, channels=2)

    heard = read_audio(path)

    assert heard.dtype == np.int16
    assert abs(heard.size - SAMPLE_RATE) <= 64
    spectrum = np.abs(np.fft.rfft(heard[:SAMPLE_RATE]))
    assert abs(int(spectrum.argmax()) - 300) <= 1
    assert np.abs(heard[4800:43_200]).max() == pytest.approx(10_000, rel=0.02)


def test_a_recorder_that_is_killed_leaves_a_wav_that_plays(tmp_path: Path) -> None:
    path = tmp_path / "killed.wav"
    program = textwrap.dedent("""
        import os, sys
        import numpy as np
        from conference.cli.media import open_recorder
        recorder = open_recorder(sys.argv[1])
        for _ in range(100):
            recorder.write(np.full(960, 1000, np.int16))
        os._exit(1)
    """)
    subprocess.run([sys.executable, "-c", program, str(path)], check=False, timeout=60)

    with wave.open(str(path)) as file:
        assert file.getnframes() >= 1.5 * SAMPLE_RATE


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    for name in ("a.wav", "a.opus"):
        recorder = open_recorder(tmp_path / name)
        recorder.write(sine(440, 0.1))
        recorder.close()
        size = (tmp_path / name).stat().st_size
        recorder.close()
        assert (tmp_path / name).stat().st_size == size


@pytest.mark.parametrize("name", ["call.mp3", "call", "call.wav.txt", ".wav"])
def test_a_name_with_another_suffix_is_refused_with_the_ones_that_work(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError, match=r"\.wav, \.ogg or \.opus"):
        open_recorder(tmp_path / name)


@pytest.mark.parametrize("name", ["call.wav", "call.ogg"])
def test_a_folder_that_does_not_exist_is_one_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(MediaError, match="no such file or directory"):
        open_recorder(tmp_path / "nowhere" / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"There is no file .*missing\.wav"):
        read_audio(tmp_path / "missing.wav")


def test_a_folder_is_no_audio_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="is a folder"):
        read_audio(tmp_path)


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    write_wav(path, np.zeros(0, np.int16), rate=48_000)
    with pytest.raises(MediaError, match=r"holds no sound|can't be read"):
        read_audio(path)


def test_a_file_longer_than_allowed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    write_wav(path, np.zeros(48_000 * 3, np.int16), rate=48_000)
    with pytest.raises(MediaError, match="longer than"):
        read_audio(path, longest_seconds=2.0)


def test_a_video_without_audio_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mute.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame(32, 32, "yuv420p")
        frame.pts, frame.time_base = 0, Fraction(1, 10)
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(MediaError, match="no audio"):
        read_audio(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=400) | st.binary(max_size=200).map(lambda tail: b"RIFF\x00\x01\x00\x00WAVEfmt " + tail)
)
def test_no_file_raises_anything_but_a_media_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "noise.wav"
    path.write_bytes(content)
    with contextlib.suppress(MediaError):
        assert read_audio(path).dtype == np.int16


def test_a_wav_that_a_full_disk_does_not_begin_is_one_sentence_and_no_more(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("MISSING: /dev/full, which only Linux has.")
    (tmp_path / "full.wav").symlink_to("/dev/full")
    with pytest.raises(MediaError, match="can't be written: no space left on device"):
        open_recorder(tmp_path / "full.wav")
    gc.collect()  # what complains in __del__ is an error here


class Full:
    """A file on a disk that is full by now."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, to: int, whence: int = 0) -> int:
        return self._file.seek(to, whence)

    def close(self) -> None:
        self._file.close()
        self.closed = True


def test_a_disk_that_fills_during_a_recording_is_one_error_of_the_recording(tmp_path: Path) -> None:
    recorder = open_recorder(tmp_path / "heard.wav")
    assert isinstance(recorder, WavRecorder)
    full = Full(recorder._file)
    vars(recorder)["_file"] = vars(recorder._wave)["_file"] = full
    with pytest.raises(MediaError, match="can't be written: no space left on device"), recorder:
        recorder.write(sine(440, 1.0))
    assert full.closed
