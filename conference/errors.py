"""What all errors of this project have in common that somebody outside of it may meet.

Those that ``import conference`` offers are of the module ``conference``: a traceback names them as a program does that
catches them.
"""

from __future__ import annotations


class ConferenceError(Exception):
    """Something that was asked for cannot be had. The text is a sentence for people, and says why."""

    __module__ = "conference"


class ConnectionClosed(ConferenceError):
    """A connection is closed, and cannot be used any more."""

    __module__ = "conference"
