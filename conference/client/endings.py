"""How a stay in a room ends: the same word and exit status for ``conference join`` and ``conference call``.

The word is what the command shows last. What the server's log of who did what says of the same end (``how=`` of
``conference.audit``) stands beside it in docs/interfaces.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Ending:
    """One way to end."""

    word: str
    status: int
    """The exit status."""

    sentence: str
    """What happened, without a capital at its beginning or a stop at its end."""

    comes_back: bool = False
    """Nobody wanted it: the command tries to come back."""

    def because(self, sentence: str) -> Ending:
        """The same, with what is known of it."""
        return replace(self, sentence=sentence.rstrip("."))

    def for_good(self) -> Ending:
        """The same, after which nothing more is tried."""
        return replace(self, comes_back=False)

    @property
    def told(self) -> str:
        """The sentence by itself, as people read it."""
        return f"{self.sentence[:1].upper()}{self.sentence[1:]}."

    def __str__(self) -> str:
        return f"{self.word}: {self.sentence}"


DONE: Final = Ending("done", 0, "the time was up")
STOPPED: Final = Ending("stopped", 0, "by Ctrl-C or SIGTERM")
REMOVED: Final = Ending("removed", 0, "a host removed us from the room")
ENDED: Final = Ending("ended", 0, "the conference is over")
SERVER_STOPPED: Final = Ending("server stopped", 0, "the server is being stopped", comes_back=True)
LOST: Final = Ending("lost", 1, "the connection was lost", comes_back=True)
REFUSED: Final = Ending("refused", 1, "the server does not take us")
