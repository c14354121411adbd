"""What was said in a recording, in words: as WebVTT (https://www.w3.org/TR/webvtt1/), and as plain text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Cue:
    """Some words of one person, with times in seconds since the recording began."""

    begins: float
    ends: float
    name: str
    text: str


def cues_of(events: Iterable[dict[str, Any]]) -> list[Cue]:
    """The captions among the events of a recording, in the order in which they were said."""
    found = []
    for one in events:
        if one["event"] == "caption":
            data = one["data"]
            length = max(0.0, data["ends_at"] - data["begins_at"])
            found.append(Cue(one["t"], one["t"] + length, _line(data["name"]), _line(data["text"])))
    return sorted(found, key=lambda cue: cue.begins)


def web_vtt(cues: Iterable[Cue]) -> str:
    """As WebVTT, each cue with the voice that says it."""
    parts = ["WEBVTT\n"]
    for cue in cues:
        ends = max(cue.ends, cue.begins + 0.001)  # a cue without length is none
        parts.append(f"{_time(cue.begins)} --> {_time(ends)}\n<v {_escaped(cue.name)}>{_escaped(cue.text)}\n")
    return "\n".join(parts)


def transcript(cues: Iterable[Cue]) -> str:
    """As plain text: a line for each caption, with when it was said, and by whom."""
    return "".join(f"[{_time(cue.begins).partition('.')[0]}] {cue.name}: {cue.text}\n" for cue in cues)


def _line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}.{rest % 1000:03}"
