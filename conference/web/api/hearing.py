"""Who hears whom: the matrix of gains, and those settings of it that have names (whisper, coach, sidebar)."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from conference.room.gains.gain_matrix import Rule
from conference.room.participant import Participant
from conference.room.room import Room
from conference.web.access.actor import require_self_or
from conference.web.api.people import (
    check_present,
    check_seen,
    find_participant,
    participant_in,
    require_moderator,
)
from conference.web.api.reading import read_body
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.requests import Coaching, GainSetting, NewSidebar, VolumeSetting, Whisper
from conference.web.schemas.room_json import rule_json
from conference.web.sidebars import InSidebar

ANYBODY = "*"
"""In an address, in place of an id: any listener, or any source."""


async def show_rules(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/hearing``: all that is set in the matrix."""
    room, _ = require_moderator(request)
    return web.json_response(responses.Rules(rules=[rule_json(one) for one in room.hearing.rules]), headers=FRESH)


async def show_hears(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/participants/{listener}/hears``: how loud somebody hears each of the others."""
    room, _ = require_moderator(request)
    listener = request.match_info["listener"]
    if listener != ANYBODY:
        participant_in(room, listener)
    gains = {one: room.hearing.gain(listener, one) for one in room.participants if one != listener}
    return web.json_response(responses.Gains(gains=gains), headers=FRESH)


async def set_gain(request: web.Request) -> web.Response:
    """``PUT /rooms/{room}/participants/{listener}/hears/{source}``: set a gain."""
    require_moderator(request)
    gain = (await read_body(request, GainSetting)).gain
    room, label = require_moderator(request)
    listener, source = _place(request)
    check_present(room, [one for one in (listener, source) if one is not None])
    try:
        await request.app[SERVER].decide(room, lambda room: room.set_gain(listener, source, gain, by=label))
    except ValueError as error:  # there are too many
        raise Problem(409, str(error)) from None
    place = (listener, source)
    exact = next((one for one in room.hearing.rules if (one.listener, one.source) == place), Rule(*place, gain))
    return web.json_response(rule_json(exact), headers=FRESH)


async def clear_gain(request: web.Request) -> web.Response:
    """``DELETE /rooms/{room}/participants/{listener}/hears/{source}``: take a gain back."""
    room, label = require_moderator(request)
    listener, source = _place(request)
    if not any((one.listener, one.source) == (listener, source) for one in room.hearing.rules):
        check_present(room, [one for one in (listener, source) if one is not None])
    await request.app[SERVER].decide(room, lambda room: room.set_gain(listener, source, None, by=label))
    return web.Response(status=204)


async def show_volumes(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/participants/{id}/volumes``: what somebody has set for themselves."""
    require_self_or(request, "moderate", request.match_info["room"], request.match_info["id"])
    room, listener = find_participant(request)
    return web.json_response(responses.Volumes(volumes=dict(room.volumes.of(listener.id))), headers=FRESH)


async def set_volume(request: web.Request) -> web.Response:
    """``PUT /rooms/{room}/participants/{id}/volumes/{source}``: how loud a listener wants to hear a source."""
    _own_volume(request)
    volume = (await read_body(request, VolumeSetting)).volume
    room, listener, source = _own_volume(request)
    others = room.volumes.listeners & room.participants.keys() - {listener.id}
    if len(others) >= request.app[SERVER].settings.max_own_volumes:
        raise Problem(409, "Too many people in this room have set volumes of their own.")
    await request.app[SERVER].decide(room, lambda room: room.set_volume(listener.id, source.id, volume))
    exact = room.volumes.volume(listener.id, source.id)
    return web.json_response(responses.Volume(source=source.id, volume=exact), headers=FRESH)


async def clear_volume(request: web.Request) -> web.Response:
    """``DELETE /rooms/{room}/participants/{id}/volumes/{source}``: the listener hears the source unchanged."""
    room, listener, source = _own_volume(request)
    await request.app[SERVER].decide(room, lambda room: room.set_volume(listener.id, source.id, 1.0))
    return web.Response(status=204)


async def whisper(request: web.Request) -> web.Response:
    """``PUT /rooms/{room}/participants/{id}/whisper``: only these people hear the participant."""
    require_moderator(request)
    return await _whisper(request, (await read_body(request, Whisper)).to)


async def coach(request: web.Request) -> web.Response:
    """``PUT /rooms/{room}/participants/{id}/coach``: only one person hears the participant."""
    require_moderator(request)
    return await _whisper(request, [(await read_body(request, Coaching)).agent])


async def speak_up(request: web.Request) -> web.Response:
    """``DELETE`` a whisper or a coaching: everybody hears the participant again."""
    _, label = require_moderator(request)
    room, participant = find_participant(request)
    _check_no_sidebar(request, room, [participant.id])
    await request.app[SERVER].decide(room, lambda room: room.speak_up(participant.id, by=label))
    return web.Response(status=204)


async def begin_sidebar(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/sidebars``: these people talk among themselves."""
    require_moderator(request)
    members = (await read_body(request, NewSidebar)).participants
    room, label = require_moderator(request)
    check_present(room, members)
    if len(set(members)) < 2:
        raise Problem(409, "A sidebar has two members or more.")
    try:
        sidebar_id = request.app[SERVER].sidebars.begin(room, members, by=label)
    except (InSidebar, ValueError) as error:
        raise Problem(409, str(error)) from None
    body = responses.Sidebar(id=sidebar_id, participants=list(dict.fromkeys(members)))
    location = f"/rooms/{room.name}/sidebars/{sidebar_id}"
    return web.json_response(body, status=201, headers=FRESH | {"Location": location})


async def list_sidebars(request: web.Request) -> web.Response:
    """``GET /rooms/{room}/sidebars``."""
    room, _ = require_moderator(request)
    sidebars = request.app[SERVER].sidebars.of(room)
    shown = [responses.Sidebar(id=sidebar_id, participants=list(members)) for sidebar_id, members in sidebars.items()]
    return web.json_response(responses.Sidebars(sidebars=shown), headers=FRESH)


async def end_sidebar(request: web.Request) -> web.Response:
    """``DELETE /rooms/{room}/sidebars/{sidebar}``: its members are back in the room."""
    room, label = require_moderator(request)
    if not request.app[SERVER].sidebars.end(room, request.match_info["sidebar"], by=label):
        raise Problem(404, "There is no such sidebar: it has been ended.")
    return web.Response(status=204)


def _own_volume(request: web.Request) -> tuple[Room, Participant, Participant]:
    """Find the room, the listener and the source of a volume.

    Raises:
        Problem: whoever asks may not set it (401, 403); one of the two is not there, or may not be seen (404); both are
            the same person (409).
    """
    actor = require_self_or(request, "moderate", request.match_info["room"], request.match_info["id"])
    room, listener = find_participant(request)
    source = participant_in(room, request.match_info["source"])
    check_seen(room, actor, source)
    if source is listener:
        raise Problem(409, "Nobody hears themselves: name somebody else.")
    return room, listener, source


async def _whisper(request: web.Request, listeners: list[str]) -> web.Response:
    _, label = require_moderator(request)
    room, participant = find_participant(request)
    check_present(room, listeners)
    if participant.id in listeners:
        raise Problem(409, "Nobody can whisper to themselves: name others.")
    _check_no_sidebar(request, room, [participant.id])
    try:
        await request.app[SERVER].decide(room, lambda room: room.whisper(participant.id, listeners, by=label))
    except ValueError as error:  # too many gains
        raise Problem(409, str(error)) from None
    return web.Response(status=204)


def _check_no_sidebar(request: web.Request, room: Room, participant_ids: Iterable[str]) -> None:
    try:
        request.app[SERVER].sidebars.check_free(room, participant_ids)
    except InSidebar as error:
        raise Problem(409, str(error)) from None


def _place(request: web.Request) -> tuple[str | None, str | None]:
    """The listener and the source that a path names: a place in the matrix; ``None`` for anybody.

    Raises:
        Problem: both are anybody, or both are the same person (409).
    """
    listener, source = request.match_info["listener"], request.match_info["source"]
    if listener == source:
        raise Problem(409, "Name a listener or a source, and not the same for both: nobody hears themselves.")
    return None if listener == ANYBODY else listener, None if source == ANYBODY else source
