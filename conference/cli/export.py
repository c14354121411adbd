"""``conference export``: a recording as WAV files, one for each person and one of the mix."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from conference.capture.records import CaptureError
from conference.options.option import PREFIX
from conference.recording.about import ABOUT, MKA
from conference.recording.journal_format import JournalError
from conference.recording.storage.address import SCHEME, read_address, read_endpoint
from conference.recording.storage.objects import NoSuchObject, ObjectStorage, StorageError
from conference.recording.wav_export import ExportError, export_wav

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

VARIABLE, SPOOL, ENDPOINT = (f"{PREFIX}RECORDING{one}" for one in ("S", "_SPOOL", "_ENDPOINT"))

DESCRIPTION = """\
Make WAV files of a recording: one for each person and one of the mix, all of one length, 48 kHz, 16 bits.

It reads the folder or the object storage in which the server keeps its recordings, and works on recordings that a crash
cut short, too. Of an object storage it takes credentials from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "export",
        help="make WAV files of a recording",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("id", metavar="ID", help="of the recording, as conference recordings lists it")
    parser.add_argument("--wav", metavar="FOLDER", type=Path, required=True, help="where the files go; made if need be")
    parser.add_argument(
        "--recordings", metavar="PLACE", default=os.environ.get(VARIABLE),
        help=f"where the server keeps its recordings: a folder, or s3://BUCKET/PREFIX (default: ${VARIABLE})",
    )  # fmt: skip
    parser.add_argument(
        "--recording-spool", metavar="FOLDER", type=Path, default=os.environ.get(SPOOL),
        help=f"where those are that are not in the object storage yet (default: ${SPOOL})",
    )  # fmt: skip
    parser.add_argument(
        "--recording-endpoint", metavar="URL", default=os.environ.get(ENDPOINT),
        help=f"address of the object storage, where it is not Amazon's (default: ${ENDPOINT})",
    )  # fmt: skip
    parser.set_defaults(complain=parser.error)


def run(args: argparse.Namespace) -> int:
    """Export; 0, or 1 with a sentence on standard error."""
    if args.recordings is None:
        args.complain(f"say where the recordings are: --recordings FOLDER, or ${VARIABLE}")
    if Path(args.id).name != args.id:
        args.complain("ID is that of a recording, and no path")
    folder = Path(args.recordings) / args.id
    try:
        args.wav.mkdir(parents=True, exist_ok=True)
        with ExitStack() as held:
            if args.recordings.startswith(SCHEME):
                folder = _fetched(args, _storage(args), held)
            for path in export_wav(folder, args.wav):
                print(path)
    except StorageError as error:
        print(f"conference export: {error} {error.detail}".rstrip(), file=sys.stderr)
        return 1
    except (ExportError, JournalError, CaptureError) as error:
        print(f"conference export: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"conference export: {error.filename or folder}: {(error.strerror or str(error)).lower()}.", file=sys.stderr
        )
        return 1
    return 0


def _storage(args: argparse.Namespace) -> ObjectStorage:
    """The object storage that is named; if that makes no sense, the program ends with a sentence.

    Raises:
        StorageError: it cannot be used.
    """
    try:
        endpoint = None if args.recording_endpoint is None else read_endpoint(args.recording_endpoint)
        address = read_address(args.recordings)
    except ValueError as error:
        args.complain(str(error))
        raise
    return ObjectStorage(address, endpoint)


def _fetched(args: argparse.Namespace, storage: ObjectStorage, held: ExitStack) -> Path:
    """The folder of a recording that is in an object storage, or on its way there.

    Raises:
        StorageError: it is not there, or cannot be had.
        OSError: it cannot be written.
    """
    recording_id = str(args.id)
    waiting = None if args.recording_spool is None else Path(args.recording_spool) / recording_id
    if waiting is not None and waiting.is_dir():
        return waiting
    folder = Path(held.enter_context(TemporaryDirectory(prefix="conference-export-"))) / recording_id
    folder.mkdir()
    try:
        storage.fetch(recording_id, ABOUT, folder)
    except NoSuchObject:
        raise StorageError(f"There is no recording {recording_id} in {storage.address}.") from None
    with suppress(NoSuchObject):  # there is nothing left of it, which will be said
        storage.fetch(recording_id, MKA, folder)
    return folder
