"""What can go wrong for a program that uses `import conference`. Every text is a sentence for people.

ConferenceError
├── ArgumentError: something that was given can never be right: a name, a role, a number
├── SettingsError: a keyword of `Server` is out of its range, or contradicts another
├── StartError: an address, a port or a library that a server needs cannot be had
├── InvalidRoomName, TooManyRooms, RoomFull, RoomLocked: a room does not take somebody
├── JoinError: a room of another server cannot be joined; CallError: a call cannot be placed
├── ApiError: a server does not do what it was asked
├── ConnectionClosed: a peer connection that is closed cannot be in a room
├── ConnectionLost: a connection is lost, and there was no way back
├── NoSuchParticipant: nobody of that id is in the room
├── BufferFull: more was pushed than may wait
└── SamplesError: what was pushed is no sound as it is asked for
"""

from __future__ import annotations

from conference.errors import ConferenceError


class ArgumentError(ConferenceError, ValueError):
    """Something that was given can never be right, whatever the server and the room are like."""

    __module__ = "conference"


class ConnectionLost(ConferenceError):
    """A connection was lost, and there was no way back into the seat."""

    __module__ = "conference"


class NoSuchParticipant(ConferenceError, KeyError):
    """Nobody of that id is in the room."""

    __module__ = "conference"

    __str__ = Exception.__str__  # KeyError's would quote the sentence


class BufferFull(ConferenceError):
    """More was pushed than may wait to be said."""

    __module__ = "conference"


class SamplesError(ConferenceError, ValueError):
    """What was pushed is not an array of int16 of shape ``(n,)``."""

    __module__ = "conference"
