"""How many rooms there may be, how they are run until a host wants it otherwise, and how voices are treated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from conference.iceservers import IceServer, parse_ice_server
from conference.options.declaration import choice, seconds, several, switch, value, whole
from conference.options.groups import LIMITS, MEDIA, ROOMS
from conference.room.conference import ConferenceLimits
from conference.room.policy import DEFAULT_POLICY, Announce, Lobby
from conference.room.voice import DEFAULT_VOICE

GATES = ("adaptive", "fixed")
LOBBIES: tuple[str, ...] = get_args(Lobby)
ANNOUNCEMENTS: tuple[str, ...] = get_args(Announce)

_LIMITS = ConferenceLimits()


@dataclass(frozen=True)
class RoomSettings:
    """What rooms begin with, and how many there may be of what."""

    ice_servers: tuple[IceServer, ...] = several(
        MEDIA, "a STUN or TURN server for the clients: stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT?transport=udp; "
        "can be repeated", "SERVER", "ice-server", parse_ice_server, secret=True,
    )  # fmt: skip
    require_if_match: bool = switch(
        False,
        MEDIA,
        "refuse trickled candidates without If-Match, as WHIP has it (RFC 9725): many clients leave it out",
    )
    """It says what ICE session they belong to (section 4.3.1)."""

    gate: str = choice(
        "adaptive" if DEFAULT_VOICE.gate.adaptive else "fixed", MEDIA,
        "who is heard: adaptive leaves out each one's own background noise, fixed only what is silent", GATES, "GATE",
    )  # fmt: skip
    levelling: bool = switch(
        DEFAULT_VOICE.levelling, MEDIA,
        "bring voices that are too loud or too quiet to a common loudness (default: yes)",
    )  # fmt: skip
    noise_suppression: bool = switch(
        DEFAULT_VOICE.noise_suppression, MEDIA,
        "take noise out of every voice, at the price of 7 ms of delay; needs pip install 'conference[noise]'",
    )  # fmt: skip
    comfort_noise: bool = switch(
        DEFAULT_VOICE.comfort_noise, MEDIA,
        "let the background of somebody who pauses fade, and go on quietly for a few seconds, instead of breaking off "
        "(default: yes)",
    )  # fmt: skip
    forwarding: bool = switch(
        True, MEDIA, "give who is to hear one voice its own packets, as they came, in place of a mix (default: yes)"
    )
    seat_hold: float = seconds(
        5.0, MEDIA, "how long the seat of somebody is kept who loads the page anew; 0 for not at all", (0, 60),
        beyond="lost",
    )  # fmt: skip

    lobby: Lobby = choice(
        DEFAULT_POLICY.lobby, ROOMS, "who waits in the lobby: off for nobody, host for all until a host is there, "
        "admit for all until a host lets them in", LOBBIES, "WHO",
    )  # fmt: skip
    ends_with_host: bool = switch(
        DEFAULT_POLICY.ends_with_host, ROOMS, "send everybody home when the last host leaves"
    )  # fmt: skip
    mute_on_entry: bool = switch(DEFAULT_POLICY.mute_on_entry, ROOMS, "whoever joins begins muted")
    announce: Announce = choice(
        DEFAULT_POLICY.announce, ROOMS,
        "what is heard when somebody comes or goes: off, tones, or names (a tone and who it was)", ANNOUNCEMENTS,
        "WHAT",
    )  # fmt: skip
    hold_music: str | None = value(
        DEFAULT_POLICY.hold_music, ROOMS, "the sound that people hear on hold and in the lobby, by its name", "SOUND"
    )
    """``None`` for silence."""

    max_rooms: int = whole(
        _LIMITS.max_rooms, LIMITS, "rooms at one time", (1, 1_000_000), beyond="503, close 1013"
    )  # fmt: skip
    max_participants_per_room: int = whole(
        200, LIMITS, "people in one room", (1, 100_000), beyond="409, close 1013"
    )  # fmt: skip
    max_talkers: int = whole(
        _LIMITS.max_talkers, LIMITS, "people heard at once in one room: the loudest", (1, 1000), beyond="not heard"
    )
    max_own_volumes: int = whole(
        50, LIMITS, "people in one room who hear others louder or quieter than they are, as they have set it for "
        "themselves", (0, 100_000), beyond="409",
    )  # fmt: skip
    """Each of them is a mix of its own."""

    max_joins_per_minute: int = whole(
        300, LIMITS, "joins from one address; 0 for no limit", (0, 1_000_000), beyond="429"
    )  # fmt: skip
    """Of IPv6, from one /64. All at once or spread."""

    max_messages_per_minute: int = whole(
        60, LIMITS, "what one person may write to the others in a room; 0 for no limit", (0, 1_000_000), beyond="429"
    )
    """All at once or spread."""
