"""Where a command goes: a server and a room, which all commands are told in the same ways.

http://HOST/join/ROOM           the address of the page, and so also what ``conference token --url`` prints
ws://HOST/twilio/stream/ROOM    the address of a room's media stream
--url http://HOST --room ROOM   each by itself
"""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from conference.cli.terminal.arguments import Complain
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName

URL_VARIABLE = "CONFERENCE_URL"
DEFAULT_URL = "http://127.0.0.1:8080"
STREAM_PATH = "/twilio/stream"

_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_IN_ROOM = re.compile(r"(?P<base>.*?)/(?:join/(?P<join>[^/]+)|rooms/(?P<rooms>[^/]+)(?:/.*)?)")
_STREAM = re.compile(rf"(?P<base>.*?){STREAM_PATH}(?:/(?P<room>[^/]+))?")


@dataclass(frozen=True, slots=True)
class RoomAddress:
    """What an address says."""

    server: str
    """The server's, ``http`` or ``https``, without a slash at its end."""

    room: str | None = None
    token: str | None = None
    """What the link of an invitation carries."""

    word: str | None = None
    """The whole address, if it is one word that may as well be meant as a room's name."""


def read_address(text: str) -> RoomAddress:
    """The address of a server, or of a room on it; ``http://`` unless it says otherwise.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        good = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or a bracket that is not closed
        good = False
    if not good or " " in text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"'{text}' is not the address of a server, like {DEFAULT_URL}")
    base, room = _split(parts.path.rstrip("/"))
    token = _token_in(parts.query, parts.fragment)
    if (parts.query or parts.fragment) and room is None and token is None:
        raise argparse.ArgumentTypeError(f"'{text}' is not the address of a server, like {DEFAULT_URL}")
    if room is not None:
        try:
            check_room_name(room)
        except InvalidRoomName as error:
            raise argparse.ArgumentTypeError(f"'{text}' names no room: {error}") from None
    server = urlunsplit((_SCHEMES[parts.scheme], parts.netloc, base.rstrip("/"), "", ""))
    return RoomAddress(server, room, token, text if is_word(text) else None)


def room_name(text: str) -> str:
    """The name of a room.

    Raises:
        argparse.ArgumentTypeError: it is none; an address is told to be one.
    """
    try:
        return check_room_name(text)
    except InvalidRoomName as error:
        raise argparse.ArgumentTypeError(_told_apart(text) or f"'{text}' is not a room's name: {error}") from None


def any_room_name(text: str) -> str:
    """What is sent to a server of any kind as a room's name, so that only an address is refused.

    Raises:
        argparse.ArgumentTypeError: it is one.
    """
    told = _told_apart(text)
    if told is not None:
        raise argparse.ArgumentTypeError(told)
    return text


def default_address() -> RoomAddress:
    """Where a command goes that is not told: to the server that the environment names, or this machine's.

    Raises:
        argparse.ArgumentTypeError: what the environment has is no address.
    """
    text = os.environ.get(URL_VARIABLE)
    try:
        return read_address(text or DEFAULT_URL)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"${URL_VARIABLE}: {error}") from None


def add_place(parser: argparse.ArgumentParser, room_help: str) -> None:
    """Add the ways to say where to go: an address, or ``--url`` and ``--room``."""
    parser.add_argument(
        "address", metavar="URL", nargs="?", type=read_address,
        help=f"the server, or the room on it, e.g. {DEFAULT_URL}/join/lobby (default: ${URL_VARIABLE}, "
        f"else {DEFAULT_URL})",
    )  # fmt: skip
    parser.add_argument(
        "--url", metavar="URL", dest="address_option", type=read_address, help="the same, as other commands take it"
    )
    parser.add_argument("--room", metavar="ROOM", type=room_name, help=room_help)


def find_place(args: argparse.Namespace, complain: Complain) -> tuple[RoomAddress, str | None]:
    """The server that was meant, and the room if one was named.

    Args:
        args: of a command with :func:`add_place`.
        complain: is told if they contradict each other.
    """
    try:
        address = one_address(args, complain) or default_address()
    except argparse.ArgumentTypeError as error:
        complain(str(error))
    return address, one_room(address.room, args.room, complain)


def one_address(args: argparse.Namespace, complain: Complain) -> RoomAddress | None:
    """The address that was given, in one way or the other."""
    first, second = args.address, args.address_option
    if first is not None and second is not None and first != second:
        complain("two addresses are given, as URL and as --url: give one")
    given: RoomAddress | None = first if first is not None else second
    return given


def one_room(in_address: str | None, option: str | None, complain: Complain) -> str | None:
    """The room that the address, or the option, names."""
    if in_address is not None and option is not None and in_address != option:
        complain(f"the address is of room {in_address}, and --room says {option}: give one of the two")
    return in_address if option is None else option


def need_room(address: RoomAddress, room: str | None, complain: Complain) -> str:
    """The room, which has to be named. A word that stands for a server but may be a room's name is told to do so."""
    if room is None:
        word = address.word
        missing = f"a room is missing: give --room, or an address that names one, like {DEFAULT_URL}/join/lobby"
        taken = f"'{word}' was taken for a server: if it is the room, say --room {word}; if not, name the room as well"
        complain(missing if word is None else taken)
    return room


def or_a_room(word: str | None) -> str:
    """What is added when a server cannot be reached: a sentence with a space before it, if a room may have been meant.

    Args:
        word: the whole address, if it was one word.
    """
    return "" if word is None else f" If '{word}' is the room, say --room {word}."


def is_word(text: str) -> bool:
    """Whether an address may as well be meant as a room's name."""
    return text != "localhost" and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) is not None


def _split(path: str) -> tuple[str, str | None]:
    """The server's part of a path, and the room's name."""
    match = _IN_ROOM.fullmatch(path)
    if match is not None:
        return match["base"], unquote(match["join"] or match["rooms"])
    match = _STREAM.fullmatch(path)
    if match is not None:
        return match["base"], None if match["room"] is None else unquote(match["room"])
    return path, None


def _token_in(query: str, fragment: str) -> str | None:
    """The token of an invitation's link."""
    for text in (fragment, query):
        fields = parse_qs(text)
        for name in ("token", "access_token"):
            token = fields.get(name, [""])[0]
            if token and token.isascii() and token.isprintable() and " " not in token:
                return token
    return None


def _told_apart(text: str) -> str | None:
    """What is said of an address where a room's name is asked for."""
    if "://" not in text:
        return None
    try:
        room = read_address(text).room
    except argparse.ArgumentTypeError:
        room = None
    named = f": the room in it is '{room}'" if room is not None else ""
    return f"'{text}' is an address, and the name of a room is asked for{named}"
