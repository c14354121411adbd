"""A configuration file: TOML, with a line for each setting that is named as its option is, without the two hyphens.

port = 8443
announce-ip = ["203.0.113.7", "10.0.0.4"]
forwarding = false
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from conference.options.declaration import SettingsError, check_value
from conference.options.given import Given
from conference.options.option import Option

_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

_KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text, in quotes",
}
"""What a setting takes, by the type of its values in TOML."""

_SHOWN: dict[type, str] = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}


_MAX_BYTES = 1 << 20
"""More is no configuration: it is another file, named by mistake."""


def read_configuration(
    path: Path, options: Sequence[Option], *, without: str, only: Collection[str] | None = None
) -> dict[str, Given]:
    """The settings that a file gives.

    Args:
        path: of the file.
        options: all that there are.
        without: the field of the one that cannot stand in it: that which names the file.
        only: the fields of those that are wanted; what the others are set to is not looked at, since it may be right
            for the server's own user and folders alone. ``None`` for all.

    Returns:
        By the fields' names.

    Raises:
        SettingsError: the file cannot be read, or something in it makes no sense; with the file and, where it can be
            told, the line.
    """
    text, parsed = _parse(path)
    known = {one.flag.removeprefix("--"): one for one in options}
    found: dict[str, Given] = {}
    for key, value in parsed.items():
        where = _place(path, text, key)
        option = known.get(key.replace("_", "-"))
        if option is None:
            raise SettingsError(f"{where}: {_unknown(key, value, known)}")
        if option.field == without:
            raise SettingsError(f"{where}: {key} names this file, and cannot stand in it.")
        if option.field in found:
            raise SettingsError(f"{where}: {key} is given twice, once with hyphens and once with underscores.")
        if only is None or option.field in only:
            found[option.field] = _read(option, key, value, where)
    return found


def _parse(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a file, and what it says as TOML.

    Raises:
        SettingsError: with the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"{path}: it cannot be read: {(error.strerror or str(error)).lower()}.") from None
    if len(content) > _MAX_BYTES:
        raise SettingsError(f"{path}: it has more than {_MAX_BYTES >> 20} MB: that is no configuration file.")
    try:
        text = content.decode("utf-8-sig")  # with the mark of the byte order, which some editors begin with
        return text, tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: it is not in UTF-8, from byte {error.start} on.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(_not_toml(path, text, str(error))) from None
    except ValueError:  # more digits than Python reads, which tomllib leaves to it
        raise SettingsError(f"{path}: a number in it has too many digits.") from None
    except RecursionError:
        raise SettingsError(f"{path}: lists or tables stand too deep within each other.") from None


def _not_toml(path: Path, text: str, message: str) -> str:
    place = _WHERE.search(message)
    what = _WHERE.sub("", message)
    line = place[1] if place is not None and place[1] else text.rstrip().count("\n") + 1
    return f"{path}, line {line}: this is not TOML: {what[:1].lower()}{what[1:].rstrip('.')}."


def _place(path: Path, text: str, key: str) -> str:
    """The file and, where it can be found, the line on which a key stands."""
    shown = re.escape(key)
    pattern = re.compile(rf"""\s*(?:{shown}|"{shown}"|'{shown}')\s*[=.]|\s*\[+\s*["']?{shown}["']?\s*[\].]""")
    for number, line in enumerate(text.split("\n"), 1):
        if pattern.match(line):
            return f"{path}, line {number}"
    return str(path)


def _unknown(key: str, value: object, known: Iterable[str]) -> str:
    if isinstance(value, dict):
        return f"{key!r} is a table: all settings stand by themselves, in none."
    close = difflib.get_close_matches(key.strip("-").replace("_", "-"), known, n=1)
    hint = f" The nearest is {close[0]}." if close else " conference config lists all that there are."
    return f"there is no setting {key!r}.{hint}"


def _read(option: Option, key: str, value: Any, where: str) -> Given:
    """A value of the file as the setting has it."""
    kind = option.kind
    many = value if option.setting.many and isinstance(value, list) else [value]
    for one in many:
        # True is an int, and 3 is as good as 3.0.
        if type(one) is not kind and not (kind is float and type(one) is int):
            wanted = _KINDS[kind] + (", or a list of such" if option.setting.many else "")
            raise SettingsError(f"{where}: {key} takes {wanted}, not {_SHOWN.get(type(one), 'a date or a table')}.")
    try:
        texts = tuple(_text(one) for one in many)
        given = option.read(texts, where)
    except ValueError as error:
        raise SettingsError(f"{where}: {key}: {error}") from None
    try:
        check_value(option.setting, key, given.value)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from None
    return given


def _text(value: Any) -> str:
    """A value of TOML as it would stand on a command line.

    Raises:
        ValueError: with a sentence, for a number that is too long.
    """
    if type(value) is int and value.bit_length() > 64:
        raise ValueError("the number is far too large.")
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
