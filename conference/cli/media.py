"""Recordings: 48 kHz mono, as WAV or Ogg Opus."""

from __future__ import annotations

import contextlib
import wave
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import av
import av.error

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.prompts.decode import MediaError, reason

FLUSH_SAMPLES: Final = SAMPLE_RATE // 2
"""A WAV's header and samples reach the disk this often, so that a killed recorder leaves a whole file."""

LONGEST_WAV: Final = 0xFFFF_FFFF - 44
"""Bytes of sound that fit in a WAV, whose lengths are 32-bit numbers: 12 hours."""


class Recorder(Protocol):
    """A recording being written. A context manager: leaving it closes the file."""

    def write(self, samples: Samples) -> None:
        """Append PCM: shape ``(n,)``, int16, 48 kHz mono.

        Raises:
            MediaError: the disk is full, the file is gone, or it is as long as its format allows.
        """
        ...

    def close(self) -> None:
        """Finish the file. Closing twice is closing once."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_recorder(path: str | Path) -> Recorder:
    """Start a recording, in the format that the name's suffix says. An existing file is replaced.

    Args:
        path: ``….wav`` (48 kHz mono 16 bit), ``….ogg`` or ``….opus`` (Opus in Ogg).

    Raises:
        MediaError: another suffix, or the file can't be made.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".wav":
            return WavRecorder(path)
        if suffix in {".ogg", ".opus"}:
            return OpusRecorder(path)
    except (av.error.FFmpegError, OSError) as error:
        raise MediaError(f"{path} can't be written: {reason(error)}.") from error
    raise MediaError(f"A recording's name ends in .wav, .ogg or .opus, but {path} does not.")


class _Closing:
    """What both recorders share: ``with``."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class WavRecorder(_Closing):
    """A WAV whose header is brought up to date twice a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._wave = wave.open(self._file, "wb")  # noqa: SIM115 - closed by close()
        self._wave.setnchannels(1)
        self._wave.setsampwidth(2)
        self._wave.setframerate(SAMPLE_RATE)
        self._written = 0
        self._unflushed = 0
        try:
            self._wave.writeframes(b"")
            self._file.flush()
        except OSError:
            self._abandon()
            raise

    def write(self, samples: Samples) -> None:
        """Append PCM; see :class:`Recorder`."""
        self._written += samples.nbytes
        if self._written > LONGEST_WAV:
            raise MediaError(f"{self._path} is full: a WAV holds twelve hours; record to .ogg instead.")
        try:
            self._wave.writeframesraw(samples.astype("<i2", copy=False).tobytes())
            self._unflushed += samples.size
            if self._unflushed >= FLUSH_SAMPLES:
                self._unflushed = 0
                self._wave.writeframes(b"")  # brings the lengths in the header up to date
                self._file.flush()
        except OSError as error:
            self._abandon()
            raise MediaError(f"{self._path} can't be written: {reason(error)}.") from error

    def close(self) -> None:
        """Finish the file; see :class:`Recorder`."""
        if self._file.closed:
            return
        try:
            self._wave.close()
            self._file.close()
        except OSError as error:
            self._abandon()
            raise MediaError(f"{self._path} can't be finished: {reason(error)}.") from error

    def _abandon(self) -> None:
        """Close without what the disk did not take: else both would try again when they go, and complain."""
        for one in (self._wave, self._file):
            with contextlib.suppress(OSError):
                one.close()


class OpusRecorder(_Closing):
    """Opus in Ogg (RFC 7845). A page is written every half second, and Ogg needs no header at the end."""

    def __init__(self, path: Path, bitrate: int = 64_000) -> None:
        self._path = path
        self._closed = False
        self._time = 0
        options = {"page_duration": "500000", "flush_packets": "1"}
        self._container = av.open(str(path), mode="w", format="ogg", options=options)
        self._stream = self._container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        self._stream.bit_rate = bitrate
        self._container.start_encoding()  # makes the file, so that a bad path is known now

    def write(self, samples: Samples) -> None:
        """Append PCM; see :class:`Recorder`."""
        if not samples.size:
            return
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._time
        self._time += samples.size
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(f"{self._path} can't be written: {reason(error)}.") from error

    def close(self) -> None:
        """Finish the file; see :class:`Recorder`."""
        if self._closed:
            return
        self._closed = True
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise MediaError(f"{self._path} can't be finished: {reason(error)}.") from error
