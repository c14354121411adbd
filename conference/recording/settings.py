"""What can be set about recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conference.options.declaration import choice, seconds, switch, value, whole
from conference.options.groups import RECORDINGS
from conference.options.readers import read_folder

MODES = ("off", "manual", "always")


@dataclass(frozen=True)
class RecordingSettings:
    """Where recordings go, what begins them, and how large, long and old they may be."""

    recordings: Path | None = value(
        None, RECORDINGS, "keep recordings here; without it, nothing is ever recorded", "FOLDER", read_folder
    )
    record: str = choice(
        "manual", RECORDINGS, "off: no more is recorded, and what is there can still be had; manual: whoever has the "
        "right to record begins and ends it; always: every room, from its beginning", MODES, "WHEN",
    )  # fmt: skip
    record_unheard: bool = switch(
        False, RECORDINGS, "keep in a person's own track what nobody could hear, too: said while muted, on hold, in "
        "the lobby, or whispered",
    )  # fmt: skip
    recording_max_bytes: int = whole(
        512 * 1024 * 1024, RECORDINGS, "size of what is written of one recording while it goes on",
        (64 * 1024, 2**36), metavar="BYTES", beyond="the recording ends; the conference goes on",
    )  # fmt: skip
    recording_max_seconds: float = seconds(
        6 * 3600.0, RECORDINGS, "length of one recording, its pauses included", (1, 172_800),
        beyond="the recording ends; the conference goes on",
    )  # fmt: skip
    recording_max_waiting: int = whole(
        16 * 1024 * 1024, RECORDINGS, "what may wait in memory for a slow disk, of one recording",
        (64 * 1024, 2**32), metavar="BYTES", beyond="the recording ends; the conference goes on",
    )  # fmt: skip
    recording_keep_days: int = whole(
        0, RECORDINGS, "days for which a recording is kept after it ended; 0: until somebody deletes it", (0, 36_500),
        metavar="DAYS", beyond="it is deleted",
    )  # fmt: skip
