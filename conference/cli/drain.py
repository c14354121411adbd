"""``conference drain``: has a server take nobody new, and end when the last has left."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

from conference.cli.api import HINT, add_server_options
from conference.cli.moderate import find_place
from conference.client.api import Api, ApiError, ServerAccess

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Have a server take nobody new, tell everybody who is in a room, and end when the last has left, or after a time. Who
loses their connection meanwhile comes back all the same. It needs the right to moderate every room.

  conference drain --timeout 600 --wait && systemctl restart conference

On the server's own machine, kill -USR1 does the same.
"""

_PATH = "/drain"
_LOOK_EVERY_S = 1.0


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "drain",
        help="have a server take nobody new, and end when the last has left",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("place", metavar="URL", nargs="?", help="address of the server")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=_seconds,
        help="the time that people have; 0 for as long as they like (default: the server's own --drain-timeout)",
    )  # fmt: skip
    parser.add_argument("--wait", action="store_true", help="end when the server has ended")
    add_server_options(parser)
    parser.set_defaults(complain=parser.error)
    return parser


def run(args: argparse.Namespace) -> int:
    """Ask for it; gives the exit status."""
    place = find_place(args)
    try:
        return asyncio.run(_drain(place, args))
    except ApiError as error:
        print(f"conference drain: {error}", file=sys.stderr)
        return 1


async def _drain(place: ServerAccess, args: argparse.Namespace) -> int:
    async with Api(place, HINT) as api:
        body = {} if args.timeout is None else {"timeout": args.timeout}
        answer = await api.ask("POST", _PATH, body)
        print(json.dumps(answer) if args.json else _told(answer), flush=True)
        while args.wait:
            await asyncio.sleep(_LOOK_EVERY_S)
            try:
                await api.get(_PATH)
            except ApiError:  # it is gone, or is just going
                break
    return 0


def _told(answer: Any) -> str:
    people = answer["participants"]
    if not people:
        return "Nobody is there: the server ends."
    left = "one person is" if people == 1 else f"{people} people are"
    time = "has left" if answer["ends_at"] is None else "has left, or when the time is over"
    return f"Nobody joins any more; {left} still there. The server ends when the last {time}."


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 604_800:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds: it must be from 0 to 604800")
    return value
