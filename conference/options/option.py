"""Settings as people give them: each one an option of a command line, and a variable of the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar

from conference.options.declaration import Setting, SettingsError, declared, option_name
from conference.options.groups import GROUPS

T = TypeVar("T")

PREFIX = "CONFERENCE_"
"""How the environment variables of all options begin."""


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as people give it."""

    field: str
    """The name in the dataclass that has it."""

    setting: Setting
    default: Any

    @property
    def flag(self) -> str:
        """As on the command line: ``--udp-port``."""
        return "--" + (self.setting.name or option_name(self.field))

    @property
    def variable(self) -> str:
        """As in the environment: ``CONFERENCE_UDP_PORT``; several values are separated by spaces there."""
        return PREFIX + self.flag.removeprefix("--").replace("-", "_").upper()

    @property
    def is_switch(self) -> bool:
        """Whether it takes no value on the command line."""
        return isinstance(self.default, bool)


def options_of(kind: type) -> tuple[Option, ...]:
    """All options of a dataclass that declares settings, group by group."""
    defaults = {one.name: one.default for one in fields(kind)}
    found = [Option(name, setting, defaults[name]) for name, setting in declared(kind).items()]
    assert not any(one.default is MISSING for one in found)  # noqa: S101 - `declare` gives each one
    return tuple(sorted(found, key=lambda one: GROUPS.index(one.setting.group)))


def read_options(kind: type[T], given: Mapping[str, Any], environment: Mapping[str, str]) -> T:
    """Settings from what was given on the command line, then the environment, then the defaults.

    Args:
        kind: the dataclass that declares them.
        given: values by fields' names; others may be among them.
        environment: texts by variables' names.

    Raises:
        SettingsError: with a sentence that names the variable or option.
    """
    values: dict[str, Any] = {}
    for option in options_of(kind):
        text = environment.get(option.variable, "").strip()
        if option.field in given:
            value = given[option.field]
            values[option.field] = tuple(value) if option.setting.many else value
        elif text:
            values[option.field] = _from_environment(option, text)
    return kind(**values)


def _from_environment(option: Option, text: str) -> object:
    read = option.setting.read
    try:
        return tuple(read(part) for part in text.split()) if option.setting.many else read(text)
    except ValueError as error:
        raise SettingsError(f"{option.variable}: {error}") from None
