"""``python -m conference.prompts.make``: speaks the prompts, with eSpeak NG. For developers, and for other languages.

The server does not need this: the files that it made are part of the package. For prompts in German::

    cp .../conference/prompts/en/phrases.toml german.toml      # and translate what stands behind the =
    python -m conference.prompts.make german.toml german/ --voice de
    conference serve --sounds german/
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

import av

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.prompts.speech import speak

BIT_RATE = 16_000


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
    command = ["espeak-ng", "--stdout", "-v", args.voice]
    for name, text in phrases.items():
        write(speak([*command, "-s", str(args.speed)], text), args.folder / f"{name}.ogg")
    sizes = [path.stat().st_size for path in args.folder.glob("*.ogg")]
    sys.stdout.write(f"{len(sizes)} prompts, {sum(sizes)} bytes\n")


if __name__ == "__main__":
    main()
