"""The command ``conference``: which of its commands was meant."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType

from conference import __version__
from conference.cli import serve
from conference.cli.options import Parser

COMMANDS = ("join", "call")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``conference ARGUMENTS`` and give its exit status.

    Raises:
        SystemExit: for ``--help``, and with 2 for arguments that make no sense.
    """
    parser: argparse.ArgumentParser = Parser(
        prog="conference",
        description="A conference server: browsers, phone callers and voice bots meet in a room and hear each other.",
        epilog="Each command explains itself: conference serve --help",
    )
    parser.add_argument("--version", action="version", version=f"conference {__version__}")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    serve.add_parser(subparsers)
    commands: dict[str, ModuleType] = {"serve": serve}
    for name in COMMANDS:
        try:
            module = import_module(f"conference.cli.{name}")
        except ModuleNotFoundError:
            continue
        module.add_parser(subparsers)
        commands[name] = module
    args = parser.parse_args(arguments)
    return int(commands[args.command].run(args))


if __name__ == "__main__":
    sys.exit(main())
