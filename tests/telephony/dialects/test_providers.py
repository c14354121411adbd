"""What providers' own documents say of their streams, message by message."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from conference.codecs.linear import LinearCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.codecs.waveform import WaveformCodec
from conference.telephony.dialect import (
    MarkPlayed,
    Said,
    ServerEnd,
    StreamKey,
    StreamMedia,
    StreamStarted,
    StreamStopped,
    Unsupported,
)
from conference.telephony.dialects.known import DIALECTS
from conference.telephony.fields import to_base64
from conference.telephony.leg import Leg, Started
from conference.telephony.settings import LegSettings


def end(name: str, **options: str) -> ServerEnd:
    return DIALECTS[name].server_end(options)


def told(server: ServerEnd, message: dict[str, Any] | str | bytes) -> list[Said]:
    return list(server.parse(json.dumps(message) if isinstance(message, dict) else message))


def telnyx_start(**media_format: Any) -> dict[str, Any]:
    start = {
        "user_id": "u",
        "call_control_id": "v3:T02",
        "media_format": media_format,
        "custom_parameters": {"room": "tea"},
    }
    return {"event": "start", "sequence_number": "1", "stream_id": "32de0dea", "start": start}


@pytest.mark.parametrize(
    ("encoding", "rate", "codec"),
    [("PCMU", 8000, PcmuCodec()), ("PCMA", 8000, PcmaCodec()), ("L16", 16000, LinearCodec(16000, "big"))],
)
def test_telnyx_names_its_codec_and_linear_pcm_is_big_endian(encoding: str, rate: int, codec: WaveformCodec) -> None:
    [started] = told(end("telnyx"), telnyx_start(encoding=encoding, sample_rate=rate, channels=1))
    assert started == StreamStarted("32de0dea", "v3:T02", codec, {"room": "tea"})


@pytest.mark.parametrize(("encoding", "rate"), [("OPUS", 16000), ("G722", 8000), ("PCMU", 16000), ("L16", 11025)])
def test_what_is_not_spoken_here_is_refused_with_a_sentence(encoding: str, rate: int) -> None:
    [refused] = told(end("telnyx"), telnyx_start(encoding=encoding, sample_rate=rate, channels=1))
    assert isinstance(refused, Unsupported)
    assert encoding in refused.sentence


def test_telnyx_promises_no_order_and_what_is_early_waits() -> None:
    server, played = end("telnyx"), []
    told(server, telnyx_start())
    for chunk in (1, 3, 2, 4, 2, 7, 9, 8, 10, 11, 12, 13):
        media = {"track": "inbound", "chunk": str(chunk), "timestamp": "5", "payload": "/w=="}
        said = told(server, {"event": "media", "media": media | {"payload": to_base64(bytes([chunk]))}})
        played += [one.payload[0] for one in said if isinstance(one, StreamMedia)]
    assert played == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13]


def test_a_provider_that_promises_an_order_waits_for_nothing() -> None:
    server = end("plivo")
    start = {"callId": "c1", "streamId": "s1", "accountId": "a", "tracks": ["inbound"]}
    told(server, {"event": "start", "sequenceNumber": 0, "start": start})
    for chunk in (5, 9, 7):
        [media] = told(server, {"event": "media", "media": {"track": "inbound", "chunk": chunk, "payload": "/w=="}})
        assert isinstance(media, StreamMedia)


def test_telnyx_is_answered_without_an_id() -> None:
    server = end("telnyx")
    told(server, telnyx_start())
    assert json.loads(server.media(b"\xff") or "") == {"event": "media", "media": {"payload": "/w=="}}
    assert json.loads(server.mark("a") or "") == {"event": "mark", "mark": {"name": "a"}}
    assert json.loads(server.clear() or "") == {"event": "clear"}


def test_plivo_has_no_greeting_and_words_of_its_own() -> None:
    server = end("plivo")
    media_format = {"encoding": "audio/x-l16", "sampleRate": 16000}
    start = {"callId": "c1", "streamId": "s1", "accountId": "a", "tracks": ["inbound"], "mediaFormat": media_format}
    [started] = told(
        server, {"event": "start", "sequenceNumber": 0, "start": start, "extra_headers": '{"room": "tea"}'}
    )
    assert started == StreamStarted("s1", "c1", LinearCodec(16000, "little"), {"room": "tea"})
    assert told(server, {"event": "playedStream", "streamId": "s1", "name": "a"}) == [MarkPlayed("a")]
    assert told(server, {"event": "clearedAudio", "streamId": "s1"}) == []
    assert told(server, {"event": "dtmf", "streamId": "s1", "dtmf": {"digit": "5"}}) == [StreamKey("5")]
    played = {"contentType": "audio/x-l16", "sampleRate": 16000, "payload": "AAA="}
    assert json.loads(server.media(b"\0\0") or "") == {"event": "playAudio", "streamId": "s1", "media": played}
    assert json.loads(server.mark("a") or "") == {"event": "checkpoint", "streamId": "s1", "name": "a"}
    assert json.loads(server.clear() or "") == {"event": "clearAudio", "streamId": "s1"}


@pytest.mark.parametrize("headers", ["room=tea,name=Amy", "room=tea;name=Amy", '{"room":"tea","name":"Amy"}'])
def test_plivos_headers_are_parameters_however_they_are_written(headers: str) -> None:
    [started] = told(end("plivo"), {"event": "start", "start": {"streamId": "s"}, "extra_headers": headers})
    assert isinstance(started, StreamStarted)
    assert (started.codec, started.parameters) == (PcmuCodec(), {"room": "tea", "name": "Amy"})


def test_exotel_says_base64_and_means_linear_pcm_and_wants_long_messages() -> None:
    server = end("exotel")
    start = {
        "stream_sid": "s1",
        "call_sid": "c1",
        "from": "1",
        "media_format": {"encoding": "base64", "sample_rate": "8000"},
    }
    [started] = told(server, {"event": "start", "stream_sid": "s1", "start": start})
    assert started == StreamStarted("s1", "c1", LinearCodec(8000, "little"), {})
    sent = [message for _ in range(25) if (message := server.media(b"\0" * 320)) is not None]
    sizes = [len(json.loads(message)["media"]["payload"]) * 3 // 4 for message in sent]
    assert len(sizes) == 2
    assert all(size >= 3200 for size in sizes)
    assert json.loads(sent[0])["stream_sid"] == "s1"


def test_signalwire_is_twilio_with_linear_pcm() -> None:
    start = {
        "streamSid": "s",
        "callSid": "c",
        "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 24000, "channels": 1},
    }
    [started] = told(end("signalwire"), {"event": "start", "streamSid": "s", "start": start})
    assert started == StreamStarted("s", "c", LinearCodec(24000, "little"), {})
    [narrow] = told(end("signalwire"), {"event": "start", "streamSid": "s", "start": {"streamSid": "s"}})
    assert isinstance(narrow, StreamStarted)
    assert narrow.codec == PcmuCodec()


def test_vonage_says_what_it_is_and_then_sends_binary() -> None:
    server = end("vonage")
    first = {"event": "websocket:connected", "content-type": "audio/l16;rate=16000", "room": "tea", "uuid": "c1"}
    [started] = told(server, first)
    assert started == StreamStarted("", "c1", LinearCodec(16000, "little"), {"room": "tea", "uuid": "c1"})
    assert told(server, b"\1\0") == [StreamMedia(b"\1\0")]
    assert told(server, {"event": "websocket:dtmf", "digit": "5", "duration": 260}) == [StreamKey("5")]
    assert told(server, {"event": "websocket:dtmf", "dtmf": {"digit": 5}}) == [StreamKey("5")]
    assert told(server, {"event": "websocket:notify", "payload": {"mark": "a"}}) == [MarkPlayed("a")]
    assert server.media(b"\1\0") == b"\1\0"
    assert json.loads(server.clear() or "") == {"action": "clear"}


def test_jambonz_begins_with_what_the_call_is() -> None:
    server = end("jambonz")
    [started] = told(server, {"callSid": "c1", "sampleRate": 8000, "mixType": "stereo", "metadata": {"room": "tea"}})
    assert isinstance(started, StreamStarted)
    assert started.codec == LinearCodec(8000, "little")
    assert started.parameters["room"] == "tea"
    assert told(server, b"\1\0\2\0\3\0\4\0") == [StreamMedia(b"\1\0\3\0")]
    assert told(server, {"event": "dtmf", "dtmf": "2", "duration": "1600"}) == [StreamKey("2")]
    assert told(server, {"type": "mark", "data": {"name": "a", "event": "playout"}}) == [MarkPlayed("a")]
    assert json.loads(server.clear() or "") == {"type": "killAudio"}


def test_mod_audio_stream_may_begin_with_sound_and_its_address_says_how_it_is_coded() -> None:
    server = end("freeswitch", rate="16000", channels="2")
    started, media = told(server, b"\1\0\2\0")
    assert started == StreamStarted("", "", LinearCodec(16000, "little"), {})
    assert media == StreamMedia(b"\1\0")
    sent = [message for _ in range(10) if (message := server.media(b"\0\0")) is not None]
    [message] = [json.loads(one) for one in sent]
    assert (message["type"], message["data"]["sampleRate"]) == ("streamAudio", 16000)
    [refused] = told(end("freeswitch", rate="x"), b"\1\0")
    assert isinstance(refused, Unsupported)


@pytest.mark.parametrize(
    "start",
    [
        "MEDIA_START connection_id:s1 channel:WebSocket/x format:slin16 optimal_frame_size:640 ptime:20 channel_id:c1",
        '{"event":"MEDIA_START","connection_id":"s1","channel_id":"c1","format":"slin16","ptime":20}',
    ],
)
def test_asterisk_speaks_in_words_or_in_json_and_is_answered_alike(start: str) -> None:
    server = end("asterisk")
    [started] = told(server, start)
    assert isinstance(started, StreamStarted)
    assert (started.stream_id, started.call_id, started.codec) == ("s1", "c1", LinearCodec(16000, "little"))
    json_wanted = start.startswith("{")
    assert server.clear() == ('{"command":"FLUSH_MEDIA"}' if json_wanted else "FLUSH_MEDIA")
    assert server.mark("a") == ('{"command":"MARK_MEDIA","correlation_id":"a"}' if json_wanted else "MARK_MEDIA a")
    for word in ("MEDIA_MARK_PROCESSED a", "MEDIA_MARK_PROCESSED correlation_id:a"):
        assert told(server, word) == [MarkPlayed("a")]
    assert told(server, "DTMF_END digit:5") == [StreamKey("5")]
    assert told(server, "MEDIA_XON") == []
    assert told(server, "HANGUP") == [StreamStopped()]
    [refused] = told(end("asterisk"), "MEDIA_START format:opus")
    assert isinstance(refused, Unsupported)


def test_the_wrong_byte_order_would_be_noise() -> None:
    samples = np.full(160, 258, dtype=np.int16)
    assert LinearCodec(8000, "big").decode_samples(LinearCodec(8000, "little").encode_samples(samples))[0] == 513


def test_an_address_names_who_calls_if_their_start_does_not() -> None:
    for parameters, name in (({}, "Ben"), ({"name": "Amy"}, "Amy")):
        leg = Leg(DIALECTS["vonage"], "tea", LegSettings(), {"name": "Ben", "access_token": "secret"})
        [started] = leg.receive(json.dumps({"event": "websocket:connected"} | parameters), 0)
        assert isinstance(started, Started)
        assert started.name == name
        assert "access_token" not in started.parameters
