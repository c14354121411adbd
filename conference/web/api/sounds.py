"""Sounds over HTTP: what there is to play, and playing it in a room."""

from __future__ import annotations

from aiohttp import web

from conference.ids import new_id
from conference.room.sounds import Sound
from conference.web.access.actor import require_somewhere
from conference.web.api.people import check_present, require_moderator
from conference.web.api.reading import read_body
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.requests import NewSound
from conference.web.schemas.room_json import sound_json


async def list_library(request: web.Request) -> web.Response:
    """``GET /sounds``: all that can be played in any room."""
    require_somewhere(request, "moderate")
    services = request.app[SERVER].call_services
    await services.loaded()
    entries = [services.library.entry(name) for name in services.library.names]
    shown = [responses.LibraryEntry(name=one.name, seconds=one.seconds, origin=one.origin) for one in entries]
    return web.json_response(responses.Library(sounds=shown), headers=FRESH)


async def play(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/sounds``: play a sound, from the next tick on."""
    require_moderator(request)
    wanted = await read_body(request, NewSound)
    services = request.app[SERVER].call_services
    await services.loaded()
    room, label = require_moderator(request)
    if wanted.sound not in services.library:
        raise Problem(404, "There is no sound of this name: GET /sounds lists all there are.")
    if wanted.to is not None:
        check_present(room, wanted.to)
    sound = Sound(
        id=new_id(),
        name=wanted.sound,
        samples=services.library.samples(wanted.sound),
        audience=None if wanted.to is None else frozenset(wanted.to),
        talk_gain=wanted.talk_gain,
        gain=wanted.gain,
        loop=wanted.loop,
    )
    try:
        await request.app[SERVER].decide(room, lambda room: room.play(sound, by=label))
    except ValueError as error:  # too many are being played
        raise Problem(409, str(error)) from None
    headers = FRESH | {"Location": f"/rooms/{room.name}/sounds/{sound.id}"}
    return web.json_response(sound_json(sound), status=201, headers=headers)


async def list_playing(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/sounds``: what is being played."""
    room, _ = require_moderator(request)
    return web.json_response(responses.Sounds(sounds=[sound_json(one) for one in room.sounds]), headers=FRESH)


async def stop(request: web.Request) -> web.Response:
    """``DELETE /rooms/{room}/sounds/{sound}``: end a sound with the next tick."""
    room, _ = require_moderator(request)
    if not await request.app[SERVER].decide(room, lambda room: room.stop_sound(request.match_info["sound"])):
        raise Problem(404, "There is no such sound: it has come to its end.")
    return web.Response(status=204)
