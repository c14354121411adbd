"""What a running command shows: one live line on a terminal, plain lines elsewhere, a summary at the end."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TextIO

import numpy as np

from conference.audio.frame import SILENT_LEVEL, Samples

BAR_CELLS: Final = 10
"""Width of a level bar."""

BAR_FLOOR: Final = -60.0
"""The level in dB at which a bar is empty; it is full at 0."""

LIVE_INTERVAL: Final = 0.1
"""Seconds between two looks of the live line: faster than that nobody reads."""

PLAIN_INTERVAL: Final = 5.0
"""Seconds between two lines where there is no terminal, as in a log."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A running call at one moment. What is ``None`` isn't shown."""

    elapsed_s: float
    """Seconds since the call was connected."""

    remaining_s: float | None = None
    """Seconds until it ends by itself."""

    level_in: float | None = None
    """Loudness of what is heard, in dB below full scale (a square wave of full scale is 0)."""

    level_out: float | None = None
    """Loudness of what is sent, in the same unit."""

    packets_in: int = 0
    packets_out: int = 0

    lost: int | None = None
    """Packets that should have come in and did not."""

    buffered_ms: float | None = None
    """Sound that has arrived and waits to be played, in milliseconds."""


class Meter:
    """Loudness since it was last read: RMS in dB, where 0 is a square wave of full scale (dBov)."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._count = 0

    def add(self, samples: Samples) -> None:
        """Take PCM into account: int16, any rate, shape ``(n,)``."""
        wide = samples.astype(np.float64)
        self._energy += float(np.dot(wide, wide))
        self._count += samples.size

    def read(self) -> float:
        """The level since the last call in dB, -127 (silence) to 0; starts anew."""
        mean = self._energy / self._count if self._count else 0.0
        self._energy, self._count = 0.0, 0
        if mean <= 0.0:
            return SILENT_LEVEL
        return max(SILENT_LEVEL, min(0.0, 10.0 * math.log10(mean / 32768.0**2)))


class Progress:
    """Writes the live line, or a plain one now and then where there is no terminal.

    Args:
        stream: where to; standard error unless given, so that standard output stays free for data.
        live: a line that rewrites itself; ``None`` asks the stream whether it is a terminal.
    """

    def __init__(self, stream: TextIO | None = None, *, live: bool | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._live = _is_terminal(self._stream) if live is None else live
        self._blocks = _can_write(self._stream, "█▌━")
        self._next = 0.0
        self._open = False

    def due(self, elapsed_s: float) -> bool:
        """Whether :meth:`update` would write anything by now; spares making a snapshot in vain."""
        return elapsed_s >= self._next

    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot, unless one was shown just before."""
        if not self.due(snapshot.elapsed_s):
            return
        self._next = snapshot.elapsed_s + (LIVE_INTERVAL if self._live else PLAIN_INTERVAL)
        if not self._live:
            self._write(plain_line(snapshot) + "\n")
            return
        columns = shutil.get_terminal_size().columns
        self._write("\r" + live_line(snapshot, columns=columns, blocks=self._blocks) + "\x1b[K")
        self._open = True

    def note(self, sentence: str) -> None:
        """Print a sentence that stays, above the live line."""
        self._write(("\r\x1b[K" if self._open else "") + sentence + "\n")
        self._open = False

    def finish(self, rows: Sequence[tuple[str, str]]) -> None:
        """End the live line and print the summary."""
        self._write(("\n" if self._open else "") + summary(rows) + "\n")
        self._open = False

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):  # the reader of a pipe has gone: the call itself goes on
            pass


def live_line(snapshot: Snapshot, *, columns: int = 80, blocks: bool = True) -> str:
    """One line, at most ``columns - 1`` wide so that no terminal wraps it: in a narrow one the bars are shorter.

    Args:
        snapshot: what to show.
        columns: width of the terminal.
        blocks: the terminal can show block characters; else bars are of ``#``.
    """
    room = max(columns - 1, 1)
    line = ""
    for cells, buffered in ((BAR_CELLS, True), (BAR_CELLS, False), (6, False), (4, False), (0, False)):
        line = _live_line(snapshot, cells, buffered=buffered, blocks=blocks)
        if len(line) <= room:
            break
    return line[:room]


def _live_line(snapshot: Snapshot, cells: int, *, buffered: bool, blocks: bool) -> str:
    time = clock(snapshot.elapsed_s)
    if snapshot.remaining_s is not None:
        time += f", {clock(snapshot.remaining_s)} left"
    parts = [time]
    for name, level in (("in", snapshot.level_in), ("out", snapshot.level_out)):
        if level is not None:
            meter = [bar(level, cells=cells, blocks=blocks)] if cells else []
            parts.append(" ".join([name, *meter, f"{decibels(level):>3}"]))
    parts.append(_packets(snapshot, buffered=buffered, short=cells < BAR_CELLS))
    return "  ".join(parts)


def plain_line(snapshot: Snapshot) -> str:
    """The same for a log: no bars, units spelt out."""
    parts = [f"{clock(snapshot.elapsed_s)} elapsed"]
    for name, level in (("in", snapshot.level_in), ("out", snapshot.level_out)):
        if level is not None:
            parts.append(f"level {name} {decibels(level)} dB")
    parts.append(_packets(snapshot))
    if snapshot.remaining_s is not None:
        parts.append(f"{clock(snapshot.remaining_s)} left")
    return ", ".join(parts)


def bar(level: float, *, cells: int = BAR_CELLS, blocks: bool = True) -> str:
    """A level as a bar of exactly ``cells`` characters: empty at :data:`BAR_FLOOR`, full at 0 dB."""
    share = min(1.0, max(0.0, 1.0 - level / BAR_FLOOR)) if not math.isnan(level) else 0.0
    halves = round(share * cells * 2)
    if not blocks:
        return ("#" * (halves // 2)).ljust(cells, ".")
    return ("█" * (halves // 2) + "▌" * (halves % 2)).ljust(cells, "·")


def decibels(level: float) -> str:
    """A level in whole dB, or a dash for silence."""
    return "-" if math.isnan(level) or level <= SILENT_LEVEL else f"{round(level)}"


def clock(seconds: float) -> str:
    """Seconds as ``m:ss`` or ``h:mm:ss``."""
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def percent(part: int, whole: int) -> str:
    """``part`` as a share of ``whole``, e.g. ``1.5 %``."""
    return f"{100.0 * part / whole:.1f} %" if whole > 0 else "0.0 %"


def summary(rows: Sequence[tuple[str, str]]) -> str:
    """A table of two columns: names on the left, values on the right."""
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {value}".rstrip() for name, value in rows)


def _packets(snapshot: Snapshot, *, buffered: bool = True, short: bool = False) -> str:
    text = f"packets {snapshot.packets_in} in {snapshot.packets_out} out"
    if short:
        text = f"packets {snapshot.packets_in}/{snapshot.packets_out}"
    if snapshot.lost is not None:
        text += f"  loss {percent(snapshot.lost, snapshot.packets_in + snapshot.lost)}"
    if buffered and snapshot.buffered_ms is not None:
        text += f"  buffered {snapshot.buffered_ms:.0f} ms"
    return text


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # a closed stream
        return False


def _can_write(stream: TextIO, text: str) -> bool:
    try:
        text.encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError, AttributeError):
        return False
    return True
