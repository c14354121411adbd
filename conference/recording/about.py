"""What is known of a recording: a file of JSON beside its other files, which is replaced as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO, Final, get_args

from conference.room.recorded import RecordingState, RecordingStatus

ABOUT: Final = "recording.json"
JOURNAL: Final = "journal"
"""What is written while a recording goes on; gone when its files are made."""

MKA: Final = "recording.mka"
MIX: Final = "mix.opus"
EVENTS: Final = "events.jsonl"
CAPTIONS: Final = "captions.vtt"
TRANSCRIPT: Final = "transcript.txt"
TYPES: Final = {
    MKA: "audio/x-matroska",
    MIX: "audio/ogg",
    EVENTS: "application/jsonl",
    CAPTIONS: "text/vtt; charset=utf-8",
    TRANSCRIPT: "text/plain; charset=utf-8",
}
"""The files that can be had of a recording, and their media types."""

_LARGEST: Final = 2**53  # that a number of JSON can be exactly; what is not a number at all is not less, either

GOING_ON: Final = ("recording", "paused")


@dataclass(slots=True)
class About:
    """One recording."""

    id: str
    room: str
    status: RecordingStatus
    started_at: float
    """Unix time in seconds, as all times here."""

    started_by: str | None
    people: bool = True
    """There is a track for each person."""

    mix: bool = True
    guarded: bool = False
    """The room had a PIN."""

    room_since: float = 0.0
    """When the room was made: another of the same name is not the room that was recorded."""

    ended_at: float | None = None
    reason: str | None = None
    seconds: float = 0.0
    bytes: int = 0
    tracks: Sequence[dict[str, Any]] = field(default_factory=tuple)
    files: Sequence[dict[str, Any]] = field(default_factory=tuple)
    stored: bool = False
    """Its files are in an object storage, and not in the folder any more."""

    not_stored: str | None = None
    """Why they are not there yet, though it was tried; for people to read."""

    overdue: int = 0
    """How often the making of its files was broken off, since it took too long."""

    @property
    def state(self) -> RecordingState:
        """What everybody in the room may know."""
        return RecordingState(self.id, self.status, self.started_at, self.started_by, self.reason)

    def save(self, folder: Path) -> None:
        """Write it into the folder of the recording, so that a crash leaves either this or what was there before.

        Raises:
            OSError: it cannot be written.
        """
        with whole(folder / ABOUT) as file:
            file.write(json.dumps(asdict(self)).encode())


def load(folder: Path) -> About | None:
    """What is known of the recording in a folder; ``None`` if that is none."""
    try:
        about = from_json((folder / ABOUT).read_bytes())
    except OSError:
        return None
    return about if about is not None and about.id == folder.name else None


def from_json(text: bytes) -> About | None:
    """What is known of a recording, as it is written down; ``None`` if that makes no sense."""
    try:
        known = json.loads(text)
        about = About(**{one.name: known[one.name] for one in fields(About) if one.name in known})
        return about if _makes_sense(about) else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _makes_sense(about: About) -> bool:
    """Whether all that was read of a recording is of its kind: a disk, or a person, may have changed any of it."""
    return (
        about.status in get_args(RecordingStatus)
        and all(isinstance(one, str) for one in (about.id, about.room))
        and all(
            _is_number(one) for one in (about.started_at, about.room_since, about.seconds, about.bytes, about.overdue)
        )
        and (about.ended_at is None or _is_number(about.ended_at))
        and all(one is None or isinstance(one, str) for one in (about.started_by, about.reason, about.not_stored))
        and all(isinstance(one, bool) for one in (about.people, about.mix, about.guarded, about.stored))
        and all(isinstance(some, list | tuple) for some in (about.tracks, about.files))
        and all(isinstance(one, dict) for one in (*about.tracks, *about.files))
        and all(one.get("name") in TYPES and _is_number(one.get("bytes")) for one in about.files)
        and all(one.get("type") == TYPES[one["name"]] for one in about.files)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file for its owner alone. It gets its name, in place of what had it, when all of it is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    with open(part, "wb", opener=_private) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    part.replace(path)


def _private(path: str, flags: int) -> int:
    """Opens a file for its owner alone: what was said is nobody else's."""
    return os.open(path, flags, 0o600)
