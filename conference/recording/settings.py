"""What can be set about recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from conference.options.declaration import choice, seconds, switch, value, whole
from conference.options.groups import RECORDINGS
from conference.options.readers import read_folder
from conference.recording.storage.address import ObjectAddress, read_endpoint, read_place

MODES = ("off", "manual", "always")


@dataclass(frozen=True)
class RecordingSettings:
    """Where recordings go, what begins them, and how large, long and old they may be."""

    recordings: Path | ObjectAddress | None = value(
        None, RECORDINGS, "keep recordings in this folder, or in an object storage, as s3://BUCKET/PREFIX; without it, "
        "nothing is ever recorded", "PLACE", read_place,
    )  # fmt: skip
    recording_spool: Path | None = value(
        None, RECORDINGS, "the folder in which recordings are until they are in the object storage", "FOLDER",
        read_folder,
    )  # fmt: skip
    recording_endpoint: str | None = value(
        None, RECORDINGS, "address of the object storage, where it is not Amazon's", "URL", read_endpoint
    )
    recording_upload_max_wait: float = seconds(
        300.0, RECORDINGS, "how long at most until what could not be put into the object storage is tried again",
        (1, 86_400),
    )  # fmt: skip
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
    recording_total_bytes: int = whole(
        64 * 1024**3, RECORDINGS, "size of all recordings together that are in the folder", (64 * 1024, 2**39),
        metavar="BYTES", beyond="those that go on end, and none begins; the conferences go on",
    )  # fmt: skip
    recording_max_seconds: float = seconds(
        6 * 3600.0, RECORDINGS, "length of one recording, its pauses included", (1, 172_800),
        beyond="the recording ends; the conference goes on",
    )  # fmt: skip
    recording_max_waiting: int = whole(
        16 * 1024 * 1024, RECORDINGS, "what may wait in memory for a slow disk, of one recording",
        (64 * 1024, 2**32), metavar="BYTES", beyond="the recording ends; the conference goes on",
    )  # fmt: skip
    recording_max_finish_seconds: float = seconds(
        6 * 3600.0, RECORDINGS, "how long it may take to make the files of one recording", (1, 604_800),
        beyond="it has failed; what was written is kept, and the next start tries once more",
    )  # fmt: skip
    recording_keep_days: int = whole(
        0, RECORDINGS, "days for which a recording is kept after it ended; 0: until somebody deletes it", (0, 36_500),
        metavar="DAYS", beyond="it is deleted",
    )  # fmt: skip

    @property
    def recording_folder(self) -> Path | None:
        """Where recordings are written, and their files are made."""
        return self.recording_spool if isinstance(self.recordings, ObjectAddress) else self.recordings
