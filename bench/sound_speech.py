"""The speech that `bench.sound` sends: recordings of a person where there are any, else the best that can be made here.

Nothing is shipped, so nothing needs a licence. PESQ was made for recordings of people; it gives synthetic speech lower
scores, whatever happens to it, so that figures of one kind of speech cannot be compared with those of another.
"""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.server import BenchError
from conference.audio.frame import SAMPLE_RATE, Samples
from conference.prompts.decode import MediaError, read_audio
from tests.speech import spoken

RECORDINGS = Path("/usr/share/sounds/alsa")
"""A woman who names loudspeakers, 48 kHz: part of ALSA's own test program (Debian's ``alsa-utils``, GPL-2)."""

LEVEL_DBOV = -26.0
"""Of active speech: what ITU-T P.56 and most speech recordings are set to."""

PAUSE_SECONDS = 0.35
LOUD_DB = 30.0
"""Speech is active where its level is within that of its loudest 20 ms."""

SENTENCES = {
    "en": (  # the first of the Harvard sentences (IEEE, 1969)
        "The birch canoe slid on the smooth planks.",
        "Glue the sheet to the dark blue background.",
        "It's easy to tell the depth of a well.",
        "These days a chicken leg is a rare dish.",
    ),
    "de": (
        "Die Sonne scheint heute auf das kleine Dorf am See.",
        "Der Zug nach Hamburg fährt um zehn Uhr vom dritten Gleis.",
        "Bitte stell die Milch wieder in den Schrank.",
        "Im Herbst werden die Tage kürzer und die Nächte kalt.",
    ),
    "es": (
        "El sol calienta las piedras de la plaza.",
        "Mañana por la tarde llega el tren de Sevilla.",
        "La niña guarda los libros en la caja verde.",
        "Hoy no queda pan en la cocina de mi abuela.",
    ),
}
"""What is said, by the language in which a voice of espeak-ng speaks."""

VOICES = ("en-us", "en-gb", "en-us+f3", "en-gb-x-rp+f2", "en-us-nyc", "en-029", "de", "es")
"""Eight voices of espeak-ng, women's and men's, which differ in what codecs make of them."""


@dataclass(frozen=True, slots=True)
class Speech:
    """Some seconds of somebody speaking."""

    samples: Samples
    """48 kHz, at `LEVEL_DBOV`; whole frames, with pauses between the words and at the end."""

    name: str
    """Whose voice it is."""


def find_all_speech(wanted: Sequence[str]) -> Speech:
    """Speech of several kinds, one after the other: as `find_each_speech`."""
    found = find_each_speech(wanted)
    return Speech(np.concatenate([one.samples for one in found]), ", ".join(dict.fromkeys(one.name for one in found)))


def find_each_speech(wanted: Sequence[str]) -> list[Speech]:
    """Speech of several kinds: as `find_speech`, for each of ``wanted``; ``voices`` are all of :data:`VOICES`."""
    each = [name for one in wanted for name in ([f"espeak:{voice}" for voice in VOICES] if one == "voices" else [one])]
    return [find_speech(one) for one in each]


def find_speech(wanted: str = "auto") -> Speech:
    """The speech to send.

    Args:
        wanted: ``recordings``, ``espeak`` or ``synthetic``, a file, or ``auto`` for the first of these that there is;
            ``espeak:VOICE`` for any voice of espeak-ng.

    Raises:
        BenchError: it isn't there; the text says what to install.
    """
    if wanted == "recordings" or (wanted == "auto" and RECORDINGS.is_dir()):
        files = recorded_files()
        if not files:
            raise BenchError(f"There are no recordings in {RECORDINGS}. On Debian: apt-get install alsa-utils")
        return Speech(_joined([read_recording(path) for path in files]), "a woman's recorded voice (alsa-utils)")
    if wanted == "espeak" or (wanted == "auto" and shutil.which("espeak-ng")):
        wanted = f"espeak:{VOICES[0]}"
    if wanted.startswith("espeak:"):
        voice = wanted.removeprefix("espeak:")
        sentences = SENTENCES.get(voice[:2], SENTENCES["en"])
        return Speech(_joined([espeak(voice, sentence) for sentence in sentences]), f"synthetic (espeak-ng, {voice})")
    if wanted in ("synthetic", "auto"):
        return Speech(_joined([spoken(4.0, seed=seed) for seed in (1, 2)]), "synthetic (the tests' own)")
    return Speech(_joined([read_recording(Path(wanted))]), Path(wanted).name)


def recorded_files() -> list[Path]:
    """The recordings of a person that this machine has."""
    return [path for path in sorted(RECORDINGS.glob("*.wav")) if path.stem != "Noise"]


def active(samples: NDArray[np.generic], rate: int = SAMPLE_RATE) -> NDArray[np.bool_]:
    """In which of its stretches of 20 ms speech is active."""
    power = powers(samples, rate // 50)
    loudest = float(power.max(initial=0.0))
    return power > max(loudest * 10 ** (-LOUD_DB / 10), 1.0)


def speech_level(samples: NDArray[np.generic], rate: int = SAMPLE_RATE) -> float:
    """The level of active speech in dBov; -127 if there is none."""
    where = active(samples, rate)
    if not where.any():
        return -127.0
    return 10 * math.log10(float(powers(samples, rate // 50)[where].mean())) - 20 * math.log10(32768)


def at_level(samples: NDArray[np.generic], dbov: float) -> Samples:
    """The same speech at another level."""
    gain = 10 ** ((dbov - speech_level(samples)) / 20)
    return np.clip(np.rint(samples.astype(np.float64) * gain), -32768, 32767).astype(np.int16)


def powers(samples: NDArray[np.generic], size: int) -> NDArray[np.float64]:
    """The mean square of each stretch of so many samples; what is left at the end is in none."""
    whole = np.asarray(samples[: samples.size // size * size], np.float64).reshape(-1, size)
    power: NDArray[np.float64] = (whole**2).mean(axis=1)
    return power


def _joined(parts: list[Samples]) -> Samples:
    pause = np.zeros(round(PAUSE_SECONDS * SAMPLE_RATE), np.int16)
    joined = np.concatenate([piece for part in parts for piece in (at_level(part, LEVEL_DBOV), pause)])
    return np.pad(joined, (0, -joined.size % 960))


def read_recording(path: Path) -> Samples:
    """What a file holds, 48 kHz.

    Raises:
        BenchError: it cannot be read.
    """
    try:
        return read_audio(path, longest_seconds=60)
    except MediaError as error:
        raise BenchError(str(error)) from None


def espeak(voice: str, sentence: str) -> Samples:
    """What espeak-ng says in one of its voices, 48 kHz.

    Raises:
        BenchError: it is not there.
    """
    program = shutil.which("espeak-ng")
    if program is None:
        raise BenchError("There is no espeak-ng. On Debian: apt-get install espeak-ng")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "said.wav")
        told = subprocess.run([program, "-v", voice, "-s", "150", "-w", str(path), sentence], timeout=30)
        if told.returncode or not path.exists():
            raise BenchError(f"espeak-ng has no voice {voice!r}: espeak-ng --voices lists those it has.")
        return read_recording(path)
