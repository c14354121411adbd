"""All dialects, by name, and which of them a stream speaks that is not understood."""

from __future__ import annotations

import json
from typing import Any

from conference.room.participant import StreamTransport
from conference.telephony.dialect import Dialect, Message
from conference.telephony.dialects.asterisk import ASTERISK
from conference.telephony.dialects.exotel import EXOTEL
from conference.telephony.dialects.freeswitch import FREESWITCH
from conference.telephony.dialects.jambonz import JAMBONZ
from conference.telephony.dialects.plivo import PLIVO
from conference.telephony.dialects.signalwire import SIGNALWIRE
from conference.telephony.dialects.telnyx import TELNYX
from conference.telephony.dialects.vonage import VONAGE
from conference.telephony.twilio.dialect import TWILIO

_ALL: tuple[Dialect, ...] = (TWILIO, TELNYX, SIGNALWIRE, PLIVO, EXOTEL, VONAGE, JAMBONZ, FREESWITCH, ASTERISK)

DIALECTS: dict[str, Dialect] = {one.name: one for one in _ALL}
"""By name."""

_LONGEST_GUESS = 65_536
"""Longer messages say nothing of their dialect."""


def stream_path(dialect: Dialect, room: str) -> str:
    """Where a stream of a dialect goes."""
    return f"/twilio/stream/{room}" if dialect is TWILIO else f"/media/{dialect.name}/{room}"


def guess_dialect(message: Message) -> Dialect | None:
    """The dialect of a stream, by a message with which one starts; ``None`` if that cannot be told."""
    if isinstance(message, bytes) or len(message) > _LONGEST_GUESS:
        return None
    if message.startswith("MEDIA_START "):
        return ASTERISK
    try:
        data = json.loads(message)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    name = _name(data)
    return None if name is None else DIALECTS[name]


def _name(data: dict[str, Any]) -> StreamTransport | None:
    match data.get("event"):
        case "start":
            told = data.get("start")
            return _by_start(data | told if isinstance(told, dict) else data)
        case "websocket:connected":
            return "vonage"
        case "MEDIA_START":
            return "asterisk"
        case None if "callSid" in data and "sampleRate" in data:
            return "jambonz"
    return None


def _by_start(start: dict[str, Any]) -> StreamTransport | None:
    if "stream_sid" in start:
        return "exotel"
    if "stream_id" in start:
        return "telnyx"
    if "streamId" in start:
        return "plivo"
    if "streamSid" not in start:
        return None
    media_format = start.get("mediaFormat")
    encoding = media_format.get("encoding") if isinstance(media_format, dict) else None
    return "signalwire" if isinstance(encoding, str) and "l16" in encoding.lower() else "twilio"
