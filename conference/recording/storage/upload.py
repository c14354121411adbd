"""Puts a finished recording into an object storage, and ends when it is there whole.

    python -m conference.recording.storage.upload FOLDER s3://BUCKET/PREFIX [ENDPOINT]

It runs in a process of its own, at the lowest priority, so that no conference waits for it. If it is broken off, it
goes on with the first file that is not there yet. What is known of the recording comes last: whoever looks into the
storage sees a recording whole or not at all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from conference.recording.about import load
from conference.recording.storage.address import read_address
from conference.recording.storage.objects import NoSuchObject, ObjectStorage, StorageError

OK, FAILED = 0, 3
"""Exit statuses: it is there; it is not, for a reason that stands in the last line of the standard error."""


def upload(folder: Path, storage: ObjectStorage) -> None:
    """Put the recording in a folder into a storage.

    Raises:
        StorageError: it is not there.
        OSError: it cannot be read.
    """
    about = load(folder)
    if about is None:
        try:
            storage.about(folder.name)  # another server, which shares the folder, was faster
        except NoSuchObject:
            raise FileNotFoundError(2, os.strerror(2), str(folder)) from None
        return
    if about.status != "ready":
        raise StorageError("Its files are not made yet.")
    for one in about.files:
        storage.put_file(about.id, folder / str(one["name"]), str(one["type"]))
    storage.put_about(about)


def main(arguments: list[str]) -> int:
    """Upload; what went wrong stands in the last line of the standard error."""
    os.nice(19)
    folder, address, *endpoint = arguments
    try:
        upload(Path(folder), ObjectStorage(read_address(address), *endpoint))
    except StorageError as error:
        print(*filter(None, (error.detail, str(error))), sep="\n", file=sys.stderr)  # noqa: T201
        return FAILED
    except OSError as error:
        print(f"Its files could not be read: {(error.strerror or str(error)).lower()}.", file=sys.stderr)  # noqa: T201
        return FAILED
    return OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
