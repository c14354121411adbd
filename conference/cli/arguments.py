"""Arguments that several commands take, read and checked for argparse."""

from __future__ import annotations

import argparse
import os
from urllib.parse import urlsplit

TOKEN_VARIABLE = "CONFERENCE_TOKEN"  # noqa: S105 - the name of a variable


def add_token_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add ``--token``, whose default is in the environment, where no list of processes shows it."""
    parser.add_argument(
        "--token", metavar="TOKEN", type=_token, default=os.environ.get(TOKEN_VARIABLE) or None,
        help=f"what lets us in, where the server asks for it: conference token makes one (default: ${TOKEN_VARIABLE})",
    )  # fmt: skip


def server_url(text: str) -> str:
    """The address of a server, ``http://`` unless it says otherwise, without a slash at its end.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    url = (text if "://" in text else f"http://{text}").rstrip("/")
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or " " in text or not text.isprintable():
        raise argparse.ArgumentTypeError(f"'{text}' is not the address of a server, like http://127.0.0.1:8080")
    return url


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
