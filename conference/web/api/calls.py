"""Calls out: a room calls somebody in."""

from __future__ import annotations

from aiohttp import web

from conference.access.grants import Grant, Role, make_grant
from conference.room.participant import Participant
from conference.telephony.connecting import CallError, NotAllowed, host_and_port
from conference.web.access.actor import Actor, require
from conference.web.api.reading import check_room, read_body
from conference.web.api.refusals import RETRY, check_stays, room_refusals
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem, check_wait
from conference.web.http.typed_text import shown_name
from conference.web.joining.dialed import Wanted
from conference.web.joining.dialed_phone import PhoneWanted
from conference.web.joining.dialing import TooManyDialed
from conference.web.live import SERVER, Server, limit_joins
from conference.web.schemas.requests import NewCall
from conference.web.schemas.room_json import participant_json

_NO_PHONES = (
    "This server calls no telephones: its operator allows that with --twilio-account-sid and --dial-allow '+…'."
)

_OF_PHONES = frozenset({"caller_id", "ring_seconds", "max_seconds", "ringback", "machine_detection"})
"""What a call may be asked for with a telephone's number alone."""


async def place(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/calls``: call somebody in, who is shown as a participant at once."""
    server = request.app[SERVER]
    room = check_room(request.match_info["room"])
    actor = require(request, "dial", room)
    check_calls(server)
    limit_joins(server, request)
    body = await read_body(request, NewCall)
    check_stays(server)  # it may be stopped meanwhile
    participant = place_call(server, room, body, actor)
    headers = FRESH | {"Location": f"/rooms/{room}/participants/{participant.id}"}
    return web.json_response(participant_json(participant.state()), status=201, headers=headers)


def check_calls(server: Server) -> None:
    """Make sure that anybody may be called from here at all.

    Raises:
        Problem: nobody may (403).
    """
    if not server.dialing.calls_hosts and not server.dialing.calls_phones:
        raise Problem(403, "This server calls nobody: its operator allows that with --dial-allow.")


def place_call(
    server: Server, room: str, body: NewCall, actor: Actor, *, ringback_for: frozenset[str] | None = None
) -> Participant:
    """Call somebody into a room, as somebody asks for it.

    Args:
        server: this one.
        room: a valid name.
        body: whom, and how.
        actor: whoever asks, who may call people in.
        ringback_for: who hears it ring; ``None`` for all who are in the conversation.

    Raises:
        Problem: they cannot be called (400, 403, 404), or not now (409, 423, 429, 503).
    """
    if sum(one is not None for one in (body.url, body.webhook, body.to)) != 1:
        raise Problem(400, f"Name 'url', 'webhook' or 'to', one of the three: send e.g. {NewCall.example}.")
    of_phones = _OF_PHONES & body.model_fields_set
    if body.to is None and of_phones:
        raise Problem(400, f"'{min(of_phones)}' is for telephones, which 'to' calls.")
    grant = grant_called(actor, room, body.role)
    try:
        with room_refusals():
            if body.to is not None:
                return server.dialing.place_phone(_phone_wanted(server, room, body, body.to, grant, ringback_for))
            return server.dialing.place(_wanted(server, room, body, grant))
    except NotAllowed as error:
        raise Problem(403, str(error)) from None
    except TooManyDialed as error:
        check_wait(error.wait, str(error))
        raise Problem(409 if error.in_room else 503, str(error), headers=None if error.in_room else RETRY) from None


def grant_called(actor: Actor, room: str, role: Role | None) -> Grant:
    """What somebody may do in a room who is called in, or whose call is announced.

    Args:
        actor: whoever asks for it.
        room: a valid name.
        role: theirs; ``None`` for that of a speaker.

    Raises:
        Problem: they would be a host, and whoever asks may be none (403).
    """
    if role == "host" and not actor.grant.may_be("host"):
        raise Problem(403, "Your token does not allow you to call in a host.")
    return make_grant(role or "speaker", room=room)


def _wanted(server: Server, room: str, body: NewCall, grant: Grant) -> Wanted:
    """A bot, or an application.

    Raises:
        Problem: the address is none (400).
    """
    address = body.url or body.webhook or ""
    try:
        host, _ = host_and_port(address)
    except CallError as error:
        raise Problem(400, str(error)) from None
    name = body.name or shown_name(host)[: server.settings.max_name_length]
    webhook = body.webhook is not None
    return Wanted(
        room, address, name, grant, body.dtmf, dict(body.parameters), webhook, body.reconnect, body.interruptible
    )


def _phone_wanted(
    server: Server, room: str, body: NewCall, number: str, grant: Grant, ringback_for: frozenset[str] | None
) -> PhoneWanted:
    """Somebody with a telephone.

    Raises:
        Problem: what is asked for is of bots (400), or there is no such caller's number or sound (403, 404).
    """
    settings = server.settings
    if not server.dialing.calls_phones:
        raise Problem(403, _NO_PHONES)
    if body.parameters or body.dtmf or body.reconnect or body.interruptible:
        raise Problem(
            400, "'parameters', 'dtmf', 'reconnect' and 'interruptible' are for bots: a telephone takes none of them."
        )
    if body.caller_id is not None and body.caller_id not in settings.caller_ids:
        raise Problem(403, f"{body.caller_id} is not this server's to show: its operator names those with --caller-id.")
    ringback = body.ringback if "ringback" in body.model_fields_set else settings.ringback
    if ringback is not None and ringback not in server.call_services.library:
        raise Problem(404, "There is no sound of this name: GET /sounds lists all there are.")
    longest = settings.max_dialed_seconds
    return PhoneWanted(
        room=room,
        number=number,
        name=body.name or number,
        grant=grant,
        caller_id=body.caller_id or settings.caller_ids[0],
        ring_seconds=body.ring_seconds or settings.ring_timeout,
        longest_seconds=longest if body.max_seconds is None else min(body.max_seconds, longest),
        ringback=ringback,
        ringback_for=ringback_for,
        machine=body.machine_detection or "off",
    )
