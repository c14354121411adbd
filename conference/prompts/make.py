"""``python -m conference.prompts.make``: speaks the prompts, with eSpeak NG. For developers, and for other languages.

The server does not need this: the files that it made are part of the package. For prompts in German::

    cp .../conference/prompts/en/phrases.toml german.toml      # and translate what stands behind the =
    python -m conference.prompts.make german.toml german/ --voice de
    conference serve --sounds german/
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import av
import numpy as np

from conference.audio.frame import SAMPLE_RATE, Samples, full_scale
from conference.prompts.decode import read_audio

LEVEL = -22.0
"""Of the prompts in dBov: a little above the voices, which are levelled to -26."""

BIT_RATE = 16_000
_QUIET = 300  # what is below this, out of 32768, at the ends is cut off
_MARGIN = SAMPLE_RATE // 50


def speak(text: str, voice: str, speed: int) -> Samples:
    """One phrase: shape ``(n,)``, int16, 48 kHz, at :data:`LEVEL`, without silence at its ends."""
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder, "spoken.wav")
        command = ["espeak-ng", "-v", voice, "-s", str(speed), "-w", str(wav), "--", text]
        subprocess.run(command, check=True)  # noqa: S603 - a developer's own words
        spoken = read_audio(wav)
    loud = np.flatnonzero(np.abs(spoken.astype(np.int32)) > _QUIET)
    spoken = spoken[max(0, loud[0] - _MARGIN) : loud[-1] + _MARGIN].astype(np.float64)
    gain = (full_scale(LEVEL) / np.mean(spoken**2)) ** 0.5
    gain = min(gain, 32_000 / np.abs(spoken).max())
    return np.rint(spoken * gain).astype(np.int16)


def write(samples: Samples, path: Path) -> None:
    """Write Opus in Ogg (RFC 7845), mono."""
    with av.open(str(path), mode="w", format="ogg", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono", options={"application": "voip"})
        stream.bit_rate = BIT_RATE
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def main() -> None:
    """Speak every phrase of a file into a folder."""
    here = Path(__file__).parent / "en"
    parser = argparse.ArgumentParser(prog="python -m conference.prompts.make", description="Speaks the prompts.")
    parser.add_argument("phrases", nargs="?", type=Path, default=here / "phrases.toml", help="what each prompt says")
    parser.add_argument("folder", nargs="?", type=Path, default=here, help="where the .ogg files go")
    parser.add_argument("--voice", default="en-us", help="of eSpeak NG; espeak-ng --voices lists them")
    parser.add_argument("--speed", type=int, default=150, help="words a minute")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    phrases = tomllib.loads(args.phrases.read_text(encoding="utf-8"))
    for name, text in phrases.items():
        write(speak(text, args.voice, args.speed), args.folder / f"{name}.ogg")
    sizes = [path.stat().st_size for path in args.folder.glob("*.ogg")]
    sys.stdout.write(f"{len(sizes)} prompts, {sum(sizes)} bytes\n")


if __name__ == "__main__":
    main()
