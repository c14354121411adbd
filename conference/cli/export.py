"""``conference export``: a recording as WAV files, one for each person and one of the mix."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from conference.capture.records import CaptureError
from conference.options.option import PREFIX
from conference.recording.journal_format import JournalError
from conference.recording.wav_export import ExportError, export_wav

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

VARIABLE = f"{PREFIX}RECORDINGS"

DESCRIPTION = """\
Make WAV files of a recording: one for each person and one of the mix, all of one length, 48 kHz, 16 bits.

It reads the folder in which the server keeps its recordings, and works on recordings that a crash cut short, too.
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
        "--recordings", metavar="FOLDER", type=Path, default=os.environ.get(VARIABLE),
        help=f"where the server keeps its recordings (default: ${VARIABLE})",
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
        for path in export_wav(folder, args.wav):
            print(path)
    except (ExportError, JournalError, CaptureError) as error:
        print(f"conference export: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"conference export: {error.filename or folder}: {(error.strerror or str(error)).lower()}.", file=sys.stderr
        )
        return 1
    return 0
