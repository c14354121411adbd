"""The command ``conference``: which of its commands was meant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from conference import __version__
from conference.cli.options import Parser

MODERATION = ("rooms", "participants", "mute", "unmute", "kick", "hold", "admit", "lock", "unlock", "end", "say")
COMMANDS = {name: name for name in ("serve", "join", "call", "replay", "load", "token")}
COMMANDS |= dict.fromkeys(MODERATION, "moderate")
"""Of each command the module here that has ``add_parser(subparsers)`` and ``run(args) -> int``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``conference ARGUMENTS`` and give its exit status; 1 if whoever reads what it prints stops reading.

    Raises:
        SystemExit: for ``--help``, and with 2 for arguments that make no sense.
    """
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            for stream in (sys.stdout, sys.stderr):
                print(end="", file=stream, flush=True)
    except BrokenPipeError:
        # When it exits, Python writes out what is left, and complains if it cannot: so that goes nowhere.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):
            os.dup2(nowhere, descriptor)
        return 1


def _run(arguments: Sequence[str]) -> int:
    parser: argparse.ArgumentParser = Parser(
        prog="conference",
        description="A conference server: browsers, phone callers and voice bots meet in a room and hear each other.",
        epilog="Each command explains itself: conference serve --help",
    )
    parser.add_argument("--version", action="version", version=f"conference {__version__}")
    subparsers = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    # A command's imports take a good part of a second: only the one that was meant is loaded, if one is.
    meant = {COMMANDS[name] for name in arguments[:1] if name in COMMANDS}
    modules = {
        name: import_module(f"conference.cli.{name}")
        for name in dict.fromkeys(COMMANDS.values())
        if name in meant or not meant
    }
    for module in modules.values():
        module.add_parser(subparsers)
    args = parser.parse_args(arguments)
    return int(modules[COMMANDS[args.command]].run(args))


if __name__ == "__main__":
    sys.exit(main())
