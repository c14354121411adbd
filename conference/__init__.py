"""A conference server: browsers, phone callers and headless peers in a room, each hearing all the others.

The journey of a voice, and where to read about each step::

    webrtc.receive | telephony.leg  packets arrive, stamped with the time
    playout.receive_gate            which packets are worth reading; webrtc.receive.table drops the others
    playout.jitter                  reorder, wait just long enough: Packet | Lost | Silence
    codecs                          to 48 kHz mono int16 (FEC, else concealment)
    playout.player                  bring the delay down, cut to frames of 20 ms
    room.voice                      is anybody speaking? levelling, fades
    room.mixing.loudest             whom to mix, if too many speak at once
    audio.mix                       total of all; each talker's own taken out again
    audio.limiter                   after the subtraction, before int16
    room.mixing.encoders            once per distinct (mix, codec)
    webrtc.send | telephony.outlet  packets leave

`room.room.Room.tick` drives all of it, 50 times a second, synchronously; `engine.clock` says when.

What other programs may use of it is what stands in ``__all__`` here: see docs/python.md. All else is private, whatever
it is called, and may change with any version. What is named is imported when it is first used, so that ``import
conference`` takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conference.client.api import ApiError
    from conference.errors import ConferenceError, ConnectionClosed
    from conference.options.declaration import SettingsError
    from conference.public.attached import AttachedPeer
    from conference.public.bot import Bot
    from conference.public.call import Call, connect
    from conference.public.errors import ArgumentError, BufferFull, ConnectionLost, NoSuchParticipant, SamplesError
    from conference.public.events import Event
    from conference.public.line import Frame
    from conference.public.phone import PhoneCall, call
    from conference.public.room import Room
    from conference.public.server import Server
    from conference.room.errors import InvalidRoomName, RoomFull, RoomLocked, TooManyRooms
    from conference.room.participant import ParticipantState as Participant
    from conference.telephony.connecting import CallError
    from conference.web.http_server import StartError
    from conference.webrtc.client.whip import JoinError

__version__ = "0.1.0"

_PLACES = {
    "ApiError": "client.api",
    "ArgumentError": "public.errors",
    "AttachedPeer": "public.attached",
    "Bot": "public.bot",
    "BufferFull": "public.errors",
    "Call": "public.call",
    "CallError": "telephony.connecting",
    "ConferenceError": "errors",
    "ConnectionClosed": "errors",
    "ConnectionLost": "public.errors",
    "Event": "public.events",
    "Frame": "public.line",
    "InvalidRoomName": "room.errors",
    "JoinError": "webrtc.client.whip",
    "NoSuchParticipant": "public.errors",
    "Participant": "room.participant:ParticipantState",
    "PhoneCall": "public.phone",
    "Room": "public.room",
    "RoomFull": "room.errors",
    "RoomLocked": "room.errors",
    "SamplesError": "public.errors",
    "Server": "public.server",
    "SettingsError": "options.declaration",
    "StartError": "web.http_server",
    "TooManyRooms": "room.errors",
    "call": "public.phone",
    "connect": "public.call",
}
"""Where each public name comes from, and under which name, if that is another."""

__all__ = [
    "ApiError",
    "ArgumentError",
    "AttachedPeer",
    "Bot",
    "BufferFull",
    "Call",
    "CallError",
    "ConferenceError",
    "ConnectionClosed",
    "ConnectionLost",
    "Event",
    "Frame",
    "InvalidRoomName",
    "JoinError",
    "NoSuchParticipant",
    "Participant",
    "PhoneCall",
    "Room",
    "RoomFull",
    "RoomLocked",
    "SamplesError",
    "Server",
    "SettingsError",
    "StartError",
    "TooManyRooms",
    "call",
    "connect",
]


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module 'conference' has no attribute {name!r}")
    module, _, other = place.partition(":")
    found = globals()[name] = getattr(import_module(f"conference.{module}"), other or name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
