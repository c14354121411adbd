"""All sounds that a server can play, by name: those that ship with it, and an operator's files, which may replace them.

Each is decoded once, and kept: 5.8 MB a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.prompts import tones
from conference.prompts.decode import MediaError, read_audio
from conference.prompts.settings import SoundSettings

SUFFIXES = (".wav", ".ogg", ".opus", ".mp3", ".flac")
"""What an operator's sound files are called; other files in their folder are left alone."""

MAX_NAME_CHARS = 64
PAUSE_S = 0.12
"""Between prompts that are played one after the other."""

Origin: TypeAlias = Literal["tone", "music", "prompt", "file"]

_BUILT_IN = Path(__file__).parent / "en"

_MADE: dict[str, tuple[Origin, Callable[[], Samples]]] = {
    "join-tone": ("tone", tones.join_tone),
    "leave-tone": ("tone", tones.leave_tone),
    "ringing-tone": ("tone", tones.ringing_tone),
    "hold-music": ("music", tones.hold_music),
}


class LibraryError(Exception):
    """An operator's sound cannot be taken; the text is a sentence that names it."""


@dataclass(frozen=True, slots=True)
class SoundEntry:
    """One sound of a library."""

    name: str
    seconds: float
    origin: Origin


class Library:
    """Sounds by name.

    Args:
        folders: of an operator's sounds; a file's name without its suffix is the sound's. Later ones win, and all of
            them win over what is built in.
        max_sounds: files in all folders together.
        max_seconds: length of each.

    Raises:
        LibraryError: a folder cannot be read, or holds too many files, or two of one name.
    """

    def __init__(
        self,
        folders: Sequence[Path] = (),
        *,
        max_sounds: int = SoundSettings.max_sounds,
        max_seconds: float = SoundSettings.max_sound_seconds,
    ) -> None:
        self._max_seconds = max_seconds
        self._files: dict[str, Path] = {}
        self._decoded: dict[str, Samples] = {}
        found = [_scan(folder) for folder in folders]
        if sum(map(len, found)) > max_sounds:
            raise LibraryError(f"More than {max_sounds} sounds are in {_listed(folders)}; see --max-sounds.")
        for files in found:
            self._files |= files

    @property
    def names(self) -> list[str]:
        """Of all there are, sorted."""
        return sorted({*self._files, *_MADE, *_prompts()})

    def __contains__(self, name: str) -> bool:
        return name in self._files or name in _MADE or name in _prompts()

    def load_files(self) -> None:
        """Decode an operator's sounds: as everything that decodes, best done in a thread.

        Raises:
            LibraryError: one cannot be decoded, or is too long.
        """
        for name in self._files:
            self.samples(name)

    def load(self, go_on: Callable[[], bool] = lambda: True) -> None:
        """Decode whatever is not decoded yet, before it is wanted: less than a second of work.

        Args:
            go_on: asked before each sound; with ``False`` the rest is left until it is wanted.

        Raises:
            LibraryError: as of :meth:`load_files`.
        """
        for name in self.names:
            if not go_on():
                return
            self.samples(name)

    def samples(self, name: str) -> Samples:
        """A sound: shape ``(n,)``, int16, 48 kHz; not to be changed.

        Raises:
            KeyError: there is none of this name.
            LibraryError: it cannot be decoded, or is too long.
        """
        if name not in self._files:
            return _built_in(name)
        if name not in self._decoded:
            try:
                self._decoded[name] = read_audio(self._files[name], longest_seconds=self._max_seconds)
            except MediaError as error:
                raise LibraryError(str(error)) from None
        return self._decoded[name]

    def sequence(self, parts: Iterable[str | Samples]) -> Samples:
        """Several sounds, by name or as they are, one after the other.

        Raises:
            KeyError: there is none of a name.
        """
        pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), dtype=np.int16)
        sounds = (self.samples(part) if isinstance(part, str) else part for part in parts)
        return np.concatenate([piece for sound in sounds for piece in (sound, pause)][:-1])

    def entry(self, name: str) -> SoundEntry:
        """What is known of a sound.

        Raises:
            KeyError: there is none of this name.
        """
        origin: Origin = "file" if name in self._files else _MADE[name][0] if name in _MADE else "prompt"
        return SoundEntry(name, round(len(self.samples(name)) / SAMPLE_RATE, 2), origin)


def _scan(folder: Path) -> dict[str, Path]:
    files: dict[str, Path] = {}
    try:
        paths = sorted(path for path in folder.iterdir() if _is_sound(path))
    except OSError:
        raise LibraryError(f"The folder {folder} cannot be read.") from None
    for path in paths:
        if len(path.stem) > MAX_NAME_CHARS or not path.stem.isprintable():
            raise LibraryError(f"{path}: a sound's name is printable, and has at most {MAX_NAME_CHARS} characters.")
        if path.stem in files:
            raise LibraryError(f"{path} and {files[path.stem].name} are both named {path.stem}: rename one of them.")
        files[path.stem] = path
    return files


def _is_sound(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


@cache
def _prompts() -> frozenset[str]:
    return frozenset(path.stem for path in _BUILT_IN.glob("*.ogg"))


@cache
def _built_in(name: str) -> Samples:
    if name in _MADE:
        return _frozen(_MADE[name][1]())
    if name not in _prompts():
        raise KeyError(name)
    return _frozen(read_audio(_BUILT_IN / f"{name}.ogg"))


def _frozen(samples: Samples) -> Samples:
    samples.setflags(write=False)
    return samples


def _listed(folders: Iterable[Path]) -> str:
    return " and ".join(str(folder) for folder in folders)
