"""How an attendant looks after people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from conference.attendant.menu import Menu, read_menu
from conference.options.declaration import choice, seconds, switch, value, whole
from conference.options.groups import PHONES
from conference.options.readers import read_path

Alone: TypeAlias = Literal["phones", "everybody", "nobody"]
"""Who is told that they are the only one."""

ALONE: tuple[Alone, ...] = get_args(Alone)


def read_dtmf_menu(text: str) -> Menu:
    """A menu, from its file."""
    return read_menu(read_path(text))


@dataclass(frozen=True)
class AttendantSettings:
    """What an attendant does. Times are in seconds."""

    phone_prompts: bool = switch(True, PHONES, "tell callers what happens to them (default: yes)")
    """That a PIN is wanted is said in any case."""

    alone_prompt: Alone = choice(
        "phones", PHONES, f"who is told that they are the only one: {', '.join(ALONE)}", ALONE, "WHO"
    )
    dtmf_menu: Menu | None = value(
        None,
        PHONES,
        'what keys do: a TOML file with lines like "*6" = "mute"; see docs/phones.md',
        "FILE",
        read_dtmf_menu,
    )
    """``None`` for the usual ones: :attr:`menu`."""

    key_timeout: float = seconds(3.0, PHONES, "longest time between two keys that belong together", (0.1, 60))
    pin_timeout: float = seconds(10.0, PHONES, "how long a caller may press nothing when asked for a PIN", (1, 120))
    pin_tries: int = whole(
        3, PHONES, "PINs that a caller may try before the call is ended", (1, 20), beyond="close 1008"
    )  # fmt: skip

    @property
    def menu(self) -> Menu:
        """What keys do."""
        return Menu() if self.dtmf_menu is None else self.dtmf_menu
