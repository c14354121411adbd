"""``conference config``: which settings hold, and where each of them comes from."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from conference.cli.terminal.options import add_options
from conference.options.declaration import secrets
from conference.options.given import Given
from conference.options.groups import GROUPS
from conference.options.option import Option, options_of
from conference.options.sources import read_sources
from conference.settings import Settings, SettingsError
from conference.settings.program import CONFIGURATION

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Print the settings with which conference serve would run, given the same options, environment and configuration file,
and where each comes from; or say what is wrong with them. What is printed can be used as a configuration file.

  conference config --config conference.toml

Secrets are left out.
"""

_SECRETS = secrets(Settings)


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "config",
        usage="conference config [--changed] [OPTION ...]",
        help="print which settings hold, and where each comes from",
        description=DESCRIPTION,
        epilog="It takes all options of conference serve.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--changed", action="store_true", help="leave out what nobody has set")
    add_options(parser, options_of(Settings), as_written=True)
    return parser


def run(args: argparse.Namespace) -> int:
    """Print them; gives the exit status."""
    options = options_of(Settings)
    try:
        given = _on_the_command_line(options, vars(args))
        values = {field: one.value for field, one in given.items()}
        found = given | read_sources(options, values, os.environ, file=CONFIGURATION)
        Settings(**{field: one.value for field, one in found.items()})  # which says if they contradict each other
    except SettingsError as error:
        print(f"conference config: {error}", file=sys.stderr)
        return 2
    print("\n".join(_lines(options, found, only_given=args.changed)))
    return 0


def _on_the_command_line(options: tuple[Option, ...], given: Mapping[str, Any]) -> dict[str, Given]:
    found = {}
    for option in options:
        if option.field in given:
            written = given[option.field]
            if option.is_switch:
                written = "yes" if written else "no"
            found[option.field] = option.read(
                tuple(written) if option.setting.many else (written,), f"{option.flag} on the command line"
            )
    return found


def _lines(options: tuple[Option, ...], found: Mapping[str, Given], *, only_given: bool) -> Iterator[str]:
    """What is printed: TOML, with the groups of settings as comments."""
    for group in GROUPS:
        shown = [one for one in options if one.setting.group == group and (one.field in found or not only_given)]
        if shown:
            yield f"# {group}"
            yield from (_line(one, found.get(one.field)) for one in shown)
            yield ""


def _line(option: Option, given: Given | None) -> str:
    key = option.flag.removeprefix("--")
    if given is None:
        if option.default in (None, ()):
            return f"# {key}: not set"
        return f"{_in_toml(option, option.default)}  # default"
    if option.field in _SECRETS:
        return f"# {key}: not shown; {given.origin}"
    if option.field == CONFIGURATION:
        return f"# {key}: {given.texts[0]}; {given.origin}"
    if option.kind is str:
        written: Any = list(given.texts) if option.setting.many else given.texts[0]
    else:
        written = given.value
    return f"{_in_toml(option, written)}  # {given.origin}"


def _in_toml(option: Option, value: Any) -> str:
    """A line of a configuration file. Text, and a list of texts, are in JSON as in TOML, but for one character: DEL."""
    return f"{option.flag.removeprefix('--')} = " + json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
