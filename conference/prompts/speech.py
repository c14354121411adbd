"""Text into speech, with a program that is not ours: one that reads text and writes a sound file."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from conference.audio.frame import SAMPLE_RATE, Samples, full_scale
from conference.prompts.decode import MediaError, read_audio

LEVEL = -22.0
"""Of prompts in dBov: a little above the voices, which are levelled to -26."""

_QUIET = 300  # what is below this, out of 32768, at the ends is cut off
_MARGIN = SAMPLE_RATE // 50
_LONGEST_SECONDS = 60.0


def speak(command: Sequence[str], text: str, *, timeout: float = 10.0) -> Samples:
    """Have something spoken. Blocks.

    Args:
        command: a program and its arguments: it reads UTF-8 text from its standard input, and writes an audio file to
            its standard output, as ``espeak-ng --stdout`` does. No shell sees it, and the text is never an argument.
        text: what to say.
        timeout: seconds that this may take.

    Returns:
        Shape ``(n,)``, int16, 48 kHz, at :data:`LEVEL`, without silence at its ends.

    Raises:
        MediaError: the program cannot be run, fails, takes too long, or says nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "spoken")
        try:
            with path.open("wb") as file:
                subprocess.run(  # noqa: S603 - the operator's own command
                    command,
                    input=text.encode(),
                    stdout=file,
                    stderr=subprocess.DEVNULL,
                    timeout=timeout,
                    check=True,
                )
        except (OSError, subprocess.SubprocessError) as error:
            raise MediaError(f"{command[0]} says nothing: {error}.") from None
        return tidy(read_audio(path, longest_seconds=_LONGEST_SECONDS))


def tidy(spoken: Samples) -> Samples:
    """Speech at :data:`LEVEL`, and without silence at its ends.

    Raises:
        MediaError: there is nothing but silence.
    """
    loud = np.flatnonzero(np.abs(spoken.astype(np.int32)) > _QUIET)
    if not loud.size:
        raise MediaError("Nothing can be heard in what was spoken.")
    cut = spoken[max(0, int(loud[0]) - _MARGIN) : int(loud[-1]) + _MARGIN].astype(np.float64)
    gain = float(min((full_scale(LEVEL) / np.mean(cut**2)) ** 0.5, 32_000 / np.abs(cut).max()))
    return np.rint(cut * gain).astype(np.int16)
