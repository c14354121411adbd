"""Joining, changing and leaving: the WHIP-shaped endpoint (RFC 9725), and the participants that it makes."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from conference.access.grants import Grant
from conference.audio.suppression import SuppressionUnavailable
from conference.cluster.log import LogUnavailable
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.room.participant import Participant
from conference.room.room import Room
from conference.web.access.actor import require, require_self_or, visible
from conference.web.api.people import check_seen, find_participant, is_self, label_in
from conference.web.api.reading import MERGE_PATCH, read_body
from conference.web.api.refusals import RETRY, check_stays, room_refusals
from conference.web.http.body import read_text
from conference.web.http.headers import FRESH
from conference.web.http.problems import MUTED, REMOVED, Problem
from conference.web.http.typed_text import read_name
from conference.web.joining import seats
from conference.web.joining.sessions import EndedEarly, NotGranted, Removed, WebRtcConnection
from conference.web.live import SERVER, Server, limit_joins
from conference.web.schemas import responses
from conference.web.schemas.requests import ParticipantPatch
from conference.web.schemas.room_json import participant_json, read_role, read_switch, voice_json
from conference.webrtc.sdp.grammar import OfferError, UnsupportedOffer
from conference.webrtc.sdp.trickle import IceRestartError

SDP = "application/sdp"
TRICKLE = "application/trickle-ice-sdpfrag"
OWN = frozenset({"name", "muted", "levelling", "noise_suppression", "original_sound", "hand_raised", "deafened"})
"""What participants may change about themselves."""

HOLD = "hold"
"""The query parameter with which a page that is loaded anew keeps its seat meanwhile."""


async def options(request: web.Request) -> web.Response:
    """``OPTIONS``: the methods of this address, and the STUN and TURN servers (RFC 9725, section 4.6)."""
    seat = "id" in request.match_info
    response = web.Response(status=204)
    response.headers["Allow"] = "GET, PATCH, DELETE, OPTIONS" if seat else "POST, OPTIONS"
    if seat:
        response.headers["Accept-Patch"] = f"{TRICKLE}, {MERGE_PATCH}"
    else:
        response.headers["Accept-Post"] = SDP
        # A browser's preflight carries no token, and does not need the servers, which come with credentials.
        if visible(request, [request.match_info["room"]]):
            _add_links(response, request.app[SERVER])
    return response


async def join(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/participants``: an offer in, an answer and a seat out."""
    server = request.app[SERVER]
    limit_joins(server, request)
    if request.content_type != SDP:
        raise Problem(415, f"Send an SDP offer as {SDP}.", headers={"Accept-Post": SDP})
    try:
        room = check_room_name(request.match_info["room"])
        grant = require(request, None, room).grant
        name = asked_name(request, grant)
        role = read_role(request.query.get("role"))
        original_sound = read_switch("original_sound", request.query.get("original_sound"))
    except ValueError as error:
        raise Problem(400, str(error)) from None
    if role is not None and not grant.may_be(role):
        raise Problem(403, f"Your token does not allow you to join as a {role}.")
    seat = _claimed_seat(server, room, request)
    offer = await read_text(request, errors="replace")  # a name may be in any charset (RFC 8866, section 6.10)
    check_stays(server, returning=seat is not None and room in server.conference.rooms)  # it may be stopped meanwhile
    with _refusals():
        joined = await server.sessions.join(
            room, name, offer, seat=seat, grant=grant, role=role, original_sound=original_sound
        )
    response = web.Response(status=201, text=joined.answer, content_type=SDP)
    response.headers["Location"] = f"/rooms/{room}/participants/{joined.participant_id}"
    response.headers["ETag"] = joined.etag
    response.headers["Accept-Patch"] = f"{TRICKLE}, {MERGE_PATCH}"
    response.headers[seats.HEADER] = server.seats.issue(room, joined.participant_id)
    _add_links(response, server)
    return response


async def show(request: web.Request) -> web.Response:
    """``GET`` a participant: their state, and how their connection does."""
    server = request.app[SERVER]
    actor = require_self_or(request, None, request.match_info["room"], request.match_info["id"])
    room, participant = find_participant(request)
    check_seen(room, actor, participant)
    state = participant.state()
    connection = server.registry.find(room.name, participant.id)
    body: responses.ParticipantInFull = {
        **participant_json(state),
        "voice": voice_json(participant),
        "connection": {} if connection is None else plain(connection.stats()),
    }
    if connection is None:  # a participant made of code
        del body["connection"]
    return web.json_response(body, headers=FRESH)


async def change(request: web.Request) -> web.Response:
    """``PATCH`` a participant: take trickled candidates, or change their state by a merge patch."""
    require_self_or(request, "moderate", request.match_info["room"], request.match_info["id"])
    room, participant = find_participant(request)
    if request.content_type == TRICKLE:
        return await _trickle(request.app[SERVER], room, participant, request)
    if request.content_type != MERGE_PATCH:
        accepted = f"{TRICKLE}, {MERGE_PATCH}"
        raise Problem(415, f"Send {TRICKLE} or {MERGE_PATCH}.", headers={"Accept-Patch": accepted})
    patch = await read_body(request, ParticipantPatch)
    room, participant = find_participant(request)  # they may have left while the body came in
    by = _check_change(request, room, participant, patch)
    try:
        await request.app[SERVER].decide(room, lambda room: _decide(room, participant.id, patch, by))
    except SuppressionUnavailable as error:
        raise Problem(409, f"{error}.") from None
    return web.json_response(participant_json(participant.state()), headers=FRESH)


def _check_change(request: web.Request, room: Room, participant: Participant, patch: ParticipantPatch) -> str | None:
    """Make sure that whoever asks may change what they want to change.

    Returns:
        The label by which others are told who did it; ``None`` if it was the participant themselves.

    Raises:
        Problem: they may not (401, 403).
    """
    actor = require_self_or(request, "moderate", room.name, participant.id)
    own = is_self(actor, participant)
    if not actor.grant.allows("moderate"):
        if patch.changes.keys() - OWN:
            require(request, "moderate", room.name)
        if patch.muted is False and participant.muted_by is not None:
            title = f"{participant.muted_by} muted you: you can unmute when they ask you to."
            raise Problem(403, title, type=MUTED)
    return None if own else label_in(room, actor)


def _decide(room: Room, participant_id: str, patch: ParticipantPatch, by: str | None) -> None:
    """Apply a patch to a participant."""
    room.treat_voice(
        participant_id,
        levelling=patch.levelling,
        noise_suppression=patch.noise_suppression,
        original_sound=patch.original_sound,
        by=by,
    )
    if patch.name is not None:
        room.rename(participant_id, patch.name, by=by)
    if patch.role is not None:
        room.set_role(participant_id, patch.role, by=by)
    if patch.waiting is not None:
        room.admit([participant_id], by=by)
    if patch.muted is not None:
        room.set_muted(participant_id, patch.muted, by=by)
    if patch.held is not None:
        room.hold(participant_id, patch.held, by=by)
    if patch.deafened is not None:
        room.deafen(participant_id, patch.deafened, by=by)
    if patch.hand_raised is not None:
        room.raise_hand(participant_id, time.time() if patch.hand_raised else None, by=by)


async def leave(request: web.Request) -> web.Response:
    """``DELETE`` a participant: they leave, or are removed; or their page is loaded anew, and they will be back."""
    actor = require_self_or(request, "moderate", request.match_info["room"], request.match_info["id"])
    room, participant = find_participant(request)
    server = request.app[SERVER]
    conference, hold = server.conference, server.settings.seat_hold
    if is_self(actor, participant):
        if HOLD in request.query and hold > 0 and server.sessions.hold(room.name, participant.id, hold):
            return web.Response(status=204)
        await server.decide(room, lambda room: conference.dismiss(room.name, participant.id, "left", "left"))
    else:
        by = label_in(room, actor)
        await server.decide(room, lambda room: conference.dismiss(room.name, participant.id, "removed", by=by))
    return web.Response(status=204)


def plain(value: Any) -> Any:
    """Connection statistics as JSON can hold them: dataclasses as objects, infinite numbers and NaN as ``null``."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    return value


async def _trickle(server: Server, room: Room, participant: Participant, request: web.Request) -> web.Response:
    connection = server.registry.find(room.name, participant.id)
    if not isinstance(connection, WebRtcConnection):
        raise Problem(409, "This participant has no WebRTC connection to add candidates to.")
    _check_session(server, connection, request)
    try:
        await connection.peer.add_candidates(await read_text(request, errors="replace"))
    except IceRestartError as error:
        raise Problem(422, str(error)) from None
    except ValueError as error:
        raise Problem(400, str(error)) from None
    return web.Response(status=204)


def _check_session(server: Server, connection: WebRtcConnection, request: web.Request) -> None:
    """Make sure that candidates are for the present ICE session.

    RFC 9725 demands ``If-Match``. Many clients leave it out; the fragment itself may name its session.

    Raises:
        Problem: ``If-Match`` names another session (412), or it is missing, and the settings demand it (428).
    """
    lines = request.headers.getall("If-Match", [])
    if not lines:
        if server.settings.require_if_match:
            raise Problem(428, "Send candidates with 'If-Match' and the 'ETag' that came with the answer.")
        return
    expected = [one.strip() for line in lines for one in line.split(",")]
    if "*" not in expected and connection.etag not in expected:
        raise Problem(412, "These candidates belong to an earlier connection: join again, or drop them.")


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn the errors with which a join is refused into problems, each with its status."""
    try:
        with room_refusals():
            yield
    except Removed as error:
        raise Problem(403, str(error), type=REMOVED) from None
    except NotGranted as error:
        raise Problem(403, str(error)) from None
    except UnsupportedOffer as error:
        raise Problem(422, str(error)) from None
    except (OfferError, InvalidRoomName) as error:
        raise Problem(400, str(error)) from None
    except LogUnavailable as error:
        raise Problem(503, str(error), headers=RETRY) from None
    except EndedEarly as error:
        raise Problem(503, str(error), headers=RETRY) from None
    except TimeoutError:
        raise Problem(503, "The server is too busy to take anybody in. Try again in a moment.", headers=RETRY) from None


def asked_name(request: web.Request, grant: Grant) -> str:
    """The name of a newcomer: the one asked for; else the token's, shortened to what is allowed.

    Raises:
        ValueError: the name that was asked for would not show as one line of text, or is too long.
    """
    limit = request.app[SERVER].settings.max_name_length
    return read_name(request.query.get("name") or (grant.name or "")[:limit], limit)


def _claimed_seat(server: Server, room: str, request: web.Request) -> str | None:
    proof = request.headers.get(seats.HEADER)
    if proof is None:
        return None
    participant_id = server.seats.check(room, proof)
    if participant_id is None:
        raise Problem(403, f"This seat was never yours: join again without {seats.HEADER}.")
    return participant_id


def _add_links(response: web.Response, server: Server) -> None:
    for one in server.settings.ice_servers:
        response.headers.add("Link", one.link())
