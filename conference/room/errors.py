"""Why a room refuses. Each message is a sentence for the person who asked.

ConferenceError
├── InvalidRoomName
├── TooManyRooms
├── RoomFull
└── RoomLocked
"""

from __future__ import annotations

from conference.errors import ConferenceError


class InvalidRoomName(ConferenceError, ValueError):
    """The name is not 1 to 64 characters of ``A-Z a-z 0-9 . _ -``."""

    __module__ = "conference"


class TooManyRooms(ConferenceError):
    """The server holds as many rooms as it may."""

    __module__ = "conference"


class RoomFull(ConferenceError):
    """The room holds as many participants as it may."""

    __module__ = "conference"


class RoomLocked(ConferenceError):
    """A host has locked the room."""

    __module__ = "conference"
