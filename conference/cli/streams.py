"""The address of a media stream, of this server or of any other that is written for Twilio Media Streams."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from conference.cli.addresses import STREAM_PATH, RoomAddress, is_word, read_address
from conference.cli.terminal.arguments import Complain

TCP = "tcp://"

_WEBSOCKET = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


@dataclass(frozen=True, slots=True)
class Stream:
    """Where a call goes."""

    url: str
    """``ws`` or ``wss``; ``tcp`` for AudioSocket."""

    room: str | None = None
    """That the address names, if it is one of this kind of server."""

    token: str | None = None
    """What the link of an invitation carries."""

    word: str | None = None
    """The whole address, if it is one word that may as well be meant as a room's name."""


def read_stream(text: str) -> Stream:
    """The stream that was meant: of ``/join/lobby`` that of the room, and a bare host gets the usual path.

    Raises:
        argparse.ArgumentTypeError: it is no such address.
    """
    if text.startswith(TCP):
        return _read_tcp(text)
    try:
        parts = urlsplit(text if "://" in text else f"ws://{text}")
        good = parts.scheme in _WEBSOCKET and bool(parts.hostname) and parts.port != 0
    except ValueError:  # no port, or a bracket that is not closed
        good = False
    if not good or " " in text or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a WebSocket address like ws://127.0.0.1:8080/twilio/stream/lobby"
        )
    scheme = _WEBSOCKET[parts.scheme]
    if STREAM_PATH not in parts.path and parts.scheme in ("http", "https"):
        address = _address_in(text)
        if address is not None and address.room is not None:
            return of_address(address)
    path = parts.path if parts.path not in ("", "/") else STREAM_PATH
    _, found, room = path.partition(f"{STREAM_PATH}/")
    named = room if found and room and "/" not in room else None
    return Stream(
        urlunsplit((scheme, parts.netloc, path, parts.query, "")), named, word=text if is_word(text) else None
    )


def _read_tcp(text: str) -> Stream:
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname and parts.port) and parts.netloc == text.removeprefix(TCP).rstrip("/")
    except ValueError:
        good = False
    if not good or not text.isprintable() or " " in text or "@" in text:
        raise argparse.ArgumentTypeError(f"'{text}' is not the address of an AudioSocket like tcp://127.0.0.1:9092")
    return Stream(text.rstrip("/"))


def read_server(text: str) -> Stream:
    """The same for ``--url``, which other commands take as the address of a server.

    Raises:
        argparse.ArgumentTypeError: it is no such address.
    """
    if text.startswith(("http://", "https://")) and STREAM_PATH not in text:
        return of_address(read_address(text))
    return read_stream(text)


def of_address(address: RoomAddress) -> Stream:
    """The stream of a room on a server."""
    parts = urlsplit(address.server)
    path = f"{parts.path}{STREAM_PATH}" + (f"/{address.room}" if address.room is not None else "")
    return Stream(urlunsplit((_WEBSOCKET[parts.scheme], parts.netloc, path, "", "")), address.room, address.token)


def one_stream(first: Stream | None, second: Stream | None, complain: Complain) -> Stream | None:
    """The stream that was given, as an argument or as ``--url``."""
    if first is not None and second is not None and first != second:
        complain(f"two addresses are given, {first.url} and --url {second.url}: give one")
    return first if first is not None else second


def _address_in(text: str) -> RoomAddress | None:
    try:
        return read_address(text)
    except argparse.ArgumentTypeError:  # another server's, then
        return None
