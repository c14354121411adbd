"""Which keys of a telephone do what in a conference."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

MenuAction: TypeAlias = Literal["mute", "hand", "count", "help", "admit", "mute-all", "lock", "record", "end"]
"""What keys can do: mute or unmute oneself; raise or lower one's hand; hear how many are here; hear the menu; and for
hosts: let in all who wait, mute everybody, lock or unlock the room, record it or end that, end the conference."""

ACTIONS: tuple[MenuAction, ...] = get_args(MenuAction)

HOSTS_ONLY: frozenset[MenuAction] = frozenset({"admit", "mute-all", "lock", "record", "end"})

KEYS = frozenset("0123456789*#")
MAX_KEYS = 8
"""Pressed for one action."""

DEFAULT_KEYS: Mapping[str, MenuAction] = {
    "*6": "mute",
    "*5": "hand",
    "*8": "count",
    "*9": "help",
    "*2": "admit",
    "*3": "mute-all",
    "*7": "lock",
    "*4": "record",
    "*00": "end",
}


class MenuError(ValueError):
    """A menu that cannot be; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Menu:
    """Keys, and what they do.

    Raises:
        MenuError: keys that no telephone has, too many of them, an unknown action, or keys that others begin with.
    """

    actions: Mapping[str, MenuAction] = field(default_factory=lambda: dict(DEFAULT_KEYS))
    """In the order in which people are told."""

    def __post_init__(self) -> None:
        for keys, action in self.actions.items():
            if not 1 <= len(keys) <= MAX_KEYS or set(keys) - KEYS:
                raise MenuError(f"'{keys[:20]}' is not 1 to {MAX_KEYS} keys of 0-9, * and #.")
            if action not in ACTIONS:
                raise MenuError(f"'{str(action)[:40]}' is no action: there are {', '.join(ACTIONS)}.")
            longer = next((one for one in self.actions if one != keys and one.startswith(keys)), None)
            if longer is not None:
                raise MenuError(f"{keys} is how {longer} begins: nobody could ever press that.")

    def __bool__(self) -> bool:
        return bool(self.actions)

    def without(self, action: MenuAction) -> Menu:
        """The same, but for what cannot be done here."""
        return Menu({keys: one for keys, one in self.actions.items() if one != action})

    def keys_for(self, action: MenuAction) -> str | None:
        """How to ask for something; ``None`` if it is not in the menu."""
        return next((keys for keys, one in self.actions.items() if one == action), None)


def read_menu(path: Path) -> Menu:
    """A menu from a TOML file of lines like ``"*6" = "mute"``; an empty file is a menu without keys.

    Raises:
        MenuError: the file cannot be read, is not TOML, or is no menu.
    """
    try:
        return Menu(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        raise MenuError(f"no text can be read from {path}.") from None
    except tomllib.TOMLDecodeError as error:
        raise MenuError(f"{path} is not TOML: {error}.") from None
    except MenuError as error:
        raise MenuError(f"{path}: {error}") from None
