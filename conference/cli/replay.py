"""``conference replay``: run a captured room again, and say whether it sounds as it did."""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.capture.format import read_capture
from conference.capture.listeners import RecordedListener
from conference.capture.records import CaptureError, Record
from conference.capture.replay import Replay
from conference.capture.versions import versions
from conference.cli.media import open_recorder
from conference.prompts.decode import MediaError
from conference.room.participant import Mix

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Run a captured room again: the same code, the same packets at the same times, without sockets and without waiting.

  conference serve --capture captures
  conference replay captures/20260101T120000Z-1-lobby.capture --listener Amy --record amy.wav

It says for each participant what they heard, as SHA-256 of the samples and of the encoded packets, when they spoke, and
what came of their packets; and whether all of it is, bit for bit, what was heard when it happened.
"""

EPILOG = """\
The exit status is 0 if all is identical, 1 if something differs, or if the file cannot be read.
"""

_TICK_SECONDS = FRAME_SAMPLES / SAMPLE_RATE


class _CannotReplay(Exception):
    """There is nothing to replay, or it is not clear whose ear to record; the text is a sentence for people."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "replay",
        help="run a captured room again: what did people hear?",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", help="a capture, from conference serve --capture")
    parser.add_argument("--record", metavar="FILE", help="where to put what a listener heard: .wav, .ogg or .opus")
    parser.add_argument("--listener", metavar="WHO", help="whose ear to record, by id or by name")
    return parser


def run(args: argparse.Namespace) -> int:
    """Replay a capture and say what was heard.

    Returns:
        0 if it is what was heard live, else 1.
    """
    logging.basicConfig(format="%(levelname)s %(message)s")
    try:
        if args.listener is not None and args.record is None:
            raise _CannotReplay("--listener says whose ear to record: give --record, too.")
        with Path(args.file).open("rb") as file:
            who = _find_listener(args.listener, args.file) if args.record else None
            replay, damage = _replay(read_capture(file), args.record, who)
        if not replay.about:
            raise _CannotReplay(damage or f"{args.file} breaks off before anything was captured.")
    except (CaptureError, MediaError, _CannotReplay) as error:
        print(f"conference replay: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"conference replay: {args.file} cannot be read: {error.strerror}.", file=sys.stderr)
        return 1
    print("\n".join(report(replay, damage)))
    return 0 if replay.identical and damage is None else 1


def _replay(records: Iterator[Record], record: str | None, who: str | None) -> tuple[Replay, str | None]:
    """Run it, and record one listener. Returns the replay, and what is wrong with the file, if anything."""
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(open_recorder(record)) if record is not None else None

        def on_mix(listener: str, mix: Mix) -> None:
            if recorder is not None and listener == who:
                recorder.write(mix.samples)

        def on_forwarded(listener: str, frame: Samples) -> None:
            if recorder is not None and listener == who:
                recorder.write(frame)

        replay = Replay(on_mix, on_forwarded)
        try:
            replay.run(records)
        except CaptureError as error:
            return replay, str(error)
        return replay, None


def _find_listener(wanted: str | None, path: str) -> str:
    """The id of the listener that is meant: a first replay tells who there is."""
    with Path(path).open("rb") as file:
        replay, _ = _replay(read_capture(file), None, None)
    listeners = [one for one in replay.listeners.values() if one.listens]
    there = ", ".join(f"{one.name} ({one.id})" for one in listeners)
    matching = [one for one in listeners if wanted in (None, one.id, one.name)]
    if not listeners:
        raise _CannotReplay("Nobody listens in this capture.")
    if not matching:
        raise _CannotReplay(f"Nobody called {wanted} listens in this capture; there is {there}.")
    if len(matching) > 1:
        raise _CannotReplay(f"Say with --listener whose ear to record: {there}.")
    return matching[0].id


def report(replay: Replay, damage: str | None = None) -> list[str]:
    """The lines that tell a person how a replay went.

    Args:
        replay: which has been run.
        damage: what is wrong with the file.
    """
    lines = [_headline(replay)]
    for one in replay.listeners.values():
        lines += ["", *_person(replay, one)]
    lines.append("")
    if damage is not None:
        lines.append(f"{damage} What stands before was replayed.")
    elif replay.ended is None:
        lines.append("The capture breaks off: the server did not end it.")
    elif replay.ended:
        lines.append(f"End of the capture: {replay.ended}")
    return [*lines, *_verdict(replay)]


def _headline(replay: Replay) -> str:
    created_at = replay.about.get("created_at", 0)
    began = ""
    with contextlib.suppress(ValueError, OverflowError, OSError, TypeError):
        began = f", {datetime.fromtimestamp(created_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    return f"Room {replay.about.get('room')}{began}: {_seconds(replay.ticks)} in {replay.ticks} ticks"


def _person(replay: Replay, one: RecordedListener) -> Iterator[str]:
    yield f"{one.name}  ({one.transport}, {one.id})"
    if one.listens:
        differs = "   DIFFERS" if one.id in replay.differing else ""
        yield f"  heard    {_seconds(one.ticks)}{differs}"
        yield f"  samples  sha256 {one.sound.hexdigest()}"
        forwarded = f", {one.forwarded} of them as somebody sent them" if one.forwarded else ""
        yield f"  packets  sha256 {one.packets.hexdigest()} ({one.sent}{forwarded})"
    if one.spurts:
        start = replay.first_tick or 0
        spoken = sum((replay.last_tick if it.end_tick is None else it.end_tick) - it.start_tick for it in one.spurts)
        times = ", ".join(f"{(it.start_tick - start) * _TICK_SECONDS:.2f}" for it in one.spurts[:8])
        more = ", ..." if len(one.spurts) > 8 else ""
        yield f"  spoke    {_seconds(spoken)} in {len(one.spurts)} spurts, from {times}{more} s"
    counts = ", ".join(f"{name.replace('_', ' ')} {number}" for name, number in one.counts.items() if number)
    if counts:
        yield f"  source   {counts}"


def _verdict(replay: Replay) -> Iterator[str]:
    if replay.identical:
        yield f"identical: in all {replay.ticks} ticks everybody heard, bit for bit, what they heard live"
        return
    start = replay.first_tick or 0
    for one in replay.differences:
        what = "the samples" if one.what == "sound" else "the encoded packets"
        yield f"DIFFERS: {what}, first in tick {one.tick} ({(one.tick - start) * _TICK_SECONDS:.2f} s)"
    if not replay.differences:
        yield "DIFFERS: somebody heard another mix than they heard live"
    captured, here = replay.about.get("versions"), versions()
    if isinstance(captured, dict):
        for name, version in here.items():
            if captured.get(name) != version:
                yield f"  captured with {name} {captured.get(name)}, replayed with {version}"


def _seconds(ticks: int) -> str:
    return f"{ticks * _TICK_SECONDS:.2f} s"
