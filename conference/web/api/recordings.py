"""Recordings over HTTP: begun and ended, listed, fetched and deleted by those with the right to record."""

from __future__ import annotations

from aiohttp import web

from conference.recording.about import About
from conference.recording.kept_recordings import ObjectsStay, RecordingError, StoredFile
from conference.recording.recordings import Recordings
from conference.web.access.actor import Actor, require, require_of_recording
from conference.web.api.pages import SentFile
from conference.web.api.people import label_in
from conference.web.api.reading import read_body
from conference.web.api.stored_files import GONE, RETRY, send_object
from conference.web.http.headers import FRESH
from conference.web.http.problems import Problem
from conference.web.live import SERVER
from conference.web.schemas import responses
from conference.web.schemas.requests import NewRecording, RecordingPatch
from conference.web.schemas.room_json import recording_json

_NONE = "There is no such recording: it was deleted, or never was."


async def start(request: web.Request) -> web.Response:
    """``POST /rooms/{room}/recordings``: record a room from now on."""
    name = request.match_info["room"]
    require(request, "record", name)
    wanted = await read_body(request, NewRecording, optional=True)
    actor = require(request, "record", name)
    server = request.app[SERVER]
    room, recordings = server.room(name), _recordings(request)
    try:
        about = recordings.start(room, by=label_in(room, actor), people=wanted.people, mix=wanted.mix)
    except RecordingError as error:
        raise Problem(409, str(error)) from None
    headers = FRESH | {"Location": f"/recordings/{about.id}"}
    return web.json_response(recording_json(about), status=201, headers=headers)


async def change(request: web.Request) -> web.Response:
    """``PATCH /recordings/{recording}``: pause it, go on, or end it."""
    _find(request)
    wanted = (await read_body(request, RecordingPatch)).state
    about, actor = _find(request)
    room = request.app[SERVER].conference.get(about.room)
    recordings, by = _recordings(request), actor.label if room is None else label_in(room, actor)
    try:
        match wanted:
            case "paused":
                about = recordings.pause(about.id, by=by)
            case "recording":
                about = recordings.resume(about.id, by=by)
            case "stopped":
                about = recordings.stop(about.id, by=by)
            case None:
                pass
    except RecordingError as error:
        raise Problem(409, str(error)) from None
    return web.json_response(recording_json(about), headers=FRESH)


async def list_all(request: web.Request) -> web.Response:
    """``GET /recordings``: those that whoever asks may know of; with ``?room=``, those of one room."""
    room = request.query.get("room")
    require(request, None if room is None else "record", room)
    server, seen = request.app[SERVER], []
    known = () if server.recordings is None else tuple(server.recordings.all.values())
    for about in sorted(known, key=lambda one: one.started_at, reverse=True):
        if room is not None and about.room != room:
            continue
        try:
            _require(request, about)
        except Problem:
            continue
        seen.append(recording_json(about))
    settings = server.settings
    mode = "off" if server.recordings is None else settings.record
    return web.json_response(responses.Recordings(record=mode, recordings=seen), headers=FRESH)


async def show(request: web.Request) -> web.Response:
    """``GET /recordings/{recording}``: one of them."""
    about, _ = _find(request)
    return web.json_response(recording_json(about), headers=FRESH)


async def delete(request: web.Request) -> web.Response:
    """``DELETE /recordings/{recording}``: it, and its files, are gone."""
    about, _ = _find(request)
    try:
        await _recordings(request).delete(about.id)
    except ObjectsStay as error:
        raise Problem(503, str(error), headers=RETRY) from None
    except RecordingError as error:
        raise Problem(409, str(error)) from None
    except OSError as error:
        raise Problem(500, f"It could not be deleted: {(error.strerror or str(error)).lower()}.") from None
    return web.Response(status=204)


async def fetch(request: web.Request) -> web.StreamResponse:
    """``GET /recordings/{recording}/files/{name}``: one of its files, or a range of it."""
    about, _ = _find(request)
    name = request.match_info["name"]
    file = _recordings(request).file(about.id, name)
    if file is None:
        names = [str(one["name"]) for one in about.files]
        if name in names:
            raise Problem(404, GONE)
        known = ", ".join(names) or "none until it is ready"
        raise Problem(404, f"It has no file of this name. There are: {known}.")
    kind = next(str(one["type"]) for one in about.files if one["name"] == name)
    headers = FRESH | {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{about.id}-{name}"'}
    return (
        await send_object(request, file, headers) if isinstance(file, StoredFile) else SentFile(file, headers=headers)
    )


def _recordings(request: web.Request) -> Recordings:
    recordings = request.app[SERVER].recordings
    if recordings is None:
        raise Problem(409, "This server keeps no recordings: start it with --recordings FOLDER.")
    return recordings


def _find(request: web.Request) -> tuple[About, Actor]:
    """The recording in the address of a request, and who asks.

    Raises:
        Problem: they may not know of it (401, 403), or there is none (404).
    """
    recordings = request.app[SERVER].recordings
    about = None if recordings is None else recordings.all.get(request.match_info["recording"])
    if about is None:
        require(request, None, None)
        raise Problem(404, _NONE)
    return about, _require(request, about)


def _require(request: web.Request, about: About) -> Actor:
    return require_of_recording(
        request, about.room, guarded=about.guarded, room_since=about.room_since, ended_at=about.ended_at
    )
