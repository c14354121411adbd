"""Options of a command line, from the settings that are declared."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from conference.options.option import Option


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with 2."""
        message = re.sub(r"^argument (--[a-z-]+|[A-Z_]+)(?:/[^:]*|(?: [^:]*))?: ", r"\1: ", message).rstrip(".")
        self.exit(2, f"{self.prog}: {message}. See {self.prog} --help.\n")


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option], *, as_written: bool = False) -> None:
    """Give ``parser`` these options. What is not given does not appear in the namespace.

    Args:
        parser: a command's.
        options: of the settings that it takes.
        as_written: have the texts in the namespace, once they are found to be right, and not what they mean.
    """
    groups: dict[str, argparse._ArgumentGroup] = {}
    for option in options:
        setting = option.setting
        if setting.group not in groups:
            groups[setting.group] = parser.add_argument_group(setting.group)
        group, text = groups[setting.group], setting.help.replace("%", "%%")
        if option.is_switch:
            group.add_argument(
                option.flag,
                dest=option.field,
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=text,
            )
            continue
        group.add_argument(
            option.flag,
            dest=option.field,
            action="append" if setting.many else "store",
            type=_argument(setting.read, as_written),
            metavar=setting.metavar,
            default=argparse.SUPPRESS,
            help=text + _default(option.default),
        )


def _argument(read: Callable[[str], Any], as_written: bool) -> Callable[[str], Any]:
    def convert(text: str) -> object:
        try:
            value = read(text)
            return text if as_written else value
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _default(value: object) -> str:
    if value in (None, ()):
        return ""
    return f" (default: {value:g})" if isinstance(value, float) else f" (default: {value})"
