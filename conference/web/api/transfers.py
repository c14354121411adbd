"""Warm transfers: a caller is handed over to somebody who is called for that."""

from __future__ import annotations

from aiohttp import web

from conference.room.room import Room
from conference.web.access.actor import Actor, require
from conference.web.api.calls import check_calls, place_call
from conference.web.api.people import check_present, require_moderator
from conference.web.api.reading import read_body
from conference.web.api.refusals import check_stays
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.live import SERVER, limit_joins
from conference.web.schemas import responses
from conference.web.schemas.requests import NewTransfer, TransferPatch
from conference.web.schemas.room_json import transfer_json
from conference.web.transfers import NoTransfer, Transfer


async def begin(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/transfers``: put a caller on hold, and call somebody whom the agent alone talks to."""
    server = request.app[SERVER]
    _require(request)
    check_calls(server)
    limit_joins(server, request)
    wanted = await read_body(request, NewTransfer)
    room, label, actor = _require(request)
    check_stays(server)
    agent = wanted.agent or actor.participant_id
    if agent is None:
        raise Problem(400, "Name the 'agent' who hands the caller over: your request does not show who you are.")
    check_present(room, [wanted.caller, agent])
    try:
        server.transfers.check(room, wanted.caller, agent)
        callee = place_call(server, room.name, wanted.call, actor, ringback_for=frozenset({agent}))
        try:
            transfer = server.transfers.begin(room, wanted.caller, agent, callee.id, by=label)
        except NoTransfer:
            server.conference.dismiss(room.name, callee.id, "the transfer could not be made", by=label)
            raise
    except NoTransfer as error:
        raise Problem(409, str(error)) from None
    headers = FRESH | {"Location": f"/rooms/{room.name}/transfers/{transfer.id}"}
    return web.json_response(_shown(transfer), status=201, headers=headers)


async def list_all(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/transfers``: those that are not over."""
    room, _ = require_moderator(request)
    shown = [_shown(one) for one in request.app[SERVER].transfers.of(room)]
    return web.json_response(responses.Transfers(transfers=shown), headers=FRESH)


async def show(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/transfers/{transfer}``."""
    room, _ = require_moderator(request)
    return web.json_response(_shown(_find(request, room)), headers=FRESH)


async def change(request: web.Request) -> web.Response:
    """``PATCH /rooms/{room}/transfers/{transfer}``: bring the two together, with the agent or without."""
    require_moderator(request)
    wanted = await read_body(request, TransferPatch)
    room, label = require_moderator(request)
    transfer, transfers = _find(request, room), request.app[SERVER].transfers
    try:
        if wanted.state == "joined":
            transfers.join(transfer, by=label)
        elif wanted.state == "completed":
            transfers.complete(transfer, by=label)
    except NoTransfer as error:
        raise Problem(409, str(error)) from None
    return web.json_response(_shown(transfer), headers=FRESH)


async def cancel(request: web.Request) -> web.Response:
    """``DELETE /rooms/{room}/transfers/{transfer}``: hang up on whoever was called, and take the caller off hold."""
    room, label = require_moderator(request)
    request.app[SERVER].transfers.cancel(_find(request, room), by=label)
    return web.Response(status=204)


def _require(request: web.Request) -> tuple[Room, str, Actor]:
    """Find the room, and who asks, who may both moderate and call people in.

    Raises:
        Problem: they may not (401, 403), or there is no such room (404).
    """
    room, label = require_moderator(request)
    return room, label, require(request, "dial", room.name)


def _find(request: web.Request, room: Room) -> Transfer:
    transfer = request.app[SERVER].transfers.find(room, request.match_info["transfer"])
    if transfer is None:
        raise Problem(404, "There is no such transfer: it is over.")
    return transfer


def _shown(transfer: Transfer) -> responses.Transfer:
    return transfer_json(transfer.snapshot())
