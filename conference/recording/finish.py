"""Makes the files of a recording from its journal: at its end, or when a server starts after a crash.

    python -m conference.recording.finish FOLDER

It runs in a process of its own, at the lowest priority, so that no conference waits for it. If it is broken off, it
begins anew the next time: the journal goes last.
"""

from __future__ import annotations

import heapq
import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.capture.format import decode
from conference.capture.records import CaptureError
from conference.recording.about import CAPTIONS, EVENTS, JOURNAL, MIX, MKA, TRANSCRIPT, TYPES, About, load, whole
from conference.recording.journal_format import EVENTS as EVENT_LINES
from conference.recording.journal_format import JournalError, lock, read_blocks
from conference.recording.legs import Leg, Legs, segments_of
from conference.recording.matroska import MatroskaTrack, write_matroska
from conference.recording.mixdown import MixEncoder, mix_frames
from conference.recording.ogg import write_opus
from conference.recording.subtitles import cues_of, transcript, web_vtt

CUT_SHORT = "The server was stopped, or crashed, while it went on."
MIX_TRACK = "Mix"

OK, FAILED, BUSY = 0, 3, 4
"""Exit statuses: the files are made; they could not be written; the recording goes on, in another process."""


class GoesOn(Exception):
    """Another process is writing the recording, or making its files."""


@dataclass(slots=True)
class Content:
    """What a journal holds, in its place on the timeline."""

    legs: list[Leg]
    mix: list[bytes]
    """Packets of 20 ms, from the beginning on, without a gap."""

    events: list[dict[str, Any]]
    duration_ns: int


def read(path: Path, *, mix: bool = True) -> Content:
    """Read a journal, as far as it goes.

    Args:
        path: of the journal.
        mix: whether to make the mix, which takes most of the work.

    Raises:
        JournalError, CaptureError: it is damaged in a way that no crash makes.
        OSError: it cannot be read.
    """
    records, events = bytearray(), []
    with path.open("rb") as file:
        for kind, block in read_blocks(file):
            if kind == EVENT_LINES:
                events += [json.loads(line) for line in block.splitlines()]
            else:
                records += block
    segments = segments_of(decode([bytes(records)]), _ends(events))
    legs, encoder = Legs(), MixEncoder()
    duration_ns = round(max((float(one["t"]) for one in events), default=0.0) * 1e9)
    for segment in segments:
        earlier = legs.add(segment)
        duration_ns = max(duration_ns, segment.to_ns)
        if mix:
            for number, frame in mix_frames(segment, earlier):
                encoder.add(number, frame)
    if mix:
        encoder.pad(duration_ns // TICK_NS)
    return Content(legs.all, encoder.packets, events, duration_ns)


def _ends(events: list[dict[str, Any]]) -> list[int]:
    """When each segment ended: as it was paused, or stopped."""
    ends, going_on = [], False
    for one in events:
        if one["event"] in ("recording.started", "recording.resumed"):
            going_on = True
        elif one["event"] in ("recording.paused", "recording.stopped") and going_on:
            ends.append(round(one["t"] * 1e9))
            going_on = False
    return ends


def finish(folder: Path) -> About:
    """Make the files of the recording in a folder.

    Returns:
        What is known of it now: it is ready, or has failed if there is nothing that files could be made of.

    Raises:
        GoesOn: it is not over yet.
        OSError: something cannot be read or written.
        ValueError: there is no recording in the folder.
    """
    with ExitStack() as held:
        if (folder / JOURNAL).exists() and not lock(held.enter_context((folder / JOURNAL).open("rb")).fileno()):
            raise GoesOn
        return _finish(folder)


def _finish(folder: Path) -> About:
    about = load(folder)
    if about is None:
        raise ValueError(f"There is no recording in {folder}.")
    if about.status == "ready":
        (folder / JOURNAL).unlink(missing_ok=True)
        return about
    try:
        content = read(folder / JOURNAL, mix=about.mix)
    except FileNotFoundError:
        return _failed(folder, about, "Nothing of it was written.")
    except (JournalError, CaptureError) as error:
        return _failed(folder, about, str(error))
    write_files(folder, about, content)
    about.status = "ready"
    about.seconds = round(content.duration_ns / 1e9, 3)
    about.ended_at = about.started_at + about.seconds
    about.reason = about.reason or CUT_SHORT
    about.tracks = [_describe(about, leg) for leg in content.legs]
    about.files = [
        {"name": name, "type": kind, "bytes": (folder / name).stat().st_size}
        for name, kind in TYPES.items()
        if (folder / name).exists()
    ]
    about.bytes = sum(one["bytes"] for one in about.files)
    about.save(folder)
    (folder / JOURNAL).unlink()
    return about


def _failed(folder: Path, about: About, reason: str) -> About:
    about.status, about.reason = "failed", reason
    about.ended_at = about.ended_at or about.started_at
    about.save(folder)
    return about


def write_files(folder: Path, about: About, content: Content) -> None:
    """Write the files of a recording into a folder, each whole or not at all.

    Raises:
        OSError: one cannot be written.
    """
    with whole(folder / MKA) as file:
        _write_mka(file, about, content)
    if about.mix:
        with whole(folder / MIX) as file:
            write_opus(file, content.mix, FRAME_SAMPLES, {"TITLE": about.room})
    with whole(folder / EVENTS) as file:
        for event in sorted(content.events, key=lambda one: float(one["t"])):
            file.write(json.dumps(event, ensure_ascii=False).encode() + b"\n")

    cues = cues_of(content.events)
    if cues:
        for name, text in ((CAPTIONS, web_vtt(cues)), (TRANSCRIPT, transcript(cues))):
            with whole(folder / name) as file:
                file.write(text.encode())


def _write_mka(file: BinaryIO, about: About, content: Content) -> None:
    tracks: list[MatroskaTrack] = []
    streams: list[Iterator[tuple[int, int, bytes]]] = []
    if about.mix:
        tracks.append(MatroskaTrack(MIX_TRACK, "opus"))
        streams.append(((number * TICK_NS, 0, packet) for number, packet in enumerate(content.mix)))
    if about.people:
        for leg in content.legs:
            streams.append(_blocks(leg, len(tracks)))
            tracks.append(MatroskaTrack(leg.name, leg.codec))
    write_matroska(file, tracks, heapq.merge(*streams, key=_at), about.room, content.duration_ns)


def _blocks(leg: Leg, track: int) -> Iterator[tuple[int, int, bytes]]:
    return ((at, track, payload) for at, _, payload in leg.packets)


def _at(block: tuple[int, int, bytes]) -> int:
    return block[0]


def _describe(about: About, leg: Leg) -> dict[str, Any]:
    begins, (last, length, _) = leg.packets[0][0], leg.packets[-1]
    return {
        "participant": leg.participant,
        "name": leg.name,
        "identity": leg.identity,
        "transport": leg.transport,
        "codec": leg.codec,
        "begins_at": round(about.started_at + begins / 1e9, 3),
        "seconds": round((last + length - begins) / 1e9, 3),
    }


def main(arguments: list[str]) -> int:
    """Finish the recording in a folder; what went wrong stands in the last line of the standard error."""
    os.nice(19)
    folder = Path(arguments[0])
    try:
        finish(folder)
    except GoesOn:
        return BUSY
    except OSError as error:
        print(f"Its files could not be written: {(error.strerror or str(error)).lower()}.", file=sys.stderr)  # noqa: T201
        return FAILED
    return OK


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
