"""Audio files of any kind, decoded to what a room is made of: 48 kHz, mono, int16."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import av
import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from conference.audio.frame import SAMPLE_RATE, Samples

LONGEST_SECONDS: Final = 2 * 3600.0
"""What :func:`read_audio` takes at most unless told otherwise: two hours are 690 MB of samples."""

RATES: Final = (1_000, 1_000_000)
"""Samples a second that a sound may have. One of fewer would be made of nothing, by multiplying what is there."""

MOST_CHANNELS: Final = 64


class MediaError(Exception):
    """A file can't be read or written; the text is one sentence for the person who named it."""


def read_audio(path: str | Path, *, longest_seconds: float = LONGEST_SECONDS) -> Samples:
    """Read the first audio stream of a file, whatever its format, rate and channels.

    Args:
        path: the file.
        longest_seconds: longer ones are refused, since all of it is kept in memory.

    Returns:
        PCM: shape ``(n,)``, int16, 48 kHz; channels are averaged to one.

    Raises:
        MediaError: there is no such file, it can't be read, has no audio, or is too long.
    """
    path = Path(path)
    if path.is_dir():
        raise MediaError(f"{path} is a folder, not an audio file.")
    try:
        with av.open(str(path), mode="r", metadata_errors="replace") as container:
            samples = _decode(path, container, round(longest_seconds * SAMPLE_RATE))
    except FileNotFoundError:
        raise MediaError(f"There is no file {path}.") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(f"{path} can't be read as audio: {reason(error)}.") from error
    if not samples.size:
        raise MediaError(f"{path} holds no sound.")
    return samples


def reason(error: Exception) -> str:
    """What went wrong, as the second half of a sentence."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:].rstrip(".")


def _decode(path: Path, container: InputContainer, longest: int) -> Samples:
    if not container.streams.audio:
        raise MediaError(f"{path} has no audio in it.")
    stream: AudioStream = container.streams.audio[0]
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    chunks: list[Samples] = []
    total = counted = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            continue  # one damaged packet in an otherwise good file is a gap, not the end
        for frame in frames:
            _check(path, frame)
            chunks.extend(_pcm(resampler.resample(frame)))
        total += sum(chunk.size for chunk in chunks[counted:])
        counted = len(chunks)
        if total > longest:
            raise MediaError(f"{path} is longer than {_length(longest)}.")
    if chunks:
        chunks.extend(_pcm(resampler.resample(None)))
    return np.concatenate(chunks) if chunks else np.zeros(0, np.int16)


def _check(path: Path, frame: av.AudioFrame) -> None:
    """Refuse what a header says and no sound is, before anything is made of it."""
    low, high = RATES
    if not low <= frame.sample_rate <= high:
        raise MediaError(f"{path} has {frame.sample_rate} samples a second: a sound has {low} to {high}.")
    if not 1 <= frame.layout.nb_channels <= MOST_CHANNELS:
        raise MediaError(f"{path} has {frame.layout.nb_channels} channels: a sound has 1 to {MOST_CHANNELS}.")


def _length(samples: int) -> str:
    seconds = samples / SAMPLE_RATE
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:g} seconds"


def _pcm(frames: list[av.AudioFrame]) -> list[Samples]:
    return [frame.to_ndarray().reshape(-1).astype(np.int16, copy=False) for frame in frames]
