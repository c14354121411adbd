"""Arguments that several commands take, read and checked for argparse."""

from __future__ import annotations

import argparse
import math
import os
from typing import NoReturn, Protocol

TOKEN_VARIABLE = "CONFERENCE_TOKEN"  # noqa: S105 - the name of a variable
LONGEST_SECONDS = 86_400
RECONNECT_S = 300.0
"""A server that is started anew is back by then."""


class Complain(Protocol):
    """Ends the command with a sentence about its arguments, and status 2."""

    def __call__(self, message: str) -> NoReturn: ...


def add_token_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--token``; without it, the environment may have one, where no list of processes shows it."""
    parser.add_argument(
        "--token", metavar="TOKEN", type=_token,
        help=f"what lets us in, where the server asks for it: conference token makes one (default: ${TOKEN_VARIABLE})",
    )  # fmt: skip


def add_reconnect_options(parser: argparse.ArgumentParser) -> None:
    """Add whether, and for how long, a command tries to come back after a lost connection."""
    parser.add_argument(
        "--reconnect", action=argparse.BooleanOptionalAction, default=True,
        help="come back after a lost connection or a restart of the server; a refusal is final (default: --reconnect)",
    )  # fmt: skip
    parser.add_argument(
        "--reconnect-for", metavar="SECONDS", type=seconds, default=RECONNECT_S,
        help="how long a lost connection is tried to be made again before it is given up (%(default)g)",
    )  # fmt: skip


def add_parameter_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--param``, which can be repeated."""
    parser.add_argument(
        "--param", metavar="NAME=VALUE", type=_parameter, action="append", default=[],
        help="a custom parameter of the stream; can be repeated",
    )  # fmt: skip


def find_token(given: str | None, in_address: str | None, complain: Complain) -> str | None:
    """What lets us in.

    Args:
        given: on the command line; it counts.
        in_address: what an invitation's link carries; it counts more than what the environment has.
        complain: is told if what the environment has is no token.
    """
    if given or in_address:
        return given or in_address
    kept = os.environ.get(TOKEN_VARIABLE)
    try:
        return _token(kept) if kept else None
    except argparse.ArgumentTypeError as error:
        complain(f"${TOKEN_VARIABLE}: {error}")


def seconds(text: str) -> float:
    """A time of more than nothing, up to a day.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= LONGEST_SECONDS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds: it must be more than 0, up to a day")
    return value


def words(text: str) -> str:
    """What is sent to a server as text, and so must be text.

    Raises:
        argparse.ArgumentTypeError: there are bytes in it that are no characters in this locale, which Python has
            as lone surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        shown = text.encode(errors="replace").decode()
        raise argparse.ArgumentTypeError(f"'{shown}' has bytes in it that are no characters in this locale") from None
    return text


def _token(text: str) -> str:
    if not text.isascii() or not text.isprintable() or " " in text:  # it becomes a header field
        raise argparse.ArgumentTypeError("this is not a token: it has characters in it that no token has")
    return text


def _parameter(text: str) -> tuple[str, str]:
    """A custom parameter of a stream, as ``NAME=VALUE``."""
    name, separator, value = words(text).partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    if len(name) + len(value) >= 500:
        raise argparse.ArgumentTypeError(f"'{name}' and its value have 500 characters or more, which Twilio refuses")
    return name, value
