"""What the API answers as JSON, as types: for the description of the API, and for tests that hold it to its word."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from conference.access.grants import Right, Role
from conference.prompts.library import Origin
from conference.room.participant import Transport
from conference.room.policy import Announce, Lobby


class Answered(BaseModel):
    """A JSON object that we answer with."""

    model_config = ConfigDict(extra="forbid")


class Problem(Answered):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Which problem it is, for programs; `about:blank` where the status says enough.")
    title: str = Field(description="A sentence that a person can act on.")
    status: int


class Participant(Answered):
    """Somebody in a room."""

    id: str = Field(description="Opaque; the same after coming back into a seat.")
    name: str = Field(description="What people see.")
    transport: Transport = Field(description="How they came in.")
    muted: bool
    talking: bool = Field(description="Their sound is in the mix.")
    level: float = Field(description="Of their last 20 ms, in dBov: -127 is silence, 0 full scale.")
    joined_at: float = Field(description="Unix time in seconds.")
    role: Role
    identity: str | None = Field(description="Who they are beyond this room, as their token says.")
    muted_by: str | None = Field(description="Who muted them, so that they cannot unmute themselves.")
    held: bool = Field(description="On hold: neither heard nor hearing anybody.")
    deafened: bool = Field(description="They hear nobody.")
    waiting: bool = Field(description="In the lobby: neither heard nor hearing anybody until let in.")
    hand_raised_at: float | None = Field(description="Since when they ask to speak, Unix time in seconds.")


class Voice(Answered):
    """How somebody's voice is treated."""

    levelling: bool
    noise_suppression: bool
    available: list[Literal["levelling", "noise_suppression"]] = Field(
        description="What can be done to it here: suppression needs a library, and both a voice that is sent."
    )


class ParticipantInFull(Participant):
    """Somebody in a room, and how their connection does."""

    voice: Voice
    connection: dict[str, Any] = Field(default={}, description="Figures that depend on the transport.")


class Policy(Answered):
    """How a room is run."""

    locked: bool
    max_participants: int | None
    lobby: Lobby
    ends_with_host: bool
    mute_on_entry: bool
    announce: Announce
    hold_music: str | None
    has_pin: bool
    pin: str | None = Field(default=None, description="Told to those who may moderate, and to nobody else.")


class Sound(Answered):
    """A sound that is being played."""

    id: str
    name: str
    to: list[str] | None = Field(description="Who hears it; `null` for everybody who is in the conversation.")
    for_absent: bool = Field(description="For those on hold and in the lobby, and for nobody else.")
    talk_gain: float
    gain: float
    loop: bool


class Sounds(Answered):
    """All that is being played in a room."""

    sounds: list[Sound]


class LibraryEntry(Answered):
    """A sound that can be played."""

    name: str
    seconds: float
    origin: Origin = Field(description="Made by the server, shipped with it, or a file of the operator.")


class Library(Answered):
    """All that can be played."""

    sounds: list[LibraryEntry]


class Rule(Answered):
    """One setting of who hears whom; `null` for anybody."""

    listener: str | None
    source: str | None
    gain: float


class Room(Answered):
    """A room and everybody in it."""

    name: str
    created_at: float = Field(description="Unix time in seconds.")
    participants: list[Participant]
    policy: Policy
    sounds: list[Sound]
    hearing: list[Rule]


class RoomSummary(Answered):
    """A room in a list."""

    name: str
    participants: int
    created_at: float


class Rooms(Answered):
    """All rooms with somebody in them."""

    rooms: list[RoomSummary]


class Rules(Answered):
    """All that is set of who hears whom."""

    rules: list[Rule]


class Gains(Answered):
    """How loud somebody hears each of the others, by their ids."""

    gains: dict[str, float]


class Volumes(Answered):
    """What somebody has set for themselves, by the ids of those whom they hear."""

    volumes: dict[str, float]


class Volume(Answered):
    """How loud somebody wants to hear somebody."""

    source: str
    volume: float


class Muted(Answered):
    """Who has been muted."""

    muted: list[str]


class Sidebar(Answered):
    """People who talk among themselves."""

    id: str
    participants: list[str]


class Sidebars(Answered):
    """All of a room."""

    sidebars: list[Sidebar]


class Access(Answered):
    """What somebody may do."""

    room: str | None = Field(description="The one room that it is for; `null` for all.")
    identity: str | None
    name: str | None
    role: Role
    rights: list[Right]
    expires_at: float | None = Field(description="Unix time in seconds.")


class NewAccess(Access):
    """What somebody may do from now on."""

    token: str = Field(description="To be sent as `Authorization: Bearer`.")


class IceServers(Answered):
    """What goes into `RTCPeerConnection`."""

    urls: str
    username: str | None = None
    credential: str | None = None


class Configuration(Answered):
    """What a page needs to know before it joins."""

    model_config = ConfigDict(extra="allow")

    access: str = Field(description="`token` if one is asked for, else `open`.")
    iceServers: list[IceServers]  # noqa: N815 - as browsers call it
    maxNameLength: int  # noqa: N815
