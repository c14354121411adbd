"""What an engine has to be: something that makes a recogniser for each utterance.

An *utterance* is what one person says without a longer pause. An engine of one's own is whatever can be called without
arguments and returns a `Recognizer`: `--captions python:MODULE:NAME` names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from conference.audio.frame import Samples

RATE: Final = 16_000
"""Samples per second of what engines are given."""

_MAX_SECONDS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Heard:
    """Some words of an utterance."""

    text: str
    final: bool
    """It stays as it is, and what comes next are other words. Else it takes the place of what was heard since."""

    begins_s: float | None = None
    ends_s: float | None = None
    """When the words were said, in seconds from the beginning of the utterance; ``None`` if that is not known."""


def read_seconds(value: object) -> float | None:
    """When words were said, as another process or a server tells it; ``None`` if it makes no sense."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if 0 <= value < _MAX_SECONDS else None


class Recognizer(Protocol):
    """Recognises one utterance. Both methods may take their time, and may raise: then the utterance is over."""

    def hear(self, samples: Samples) -> Sequence[Heard]:
        """Take what was said next: shape ``(n,)``, int16, 16 kHz. Returns what is understood now.

        An engine that is slow is given more at once: what would have been partial in between is never asked for.
        """
        ...

    def end(self) -> Sequence[Heard]:
        """Nothing more is said. Returns what is understood for good, and was not returned as such before."""
        ...


Engine: TypeAlias = Callable[[], Recognizer]
"""Makes a recogniser for an utterance. Called by several threads."""


class EngineError(Exception):
    """An engine cannot be had; the text is a sentence for people."""
