"""The command ``conference``: which of its commands was meant."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from conference import __version__
from conference.cli.terminal.output import drop_output

MODERATION = (
    "rooms", "participants", "mute", "unmute", "kick", "hold", "admit", "lock", "unlock", "end", "dial", "say",
    "record", "recordings", "nodes",
)  # fmt: skip
COMMANDS = {name: name for name in ("serve", "config", "drain", "join", "call", "replay", "export", "load", "token")}
COMMANDS |= dict.fromkeys(MODERATION, "moderate")
"""Of each command the module here that has ``add_parser(subparsers)`` and ``run(args) -> int``."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""How a disk says that it does not take what is printed."""

_TOO_FEW_FILES = (errno.EMFILE, errno.ENFILE)
"""How the system says that no more files can be opened."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``conference ARGUMENTS`` and give its exit status.

    Returns:
        What the command gives; 1 if what it prints is not read, or cannot be kept; 130 if Ctrl-C ends it before it
        has a way of its own to end.

    Raises:
        SystemExit: for ``--help``, and with 2 for arguments that make no sense.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr: people's names have all there is
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            for stream in (sys.stdout, sys.stderr):
                print(end="", file=stream, flush=True)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        drop_output(1, 2)
        return 1
    except OSError as error:
        if error.errno in _TOO_FEW_FILES:
            print("conference: no more files can be opened: raise the limit (ulimit -n).", file=sys.stderr)
            return 1
        if error.errno not in _FULL:
            raise
        with contextlib.suppress(OSError):
            print(f"conference: not all could be written: {os.strerror(error.errno).lower()}.", file=sys.stderr)
        drop_output(1, 2)
        return 1


def _run(arguments: Sequence[str]) -> int:
    from conference.cli.terminal.options import Parser  # here, where Ctrl-C is looked after: it takes its time, too

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
    args, unknown = parser.parse_known_args(arguments)
    if hasattr(args, "who"):  # argparse takes no words that come after an option, if there were some before it
        args.who = [*args.who, *(one for one in unknown if not one.startswith("-"))]
        unknown = [one for one in unknown if one.startswith("-")]
    if unknown:  # which argparse would blame on the whole, and send people to the wrong --help
        subparsers.choices[args.command].error(f"unrecognized arguments: {' '.join(unknown)}")
    return int(modules[COMMANDS[args.command]].run(args))


if __name__ == "__main__":
    sys.exit(main())
