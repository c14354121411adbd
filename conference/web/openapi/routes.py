"""What is said of each route: who may do it, what it takes, what it answers. A route without its line fails a test."""

from __future__ import annotations

from conference.access.grants import ROLES
from conference.audio.resample import RATES
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
from conference.web.api.reading import JSON, MERGE_PATCH
from conference.web.events.data import DATA_TYPES
from conference.web.http.problems import Handler
from conference.web.joining import seats
from conference.web.openapi.operation import ROOM_NAME, Operation, Parameter
from conference.web.schemas import requests, responses

TAGS = {
    "joining": "Coming in, changing and leaving: the WHIP-shaped endpoint (RFC 9725).",
    "rooms": "Rooms, how they are run, and what happens in them.",
    "hearing": "Who hears whom: a gain for each pair, and the named cases.",
    "sounds": "Tones, announcements and music.",
    "recordings": "What was said, kept: [recordings](https://github.com/conference/conference/blob/main/docs/recordings.md).",
    "captions": "What was said, in words: [captions](https://github.com/conference/conference/blob/main/docs/captions.md).",
    "calls": "Phone calls and bots: Twilio Media Streams, in and out.",
    "access": "Tokens.",
    "server": "The page, and the server itself.",
}

_HTML = "text/html"
_TEXT = "text/plain"
_FORM = "application/x-www-form-urlencoded"
_LOCATION = {"Location": "Its address: an absolute path, without host."}


def _one_of(*words: str) -> dict[str, object]:
    """JSON Schema of a parameter that is one of some words."""
    return {"type": "string", "enum": list(words)}


_NAME = Parameter("name", "query", "What people see; else that of the token, or `Guest`.", requests.NAME_SCHEMA)
_ROLE = Parameter("role", "query", "Less than the token's role, or with the right to moderate `host`.", _one_of(*ROLES))
_ORIGINAL_SOUND = Parameter(
    "original_sound", "query", "`true`: leave their sound as it is, as for music.", _one_of("true", "false")
)
_SEAT = Parameter(seats.HEADER, "header", "Come back as the same participant: the proof that a join gave.")

_JOINING: dict[Handler, Operation] = {
    participants.join: Operation(
        "joining",
        "Join: an offer in, an answer and a seat out",
        access="token",
        status=201,
        content=participants.SDP,
        answer="The answer, complete with all candidates. The participant is in the room.",
        headers=_LOCATION
        | {
            "ETag": "This ICE session (RFC 9725, section 4.3.1).",
            "Conference-Seat": "A proof that the seat is yours; keep it to yourself.",
            "Accept-Patch": "What `PATCH` of the location takes.",
            "Link": "STUN and TURN servers, one each (RFC 9725, section 4.6).",
        },
        body={participants.SDP: None},
        parameters=(_NAME, _ROLE, _ORIGINAL_SOUND, _SEAT),
        problems=(409, 422, 423, 429),
        description="The room is made by its first join. WHIP and WHEP clients work as they are.",
    ),
    participants.options: Operation(
        "joining",
        "Ask what can be done here",
        access="open",
        status=204,
        headers={"Allow": "The methods.", "Link": "STUN and TURN servers, for those who may join."},
    ),
    participants.show: Operation(
        "joining",
        "Show a participant, and how their connection does",
        access="self",
        content=responses.ParticipantInFull,
        answer="The participant.",
    ),
    participants.change: Operation(
        "joining",
        "Change a participant, or add candidates",
        access="self-or-moderate",
        content=responses.Participant,
        answer="The participant as they are now; for candidates, `204` without a body.",
        also={204: "The candidates have been added."},
        body={MERGE_PATCH: requests.ParticipantPatch, participants.TRICKLE: None},
        parameters=(Parameter("If-Match", "header", "With candidates: the `ETag` of the ICE session."),),
        problems=(409, 412, 422, 428),
        description=(
            "People may change their own name, mute, voice, hand and deafness. Whom somebody else muted cannot unmute "
            "themselves until they are asked to: `403` of type `urn:conference:problem:muted`."
        ),
    ),
    participants.leave: Operation(
        "joining",
        "Leave, or remove somebody",
        access="self-or-moderate",
        status=204,
        answer="They are gone, and their connection is being closed.",
        parameters=(
            Parameter(
                participants.HOLD,
                "query",
                "Oneself: the seat is kept for a few seconds (`--seat-hold`), to be taken again.",
            ),
        ),
        description=(
            "Whoever was removed cannot come back into that seat: `403` of type `urn:conference:problem:removed`."
        ),
    ),
}

_ROOMS: dict[Handler, Operation] = {
    rooms.list_rooms: Operation(
        "rooms", "List the rooms that you may know of", content=responses.Rooms, answer="Those with somebody in them."
    ),
    rooms.show_room: Operation(
        "rooms",
        "Show a room and everybody in it",
        content=responses.Room,
        answer="The room. Who waits in its lobby sees nobody else.",
    ),
    moderation.change_room: Operation(
        "rooms",
        "Run a room in another way",
        access="moderate",
        content=responses.Room,
        answer="The room as it is run now.",
        body={MERGE_PATCH: requests.RoomPatch},
        problems=(409,),
        description="Those whom it would not let in any more stay.",
    ),
    moderation.end_room: Operation(
        "rooms", "Send everybody home", access="moderate", status=204, answer="The room is gone."
    ),
    moderation.mute_all: Operation(
        "rooms",
        "Mute everybody",
        access="moderate",
        content=responses.Muted,
        answer="Whom it muted: everybody but hosts, those who are named, and whoever asks.",
        body={JSON: requests.MuteAll},
        body_optional=True,
    ),
    moderation.admit_all: Operation("rooms", "Let everybody in who waits in the lobby", access="moderate", status=204),
    moderation.request_unmute: Operation(
        "rooms",
        "Ask somebody to unmute",
        access="moderate",
        status=204,
        answer="They have been asked, and may unmute from now on.",
    ),
    moderation.send_message: Operation(
        "rooms",
        "Write to everybody in the room",
        access="present",
        status=204,
        answer="It has been sent; nothing of it is kept.",
        body={JSON: requests.NewMessage},
        problems=(429,),
        description="Not for those who wait in the lobby.",
    ),
    events.events: Operation(
        "rooms",
        "Follow what happens in a room",
        content="text/event-stream",
        answer=(
            "Server-sent events: first `room`, a snapshot, then what happens. Every event but `levels` has an id; with "
            "`Last-Event-ID` the stream goes on where it was."
        ),
        events=DATA_TYPES,
        parameters=(
            Parameter("Last-Event-ID", "header", "The last event that was seen."),
            Parameter("last_event_id", "query", "The same, for those who can set no header."),
            Parameter(
                events.BATCH,
                "query",
                "`1` to be told of a decision about many participants with one event, `participants.updated` or "
                "`participants.left`, in place of one for each.",
                _one_of("0", "1"),
            ),
            Parameter(events.LEVELS, "query", "`0` to be told no `levels`.", _one_of("0", "1")),
            Parameter(seats.QUERY, "query", "The proof of a seat, for those who can set no header."),
            Parameter(seats.HEADER, "header", "The same: who waits in the lobby is told what concerns themselves."),
        ),
        problems=(400, 429),
    ),
}

_HEARING: dict[Handler, Operation] = {
    hearing.show_rules: Operation(
        "hearing", "Show all that is set", access="moderate", content=responses.Rules, answer="The settings."
    ),
    hearing.show_hears: Operation(
        "hearing",
        "Show how loud somebody hears each of the others",
        access="moderate",
        content=responses.Gains,
        answer="A gain for each, as the settings together make it.",
    ),
    hearing.set_gain: Operation(
        "hearing",
        "Set how loud somebody hears somebody",
        access="moderate",
        content=responses.Rule,
        answer="What is set: a multiple of 2⁻¹⁶.",
        body={JSON: requests.GainSetting},
        problems=(409,),
        description="What is set for the pair counts; else what is set for either with `*` multiplies.",
    ),
    hearing.clear_gain: Operation(
        "hearing", "Take back what was set", access="moderate", status=204, problems=(409,), answer="Nothing is set."
    ),
    hearing.show_volumes: Operation(
        "hearing",
        "Show how loud somebody wants to hear the others",
        access="self-or-moderate",
        content=responses.Volumes,
        answer="What they have set for themselves; the others are 1.",
    ),
    hearing.set_volume: Operation(
        "hearing",
        "Set how loud somebody wants to hear somebody",
        access="self-or-moderate",
        content=responses.Volume,
        answer="What is set: a multiple of 2⁻¹⁶.",
        body={JSON: requests.VolumeSetting},
        problems=(409,),
        description="It multiplies what they are to hear, so that nobody hears more than that. Nobody is told of it.",
    ),
    hearing.clear_volume: Operation(
        "hearing",
        "Hear somebody as they are",
        access="self-or-moderate",
        status=204,
        problems=(409,),
        answer="Nothing is set.",
    ),
    hearing.whisper: Operation(
        "hearing",
        "Have somebody heard by some alone",
        access="moderate",
        status=204,
        answer="Nobody else hears them, whoever joins.",
        body={JSON: requests.Whisper},
        problems=(409,),
    ),
    hearing.coach: Operation(
        "hearing",
        "Have somebody heard by one person alone",
        access="moderate",
        status=204,
        answer="They hear everybody, and only the agent hears them.",
        body={JSON: requests.Coaching},
        problems=(409,),
    ),
    hearing.speak_up: Operation(
        "hearing",
        "Have somebody heard by everybody again",
        access="moderate",
        status=204,
        problems=(409,),
        answer="The whisper, or the coaching, is over.",
    ),
    hearing.begin_sidebar: Operation(
        "hearing",
        "Send people aside",
        access="moderate",
        status=201,
        content=responses.Sidebar,
        answer="They hear each other, and nobody else hears them.",
        headers=_LOCATION,
        body={JSON: requests.NewSidebar},
        problems=(409,),
    ),
    hearing.list_sidebars: Operation(
        "hearing",
        "List who has been sent aside",
        access="moderate",
        content=responses.Sidebars,
        answer="All of the room.",
    ),
    hearing.end_sidebar: Operation(
        "hearing", "Bring a sidebar back", access="moderate", status=204, answer="Its members are back in the room."
    ),
}

_SOUNDS: dict[Handler, Operation] = {
    sounds.list_library: Operation(
        "sounds", "List what can be played", access="moderate", content=responses.Library, answer="In any room."
    ),
    sounds.list_playing: Operation(
        "sounds", "List what is being played", access="moderate", content=responses.Sounds, answer="In this room."
    ),
    sounds.play: Operation(
        "sounds",
        "Play a sound",
        access="moderate",
        status=201,
        content=responses.Sound,
        answer="It is heard from the next tick on.",
        headers=_LOCATION,
        body={JSON: requests.NewSound},
        problems=(409,),
    ),
    sounds.stop: Operation("sounds", "Stop a sound", access="moderate", status=204, answer="It fades at once."),
}

_RECORDINGS: dict[Handler, Operation] = {
    recordings.start: Operation(
        "recordings",
        "Record a room from now on",
        access="record",
        status=201,
        content=responses.Recording,
        answer="It has begun, and everybody is told.",
        headers=_LOCATION,
        body={JSON: requests.NewRecording},
        body_optional=True,
        problems=(409,),
    ),
    recordings.change: Operation(
        "recordings",
        "Pause a recording, go on with it, or end it",
        access="record",
        content=responses.Recording,
        answer="The recording as it is now.",
        body={MERGE_PATCH: requests.RecordingPatch},
        problems=(404, 409),
        description="What is said during a pause is in no file; the pause is silence there.",
    ),
    recordings.list_all: Operation(
        "recordings",
        "List recordings",
        content=responses.Recordings,
        answer="Those of rooms that you may record, the latest first.",
        parameters=(Parameter("room", "query", "Of this room alone.", ROOM_NAME),),
    ),
    recordings.show: Operation(
        "recordings", "Show a recording", access="record", content=responses.Recording, answer="It.", problems=(404,)
    ),
    recordings.delete: Operation(
        "recordings",
        "Delete a recording that is over",
        access="record",
        status=204,
        answer="It is gone, with its files.",
        problems=(404, 409, 503),
    ),
    recordings.fetch: Operation(
        "recordings",
        "Fetch a file of a recording",
        access="record",
        content="*/*",
        answer="The file.",
        also={206: "A range of it."},
        parameters=(Parameter("Range", "header", "A range of bytes (RFC 9110, section 14)."),),
        problems=(404, 416, 503),
        description="In recording.mka there is a track for the mix and one for each person; see docs/recordings.md.",
    ),
}

_CAPTIONS: dict[Handler, Operation] = {
    captions.list_captions: Operation(
        "captions",
        "List what was said lately",
        content=responses.Captions,
        answer="The final captions that you may read, the oldest first.",
        description=(
            "For whoever joins late. What comes next is told by the events `caption`. What was whispered is only "
            "told to those who could hear it. Captions are made as long as the room's policy has `captions`."
        ),
    ),
}

_CALLS: dict[Handler, Operation] = {
    calls.place: Operation(
        "calls",
        "Call somebody into a room",
        access="dial",
        status=201,
        content=responses.Participant,
        answer="The participant, who is being called; `call.state` tells how far that has come.",
        headers=_LOCATION,
        body={JSON: requests.NewCall},
        problems=(409, 423, 429),
        description=(
            "A bot (`url`), an application (`webhook`) or a telephone (`to`), as far as the operator allows "
            "(`--dial-allow`). Whoever cannot be reached leaves, with the reason. `DELETE` of the participant hangs up."
        ),
    ),
    audiosocket_calls.expect: Operation(
        "calls",
        "Expect a call on Asterisk's AudioSocket",
        access="dial",
        status=201,
        content=responses.ExpectedCall,
        answer="The UUID with which one call gets into the room.",
        body={JSON: requests.NewAudioSocketCall},
        problems=(429, 503),
        description="As far as the operator takes such calls (`--audiosocket`).",
    ),
    transfers.begin: Operation(
        "calls",
        "Hand somebody over to somebody who is called for that",
        access="dial",
        status=201,
        content=responses.Transfer,
        answer="The caller is on hold, and somebody is being called, whom the agent alone hears and talks to.",
        headers=_LOCATION,
        body={JSON: requests.NewTransfer},
        problems=(409, 423, 429),
        description="Needs the right to moderate, too. If nobody answers, all is as before.",
    ),
    transfers.list_all: Operation(
        "calls", "List the transfers that are not over", access="moderate", content=responses.Transfers, answer="They."
    ),
    transfers.show: Operation(
        "calls",
        "Show how far a transfer has come",
        access="moderate",
        content=responses.Transfer,
        answer="The transfer.",
    ),
    transfers.change: Operation(
        "calls",
        "Bring together those of a transfer",
        access="moderate",
        content=responses.Transfer,
        answer="The transfer, which is over.",
        body={MERGE_PATCH: requests.TransferPatch},
        problems=(409,),
    ),
    transfers.cancel: Operation(
        "calls",
        "Take a transfer back",
        access="moderate",
        status=204,
        answer="Whoever was called is hung up on, and the caller is off hold.",
    ),
    twilio_calls.take_status: Operation(
        "calls",
        "Tell how far it has come with a telephone",
        access="signed",
        status=204,
        answer="It has been noted.",
        body={_FORM: None},
        body_optional=True,
        body_any=True,
        problems=(400,),
        description="For Twilio alone, which is given this address with each call.",
    ),
    twilio_calls.change: Operation(
        "calls",
        "End a call or lead it on, as Twilio has it",
        access="account",
        content=responses.TwilioCall,
        answer="The call is being ended, or led on.",
        body={_FORM: None},
        body_optional=True,
        body_any=True,
        problems=(400, 404),
        description=(
            "By whoever was called into a room: `Status=completed` ends the call; `Url` (with `Method`) or `Twiml` "
            "lead it to other TwiML. Nothing else can be changed."
        ),
    ),
    audio.open_socket: Operation(
        "calls",
        "Open an audio socket: each voice apart, and a voice to answer with",
        access="voices",
        status=101,
        answer="The WebSocket is open, and its client is in the room.",
        parameters=(
            _NAME,
            _ROLE,
            Parameter(
                "rate",
                "query",
                "Samples per second, in both directions; `16000` if nothing is said.",
                {"type": "integer", "enum": list(RATES)},
            ),
            Parameter(
                "listen",
                "query",
                "`false`: hear nobody. Then the right to speak is enough.",
                _one_of("true", "false"),
            ),
            _ORIGINAL_SOUND,
            Parameter(
                "interruptible",
                "query",
                "`true`: what they say breaks off when a person begins to talk.",
                _one_of("true", "false"),
            ),
        ),
        problems=(400, 409, 423, 429),
        description=(
            "The client is a participant as others are. Sound is linear PCM of 16 bits, little-endian, one channel, in "
            "binary messages; all else is JSON. The messages: [voices]"
            "(https://github.com/conference/conference/blob/main/docs/voices.md)."
        ),
    ),
    twilio.stream: Operation(
        "calls",
        "Open a media stream: a WebSocket of Twilio's protocol",
        access="signed",
        status=101,
        answer="The WebSocket is open. The caller is in a room after `start`.",
        problems=(400, 429, 508),
        description="The room is in the path, or in `start.customParameters.room`.",
    ),
    streams.media: Operation(
        "calls",
        "Open a media stream of another provider",
        access="signed",
        status=101,
        answer="The WebSocket is open. The caller is in a room once the stream has started.",
        parameters=(
            Parameter("name", "query", "What people see, if the start says nothing else.", requests.NAME_SCHEMA),
            Parameter("rate", "query", "Samples per second, of `freeswitch`, which says nothing of it."),
            Parameter("channels", "query", "1 or 2, of `freeswitch`."),
        ),
        problems=(400, 404, 429, 508),
        description="The room is in the path, or where the dialect has parameters, in `room` there.",
    ),
    twilio.voice: Operation(
        "calls",
        "Take an incoming call",
        access="signed",
        content="text/xml",
        answer="TwiML that connects the call to a room.",
        body={_FORM: None},
        body_optional=True,
        body_any=True,
        parameters=(
            Parameter("room", "query", "Where the call goes; else `--twilio-default-room`.", ROOM_NAME),
            Parameter("name", "query", "What people see; else the caller's name or number."),
        ),
        problems=(400, 508),
    ),
}

_SERVER: dict[Handler, Operation] = {
    tokens.show_access: Operation(
        "access", "Show what your token allows", content=responses.Access, answer="Your rights."
    ),
    tokens.make_token: Operation(
        "access",
        "Get a token for a room's PIN",
        access="open",
        status=201,
        content=responses.NewAccess,
        answer="A token, and what it allows.",
        body={JSON: requests.PinEntered},
        problems=(403, 429),
    ),
    pages.page: Operation("server", "The page", access="open", content=_HTML, answer="HTML."),
    pages.embed_module: Operation(
        "server",
        "The module for pages of other sites",
        access="open",
        content="text/javascript",
        answer="A module that exports `joinRoom`.",
        problems=(404,),
    ),
    pages.admin: Operation("server", "The administrator's page", access="open", content=_HTML, answer="HTML."),
    overview.overview: Operation(
        "server",
        "The whole server at a glance",
        access="moderate",
        content=responses.Overview,
        answer="Each room with how many are in it, and how the server does.",
    ),
    pages.static_file: Operation(
        "server", "A file of the page", access="open", content="*/*", answer="The file.", problems=(404,)
    ),
    rooms.config: Operation(
        "server",
        "What a page needs before it joins",
        access="open",
        content=responses.Configuration,
        answer="STUN and TURN servers only for those with a token.",
    ),
    drain.begin: Operation(
        "server",
        "Take nobody new, and end when the last has left",
        access="moderate",
        status=202,
        content=responses.Drain,
        answer="It has begun. Everybody is told (`server.draining`). Asked again, it changes the time that they have.",
        body={JSON: requests.NewDrain},
        body_optional=True,
        description="Who is in a room comes back into it after a lost connection all the same.",
    ),
    drain.show: Operation(
        "server",
        "Whether the server takes newcomers, and how many people are still there",
        access="moderate",
        content=responses.Drain,
        answer="How it is.",
    ),
    drain.readyz: Operation(
        "server",
        "Whether the server takes newcomers",
        access="open",
        content=_TEXT,
        answer="It does.",
        problems=(503,),
    ),
    nodes.list_nodes: Operation(
        "server",
        "List the processes that are one conference",
        access="moderate",
        content=responses.Nodes,
        answer="Each that is there; none where the server is one process by itself.",
    ),
    rooms.healthz: Operation("server", "Whether the server is well", access="open", content=_TEXT, answer="It is."),
    metrics.metrics: Operation(
        "server", "Figures for Prometheus", access="moderate", content=_TEXT, answer="Its text format (0.0.4)."
    ),
}

DESCRIBED: dict[Handler, Operation] = (
    _JOINING | _ROOMS | _HEARING | _SOUNDS | _RECORDINGS | _CAPTIONS | _CALLS | _SERVER
)
"""By handler: one that serves several addresses does the same at each."""
