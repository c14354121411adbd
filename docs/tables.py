"""Writes the tables of settings into the documents, from what is declared: ``make docs``.

In a document, a table stands between two comments, of which the first says what is in it: all settings, those of one
group by its name there, or the limits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from conference.options.groups import DIALING, GROUPS, VOICES, WEBHOOKS
from conference.options.option import Option, options_of
from conference.settings import Settings

DOCUMENTS = Path(__file__).parent

_PLACE = re.compile(r"(<!-- settings: ([a-z]+) -->\n).*?(<!-- end of settings -->\n)", re.DOTALL)
_OPTIONS = options_of(Settings)


def everything() -> str:
    """A table for each group of settings, under its name."""
    parts = []
    for group in GROUPS:
        rows = [one for one in _OPTIONS if one.setting.group == group]
        if rows:
            parts.append(f"## {_title(group)}\n\n{_settings(rows)}")
    return "\n".join(parts)


def webhooks() -> str:
    """The settings of webhooks."""
    return _settings(one for one in _OPTIONS if one.setting.group == WEBHOOKS)


def calls() -> str:
    """The settings of calls out."""
    return _settings(one for one in _OPTIONS if one.setting.group == DIALING)


def voices() -> str:
    """The settings of audio sockets."""
    return _settings(one for one in _OPTIONS if one.setting.group == VOICES)


def limits() -> str:
    """What becomes of what is over a limit, for each that is a setting."""
    rows = [
        f"| {_cell(one.setting.help)} | {_quantity(one, one.default)} | `{one.flag}` | {one.setting.beyond} |"
        for one in _OPTIONS
        if one.setting.beyond
    ]
    return "\n".join(["| limit | default | option | beyond it |", "|---|---|---|---|", *rows, ""])


TABLES: dict[str, Callable[[], str]] = {
    "all": everything,
    "webhooks": webhooks,
    "calls": calls,
    "voices": voices,
    "limits": limits,
}


def with_tables(document: str) -> str:
    """A document with its tables as they ought to be."""
    return _PLACE.sub(lambda place: f"{place[1]}\n{TABLES[place[2]]()}\n{place[3]}", document)


def _settings(options: Iterable[Option]) -> str:
    rows = [
        f"| `{_usage(one)}` | {_quantity(one, one.default)} | {_range(one)} | {_cell(one.setting.help)} |"
        for one in options
    ]
    return "\n".join(["| option | default | range | |", "|---|---|---|---|", *rows, ""])


def _usage(option: Option) -> str:
    return f"{option.flag} {option.setting.metavar}".rstrip()


def _range(option: Option) -> str:
    if option.setting.within is not None:
        least, most = option.setting.within
        return f"{_quantity(option, least)} to {_quantity(option, most)}"
    return ", ".join(option.setting.choices)


def _quantity(option: Option, value: object) -> str:
    """A value with its unit."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return "" if value in (None, ()) else str(value)
    if option.setting.metavar == "BYTES":
        return _bytes(int(value))
    unit = {"SECONDS": " s", "PERCENT": " %", "MS": " ms"}.get(option.setting.metavar, "")
    return f"{value:.12g}{unit}"


def _bytes(size: int) -> str:
    for base, units in ((1024, ("KiB", "MiB", "GiB", "TiB", "PiB")), (1000, ("kB", "MB", "GB"))):
        power = 0
        while size and size % base ** (power + 1) == 0:
            power += 1
        if power:
            power = min(power, len(units))
            return f"{size // base**power} {units[power - 1]}"
    return f"{size} bytes"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _title(group: str) -> str:
    """A group's name as a heading; where it names a document, as a link to it."""
    return re.sub(r" \(docs/(\w+)\.md\)", r": [\1](\1.md)", group)


def main() -> None:
    """Write them into all documents."""
    for path in sorted(DOCUMENTS.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(with_tables(text), encoding="utf-8")


if __name__ == "__main__":
    main()
