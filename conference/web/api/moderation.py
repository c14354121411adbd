"""Running a room: its policy, the lobby, muting all, messages, and its end."""

from __future__ import annotations

import time
from dataclasses import replace

from aiohttp import web

from conference.web.access.actor import require
from conference.web.api.people import find_participant, find_self, label_in, require_moderator, require_present
from conference.web.api.reading import read_body
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem, check_wait
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.requests import MuteAll, NewMessage, RoomPatch
from conference.web.schemas.room_json import room_json


async def change_room(request: web.Request) -> web.Response:
    """``PATCH /rooms/{room}``: change how the room is run."""
    require_moderator(request)
    patch = await read_body(request, RoomPatch)
    room, label = require_moderator(request)  # the room may have ended while the body came in
    if patch.hold_music is not None and patch.hold_music not in request.app[SERVER].call_services.library:
        raise Problem(409, "There is no sound of this name: GET /sounds lists all there are.")
    if patch.captions and request.app[SERVER].captions is None:
        raise Problem(409, "This server makes no captions: start it with --captions ENGINE.")
    policy = replace(room.policy, **patch.changes)
    await request.app[SERVER].decide(room, lambda room: room.set_policy(policy, by=label))
    return web.json_response(room_json(room, moderating=True), headers=FRESH)


async def end_room(request: web.Request) -> web.Response:
    """``DELETE /rooms/{room}``: everybody is sent home."""
    room, label = require_moderator(request)
    server = request.app[SERVER]
    await server.decide(room, lambda room: server.conference.end(room.name, "The conference was ended.", by=label))
    return web.Response(status=204)


async def mute_all(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/mute``: mute everybody but hosts, those who are named, and whoever asks."""
    require_moderator(request)
    spared = set((await read_body(request, MuteAll, optional=True)).others)
    room, label = require_moderator(request)
    me = find_self(room, require(request, "moderate", room.name))
    if me is not None:
        spared.add(me.id)
    muted = await request.app[SERVER].decide(room, lambda room: room.mute_all(spared, by=label))
    return web.json_response(responses.Muted(muted=muted), headers=FRESH)


async def admit_all(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/admit``: let everybody in who waits in the lobby."""
    room, label = require_moderator(request)
    await request.app[SERVER].decide(room, lambda room: room.admit_all(by=label))
    return web.Response(status=204)


async def request_unmute(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/participants/{id}/unmute-request``: ask somebody to unmute, and allow it."""
    _, label = require_moderator(request)
    room, participant = find_participant(request)
    await request.app[SERVER].decide(room, lambda room: room.ask_to_unmute(participant.id, by=label))
    return web.Response(status=204)


async def send_message(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/messages``: write to everybody in the room."""
    require_present(request)
    message = await read_body(request, NewMessage)
    room, actor, participant = require_present(request)
    sender = f"{room.name}/{participant.id if participant is not None else actor.label}"
    check_wait(request.app[SERVER].messages.take(sender, time.monotonic()), "You write faster than anybody reads")
    participant_id = None if participant is None else participant.id
    name, now = label_in(room, actor), time.time()
    await request.app[SERVER].decide(room, lambda room: room.send_message(participant_id, name, message.text, now))
    return web.Response(status=204)
