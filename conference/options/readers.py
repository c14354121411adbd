"""Settings from text, as people give them on a command line or in the environment.

All raise ValueError, with a sentence that says what would be right.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path


def read_whole(text: str) -> int:
    """A whole number, not negative."""
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise ValueError(f"'{text}' is not a whole number.")
    return int(text)


def read_port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise ValueError(f"'{text}' is not a port: give a number from 0 to 65535.")
    return int(text)


def read_host_and_port(text: str) -> tuple[str, int]:
    """An address to listen on: a name or an IP address, that of IPv6 in brackets, and a port, 0 for any free one."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+)):([0-9]{1,5})", text)
    if match is None:
        raise ValueError(f"'{text}' is not an address and a port: give e.g. 127.0.0.1:9092.")
    return match[1] or match[2], read_port(match[3])


def read_seconds(text: str) -> float:
    """A time in seconds."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text):
        raise ValueError(f"'{text}' is not a number of seconds.")
    return float(text)


def read_percent(text: str) -> float:
    """A percentage, without its sign."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text):
        raise ValueError(f"'{text}' is not a percentage: give a number from 1 to 100.")
    return float(text)


def read_path(text: str) -> Path:
    """A path, of a file that need not be there."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # "~somebody", of whom this machine knows nothing
        raise ValueError(f"there is no home that '{text}' could begin with.") from None


def _found(path: Path, is_it: Callable[[Path], bool]) -> bool:
    """Whether something is there.

    Raises:
        ValueError: it cannot be told.
    """
    try:
        return is_it(path)
    except OSError as error:  # a name that is too long, a folder that is not ours to look into
        raise ValueError(f"'{path}' cannot be looked at: {(error.strerror or str(error)).lower()}.") from None


def read_file(text: str) -> Path:
    """The path of a file that is there."""
    path = read_path(text)
    if not _found(path, Path.is_file):
        raise ValueError(f"there is no file '{text}'.")
    return path


def read_folder(text: str) -> Path:
    """The path of a folder that can be written to."""
    path = read_path(text)
    if not _found(path, Path.is_dir):
        raise ValueError(f"there is no folder '{text}'.")
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError(f"nothing can be written into the folder '{text}'.")
    return path


def read_sound_folder(text: str) -> Path:
    """The path of a folder to read from."""
    path = read_path(text)
    if not _found(path, Path.is_dir):
        raise ValueError(f"there is no folder '{text}'.")
    return path


def read_command(text: str) -> tuple[str, ...]:
    """A program and its arguments, as a shell would split them."""
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        raise ValueError(f"a quote is not closed in '{text}'.") from None
    if not words or shutil.which(words[0]) is None:
        raise ValueError(f"there is no program '{words[0] if words else text}'.")
    return words


def read_switch(text: str) -> bool:
    """Yes or no."""
    answer = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if text.lower() not in answer:
        raise ValueError(f"'{text}' is neither yes nor no.")
    return answer[text.lower()]


def read_pin(text: str) -> tuple[str, str]:
    """A room and its PIN."""
    room, equals, pin = text.partition("=")
    if not equals or not room or not pin:
        raise ValueError("a PIN is given as ROOM=1234.")
    return room, pin


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Reads one of several words, in any case."""

    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"'{text}' is not one of {', '.join(choices)}.")
        return text.lower()

    return read
