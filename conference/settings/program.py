"""The program itself, and what it writes down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conference.options.declaration import choice, seconds, value, whole
from conference.options.groups import CAPTURE, PROGRAM
from conference.options.readers import read_file, read_folder

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("text", "json")

CONFIGURATION = "config"
"""The setting that names a configuration file."""


@dataclass(frozen=True)
class ProgramSettings:
    """The configuration file, captures, the log, and the end."""

    config: Path | None = value(
        None, PROGRAM, "take settings from this file (TOML): port = 8080 there is --port 8080 here. The environment "
        "and the command line win; conference config prints what holds, and from where", "FILE", read_file,
    )  # fmt: skip
    capture: Path | None = value(
        None, CAPTURE, "write down everything that arrives in every room, and so everything that is said, one file for "
        "each room, for conference replay", "FOLDER", read_folder,
    )  # fmt: skip
    capture_max_bytes: int = whole(
        64 * 1024 * 1024, CAPTURE, "size at which the capture of a room ends", (64 * 1024, 2**40), metavar="BYTES"
    )
    capture_total_bytes: int = whole(
        1024 * 1024 * 1024, CAPTURE, "size of all captures in the folder, older ones too, at which every capture ends; "
        "nothing is deleted", (64 * 1024, 2**50), metavar="BYTES",
    )  # fmt: skip
    log_level: str = choice("info", PROGRAM, f"how much to log: {', '.join(LOG_LEVELS)}", LOG_LEVELS, "LEVEL")
    log_format: str = choice(
        "text", PROGRAM, "how to log: text, a line each for people; json, an object each for programs", LOG_FORMATS,
        "FORMAT",
    )  # fmt: skip
    drain_timeout: float = seconds(
        0.0, PROGRAM, "how long the people in rooms have to come to an end after SIGUSR1 or conference drain: nobody "
        "joins any more, and the server ends when the last has left, or then. With this, SIGTERM means the same; "
        "without it, a drain takes as long as they stay", (0, 604_800),
    )  # fmt: skip
    shutdown_timeout: float = seconds(2.0, PROGRAM, "time to end every call when the server is stopped", (0.1, 60))
