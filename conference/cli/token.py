"""``conference token``: signs what lets somebody in."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from conference.access.grants import RIGHTS, ROLE_RIGHTS, ROLES, Right, make_grant
from conference.access.tokens import ANY_ROOM, MAX_TEXT_CHARS, check_secret, sign
from conference.cli.addresses import one_room, read_address, room_name
from conference.options.configuration_file import read_configuration
from conference.options.option import PREFIX, options_of
from conference.settings import Settings, SettingsError
from conference.settings.program import CONFIGURATION

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Make a token that lets somebody into a room of a server that was started with the same secret.

  export CONFERENCE_SECRET=$(openssl rand -base64 32)
  conference serve &
  conference token --room standup --name Amy --role host
"""

EPILOG = f"""\
The secret is that of the server: --secret-file, or {PREFIX}SECRET, or {PREFIX}SECRET_FILE, or what the server's
configuration file has for these (--config, or {PREFIX}CONFIG). Whoever has the token has what it allows, until it
expires: send it as you would send a password. docs/access.md tells what is in it.
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST = 10 * 366 * 86_400


class SecretError(Exception):
    """There is no secret to sign with, or a bad one; the text is a sentence."""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "token",
        help="make a token that lets somebody into a room",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--room", metavar="ROOM", type=_room, help=f"the room that it opens; '{ANY_ROOM}' for all")
    parser.add_argument(
        "--identity", metavar="ID", type=_text,
        help="who it is for, as you know them; whoever comes with the same identity is the same person",
    )  # fmt: skip
    parser.add_argument("--name", metavar="NAME", type=_text, help="what the others see, if they give no other name")
    parser.add_argument("--role", choices=ROLES, default="speaker", help="what they are there (%(default)s)")
    parser.add_argument(
        "--allow", metavar="RIGHT,...", type=_rights,
        help=f"what they may do: {', '.join(RIGHTS)} (default: what the role may)",
    )  # fmt: skip
    parser.add_argument(
        "--ttl",
        metavar="TIME",
        type=_duration,
        default="8h",
        help="how long it is good: 90s, 15m, 8h, 7d (%(default)s)",
    )
    parser.add_argument(
        "--url", metavar="URL", type=read_address,
        help="the server's address, or the room's: print a link that opens its page in the room, not the bare token",
    )  # fmt: skip
    parser.add_argument("--secret", metavar="TEXT", help="the server's secret; better in the environment than here")
    parser.add_argument("--secret-file", metavar="FILE", type=Path, help="a file that holds it")
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="the server's configuration file, if that has it, or names its file"
    )
    parser.set_defaults(run=run, complain=parser.error)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the token; 0, or 1 with a sentence on standard error if it cannot be made."""
    in_address = None if args.url is None else args.url.room
    room = args.room if args.room == ANY_ROOM else one_room(in_address, args.room, args.complain)
    if room is None:
        args.complain(f"a room is missing: give --room ROOM; '{ANY_ROOM}' for all")
    try:
        secret = find_secret(args.secret, args.secret_file, args.config)
    except SecretError as error:
        print(f"conference token: {error}", file=sys.stderr)
        return 1
    grant = make_grant(
        args.role,
        room=None if room == ANY_ROOM else room,
        identity=args.identity,
        name=args.name,
        rights=ROLE_RIGHTS[args.role] if args.allow is None else args.allow,
        expires_at=time.time() + args.ttl,
    )
    token = sign(grant, secret)
    print(token if args.url is None else link(args.url.server, grant.room, token))
    return 0


def link(url: str, room: str | None, token: str) -> str:
    """The address that opens the page with a token: in its fragment, which no server and no log ever sees."""
    return f"{url}/{'' if room is None else f'join/{room}'}#token={token}"


def find_secret(given: str | None, file: Path | None, configuration: Path | None = None) -> str:
    """The secret to sign with: the first, if there are several.

    Args:
        given: on the command line.
        file: on the command line.
        configuration: the server's configuration file, as named on the command line. As with the server itself, the
            environment wins over what is in it.

    Raises:
        SecretError: there is none, or it cannot be used.
    """
    if given is None and file is None:
        given, file = _in_environment()
    if configuration is None and (named := os.environ.get(f"{PREFIX}CONFIG")):
        configuration = Path(named)
    if given is None and file is None and configuration is not None:
        given, file = _in_configuration(configuration)
        if given is None and file is None:
            raise SecretError(f"{configuration} has neither secret nor secret-file, nor has the environment.")
    if given is None and file is not None:
        try:
            given = file.expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, RuntimeError):
            raise SecretError(f"no text can be read from {file}.") from None
    if given is None:
        raise SecretError(
            f"there is no secret: set {PREFIX}SECRET to that of the server, or give --secret-file or --config."
        )
    try:
        return check_secret(given.strip().partition(",")[0].strip())
    except ValueError as error:
        raise SecretError(str(error)) from None


def _in_environment() -> tuple[str | None, Path | None]:
    given = os.environ.get(f"{PREFIX}SECRET") or None
    file = os.environ.get(f"{PREFIX}SECRET_FILE")
    return given, Path(file) if file and given is None else None


def _in_configuration(path: Path) -> tuple[str | None, Path | None]:
    try:
        found = read_configuration(
            path.expanduser(), options_of(Settings), without=CONFIGURATION, only=("secret", "secret_file")
        )
    except (SettingsError, RuntimeError) as error:
        raise SecretError(str(error)) from None
    given, file = found.get("secret"), found.get("secret_file")
    return None if given is None else given.value, None if file is None else file.value


def _room(text: str) -> str:
    try:
        return text if text == ANY_ROOM else room_name(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; '{ANY_ROOM}' is for all rooms") from None


def _text(text: str) -> str:
    if not 1 <= len(text) <= MAX_TEXT_CHARS or not text.isprintable():
        raise argparse.ArgumentTypeError(f"this is not one line of text of 1 to {MAX_TEXT_CHARS} characters")
    return text


def _rights(text: str) -> frozenset[Right]:
    asked = {one.strip() for one in text.split(",") if one.strip()}
    unknown = sorted(asked - set(RIGHTS))
    if unknown:
        raise argparse.ArgumentTypeError(f"'{unknown[0]}' is not one of {', '.join(RIGHTS)}")
    return frozenset(right for right in RIGHTS if right in asked)


def _duration(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,10})([smhd])", text)
    seconds = int(match[1]) * _UNITS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST:
        raise argparse.ArgumentTypeError(f"'{text}' is not a time like 90s, 15m, 8h or 7d, up to ten years")
    return seconds
