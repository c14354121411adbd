"""How one operation of the API is described: who may do it, what it takes, what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from conference.access.grants import Right

RequiredAccess: TypeAlias = Right | Literal["open", "token", "present", "self", "self-or-moderate", "signed", "account"]
"""Who may do something: whoever has a right; everybody; whoever has a token; whoever is in the room or may moderate;
whoever it is about, or has any token; whoever it is about, or may moderate; Twilio, or whoever has a token;
whoever has the token of the Twilio account."""

Content: TypeAlias = type | str | None
"""JSON of a type, which is a `pydantic.BaseModel` if it is sent to us and a ``TypedDict`` if we send it; or another
media type; or nothing."""

WHO: dict[RequiredAccess, str] = {
    "open": "Open to everybody.",
    "token": "For everybody with a token.",
    "present": "For those who are in the room, and those who may moderate it.",
    "self": "For the participant themselves, and for everybody with a token.",
    "self-or-moderate": "For the participant themselves, and for those who may moderate.",
    "signed": "For Twilio, whose signature is checked, and for everybody with a token.",
    "account": "With basic authentication: the password is the Twilio account's token, or a token that may moderate.",
    "moderate": "Needs the right to moderate.",
    "speak": "Needs the right to speak.",
    "listen": "Needs the right to listen.",
    "dial": "Needs the right to call people in.",
    "record": "Needs the right to record.",
    "voices": "Needs the right to hear each voice apart.",
}

PROBLEMS = {
    400: "The request is malformed, or asks for something that cannot be.",
    401: "A token is needed, and none came, or one that is not valid.",
    403: "The token does not allow this.",
    404: "There is no such room, participant or thing.",
    408: "The body did not arrive in time.",
    409: "It contradicts what is already so.",
    412: "It belongs to an earlier connection.",
    413: "The body is too large.",
    415: "The body is of another type than those that are taken.",
    416: "The file has no such range.",
    422: "It is understood, and asks for something that there is not here.",
    423: "The room is locked.",
    428: "`If-Match` is missing, and this server was told to ask for it.",
    429: "Too often. `Retry-After` says when to come back.",
    503: "Not now. `Retry-After` says when to come back.",
    508: "This server has placed the call itself.",
}
"""What each status means where nothing else is said."""

ROOM_NAME = {"type": "string", "pattern": r"^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$"}
"""JSON Schema of a room's name."""

BODY_PROBLEMS = (400, 408, 413, 415)
"""What can be wrong with any body."""


EVENTS = "x-events"
"""Where the description of a stream names its events: OpenAPI 3.1 has no words for those."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something in the query or the header of a request."""

    name: str
    where: Literal["query", "header"]
    description: str
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be done with one method of one address."""

    tag: str
    summary: str
    access: RequiredAccess = "token"
    status: int = 200
    """Of the answer, if all is well."""

    content: Content = None
    """Of the answer."""

    answer: str = "Done."
    """What the answer means."""

    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer, with what they mean."""

    also: Mapping[int, str] = field(default_factory=dict)
    """Other answers if all is well, without content."""

    body: Mapping[str, Content] = field(default_factory=dict)
    """What is sent, by media type; with ``None``, anything of that type."""

    body_optional: bool = False
    body_any: bool = False
    """A body of another type is not refused: it is not read."""

    parameters: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    """Statuses of errors, besides those that follow from the rest."""

    events: Mapping[str, type] = field(default_factory=dict)
    """What is told of on a stream: the type of each event's data, by the event's name."""

    description: str = ""

    def all_problems(self, *, in_room: bool) -> list[int]:
        """Every status that an error may have.

        Args:
            in_room: the address names a room.
        """
        found = {*self.problems, 503}
        if self.access != "open":
            found |= {401, 403}
        if self.body:
            found |= set(BODY_PROBLEMS)
        if self.body_any:
            found -= {415}
        if in_room:
            found.add(404)
        return sorted(found)
