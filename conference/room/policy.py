"""How a room is run: who may come in, who waits, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Lobby: TypeAlias = Literal["off", "host", "admit"]
"""Who waits in the lobby: nobody; all until a host is there; all until a host lets them in, one by one or together."""

Announce: TypeAlias = Literal["off", "tones", "names"]
"""What is heard when somebody comes or goes: nothing; a tone; a tone and who it was."""


@dataclass(frozen=True, slots=True)
class RoomPolicy:
    """What hosts decide about a room."""

    locked: bool = False
    """Nobody but hosts comes in any more."""

    max_participants: int | None = None
    """As many as may be here, hosts aside; ``None`` for what the server allows."""

    lobby: Lobby = "off"

    ends_with_host: bool = False
    """Everybody is sent home when the last host leaves; or, if that host's connection was lost, half a minute later."""

    mute_on_entry: bool = False
    """Whoever joins begins muted; they can unmute."""

    pin: str | None = None
    """What people without a token say to get in: 4 to 12 digits."""

    announce: Announce = "off"

    hold_music: str | None = None
    """Name of the sound that those on hold, and in the lobby, hear; ``None`` for silence."""

    captions: bool = False
    """What is said is recognised, and shown as text to those who hear it."""


DEFAULT_POLICY = RoomPolicy()
