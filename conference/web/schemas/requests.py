"""What people may send as JSON, as types: they check the requests, and the description of the API is made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from conference.access.grants import Role
from conference.room.policy import Announce, Lobby
from conference.telephony.destinations import read_number
from conference.telephony.twilio_account import MachineDetection
from conference.text import BLANK
from conference.web.http.typed_text import read_name, read_text_message

MAX_IDS = 1000
"""People that one request may name."""

MAX_MESSAGE_CHARS = 2000


@dataclass(frozen=True, slots=True)
class Must:
    """What a field has to be, as a complaint about it ends: ``'gain' must be a number from 0 to 2``."""

    be: str


class Body(BaseModel):
    """A JSON object that somebody sends. Fields that are not declared are refused, and no value is converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    example: ClassVar[str] = "{}"
    """A body that is right, to be shown to those who sent another one."""

    unknown: ClassVar[str] = "cannot be given"
    """What a complaint says of a field that is not declared."""


class MergePatch(Body):
    """A change to something (RFC 7396): what is not named stays as it is."""

    unknown: ClassVar[str] = "cannot be changed"

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that were sent."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}


def _not_null(value: object) -> object:
    if value is None:
        raise PydanticCustomError("null", "null")
    return value


def _whole(value: object) -> object:
    """Take 3.0 for 3: JSON has only one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _name(value: str | None, info: ValidationInfo) -> str | None:
    limit = (info.context or {}).get("max_name_length", 64)
    return None if value is None else read_name(value, limit)


def _one_of(kind: object) -> tuple[Must, BeforeValidator, WithJsonSchema]:
    """Declare a field that may be left out, and is otherwise one of the words of a ``Literal``."""
    *others, last = get_args(kind)
    must = Must(f"one of {', '.join(map(repr, others))} and {last!r}")
    return must, *_required({"type": "string", "enum": [*others, last]})


def _required(schema: dict[str, Any]) -> tuple[BeforeValidator, WithJsonSchema]:
    """Declare a field that may be left out, but not be null."""
    return BeforeValidator(_not_null), WithJsonSchema(schema)


_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_LINE = rf"[^{_CONTROLS}\u2028-\u202e\u2066-\u2069]*"
NAME_SCHEMA = {"type": "string", "maxLength": 64, "pattern": f"^{_LINE}$"}
"""JSON Schema of a person's name."""

_WRITTEN = rf"(?:[^{_CONTROLS}]|[\t\n])*"

_SWITCH = _required({"type": "boolean"})
_NO = _required({"type": "boolean", "const": False})
_NAME = _required(NAME_SCHEMA)

Switch: TypeAlias = Annotated[bool | None, Must("true or false"), *_SWITCH]
Name: TypeAlias = Annotated[str | None, Must("text"), AfterValidator(_name), *_NAME]
Id: TypeAlias = Annotated[str, Field(min_length=1, max_length=64)]
Ids: TypeAlias = Annotated[list[Id], Must(f"a list of participants' ids, at most {MAX_IDS}"), Field(max_length=MAX_IDS)]
SomeIds: TypeAlias = Annotated[
    list[Id], Must(f"a list of participants' ids, 1 to {MAX_IDS}"), Field(min_length=1, max_length=MAX_IDS)
]
SoundOrNone: TypeAlias = Annotated[str | None, Must("the name of a sound, or null"), Field(min_length=1, max_length=64)]
Gain: TypeAlias = Annotated[float, Must("a number from 0 to 2"), Field(ge=0, le=2)]


class ParticipantPatch(MergePatch):
    """What can be changed about a participant."""

    example: ClassVar[str] = '{"muted": true}'

    name: Name = Field(None, description="What the others see.")
    muted: Switch = Field(None, description="Not heard. Muted by somebody else, one cannot unmute oneself.")
    levelling: Switch = Field(None, description="Bring their voice to a common loudness.")
    noise_suppression: Switch = Field(None, description="Take the noise out of their voice.")
    original_sound: Switch = Field(
        None, description="Leave their sound as it is, as for music: neither of these, and no adaptive gate."
    )
    hand_raised: Switch = Field(None, description="They ask to speak.")
    deafened: Switch = Field(None, description="They hear nobody.")
    held: Switch = Field(None, description="On hold: neither heard nor hearing anybody.")
    waiting: Annotated[Literal[False] | None, Must("false, which lets them in"), *_NO] = Field(
        None, description="`false` lets them in from the lobby."
    )
    role: Annotated[Role | None, *_one_of(Role)] = Field(
        None, description="A host runs the room, a speaker talks, a listener is not heard."
    )


class RoomPatch(MergePatch):
    """How a room is to be run."""

    example: ClassVar[str] = '{"locked": true}'

    locked: Switch = Field(None, description="Nobody but hosts comes in any more.")
    max_participants: Annotated[
        Annotated[int, Field(ge=1, le=100_000)] | None,
        Must("a whole number from 1 to 100000, or null"),
        BeforeValidator(_whole),
    ] = Field(None, description="As many as may be here, hosts aside; `null` for what the server allows.")
    lobby: Annotated[Lobby | None, *_one_of(Lobby)] = Field(
        None, description="Who waits in the lobby: nobody; all until a host is there; all until they are admitted."
    )
    ends_with_host: Switch = Field(None, description="Everybody is sent home when the last host leaves.")
    mute_on_entry: Switch = Field(None, description="Whoever joins begins muted; they can unmute.")
    announce: Annotated[Announce | None, *_one_of(Announce)] = Field(
        None, description="What is heard when somebody comes or goes."
    )
    hold_music: SoundOrNone = Field(
        None, description="The sound that those on hold, and in the lobby, hear; `null` for silence."
    )
    captions: Switch = Field(
        None, description="What is said is recognised, and shown as text to those who may hear it (`--captions`)."
    )
    pin: Annotated[str | None, Must("4 to 12 digits, or null"), Field(pattern="^[0-9]{4,12}$")] = Field(
        None, description="What people without a token say to get in; `null` for none."
    )


class PinEntered(Body):
    """What somebody sends who knows a room's PIN."""

    example: ClassVar[str] = '{"pin": "1234", "name": "Amy"}'

    pin: Annotated[str, Must("text: the room's PIN"), Field(min_length=1, max_length=64)]
    name: Annotated[
        str | None,
        Must("text"),
        AfterValidator(_name),
        WithJsonSchema({"anyOf": [NAME_SCHEMA, {"type": "null"}]}),
    ] = Field(None, description="What the others see.")


class MuteAll(Body):
    """Whom to leave out when everybody is muted."""

    example: ClassVar[str] = '{"except": []}'

    others: Ids = Field(default=[], alias="except", description="Ids of participants who are not muted.")


class GainSetting(Body):
    """How loud somebody hears somebody."""

    example: ClassVar[str] = '{"gain": 0.5}'

    gain: Gain = Field(description="0 is silence, 1 as they are, 2 twice as loud (6 dB).")


class VolumeSetting(Body):
    """How loud somebody wants to hear somebody."""

    example: ClassVar[str] = '{"volume": 0.5}'

    volume: Gain = Field(description="0 is silence, 1 as they are, 2 twice as loud (6 dB).")


class Whisper(Body):
    """Who hears somebody, and nobody else does."""

    example: ClassVar[str] = '{"to": ["799d117cd5f7eeb4"]}'

    to: SomeIds = Field(description="Ids of participants.")


class Coaching(Body):
    """Whom somebody coaches: they alone hear them."""

    example: ClassVar[str] = '{"agent": "799d117cd5f7eeb4"}'

    agent: Annotated[Id, Must("a participant's id")] = Field(description="Id of a participant.")


class NewSidebar(Body):
    """Who is to talk among themselves."""

    example: ClassVar[str] = '{"participants": ["799d117cd5f7eeb4", "048132c6e9ef932e"]}'

    participants: Annotated[
        list[Id], Must(f"a list of participants' ids, 2 to {MAX_IDS}"), Field(min_length=2, max_length=MAX_IDS)
    ] = Field(description="Ids of participants.")


class NewMessage(Body):
    """What somebody writes to everybody in the room."""

    example: ClassVar[str] = '{"text": "Hello"}'

    text: Annotated[
        str,
        Must(f"text of 1 to {MAX_MESSAGE_CHARS} characters"),
        Field(min_length=1, max_length=MAX_MESSAGE_CHARS),
        AfterValidator(read_text_message),
        WithJsonSchema(
            {
                "type": "string",
                "maxLength": MAX_MESSAGE_CHARS,
                "pattern": rf"^{_WRITTEN}[^{BLANK}{_CONTROLS}]{_WRITTEN}$",
            }
        ),
    ] = Field(description="Shown as it is; nothing in it is markup.")


class NewDrain(Body):
    """How long those who are in rooms may stay."""

    example: ClassVar[str] = '{"timeout": 600}'

    timeout: Annotated[float | None, Must("a number from 0 to 604800")] = Field(
        None, ge=0, le=604_800, description="In seconds; 0: as long as they like; `null`: as the server is set up."
    )


class NewRecording(Body):
    """What is to be kept."""

    example: ClassVar[str] = '{"people": true, "mix": true}'

    people: Annotated[bool, Must("true or false")] = Field(True, description="Each person's own packets.")
    mix: Annotated[bool, Must("true or false")] = Field(True, description="What everybody hears, in one track.")


class RecordingPatch(MergePatch):
    """What a recording is to do."""

    example: ClassVar[str] = '{"state": "paused"}'

    state: Annotated[
        Literal["recording", "paused", "stopped"] | None,
        *_one_of(Literal["recording", "paused", "stopped"]),
    ] = Field(None, description="Pause it, go on, or end it.")


class NewSound(Body):
    """What is to be played."""

    example: ClassVar[str] = '{"sound": "join-tone"}'

    sound: Annotated[str, Must("the name of a sound"), Field(min_length=1, max_length=64)] = Field(
        description="Its name, as `GET /sounds` lists it."
    )
    to: Annotated[
        list[Id] | None,
        Must(f"a list of participants' ids, 1 to {MAX_IDS}, or null"),
        Field(min_length=1, max_length=MAX_IDS),
    ] = Field(None, description="Who hears it; `null` for everybody who is in the conversation.")
    talk_gain: Annotated[float, Must("a number from 0 to 1"), Field(ge=0, le=1)] = Field(
        1.0, description="How loud people are meanwhile: 1 over the talk, 0 instead of it; between them it ducks."
    )
    gain: Gain = Field(1.0, description="Of the sound itself.")
    loop: Annotated[bool, Must("true or false")] = Field(False, description="Over and over, until it is stopped.")


MAX_PARAMETERS = 50

_PARAMETERS_SCHEMA = {"type": "object", "maxProperties": MAX_PARAMETERS, "additionalProperties": {"type": "string"}}


def _parameters(value: dict[str, str]) -> dict[str, str]:
    """As TwiML's ``<Parameter>`` has them, since that is where whoever is called knows them from."""
    if len(value) > MAX_PARAMETERS or not all(name and len(name) + len(text) < 500 for name, text in value.items()):
        raise PydanticCustomError("parameters", "parameters")
    return value


_LONGEST_NUMBER = 30
"""With spaces and the like, which people write."""


def _number(value: str | None) -> str | None:
    if value is not None and len(value) > _LONGEST_NUMBER:
        raise PydanticCustomError("number", "number")
    try:
        return None if value is None else read_number(value)
    except ValueError:
        raise PydanticCustomError("number", "number") from None


Number: TypeAlias = Annotated[
    str | None,
    Must("a telephone number with its country's code, like +15551234567"),
    AfterValidator(_number),
    *_required({"type": "string", "maxLength": _LONGEST_NUMBER, "pattern": r"^\+[1-9][0-9]{6,14}$"}),
]


class NewCall(Body):
    """Whom a room is to call."""

    example: ClassVar[str] = '{"url": "wss://bot.example.org/stream", "name": "Assistant"}'

    url: Annotated[
        str | None,
        Must("an address that begins with ws:// or wss://"),
        Field(max_length=2000, pattern="^wss?://"),
        *_required({"type": "string", "maxLength": 2000, "pattern": "^wss?://"}),
    ] = Field(None, description="The WebSocket of a bot that speaks Twilio Media Streams. Or else:")
    webhook: Annotated[
        str | None,
        Must("an address that begins with http:// or https://"),
        Field(max_length=2000, pattern="^https?://"),
        *_required({"type": "string", "maxLength": 2000, "pattern": "^https?://"}),
    ] = Field(None, description="The voice webhook of an application, whose TwiML is followed. Or else:")
    to: Number = Field(None, description="The number of a telephone.")
    name: Name = Field(None, description="What the others see; else the host that is called.")
    role: Annotated[Role | None, *_one_of(Role)] = Field(None, description="As what they join: `speaker` if not said.")
    parameters: Annotated[
        dict[str, str],
        Must(f"an object of up to {MAX_PARAMETERS} texts, each with its name shorter than 500 characters"),
        AfterValidator(_parameters),
        WithJsonSchema(_PARAMETERS_SCHEMA),
    ] = Field(default={}, description="What the bot finds in `start.customParameters`.")
    dtmf: Annotated[bool, Must("true or false")] = Field(
        False, description="Whether the bot is told of the keys that callers in the room press."
    )
    reconnect: Annotated[bool, Must("true or false")] = Field(
        False, description="Whether a bot is called again when its connection is lost; else it leaves."
    )
    interruptible: Annotated[bool, Must("true or false")] = Field(
        False, description="Whether what the bot says breaks off when a person begins to talk."
    )
    caller_id: Number = Field(
        None, description="What the telephone shows: one of those that the operator names; else the first of them."
    )
    ring_seconds: Annotated[
        Annotated[int, Field(ge=5, le=600)] | None,
        Must("a whole number from 5 to 600"),
        BeforeValidator(_whole),
        *_required({"type": "integer", "minimum": 5, "maximum": 600}),
    ] = Field(None, description="How long the telephone rings.")
    max_seconds: Annotated[
        Annotated[int, Field(ge=1, le=604_800)] | None,
        Must("a whole number from 1 to 604800"),
        BeforeValidator(_whole),
        *_required({"type": "integer", "minimum": 1, "maximum": 604_800}),
    ] = Field(None, description="Length of the call, if that is less than the server allows.")
    ringback: SoundOrNone = Field(
        None, description="The sound that the room hears while the telephone rings; `null` for none."
    )
    machine_detection: Annotated[MachineDetection | None, *_one_of(MachineDetection)] = Field(
        None, description="Whether it is found out if a machine answers, and told; or the call ended then."
    )


class NewAudioSocketCall(Body):
    """Who is about to call in on AudioSocket."""

    example: ClassVar[str] = '{"name": "Amy", "prompts": true}'

    name: Name = Field(None, description="What the others see; else the call's UUID.")
    role: Annotated[Role | None, *_one_of(Role)] = Field(None, description="As what they join: `speaker` if not said.")
    prompts: Switch = Field(
        None, description="Whether the caller is told what happens; if not said, from the first key on."
    )


class NewTransfer(Body):
    """Who is handed over, and whom to call for that."""

    example: ClassVar[str] = (
        '{"caller": "799d117cd5f7eeb4", "agent": "048132c6e9ef932e", "call": {"to": "+15551234567"}}'
    )

    caller: Annotated[Id, Must("a participant's id")] = Field(description="Id of the participant who is handed over.")
    agent: Annotated[Id | None, Must("a participant's id")] = Field(
        None, description="Id of the participant who hands them over; whoever asks, if they show their seat."
    )
    call: Annotated[NewCall, Must("an object that says whom to call, as for a call")] = Field(
        description="Whom to call, and how."
    )


class TransferPatch(MergePatch):
    """What becomes of a transfer."""

    example: ClassVar[str] = '{"state": "joined"}'

    state: Annotated[Literal["joined", "completed"] | None, *_one_of(Literal["joined", "completed"])] = Field(
        None, description="All three talk; or the agent leaves the others to it."
    )
