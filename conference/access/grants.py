"""What somebody may do, in which room, until when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Role: TypeAlias = Literal["host", "speaker", "listener"]
"""What somebody is in a room."""

Right: TypeAlias = Literal["speak", "listen", "moderate", "dial", "record", "voices"]
"""One thing that somebody may do: be heard, hear, change rooms and others, call people in, record, hear each voice
apart."""

ROLES: tuple[Role, ...] = get_args(Role)
RIGHTS: tuple[Right, ...] = get_args(Right)

ROLE_RIGHTS: dict[Role, frozenset[Right]] = {
    "host": frozenset(RIGHTS),
    "speaker": frozenset({"speak", "listen"}),
    "listener": frozenset({"listen"}),
}
"""What each role may do where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody may do.

    A role is what they are in the room; rights are what the server lets them do. They usually go together (see
    :data:`ROLE_RIGHTS`), and need not: an agent who may record is a speaker with one right more.
    """

    room: str | None
    """The one room that it is for; ``None`` for any."""

    identity: str | None
    """Who it was made out to, as whoever made it knows them; two grants of one identity are the same person."""

    name: str | None
    """What people see, where they give no other."""

    role: Role
    rights: frozenset[Right]
    expires_at: float | None
    """Unix time in seconds; ``None`` for one that was never signed."""

    issued_at: float | None = None
    """Unix time in seconds, where the token says it."""

    pin: str | None = None
    """What stands for the PIN that it was given for (`tokens.pin_mark`): it opens what that PIN opens."""

    def covers(self, room: str) -> bool:
        """Whether it is for this room."""
        return self.room is None or self.room == room

    def allows(self, right: Right) -> bool:
        """Whether this may be done with it."""
        return right in self.rights

    @property
    def joins_as(self) -> Role:
        """The role in which they join, unless they ask for another: theirs, as far as their rights go.

        Whoever may not speak is a listener, and who may not moderate no host: a host's seat moderates.
        """
        if not self.allows("speak"):
            return "listener"
        return self.role if self.may_be(self.role) else "speaker"

    def may_be(self, role: Role) -> bool:
        """Whether they may join in a role: less than their own always, a host's with the right to moderate."""
        if role == "host":
            return self.allows("moderate")
        return role == "listener" or self.allows("speak")


EVERYTHING = Grant(room=None, identity=None, name=None, role="speaker", rights=frozenset(RIGHTS), expires_at=None)
"""What everybody has on a server without a secret.

A speaker and not a host, so that a lock and a lobby mean something there, too.
"""


def make_grant(
    role: Role,
    *,
    expires_at: float | None = None,
    room: str | None = None,
    identity: str | None = None,
    name: str | None = None,
    rights: Iterable[Right] | None = None,
) -> Grant:
    """A grant with the rights of its role, unless others are given."""
    chosen = ROLE_RIGHTS[role] if rights is None else frozenset(rights)
    return Grant(room=room, identity=identity, name=name, role=role, rights=chosen, expires_at=expires_at)
