"""A setting is declared once: as a field of a dataclass, with its range, its help and how it is read from text.

    max_rooms: int = whole(1000, LIMITS, "rooms at one time", (1, 1_000_000), beyond="503")

The command line's option, the variable of the environment, the check of the range and the rows of the documents' tables
all come from that. Here is what the part of a server that a setting is about declares it with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from conference.errors import ConferenceError
from conference.options.readers import one_of, read_percent, read_seconds, read_switch, read_whole

T = TypeVar("T")

Range = tuple[float, float]
"""The least and the greatest value."""

_KEY = "setting"


class SettingsError(ConferenceError, ValueError):
    """Two settings contradict each other, or one is out of range; the text is a sentence for people."""

    __module__ = "conference"


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared of a setting, besides the field's name, type and default."""

    group: str
    """One of :data:`conference.options.groups.GROUPS`."""

    help: str
    read: Callable[[str], Any]
    """Makes the value from text; raises ValueError with a sentence that says what would be right."""

    metavar: str = ""
    """What stands for the value, and in what unit it is; none for a switch."""

    name: str = ""
    """The option's name where it is not the field's."""

    many: bool = False
    """Whether it can be given more than once."""

    within: Range | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[Any], None] | None = None
    """Refuses a value, or one of many, with a :class:`SettingsError`. Without one, what can be read is right."""

    beyond: str = ""
    """Of a limit: what becomes of what is over. With this, it stands in the documents' table of limits."""


def option_name(field_name: str) -> str:
    """The name of a setting as people write it: ``udp_port`` is ``udp-port``."""
    return field_name.replace("_", "-")


def declare(default: T, setting: Setting, *, secret: bool = False) -> T:
    """A field for a setting; typed as its value, as :func:`dataclasses.field` is.

    Args:
        default: the one place where it stands.
        setting: all else.
        secret: it is left out where settings are shown.
    """
    return field(default=default, repr=not secret, metadata={_KEY: setting})


def whole(
    default: int, group: str, text: str, within: Range, *, metavar: str = "N", name: str = "", beyond: str = ""
) -> int:
    """A setting that is a whole number."""
    return declare(default, Setting(group, text, read_whole, metavar, name, within=within, beyond=beyond))


def seconds(default: float, group: str, text: str, within: Range, *, beyond: str = "") -> float:
    """A setting that is a time in seconds."""
    return declare(default, Setting(group, text, read_seconds, "SECONDS", within=within, beyond=beyond))


def percent(default: float, group: str, text: str, within: Range, *, beyond: str = "") -> float:
    """A setting that is a percentage."""
    return declare(default, Setting(group, text, read_percent, "PERCENT", within=within, beyond=beyond))


def switch(default: bool, group: str, text: str) -> bool:
    """A setting that is on or off."""
    return declare(default, Setting(group, text, read_switch))


def choice(default: T, group: str, text: str, choices: tuple[str, ...], metavar: str) -> T:
    """A setting that is one of several words."""
    return declare(default, Setting(group, text, one_of(choices), metavar, choices=choices))


def value(
    default: T,
    group: str,
    text: str,
    metavar: str,
    read: Callable[[str], Any] = str,
    *,
    name: str = "",
    check: Callable[[Any], None] | None = None,
    within: Range | None = None,
    secret: bool = False,
) -> T:
    """A setting of another kind, text if nothing else is said."""
    return declare(default, Setting(group, text, read, metavar, name, check=check, within=within), secret=secret)


def several(
    group: str,
    text: str,
    metavar: str,
    name: str,
    read: Callable[[str], T],
    *,
    check: Callable[[T], None] | None = None,
    secret: bool = False,
) -> tuple[T, ...]:
    """A setting that can be given more than once, or not at all; ``name`` is the option's, for one of them."""
    nothing: tuple[T, ...] = ()
    return declare(nothing, Setting(group, text, read, metavar, name, many=True, check=check), secret=secret)


def declared(kind: type) -> dict[str, Setting]:
    """The settings that a dataclass declares, by its fields' names."""
    return {one.name: one.metadata[_KEY] for one in fields(kind) if _KEY in one.metadata}


def secrets(kind: type) -> frozenset[str]:
    """The settings of a dataclass that are left out where settings are shown, by its fields' names."""
    return frozenset(one.name for one in fields(kind) if _KEY in one.metadata and not one.repr)


def check(settings: object) -> None:
    """Refuse settings of which one alone is wrong.

    Raises:
        SettingsError: with a sentence that names the option.
    """
    kinds = {one.name: one.type for one in fields(settings)}  # type: ignore[arg-type]  # it is a dataclass
    for name, setting in declared(type(settings)).items():
        shown, given = setting.name or option_name(name), getattr(settings, name)
        _check_kind(shown, str(kinds[name]), given)
        check_value(setting, shown, given)


_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "int": (int, "a whole number"),
    "float": ((int, float), "a number"),
    "str": (str, "text"),
    "bool": (bool, "True or False"),
}
"""What a program may give for a setting that is annotated so, with or without ``| None``."""


def _check_kind(shown: str, annotation: str, given: object) -> None:
    plain = annotation.removesuffix(" | None")
    if plain not in _KINDS or (given is None and plain != annotation):
        return
    kind, what = _KINDS[plain]
    if not isinstance(given, kind):
        raise SettingsError(f"{shown} must be {what}, not {given!r}.")


def check_value(setting: Setting, shown: str, given: Any) -> None:
    """Refuse a value that is wrong by itself.

    Args:
        setting: what is declared.
        shown: its name, as people know it.
        given: the value.

    Raises:
        SettingsError: with a sentence that names it.
    """
    if setting.within is not None and not _is_within(setting.within, given):
        raise SettingsError(f"{shown} must be from {setting.within[0]} to {setting.within[1]}, not {given}.")
    if setting.choices and given not in setting.choices:
        raise SettingsError(f"{shown} must be one of {', '.join(setting.choices)}, not '{given}'.")
    if setting.check is not None and given is not None:
        for one in given if setting.many else (given,):
            setting.check(one)


def _is_within(within: Range, given: object) -> bool:
    return isinstance(given, (int, float)) and within[0] <= given <= within[1]


def part_of(settings: object, kind: type[T], **more: Any) -> T:
    """Those settings that one part of a server declares: an instance of ``kind``, from a wider one of the same names.

    Args:
        settings: all of them.
        kind: the part's own dataclass.
        more: its fields that nobody sets.
    """
    return kind(**{name: getattr(settings, name) for name in declared(kind)}, **more)
