"""What the API answers, as types: what is sent is one of these, and the description of the API is made from them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, TypeAlias, get_type_hints

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from conference.access.grants import Right, Role
from conference.prompts.library import Origin
from conference.room.participant import AnsweredBy, CallState, Transport
from conference.room.policy import RoomPolicy
from conference.room.recorded import RecordingStatus
from conference.room.transferred import TransferState
from conference.web.schemas.requests import RoomPatch

UnixTime: TypeAlias = Annotated[float, Field(description="Unix time in seconds.")]


class Dialed(TypedDict):
    """How far it has come with somebody whom the room has called."""

    state: CallState
    answered_by: NotRequired[Annotated[AnsweredBy, Field(description="Of telephones, once it is known.")]]


class Participant(TypedDict):
    """Somebody in a room."""

    id: Annotated[str, Field(description="Opaque; the same after coming back into a seat.")]
    name: Annotated[str, Field(description="What people see.")]
    transport: Annotated[Transport, Field(description="How they came in.")]
    muted: bool
    talking: Annotated[bool, Field(description="Their sound is in the mix.")]
    level: Annotated[float, Field(description="Of their last 20 ms, in dBov: -127 is silence, 0 full scale.")]
    joined_at: UnixTime
    role: Role
    identity: Annotated[str | None, Field(description="Who they are beyond this room, as their token says.")]
    muted_by: Annotated[str | None, Field(description="Who muted them, so that they cannot unmute themselves.")]
    held: Annotated[bool, Field(description="On hold: neither heard nor hearing anybody.")]
    deafened: Annotated[bool, Field(description="They hear nobody.")]
    waiting: Annotated[bool, Field(description="In the lobby: neither heard nor hearing anybody until let in.")]
    hand_raised_at: Annotated[float | None, Field(description="Since when they ask to speak, Unix time in seconds.")]
    call: NotRequired[Annotated[Dialed, Field(description="Of those whom the room has called, and of nobody else.")]]
    node: NotRequired[Annotated[str, Field(description="Id of the node that serves them, where there are several.")]]


class Voice(TypedDict):
    """How somebody's voice is treated."""

    levelling: bool
    noise_suppression: bool
    original_sound: bool
    available: Annotated[
        list[Literal["levelling", "noise_suppression", "original_sound"]],
        Field(description="What can be done to it here: suppression needs a library, and both a voice that is sent."),
    ]


class ParticipantInFull(Participant):
    """Somebody in a room, and how their connection does."""

    voice: Voice
    connection: NotRequired[Annotated[dict[str, Any], Field(description="Figures that depend on the transport.")]]


SHOWN_OF_POLICY = tuple(field.name for field in dataclasses.fields(RoomPolicy) if field.name != "pin")
"""What everybody may know of how a room is run."""


def _policy_fields() -> dict[str, Any]:
    """As the room has them, in the words that ask for a change of them."""
    kinds = get_type_hints(RoomPolicy)
    told = {name: Field(description=RoomPatch.model_fields[name].description) for name in SHOWN_OF_POLICY}
    secret = Annotated[str | None, Field(description="Told to those who may moderate, and to nobody else.")]
    fields = {name: Annotated[kinds[name], field] for name, field in told.items()}
    return fields | {"has_pin": bool, "pin": NotRequired[secret]}


if TYPE_CHECKING:
    Policy: TypeAlias = dict[str, Any]
else:
    Policy = TypedDict("Policy", _policy_fields())
    Policy.__doc__ = "How a room is run."


class Sound(TypedDict):
    """A sound that is being played."""

    id: str
    name: str
    to: Annotated[list[str] | None, Field(description="Who hears it; `null` for everybody who is in the conversation.")]
    for_absent: Annotated[bool, Field(description="For those on hold and in the lobby, and for nobody else.")]
    talk_gain: float
    gain: float
    loop: bool


class Sounds(TypedDict):
    """All that is being played in a room."""

    sounds: list[Sound]


class LibraryEntry(TypedDict):
    """A sound that can be played."""

    name: str
    seconds: float
    origin: Annotated[Origin, Field(description="Made by the server, shipped with it, or a file of the operator.")]


class Library(TypedDict):
    """All that can be played."""

    sounds: list[LibraryEntry]


class Rule(TypedDict):
    """One setting of who hears whom; `null` for anybody."""

    listener: str | None
    source: str | None
    gain: float


class RecordingState(TypedDict):
    """A recording, as everybody in its room may know of it."""

    id: str
    state: RecordingStatus
    started_at: UnixTime
    started_by: Annotated[str | None, Field(description="Who began it; `null`: the server records every room.")]
    reason: Annotated[str | None, Field(description="Why it ended, for people to read; `null` while it goes on.")]


class Caption(TypedDict):
    """Some words of one person."""

    id: Annotated[str, Field(description="The same for all that is told of these words, and for no others.")]
    participant: Annotated[str, Field(description="Id of the participant who says them.")]
    name: Annotated[str, Field(description="Their name.")]
    text: Annotated[str, Field(description="As it is understood; it takes the place of what was told of it before.")]
    final: Annotated[bool, Field(description="It stays as it is.")]
    begins_at: UnixTime
    ends_at: UnixTime


class Captions(TypedDict):
    """What was said lately."""

    captions: Annotated[list[Caption], Field(description="The final ones that you may read, the oldest first.")]


class Track(TypedDict):
    """One person's voice in a recording."""

    participant: Annotated[str, Field(description="Their id.")]
    name: str
    identity: str | None
    transport: Transport
    codec: Annotated[str, Field(description="As in SDP: `opus`, `PCMU` or `PCMA`.")]
    begins_at: UnixTime
    seconds: Annotated[float, Field(description="From their first sound to their last.")]


class RecordedFile(TypedDict):
    """A file of a recording."""

    name: str
    type: str
    bytes: int


class Recording(RecordingState):
    """A recording."""

    room: str
    ended_at: UnixTime | None
    seconds: Annotated[float, Field(description="From its beginning to its end, with its pauses.")]
    bytes: int
    tracks: Annotated[list[Track], Field(description="Known when it is ready.")]
    files: Annotated[list[RecordedFile], Field(description="Those that can be had, once it is ready.")]
    stored: Annotated[bool, Field(description="They are in the object storage, and no longer in the server's folder.")]
    not_stored: Annotated[str | None, Field(description="Why they are not there yet, though it was tried.")]


class Recordings(TypedDict):
    """All recordings that whoever asks may know of, the latest first."""

    record: Annotated[str, Field(description="What begins one here: `off`: nothing; `manual`; `always`: every room.")]
    recordings: list[Recording]


class Drain(TypedDict):
    """Whether the server takes newcomers."""

    draining: Annotated[bool, Field(description="It takes none, and ends when everybody has left.")]
    began_at: UnixTime | None
    ends_at: Annotated[UnixTime | None, Field(description="When it ends in any case; `null` if it waits.")]
    participants: Annotated[int, Field(description="How many are still there, in all rooms.")]


class Room(TypedDict):
    """A room and everybody in it."""

    name: str
    created_at: UnixTime
    participants: list[Participant]
    policy: Policy
    sounds: list[Sound]
    hearing: list[Rule]
    recording: RecordingState | None


class RoomSummary(TypedDict):
    """A room in a list."""

    name: str
    participants: int
    created_at: float


class RoomOverview(TypedDict):
    """A room at a glance."""

    name: str
    created_at: UnixTime
    participants: Annotated[int, Field(description="Those in the lobby, too.")]
    talking: int
    waiting: Annotated[int, Field(description="How many wait in the lobby.")]
    locked: bool
    has_pin: bool
    recording: RecordingState | None


class Overview(TypedDict):
    """The whole server at a glance."""

    participants: int
    talking: int
    load: Annotated[
        float, Field(description="How much of a processor the server took in the last second or so, 0 to 1.")
    ]
    ticks: Annotated[int, Field(description="Since the start: a room has one every 20 ms, all together four.")]
    ticks_late: Annotated[int, Field(description="Those that began 5 ms late or more.")]
    drain: Drain
    recording_bytes: Annotated[
        int | None, Field(description="What all recordings in the folder take up; `null` where nothing is recorded.")
    ]
    rooms: list[RoomOverview]


class Rooms(TypedDict):
    """All rooms with somebody in them."""

    rooms: list[RoomSummary]


class Node(TypedDict):
    """One of the processes that are one conference."""

    id: str
    url: Annotated[str, Field(description="Where other nodes reach it.")]
    participants: Annotated[int, Field(description="Whom it serves.")]
    rooms: Annotated[int, Field(description="In which it serves anybody.")]
    load: Annotated[float, Field(description="How much of a processor it takes: 1 is all of one.")]
    draining: Annotated[bool, Field(description="It takes nobody new.")]
    seen_at: Annotated[float, Field(description="When it said so, Unix time in seconds.")]


class Nodes(TypedDict):
    """All processes that are one conference."""

    nodes: list[Node]


class Rules(TypedDict):
    """All that is set of who hears whom."""

    rules: list[Rule]


class Gains(TypedDict):
    """How loud somebody hears each of the others, by their ids."""

    gains: dict[str, float]


class Volumes(TypedDict):
    """What somebody has set for themselves, by the ids of those whom they hear."""

    volumes: dict[str, float]


class Volume(TypedDict):
    """How loud somebody wants to hear somebody."""

    source: str
    volume: float


class Muted(TypedDict):
    """Who has been muted."""

    muted: list[str]


class Sidebar(TypedDict):
    """People who talk among themselves."""

    id: str
    participants: list[str]


class Sidebars(TypedDict):
    """All of a room."""

    sidebars: list[Sidebar]


class Transfer(TypedDict):
    """A caller who is handed over."""

    id: str
    caller: Annotated[str, Field(description="Id of the participant who is handed over.")]
    agent: Annotated[str, Field(description="Id of the participant who hands them over.")]
    callee: Annotated[str, Field(description="Id of the participant who was called for that.")]
    state: TransferState


class ExpectedCall(TypedDict):
    """A call on AudioSocket that is expected."""

    uuid: Annotated[str, Field(description="What the call has to begin with. It is good once.")]
    room: str
    expires_at: Annotated[float, Field(description="Until when it has to come: Unix time in seconds.")]


class Transfers(TypedDict):
    """All of a room that are not over."""

    transfers: list[Transfer]


class TwilioCall(TypedDict):
    """A call, as much of it as Twilio's own answer tells that is known here."""

    sid: str
    account_sid: str
    status: str


class Access(TypedDict):
    """What somebody may do."""

    room: Annotated[str | None, Field(description="The one room that it is for; `null` for all.")]
    identity: str | None
    name: str | None
    role: Role
    rights: list[Right]
    expires_at: Annotated[float | None, Field(description="Unix time in seconds.")]


class NewAccess(Access):
    """What somebody may do from now on."""

    token: Annotated[str, Field(description="To be sent as `Authorization: Bearer`.")]


class IceServers(TypedDict):
    """What goes into `RTCPeerConnection`."""

    urls: str
    username: NotRequired[str]
    credential: NotRequired[str]


class CallsOut(TypedDict):
    """What rooms may call here, by those who may call people in."""

    bots: Annotated[bool, Field(description="Bots and applications, by their addresses.")]
    phones: bool


class Configuration(TypedDict):
    """What a page needs to know before it joins."""

    access: Annotated[str, Field(description="`token` if one is asked for, else `open`.")]
    iceServers: list[IceServers]
    maxNameLength: int
    calls: CallsOut
    captions: Annotated[bool, Field(description="What is said can be captioned here, if a host wants it.")]
    frameAncestors: Annotated[
        list[str], Field(description="Origins of the pages that may show the page in a frame, and tell it what to do.")
    ]


# A page may be told more some day; what is inside keeps to its type.
Configuration.__pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[attr-defined]
IceServers.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
