"""The HTTP application: its routes, and what starts and stops with it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from functools import partial
from urllib.parse import urlsplit

from aiohttp import web

from conference.audio.noise_gate import GateSettings
from conference.audio.suppression import check_available
from conference.captions.captions import Captions
from conference.captions.settings import CaptionSettings
from conference.capture.files import Captures
from conference.cluster.cluster import Cluster, open_log
from conference.cluster.node import Node
from conference.cluster.replica import Replica
from conference.cluster.rooms import ReplicatedConference, ReplicatedRoom
from conference.cluster.settings import ClusterSettings
from conference.engine.connections import ConnectionRegistry
from conference.engine.engine import ROOM_PHASES, Engine
from conference.engine.settings import EngineSettings
from conference.ids import new_id
from conference.options.declaration import part_of
from conference.recording.recordings import SERVER_STOPS as RECORDING_ENDS
from conference.recording.recordings import Recordings
from conference.recording.settings import RecordingSettings
from conference.recording.storage.address import ObjectAddress
from conference.recording.storage.objects import ObjectStorage
from conference.room.conference import Conference, ConferenceLimits
from conference.room.policy import RoomPolicy
from conference.room.room import Room
from conference.room.voice import VoiceSettings
from conference.settings import Settings
from conference.web.api import (
    audio,
    audiosocket_calls,
    calls,
    captions,
    drain,
    events,
    hearing,
    metrics,
    moderation,
    nodes,
    overview,
    pages,
    participants,
    recordings,
    rooms,
    sounds,
    streams,
    tokens,
    transfers,
    twilio,
    twilio_calls,
)
from conference.web.api.audiosocket_listener import AudioSocketListener
from conference.web.events.audit import Audit
from conference.web.events.event_json import event_json
from conference.web.events.feeds import Feeds
from conference.web.events.journal import Journal
from conference.web.events.webhooks import Webhooks, WebhookSettings
from conference.web.following import follow_rooms, say_if_stale
from conference.web.http.cors import add_cors_headers, answer_options, refuse_other_sites
from conference.web.http.host_header import refuse_malformed_names, refuse_other_names
from conference.web.http.keys import CONNECTIONS, REQUESTS, SETTINGS
from conference.web.http.limits.concurrency import ConcurrencyLimit
from conference.web.http.limits.rate_limit import AddressPacer, RateLimit
from conference.web.http.limits.tcp_connections import TcpConnections
from conference.web.http.problems import Handler, Problem, problem_middleware
from conference.web.http.protocol import note_request
from conference.web.http.request_pacing import pace_requests
from conference.web.http.tls import addresses_at
from conference.web.joining.call_services import CallServices
from conference.web.joining.dialing import Dialing
from conference.web.joining.expected_calls import ExpectedCalls
from conference.web.joining.pin_limit import Guesses
from conference.web.joining.seats import Seats
from conference.web.joining.sessions import Sessions, WebRtcLike
from conference.web.joining.signatures import TwilioSignatures
from conference.web.live import SERVER, Server
from conference.web.openapi import description
from conference.web.page.page_files import PageCache
from conference.web.passing_on import PassingOn
from conference.webrtc.client.whip import SERVER_STOPS
from conference.webrtc.server import WebRtc
from conference.webrtc.settings import WebRtcSettings


def build_app(settings: Settings | None = None, *, webrtc: WebRtcLike | None = None) -> web.Application:
    """Build an application with rooms of its own, ready for a runner or a test server.

    Args:
        settings: all options; the defaults if none are given. Whoever runs the application listens and does TLS.
        webrtc: makes the peers, in place of a :class:`~conference.webrtc.server.WebRtc`.

    Returns:
        The application; ``app[SERVER]`` are its live objects.
    """
    settings = settings or Settings()
    app = web.Application(
        middlewares=[
            note_request,
            pace_requests,
            problem_middleware,
            _not_while_stopping,
            refuse_malformed_names,
            refuse_other_names,
            refuse_other_sites,
            answer_options,
        ],
        client_max_size=settings.max_sdp_bytes,
    )
    app[SERVER] = server = _make_server(settings, webrtc or _make_webrtc(settings))
    app[SETTINGS], app[CONNECTIONS] = settings, server.connections
    app[pages.PAGE] = PageCache()
    app[REQUESTS] = AddressPacer(settings.max_requests_per_address)
    _add_routes(app)
    description.write_out(app)
    app.on_response_prepare.append(pages.add_security_headers)
    app.on_response_prepare.append(add_cors_headers)
    if server.cluster is not None and server.passing_on is not None:
        app.middlewares.append(web.middleware(partial(follow_rooms, server.cluster, server.passing_on)))
        app.on_response_prepare.append(partial(say_if_stale, server.cluster))
    app.cleanup_ctx.append(_running)
    app.on_shutdown.append(hang_up_all)
    return app


async def hang_up_all(app: web.Application) -> None:
    """Tell everybody that the server stops, and take no more requests. Calling it twice does no harm."""
    server = app[SERVER]
    server.stopping = True
    server.drain.close()
    if server.recordings is not None:
        server.recordings.stop_all(RECORDING_ENDS)
    await asyncio.gather(
        streams.close_all(server),
        audio.close_all(server),
        server.dialing.close(SERVER_STOPS),
        _send_home(server),  # callers have been told by now, with a code of their own
        server.webrtc.close(),
        server.webhooks.close(server.settings.shutdown_timeout / 4),
    )


async def _send_home(server: Server) -> None:
    """Take everybody who is still in a room out of it as *lost*, and then end the event streams, which tell of that.

    Not as *ended*: a conference is not over because its server is started anew, and its people come back by themselves.
    """
    if server.cluster is not None:
        await server.cluster.send_home(SERVER_STOPS)
    else:
        for name in list(server.conference.rooms):
            server.conference.end(name, SERVER_STOPS, "lost")
    server.feeds.finish()


def _make_server(settings: Settings, webrtc: WebRtcLike) -> Server:
    limits = ConferenceLimits(settings.max_rooms, settings.max_participants_per_room, settings.max_talkers)
    captures = None
    if settings.capture is not None:
        captures = Captures(settings.capture, settings.capture_max_bytes, settings.capture_total_bytes)
    cluster = None if settings.redis is None else _make_cluster(settings)
    observers = [] if captures is None else [captures.observe]
    if cluster is not None:
        observers.append(cluster.trunk.observe)

    def opened(room: Room) -> None:
        for observe in observers:
            observe(room)

    conference = _make_conference(settings, limits, opened, None if cluster is None else cluster.node)
    journal = _make_journal(settings, conference)
    webhooks = Webhooks(_webhook_settings(settings))
    journal.follow(Audit(conference).take)
    journal.follow(webhooks.take)
    registry = ConnectionRegistry()
    conference.subscribe(None, webhooks.take_caption)
    captions = _make_captions(settings, conference)
    recordings = _make_recordings(settings, conference, captions)
    may_begin = recordings is not None and settings.record != "off"
    signatures = _make_signatures(settings)
    call_services = CallServices(
        settings, conference, registry, recordings.toggle if recordings and may_begin else None
    )
    server = Server(
        settings=settings,
        conference=conference,
        webrtc=webrtc,
        registry=registry,
        sessions=Sessions(conference, webrtc, registry, None if cluster is None else cluster.node),
        feeds=Feeds(
            conference, journal, max_streams=settings.max_event_streams, max_backlog=settings.max_event_backlog
        ),
        webhooks=webhooks,
        seats=Seats(),
        joins=RateLimit(settings.max_joins_per_minute),
        messages=RateLimit(settings.max_messages_per_minute),
        guesses=Guesses(settings.max_pin_guesses_per_minute, settings.max_pin_guesses_per_room),
        connections=TcpConnections(
            settings.max_connections, 0 if settings.behind_proxy else settings.max_connections_per_address
        ),
        event_streams=ConcurrencyLimit(0, settings.max_event_streams_per_address),
        calls_in_rooms=ConcurrencyLimit(settings.max_calls, settings.max_calls_per_address),
        token_keys=settings.secrets or (secrets.token_urlsafe(32),),
        engine=Engine(
            conference,
            webrtc,
            tick=call_services.tick,
            idle=lambda: call_services.idle,
            settings=part_of(settings, EngineSettings),
        ),
        call_services=call_services,
        dialing=Dialing(conference, registry, settings, signatures, call_services.library),
        expected_calls=ExpectedCalls(settings.max_expected_calls, settings.audiosocket_call_timeout),
        signatures=signatures,
        captures=captures,
        recordings=recordings,
        captions=captions,
        cluster=cluster,
    )
    if cluster is not None:
        _tie_in(cluster, server, journal)
    return server


def _make_conference(
    settings: Settings, limits: ConferenceLimits, opened: Callable[[Room], None], node: Node | None
) -> Conference:
    voice, policy = _make_voice(settings), partial(first_policy, settings)
    if node is None:
        make_room = partial(Room, forwarding=settings.forwarding)
        return Conference(limits, voice, make_room, policy, ROOM_PHASES, opened=opened)
    make_shared = partial(ReplicatedRoom, forwarding=settings.forwarding, decisions=node)
    conference = ReplicatedConference(limits, voice, make_shared, policy, ROOM_PHASES, opened=opened, decisions=node)
    node.conference = conference
    return conference


def _make_cluster(settings: Settings) -> Cluster:
    chosen = part_of(settings, ClusterSettings)
    log = open_log(chosen)
    node = Node(log, wallclock=time.time, timeout=chosen.redis_timeout, snapshot_every=chosen.log_snapshot_every)
    return Cluster(chosen, node, log, host=_own_address(settings))


def _own_address(settings: Settings) -> str:
    """Where other nodes reach this one's trunk: where they reach its HTTP, if an address is given for that."""
    return addresses_at(urlsplit(settings.node_url or "").hostname or settings.host)[0]


def _tie_in(cluster: Cluster, server: Server, journal: Journal) -> None:
    """Have a node's rooms known to all that works with rooms here."""
    node, library = cluster.node, server.call_services.library
    node.samples = lambda name: library.samples(name) if name in library else None
    node.on_replayed = journal.replay
    cluster.wanted = server.feeds.has
    cluster.draining = lambda: server.drain.begun
    settings = server.settings
    server.passing_on = PassingOn(cluster, settings.redis_timeout, verify=not settings.tls_self_signed)

    def restored(replica: Replica) -> None:
        journal.resume(replica.name, replica.history or "", replica.told)
        server.feeds.show_anew(replica.name)

    node.on_restored = restored


def _make_recordings(settings: Settings, conference: Conference, captions: Captions | None) -> Recordings | None:
    place, storage = settings.recordings, None
    if place is None:
        return None
    if isinstance(place, ObjectAddress):
        storage = ObjectStorage(place, settings.recording_endpoint)
    return Recordings(
        part_of(settings, RecordingSettings),
        conference,
        new_id=new_id,
        describe=event_json,
        monotonic_ns=time.monotonic_ns,
        wallclock=time.time,
        conclude=(lambda _: ()) if captions is None else captions.conclude,
        storage=storage,
    )


def _make_captions(settings: Settings, conference: Conference) -> Captions | None:
    if settings.captions_engine is None:
        return None
    return Captions(
        part_of(settings, CaptionSettings),
        conference,
        new_id=new_id,
        monotonic_ns=time.monotonic_ns,
        wallclock=time.time,
    )


def first_policy(settings: Settings, room: str) -> RoomPolicy:
    """The policy of a room until a host changes it: from the settings that have the same names as its fields."""
    set_here = {one.name for one in fields(RoomPolicy)} & {one.name for one in fields(settings)}
    return RoomPolicy(
        **{name: getattr(settings, name) for name in set_here},
        pin=dict(settings.pins).get(room),
        captions=settings.captions_always,
    )


def _make_journal(settings: Settings, conference: Conference) -> Journal:
    return Journal(
        conference,
        size=settings.event_history,
        keep=settings.event_history_ttl,
        keep_rooms=settings.max_rooms,
        clock=time.monotonic,
        wallclock=time.time,
        shared=settings.redis is not None,
    )


def _webhook_settings(settings: Settings) -> WebhookSettings:
    return WebhookSettings(
        urls=settings.webhooks,
        keys=settings.webhook_keys,
        events=settings.webhook_events,
        timeout=settings.webhook_timeout,
        give_up=settings.webhook_give_up,
        queue=settings.webhook_queue,
    )


def _make_voice(settings: Settings) -> VoiceSettings:
    if settings.noise_suppression:
        check_available()
    return VoiceSettings(
        gate=GateSettings(adaptive=settings.gate == "adaptive"),
        levelling=settings.levelling,
        noise_suppression=settings.noise_suppression,
        comfort_noise=settings.comfort_noise,
    )


def _make_signatures(settings: Settings) -> TwilioSignatures | None:
    if settings.twilio_auth_token is None or settings.public_url is None:
        return None
    return TwilioSignatures(settings.twilio_auth_token, settings.public_url)


def _make_webrtc(settings: Settings) -> WebRtcLike:
    close = settings.shutdown_timeout / 4  # it may take this long twice, and others want a share
    given = part_of(settings, WebRtcSettings, loopback=settings.on_loopback, close_timeout=close)
    if settings.engine != "aiortc":
        return WebRtc(given)
    from conference.webrtc.reference.engine import (
        ReferenceWebRtc,  # brings all of aiortc along, which the tables do not need
    )

    return ReferenceWebRtc(given, settings.ice_servers)


def _add_routes(app: web.Application) -> None:
    seats = "/rooms/{room}/participants"
    seat = seats + "/{id}"
    app.add_routes(
        [
            web.get("/", pages.page),
            web.get("/join/{room}", pages.page),
            web.get("/embed.js", pages.embed_module),
            web.get("/static/{path:.+}", pages.static_file),
            web.get("/config", rooms.config),
            web.get("/admin", pages.admin),
            web.get("/overview", overview.overview),
            web.get("/rooms", rooms.list_rooms),
            web.get("/rooms/{room}", rooms.show_room),
            web.patch("/rooms/{room}", moderation.change_room),
            web.delete("/rooms/{room}", moderation.end_room),
            web.post("/rooms/{room}/mute", moderation.mute_all),
            web.post("/rooms/{room}/admit", moderation.admit_all),
            web.post("/rooms/{room}/messages", moderation.send_message),
            web.post("/rooms/{room}/calls", calls.place),
            web.post("/rooms/{room}/audiosocket-calls", audiosocket_calls.expect),
            web.post("/rooms/{room}/transfers", transfers.begin),
            web.get("/rooms/{room}/transfers", transfers.list_all),
            web.get("/rooms/{room}/transfers/{transfer}", transfers.show),
            web.patch("/rooms/{room}/transfers/{transfer}", transfers.change),
            web.delete("/rooms/{room}/transfers/{transfer}", transfers.cancel),
            web.get("/sounds", sounds.list_library),
            web.get("/rooms/{room}/sounds", sounds.list_playing),
            web.post("/rooms/{room}/sounds", sounds.play),
            web.delete("/rooms/{room}/sounds/{sound}", sounds.stop),
            web.get("/rooms/{room}/hearing", hearing.show_rules),
            web.get("/rooms/{room}/sidebars", hearing.list_sidebars),
            web.post("/rooms/{room}/sidebars", hearing.begin_sidebar),
            web.delete("/rooms/{room}/sidebars/{sidebar}", hearing.end_sidebar),
            web.get(seats + "/{listener}/hears", hearing.show_hears),
            web.put(seats + "/{listener}/hears/{source}", hearing.set_gain),
            web.delete(seats + "/{listener}/hears/{source}", hearing.clear_gain),
            web.get(seat + "/volumes", hearing.show_volumes),
            web.put(seat + "/volumes/{source}", hearing.set_volume),
            web.delete(seat + "/volumes/{source}", hearing.clear_volume),
            web.put(seat + "/whisper", hearing.whisper),
            web.delete(seat + "/whisper", hearing.speak_up),
            web.put(seat + "/coach", hearing.coach),
            web.delete(seat + "/coach", hearing.speak_up),
            web.post(seat + "/unmute-request", moderation.request_unmute),
            web.get("/access", tokens.show_access),
            web.get("/rooms/{room}/access", tokens.show_access),
            web.post("/rooms/{room}/tokens", tokens.make_token),
            web.post("/rooms/{room}/recordings", recordings.start),
            web.get("/recordings", recordings.list_all),
            web.get("/recordings/{recording}", recordings.show),
            web.patch("/recordings/{recording}", recordings.change),
            web.delete("/recordings/{recording}", recordings.delete),
            web.get("/recordings/{recording}/files/{name}", recordings.fetch),
            web.get("/rooms/{room}/captions", captions.list_captions),
            web.get("/rooms/{room}/events", events.events, allow_head=False),
            web.get("/rooms/{room}/audio", audio.open_socket, allow_head=False),
            web.post(seats, participants.join),
            web.options(seats, participants.options),
            web.get(seat, participants.show),
            web.patch(seat, participants.change),
            web.delete(seat, participants.leave),
            web.options(seat, participants.options),
            web.get("/twilio/stream", twilio.stream, allow_head=False),
            web.get("/twilio/stream/{room}", twilio.stream, allow_head=False),
            web.get("/media/{dialect}", streams.media, allow_head=False),
            web.get("/media/{dialect}/{room}", streams.media, allow_head=False),
            web.post("/twilio/voice", twilio.voice),
            web.post("/twilio/calls/{id}", twilio_calls.take_status),
            web.post("/2010-04-01/Accounts/{account}/Calls/{call}.json", twilio_calls.change),
            web.get("/openapi.json", description.show_json),
            web.get("/docs", description.show_page),
            web.post("/drain", drain.begin),
            web.get("/drain", drain.show),
            web.get("/readyz", drain.readyz),
            web.get("/nodes", nodes.list_nodes),
            web.get("/healthz", rooms.healthz),
            web.get("/metrics", metrics.metrics),
        ]
    )


@web.middleware
async def _not_while_stopping(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.app[SERVER].stopping:
        raise Problem(
            503,
            "The server is being stopped. Try again in a moment.",
            headers={"Retry-After": "5", "Connection": "close"},
        )
    return await handler(request)


async def _running(app: web.Application) -> AsyncIterator[None]:
    """Keep the clock ticking and the media port open for as long as the application runs."""
    server = app[SERVER]
    audiosocket = AudioSocketListener(server)
    if server.settings.audiosocket is not None:  # first: what cannot be had ends the start before anything runs
        await audiosocket.bind(*server.settings.audiosocket)
    await _join_cluster(server)
    await server.call_services.open()
    if server.recordings is not None:
        await server.recordings.open()
    if server.captions is not None:
        await server.captions.open()
    await server.engine.start()
    await server.webhooks.start()
    await audiosocket.start()
    yield
    await _leave_cluster(server)
    await audiosocket.close()
    await server.engine.close()
    await server.webhooks.close(0)
    await server.sessions.close()
    await server.call_services.close()
    if server.captions is not None:
        await server.captions.close()
    if server.recordings is not None:
        await server.recordings.close()
    if server.captures is not None:
        await asyncio.to_thread(server.captures.close)


async def _join_cluster(server: Server) -> None:
    """Become one of several processes that are one conference, with the secrets that all have; if there are several."""
    if server.cluster is None or server.passing_on is None:
        return
    await server.cluster.open()
    server.seats.share(await server.cluster.secret("seats"))
    if server.settings.secret is None:
        server.token_keys = ((await server.cluster.secret("tokens")).hex(),)
    server.passing_on.share(await server.cluster.secret("nodes"))


async def _leave_cluster(server: Server) -> None:
    if server.cluster is not None:
        await server.cluster.close()
    if server.passing_on is not None:
        await server.passing_on.close()
