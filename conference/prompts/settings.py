"""What can be set about sounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conference.options.declaration import seconds, several, value, whole
from conference.options.groups import PHONES
from conference.options.readers import read_command, read_sound_folder


@dataclass(frozen=True)
class SoundSettings:
    """Which sounds there are besides those that ship with the server."""

    sounds: tuple[Path, ...] = several(
        PHONES, "sounds that can be played: .wav, .ogg, .opus, .mp3, .flac; one of the name of a prompt is played in "
        "its place; can be repeated", "FOLDER", "", read_sound_folder,
    )  # fmt: skip
    speech_command: tuple[str, ...] = value(
        (), PHONES, "a program that speaks people's names for --announce names, e.g. 'espeak-ng --stdout': it reads "
        "text and writes an audio file; without it, they are announced as somebody", "COMMAND", read_command,
    )  # fmt: skip
    max_sounds: int = whole(200, PHONES, "files in those folders", (0, 10_000), beyond="the server does not start")
    max_sound_seconds: float = seconds(
        600.0, PHONES, "length of each of them", (1, 7_200), beyond="the server does not start"
    )  # fmt: skip
    """A minute takes 5.8 MB of memory."""
