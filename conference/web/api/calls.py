"""Calls out: a room calls somebody in."""

from __future__ import annotations

from aiohttp import web

from conference.access.grants import make_grant
from conference.telephony.connecting import CallError, NotAllowed, host_and_port
from conference.web.access.actor import Actor, require
from conference.web.api.reading import check_room, read_body
from conference.web.api.refusals import RETRY, check_stays, room_refusals
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.http.typed_text import shown_name
from conference.web.joining.dialed import Wanted
from conference.web.joining.dialing import TooManyDialed
from conference.web.live import SERVER, limit_joins
from conference.web.schemas.requests import NewCall
from conference.web.schemas.room_json import participant_json


async def place(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/calls``: call somebody in, who is shown as a participant at once."""
    server = request.app[SERVER]
    room = check_room(request.match_info["room"])
    actor = require(request, "dial", room)
    if not server.dialing.enabled:
        raise Problem(403, "This server calls nobody: its operator allows that with --dial-allow.")
    limit_joins(server, request)
    wanted = _wanted(room, await read_body(request, NewCall), actor, server.settings.max_name_length)
    check_stays(server)  # it may be stopped meanwhile
    try:
        with room_refusals():
            participant = server.dialing.place(wanted)
    except NotAllowed as error:
        raise Problem(403, str(error)) from None
    except TooManyDialed as error:
        raise Problem(409 if error.in_room else 503, str(error), headers=None if error.in_room else RETRY) from None
    headers = FRESH | {"Location": f"/rooms/{room}/participants/{participant.id}"}
    return web.json_response(participant_json(participant.state()), status=201, headers=headers)


def _wanted(room: str, body: NewCall, actor: Actor, max_name_length: int) -> Wanted:
    """What is asked for, if it may be.

    Raises:
        Problem: the address is none (400), or the role is more than whoever asks may give (403).
    """
    address = body.url or body.webhook
    if address is None or (body.url and body.webhook):
        raise Problem(400, f"Name 'url' or 'webhook', one of the two: send e.g. {NewCall.example}.")
    try:
        host, _ = host_and_port(address)
    except CallError as error:
        raise Problem(400, str(error)) from None
    role = body.role or "speaker"
    if role == "host" and not actor.grant.may_be("host"):
        raise Problem(403, "Your token does not allow you to call in a host.")
    name = body.name or shown_name(host)[:max_name_length]
    webhook = body.webhook is not None
    return Wanted(room, address, name, make_grant(role, room=room), body.dtmf, dict(body.parameters), webhook)
