"""The limits and habits of a media WebSocket, each a setting."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conference.options.declaration import SettingsError, check, seconds, several, value, whole
from conference.options.groups import AUDIOSOCKET, DIALING, LIMITS, RECEIVED, TWILIO
from conference.options.readers import read_host_and_port
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.telephony.destinations import Destination, read_destination, read_number

LONGEST_MESSAGE = 1024 * 1024
"""Of a caller, in bytes: 98 s of sound."""

LONGEST_SERVER_MESSAGE = 64 << 20
"""Of a server, which may hand over all it has to say at once. Twilio keeps 10 minutes, which have 6.4 MB."""


@dataclass(frozen=True)
class LegSettings:
    """How a caller's leg behaves, and what it puts up with. Times are in milliseconds of sound."""

    buffer_ms: int = whole(
        40, TWILIO, "sound kept in hand against uneven arrival, of a caller who sends in real time",
        (0, 1000), metavar="MS", name="call-buffer-ms",
    )  # fmt: skip
    max_ahead_ms: int = whole(
        10_000, TWILIO, "sound kept of a caller who sends faster than real time",
        (100, 600_000), metavar="MS", name="max-call-ahead-ms", beyond="dropped",
    )  # fmt: skip
    max_behind_ms: int = whole(
        500, TWILIO, "surplus of sound after a caller's connection has stalled that is made up for little by little",
        (20, 60_000), metavar="MS", name="max-call-behind-ms", beyond="the oldest is dropped",
    )  # fmt: skip
    """The sound of that time comes at once. It is made up for in silence where there is any."""

    max_outgoing_ms: int = whole(
        1_000, TWILIO, "sound kept for a caller whose connection does not take it",
        (100, 60_000), metavar="MS", name="max-call-outgoing-ms", beyond="the oldest is dropped",
    )  # fmt: skip
    mark_every_ms: int = whole(
        1_000, TWILIO, "sound between two marks, whose echoes tell how much a caller has buffered; 0 for none",
        (0, 60_000), metavar="MS", name="call-mark-every-ms",
    )  # fmt: skip
    clear_above_ms: int = whole(
        1_500, TWILIO, "sound buffered at a caller's end, beyond what is usual for it, at which it is cleared; 0 for "
        "never", (0, 600_000), metavar="MS", name="call-clear-above-ms", beyond="cleared",
    )  # fmt: skip
    max_digits_per_second: int = whole(
        10, TWILIO, "keys that a caller may press over time; five seconds' worth may come at once",
        (1, 1000), name="max-call-keys-per-second", beyond="dropped",
    )  # fmt: skip
    """All are told of each."""

    max_malformed: int = whole(
        50, TWILIO, "messages of a caller outside of the protocol; one more is forgiven every second",
        (1, 1_000_000), name="max-call-malformed", beyond="close 1008",
    )  # fmt: skip
    max_name_length: int = whole(
        64, LIMITS, "characters in a person's name", (1, 1000), beyond="400; a caller's is cut"
    )  # fmt: skip


@dataclass(frozen=True)
class CallOptions:
    """What is read of a caller's connection, whatever it brings."""

    max_call_frames_per_second: int = whole(
        400, TWILIO, "WebSocket frames of any kind that are read of one caller; two seconds' worth may come at once",
        (60, 1_000_000), beyond="wait, unread",
    )  # fmt: skip
    max_call_bytes_per_second: int = whole(
        1_000_000, TWILIO, "bytes of any kind that are read of one caller; two seconds' worth may come at once",
        (20_000, 1_000_000_000), metavar="BYTES", beyond="wait, unread",
    )  # fmt: skip
    max_call_message_bytes: int = whole(
        LONGEST_MESSAGE, TWILIO, "size of a caller's message", (4096, LONGEST_MESSAGE), metavar="BYTES",
        beyond="close 1009",
    )  # fmt: skip
    """More than a minute of sound."""

    call_flood_timeout: float = seconds(
        30.0, TWILIO, "how long a caller may go on sending more than is read until the call is ended",
        (1, 3600), beyond="close 1008",
    )  # fmt: skip


def check_audiosocket_room(name: str) -> None:
    """Refuse what is no room's name.

    Raises:
        SettingsError: with what would be.
    """
    try:
        check_room_name(name)
    except InvalidRoomName as error:
        raise SettingsError(f"audiosocket-room: {error}.") from None


@dataclass(frozen=True)
class AudioSocketSettings:
    """Calls that Asterisk places on AudioSocket, which is plain TCP."""

    audiosocket: tuple[str, int] | None = value(
        None, AUDIOSOCKET, "take calls on Asterisk's AudioSocket at this address, e.g. 127.0.0.1:9092; port 0 takes a "
        "free one; it is not encrypted: for the same machine, or a network that you trust", "HOST:PORT",
        read_host_and_port,
    )  # fmt: skip
    audiosocket_room: str | None = value(
        None, AUDIOSOCKET, "the room of calls whose UUID was not announced, on the terms of callers without a token: "
        "with --secret, the room needs a PIN; without this option they are refused", "ROOM",
        check=check_audiosocket_room,
    )  # fmt: skip
    audiosocket_call_timeout: float = seconds(
        60.0, AUDIOSOCKET, "how long a call that was announced may take to come", (1, 86_400), beyond="hung up"
    )  # fmt: skip
    max_expected_calls: int = whole(
        1000, AUDIOSOCKET, "calls that were announced and have not come", (1, 1_000_000), beyond="503"
    )  # fmt: skip


@dataclass(frozen=True)
class DialSettings:
    """Whom rooms may call, and what is put up with from whoever was called."""

    dial_allow: tuple[Destination, ...] = several(
        DIALING, "a host, address or network that rooms may call: bot.example.org, *.example.org, 10.1.2.3:8765, "
        "10.0.0.0/8; * is all of the internet; what is not of the internet has to be named by its address; or a "
        "telephone number, +15551234567, or the beginning of numbers, +1555*; can be repeated; without any, nobody is "
        "called", "DESTINATION", "dial-allow", read_destination,
    )  # fmt: skip
    dial_timeout: float = seconds(
        30.0, DIALING, "how long whoever is called may take to answer", (1, 600), beyond="the call ends"
    )  # fmt: skip
    """Bots answer the handshake only once their model is up."""

    dial_reconnect_timeout: float = seconds(
        60.0, DIALING, "how long a bot whose connection is lost is called again, if that is asked for", (1, 3600),
        beyond="the call ends",
    )  # fmt: skip
    max_dialed_calls: int = whole(100, DIALING, "calls out at one time", (1, 100_000), beyond="503")
    max_dialed_calls_per_room: int = whole(10, DIALING, "calls out of one room", (1, 100_000), beyond="409")
    max_dialed_seconds: float = seconds(
        14_400.0, DIALING, "length of a call out", (1, 604_800), beyond="the call ends"
    )  # fmt: skip
    max_dialed_ahead_ms: int = whole(
        600_000, DIALING, "sound kept of whoever was called, who may send it all at once",
        (1000, 3_600_000), metavar="MS", beyond="dropped",
    )  # fmt: skip
    max_dialed_message_bytes: int = whole(
        8 << 20, DIALING, "size of a message of whoever was called", (65_536, LONGEST_SERVER_MESSAGE), metavar="BYTES",
        beyond="close 1009",
    )  # fmt: skip
    """Ten minutes of sound have 6.4 MB."""

    max_dialed_frames_per_second: int = whole(
        2000, DIALING, "WebSocket frames of any kind that are read of one who was called; two seconds' worth may come "
        "at once", (60, 1_000_000), beyond="wait, unread",
    )  # fmt: skip
    max_dialed_bytes_per_second: int = whole(
        2_000_000, DIALING, "bytes of any kind that are read of one who was called; two seconds' worth may come at "
        "once", (20_000, 1_000_000_000), metavar="BYTES", beyond="wait, unread",
    )  # fmt: skip


def check_account_sid(sid: str) -> None:
    """Refuse what is no account's identifier.

    Raises:
        SettingsError: with what would be.
    """
    if not re.fullmatch("AC[0-9a-fA-F]{32}", sid):
        raise SettingsError(f"twilio-account-sid must be AC and 32 hexadecimal digits, not '{sid}'.")


def check_api_url(url: str) -> None:
    """Refuse what is no address of an API.

    Raises:
        SettingsError: with what would be.
    """
    if not re.fullmatch(r"https?://[\w.:\[\]-]+(?:/[\w./-]*)?", url):
        raise SettingsError(f"twilio-api-url must look like https://api.twilio.com, not '{url}'.")


@dataclass(frozen=True)
class PhoneSettings:
    """How telephones are called."""

    twilio_account_sid: str | None = value(
        None, DIALING, "the Twilio account that telephones are called with; needs --twilio-auth-token and --caller-id",
        "SID", check=check_account_sid,
    )  # fmt: skip
    caller_ids: tuple[str, ...] = several(
        DIALING, "a number of the account's that telephones show when they are called: the first one, unless another "
        "is asked for; can be repeated", "NUMBER", "caller-id", read_number,
    )  # fmt: skip
    twilio_api_url: str = value(
        "https://api.twilio.com", DIALING, "where Twilio's REST API is reached", "URL", check=check_api_url
    )  # fmt: skip
    ring_timeout: float = seconds(
        45.0, DIALING, "how long a telephone rings, unless a call says otherwise", (5, 600), beyond="the call ends"
    )  # fmt: skip
    max_phone_calls: int = whole(50, DIALING, "telephones that are called at one time", (1, 100_000), beyond="503")
    max_phone_calls_per_minute: int = whole(
        30, DIALING, "telephones that are called, by whatever rooms; 0 for no limit", (0, 1_000_000), beyond="429"
    )  # fmt: skip
    hang_up_timeout: float = seconds(
        60.0, DIALING, "how long Twilio is asked again to end a call that it has not ended", (0, 3600)
    )  # fmt: skip
    ringback: str | None = value(
        "ringing-tone", DIALING, "the sound that a room hears while a telephone rings, by its name; empty for none",
        "SOUND", lambda text: text or None,
    )  # fmt: skip


@dataclass(frozen=True)
class CallerSettings:
    """What a caller of ours reads of a server, which sends faster than real time as it may."""

    max_frames_per_second: int = whole(
        2000, RECEIVED, "WebSocket frames of any kind that are read of the server; two seconds' worth may come at once",
        (60, 1_000_000),
    )  # fmt: skip
    max_message_bytes: int = whole(
        16 << 20, RECEIVED, "size of a message of the server", (65_536, LONGEST_SERVER_MESSAGE), metavar="BYTES",
    )  # fmt: skip
    max_bytes_per_second: int = whole(
        10_000_000, RECEIVED, "bytes of any kind that are read of the server; two seconds' worth may come at once",
        (20_000, 1_000_000_000), metavar="BYTES",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check(self)
