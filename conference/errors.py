"""What all errors of this project have in common that somebody outside of it may meet."""

from __future__ import annotations


class ConferenceError(Exception):
    """Something that was asked for cannot be had. The text is a sentence for people, and says why."""


class ConnectionClosed(ConferenceError):
    """A connection is closed, and cannot be used any more."""
