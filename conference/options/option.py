"""Settings as people give them: each one an option of a command line, and a variable of the environment."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from typing import Any

from conference.options.declaration import Setting, declared, option_name
from conference.options.given import Given
from conference.options.groups import GROUPS

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

    @property
    def kind(self) -> type:
        """What a file has for it: a ``bool``, an ``int``, a ``float`` or, as for most others, a ``str``."""
        kind = type(self.default)
        return kind if kind in (bool, int, float) else str

    def read(self, texts: tuple[str, ...], origin: str) -> Given:
        """Its value, of texts of which there is one, unless there can be more.

        Raises:
            ValueError: with a sentence that says what would be right.
        """
        values = tuple(map(self.setting.read, texts))
        return Given(values if self.setting.many else values[0], texts, origin)


def options_of(kind: type) -> tuple[Option, ...]:
    """All options of a dataclass that declares settings, group by group."""
    defaults = {one.name: one.default for one in fields(kind)}
    found = [Option(name, setting, defaults[name]) for name, setting in declared(kind).items()]
    assert not any(one.default is MISSING for one in found)  # noqa: S101 - `declare` gives each one
    return tuple(sorted(found, key=lambda one: GROUPS.index(one.setting.group)))
