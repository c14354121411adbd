"""Who makes a request, and whether they may: every right that a request needs is checked by a function of this module.

Who somebody is, the request shows with a token (RFC 6750) or a seat; a server without a secret lets anybody do
everything. What a token grants is in `access.grants`. Callers, who make no requests, are let in by
`web.access.callers`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from aiohttp import web

from conference.access.grants import EVERYTHING, Grant, Right
from conference.access.tokens import TokenError
from conference.web.http.problems import Problem
from conference.web.joining.seats import shown_seat
from conference.web.live import SERVER, PinChanged, Server

QUERY = "access_token"
"""The query parameter that may hold the token (RFC 6750, section 2.3): ``EventSource`` and a browser's WebSocket can
set no header."""

_REALM = 'Bearer realm="conference"'

_VERBS: dict[Right, str] = {
    "speak": "to speak",
    "listen": "to listen",
    "moderate": "to moderate",
    "dial": "to call people in",
    "record": "to record",
    "voices": "to hear each voice apart",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever makes a request."""

    grant: Grant
    """What they may do."""

    participant_id: str | None
    """The participant whose seat they have proved to hold, in the room of the request; ``None`` if they proved none."""

    label: str
    """What logs and events call them: never a secret."""

    promoted: bool = False
    """They may moderate only because a host made them a host."""


def actor_of(request: web.Request, room: str | None = None) -> Actor:
    """Find out who makes a request.

    Args:
        request: with a token in ``Authorization: Bearer`` or ``?access_token=``, and perhaps a seat.
        room: the room of the request; ``None`` for the server as a whole.

    Returns:
        The actor. Their grant may be for another room: see :func:`require`.

    Raises:
        Problem: a token is needed, and the request has none, or one that is not valid (401).
    """
    server = request.app[SERVER]
    participant_id = _proven_seat(server, request, room)
    if server.token_needed(room):
        grant = _shown(server, request, room, participant_id)
    else:
        grant = _unasked(server, request, room)
    promoted = _promoted(server, grant, room, participant_id)
    return Actor(promoted, participant_id, label_of(grant, participant_id), promoted.rights != grant.rights)


def require(request: web.Request, right: Right | None, room: str | None) -> Actor:
    """Find out who makes a request, and refuse it unless they have a right.

    Args:
        request: as for :func:`actor_of`.
        right: the right that they need; ``None`` if any grant will do.
        room: where they need it; ``None`` for the server as a whole. A right there needs a grant for all rooms.

    Raises:
        Problem: there is no valid token (401); it is not for this room, or does not grant the right (403).
    """
    actor = actor_of(request, room)
    grant = actor.grant
    if room is not None and not grant.covers(room):
        raise _forbidden("Your token is for another room.")
    if right is not None and not grant.allows(right):
        raise _forbidden(f"Your token does not allow you {_VERBS[right]}.")
    if right is not None and room is None and grant.room is not None:
        raise _forbidden("Your token is for one room: this needs one for all rooms.")
    return actor


def require_somewhere(request: web.Request, right: Right) -> None:
    """Refuse a request unless they have a right in some room: by their token, or because a host there made them a host.

    Raises:
        Problem: there is no valid token (401); they have the right nowhere (403).
    """
    server = request.app[SERVER]
    grant = actor_of(request).grant
    rooms = (room for room in server.conference.rooms if grant.covers(room))
    if not grant.allows(right) and not any(
        _promoted(server, grant, room, _proven_seat(server, request, room)).allows(right) for room in rooms
    ):
        raise _forbidden(f"Your token does not allow you {_VERBS[right]}.")


def require_self_or(request: web.Request, right: Right | None, room: str, participant_id: str) -> Actor:
    """Find out who makes a request, and refuse it unless they are the participant, or have a right over them.

    A participant is known by their seat, or by the identity of their token. A seat is enough by itself, since only
    those have one who were let in: so somebody whose token has expired can still mute themselves, and leave.

    Raises:
        Problem: as :func:`require`.
    """
    server = request.app[SERVER]
    seated = server.grant_of(room, participant_id)
    if seated is not None and _proven_seat(server, request, room) == participant_id:
        seated = _promoted(server, seated, room, participant_id)
        return Actor(seated, participant_id, label_of(seated, participant_id))
    actor = require(request, None, room)
    identity = actor.grant.identity
    if seated is not None and identity is not None and seated.identity == identity:
        return actor
    return require(request, right, room)


def require_of_recording(
    request: web.Request, room: str, *, guarded: bool, room_since: float, ended_at: float | None
) -> Actor:
    """Who asks about a recording of a room that may be gone, if they may record there.

    On a server without a secret anybody may make a room of the same name anew, with a PIN of their own. What opens that
    room does not open recordings of the one before it.

    Args:
        request: as for :func:`actor_of`.
        room: of which it is.
        guarded: the room had a PIN: where nobody needs a token else, one for that room is needed all the same.
        room_since: when the room was made, in unix time, as all times here.
        ended_at: when the recording ended; ``None`` while it goes on.

    Raises:
        Problem: as :func:`require`.
    """
    server = request.app[SERVER]
    if server.settings.secret is not None or not guarded:
        return require(request, "record", room)
    presented, there = _presented(server, request), server.conference.get(room)
    same = there is not None and there.created_at == room_since
    current = isinstance(presented, Grant)  # else it may be of the very PIN that the room had
    grant = presented.grant if isinstance(presented, PinChanged) else presented
    if isinstance(grant, Grant) and grant.covers(room) and grant.allows("record"):
        always = current and room in dict(server.settings.pins)  # whoever makes it anew needs the same PIN
        issued, until = grant.issued_at, None if same else ended_at
        if always or (issued is not None and room_since <= issued and (until is None or issued <= until)):
            return Actor(grant, _proven_seat(server, request, room), label_of(grant))
    elif same and server.token_needed(room):  # by their seat
        return require(request, "record", room)
    raise Problem(401, "The room had a PIN: you need a token for it.", headers={"WWW-Authenticate": _REALM})


def visible(request: web.Request, rooms: Iterable[str], guarded: Container[str] = ()) -> set[str]:
    """Those rooms that whoever makes the request has a grant for; ``guarded`` have a PIN that is not known here."""
    server = request.app[SERVER]
    presented = _presented(server, request)
    grant = presented if isinstance(presented, Grant) else None
    return {
        room
        for room in rooms
        if not (server.token_needed(room) or room in guarded) or (grant is not None and grant.covers(room))
    }


def label_of(grant: Grant, participant_id: str | None = None) -> str:
    """What logs and events call somebody."""
    return grant.identity or grant.name or participant_id or "somebody"


def presented_token(request: web.BaseRequest) -> str | None:
    """The token of a request; ``None`` if there is none, or it is empty."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return request.query.get(QUERY) or None


def _unasked(server: Server, request: web.Request, room: str | None) -> Grant:
    """What is granted where no token is needed: everything, or less if they show a token for less."""
    presented = _presented(server, request)
    if isinstance(presented, Grant) and room is not None and presented.covers(room):
        return presented
    return EVERYTHING


def _shown(server: Server, request: web.Request, room: str | None, participant_id: str | None) -> Grant:
    """What is granted by the token or the seat of a request, where one is needed."""
    presented = _presented(server, request)
    if isinstance(presented, Grant):
        return presented
    seated = None if room is None or participant_id is None else server.grant_of(room, participant_id)
    if seated is not None and isinstance(presented, PinChanged) and seated.identity == presented.grant.identity:
        return presented.grant  # a host has changed the PIN: who is in stays in
    if server.settings.secret is None and seated is not None:
        return replace(
            seated, room=room
        )  # they were there before the room had this PIN, and may have set it themselves
    if presented is None:
        raise Problem(401, _needed(server), headers={"WWW-Authenticate": _REALM})
    sentence = str(presented)
    challenge = f'{_REALM}, error="invalid_token", error_description="{sentence}"'
    raise Problem(401, sentence, headers={"WWW-Authenticate": challenge})


def _promoted(server: Server, grant: Grant, room: str | None, participant_id: str | None) -> Grant:
    """What somebody may do who sits as a host: whoever was made a host by a host moderates, too."""
    there = None if room is None else server.conference.get(room)
    participant = None if there is None or participant_id is None else there.participants.get(participant_id)
    if participant is None or participant.role != "host":
        return grant
    return replace(grant, rights=grant.rights | {"moderate"})


def _presented(server: Server, request: web.Request) -> Grant | TokenError | None:
    """What the token of a request grants."""
    token = presented_token(request)
    try:
        return None if token is None else server.verify(token)
    except TokenError as error:
        return error


def _proven_seat(server: Server, request: web.Request, room: str | None) -> str | None:
    proof = shown_seat(request)
    return None if proof is None or room is None else server.seats.check(room, proof)


def _needed(server: Server) -> str:
    if server.settings.secret is None:
        return "This room has a PIN: enter it to get in."
    return "You need a token for this: ask whoever invited you, or enter the room's PIN if it has one."


def _forbidden(sentence: str) -> Problem:
    challenge = f'{_REALM}, error="insufficient_scope", error_description="{sentence}"'
    return Problem(403, sentence, headers={"WWW-Authenticate": challenge})
