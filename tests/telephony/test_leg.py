"""A media stream's life, from ``connected`` to ``stop``, and what a client may and may not do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import SILENCE
from conference.audio.noise_gate import level_of
from conference.codecs.linear import LinearCodec
from conference.codecs.pcmu import PcmaCodec
from conference.codecs.waveform import WaveformCodec
from conference.room.participant import Mix, StreamTransport
from conference.telephony.dialect import CallIdentity, Message, ProviderEnd, Said, StreamMedia, StreamStarted
from conference.telephony.leg import Digit, Leg, LegEvent, LegState, Refused, Started, Stopped, Warned
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.dialect import TWILIO
from conference.telephony.twilio.messages import Connected, Dtmf, Mark, Media, Start, Stop, build
from tests.tones import tone

SECOND = 1_000_000_000
START = Start("MZ1", "CA1", "AC1")
LOUD = b"\x10" * 160


def begin(leg: Leg, start: Start = START) -> list[LegEvent]:
    return leg.receive(build(Connected()), 0) + leg.receive(build(start), 0)


def started(**parameters: str) -> Started:
    room = parameters.pop("in_path", None)
    events = begin(Leg(TWILIO, room), Start("MZ1", "CA1", "AC1", custom_parameters=parameters))
    assert len(events) == 1
    event = events[0]
    assert isinstance(event, Started)
    return event


def refusals(events: list[LegEvent]) -> list[int]:
    return [event.code for event in events if isinstance(event, Refused)]


def test_the_whole_life_of_a_call() -> None:
    leg = Leg(TWILIO, "lobby")
    assert begin(leg) == [Started("lobby", "CA1", "CA1", "MZ1", {})]
    for number in range(10):
        media = Media("MZ1", LOUD, timestamp=number * 20, chunk=number + 1)
        assert leg.receive(build(media), number * SECOND // 50) == []
    assert leg.source.pull(SECOND // 5) is not None
    assert leg.receive(build(Dtmf("MZ1", "5")), SECOND) == [Digit("5")]
    assert leg.receive(build(Mark("MZ1", "x")), SECOND) == []
    assert leg.receive(build(Stop("MZ1")), SECOND) == [Stopped()]
    assert leg.state is LegState.ENDED
    assert leg.receive(build(Dtmf("MZ1", "5")), SECOND) == []


def test_the_room_is_the_paths_else_the_parameters_else_unknown() -> None:
    assert started(in_path="path", room="parameter").room == "path"
    assert started(room="parameter").room == "parameter"
    assert started().room is None


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Amy", "Amy"),
        ("  Amy\n\x00 ", "Amy"),
        ("", "CA1"),
        ("\x07", "CA1"),
        ("x" * 100, "x" * 64),
        ("Zoë", "Zoë"),
        ("\u3164\u2800", "CA1"),
    ],
)
def test_the_name_is_the_parameter_made_presentable_else_the_call(given_name: str, shown: str) -> None:
    assert started(name=given_name).name == shown


def test_a_call_without_any_sid_has_a_name_all_the_same() -> None:
    events = begin(Leg(TWILIO, "lobby"), Start("MZ1"))
    assert [event.name for event in events if isinstance(event, Started)] == ["Caller"]


def test_other_parameters_are_handed_on() -> None:
    assert started(name="Amy", team="blue").parameters == {"name": "Amy", "team": "blue"}


def test_what_it_hears_is_sent_as_media_once_the_stream_has_started() -> None:
    leg = Leg(TWILIO, "lobby")
    leg.sink.deliver(Mix(0, SILENCE, LOUD))
    assert leg.take_output(0) == []
    begin(leg)
    leg.sink.deliver(Mix(1, SILENCE, LOUD))
    assert [json.loads(text)["event"] for text in leg.take_output(0)] == ["media"]
    leg.receive(build(Stop("MZ1")), 0)
    leg.sink.deliver(Mix(2, SILENCE, LOUD))
    assert leg.take_output(0) == []


def test_media_before_start_is_warned_about_once_and_not_heard() -> None:
    leg = Leg(TWILIO, "lobby")
    media = build(Media("MZ1", LOUD, 0, 1))
    events = leg.receive(media, 0) + leg.receive(media, 0)
    assert len(events) == 1
    assert isinstance(events[0], Warned)
    begin(leg)
    assert leg.stats(0).incoming_buffered_ms == 0


def test_a_start_without_connected_is_warned_about_and_works() -> None:
    events = Leg(TWILIO, "lobby").receive(build(START), 0)
    assert [type(event) for event in events] == [Warned, Started]


def test_a_second_start_is_warned_about_and_changes_nothing() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    events = leg.receive(build(Start("MZ2", "CA2")), 0)
    assert [type(event) for event in events] == [Warned]
    leg.sink.deliver(Mix(1, SILENCE, LOUD))
    assert json.loads(leg.take_output(0)[0])["streamSid"] == "MZ1"


@pytest.mark.parametrize(
    "start",
    [
        Start("MZ1", encoding="audio/x-l16"),
        Start("MZ1", sample_rate=16000),
        Start("MZ1", channels=2),
    ],
)
def test_another_format_is_refused(start: Start) -> None:
    leg = Leg(TWILIO, "lobby")
    assert refusals(begin(leg, start)) == [1003]
    assert leg.state is LegState.ENDED


@pytest.mark.parametrize("name", ["audio/x-mulaw", "AUDIO/X-MULAW", "audio/PCMU", "mulaw", "ulaw", "audio/basic", ""])
def test_mu_law_by_another_name_is_mu_law(name: str) -> None:
    assert refusals(begin(Leg(TWILIO, "lobby"), Start("MZ1", encoding=name))) == []


def test_a_track_by_another_name_is_the_callers() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    assert leg.receive(build(Media("MZ1", LOUD, 0, 1, track="inbound_track")), 0) == []
    assert leg.stats(0).incoming_buffered_ms == 20


def test_the_other_track_is_not_played() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    events = leg.receive(build(Media("MZ1", LOUD, 0, 1, track="outbound")), 0)
    assert [type(event) for event in events] == [Warned]
    assert leg.stats(0).incoming_buffered_ms == 0


def test_unknown_events_and_binary_frames_are_warned_about_once() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    assert [type(event) for event in leg.receive('{"event":"telepathy"}', 0)] == [Warned]
    assert leg.receive('{"event":"telekinesis"}', 0) == []
    assert [type(event) for event in leg.receive(b"", 0)] == [Warned]
    assert leg.receive(b"", 0) == []
    assert leg.state is LegState.STARTED


def test_a_malformed_message_costs_a_warning_and_the_call_goes_on() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    bad = '{"event":"media","media":{"payload":"!"}}'
    assert [type(event) for event in leg.receive(bad, 0)] == [Warned]
    assert leg.receive(bad, 0) == []
    assert leg.stats(0).malformed == 2
    assert leg.receive(build(Dtmf("MZ1", "1")), 0) == [Digit("1")]


def test_many_malformed_messages_end_the_call() -> None:
    leg = Leg(TWILIO, "lobby", LegSettings(max_malformed=50))
    begin(leg)
    events = [event for _ in range(51) for event in leg.receive("?", 0)]
    assert refusals(events) == [1008]


def test_a_malformed_message_now_and_then_does_not() -> None:
    leg = Leg(TWILIO, "lobby", LegSettings(max_malformed=50))
    begin(leg)
    events = [event for second in range(500) for event in leg.receive("?", second * SECOND)]
    assert refusals(events) == []


def test_keys_that_nobody_can_press_so_fast_are_dropped_and_warned_about_once() -> None:
    leg = Leg(TWILIO, "lobby", LegSettings(max_digits_per_second=10))
    begin(leg)
    digit = build(Dtmf("MZ1", "1"))
    events = [event for _ in range(1000) for event in leg.receive(digit, 0)]
    assert events[:50] == [Digit("1")] * 50
    assert [type(event) for event in events[50:]] == [Warned]
    later = [event for _ in range(1000) for event in leg.receive(digit, SECOND)]
    assert later == [Digit("1")] * 10


def test_five_seconds_of_frames_at_once_are_no_flood() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    media = build(Media("MZ1", LOUD, None, None))
    assert [event for _ in range(250) for event in leg.receive(media, 0)] == []
    assert leg.stats(0).incoming_buffered_ms == 5000


def test_too_far_ahead_is_warned_about() -> None:
    leg = Leg(TWILIO, "lobby", LegSettings(max_ahead_ms=1000))
    begin(leg)
    events = leg.receive(build(Media("MZ1", b"\x10" * 8800, 0, 1)), 0)
    assert [type(event) for event in events] == [Warned]
    assert leg.stats(0).incoming_dropped_frames == 5


def test_the_figures_count() -> None:
    leg = Leg(TWILIO, "lobby")
    begin(leg)
    leg.receive(build(Media("MZ1", LOUD, 0, 1)), 0)
    leg.sink.deliver(Mix(1, SILENCE, LOUD))
    leg.take_output(0)
    stats = leg.stats(0)
    assert (stats.messages_received, stats.media_received, stats.media_sent) == (3, 1, 1)
    assert stats.buffered_ms is None


junk: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
fields = st.fixed_dictionaries(
    {"event": st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "clear"])},
    optional={
        "streamSid": st.text(max_size=5) | junk,
        "start": st.fixed_dictionaries({"streamSid": st.just("MZ1")}, optional={"customParameters": junk}) | junk,
        "media": st.fixed_dictionaries({"payload": st.sampled_from(["", "//8=", "!", "AAAA" * 500])}) | junk,
        "mark": junk,
        "dtmf": st.fixed_dictionaries({"digit": st.sampled_from(["1", "x"])}) | junk,
    },
)


@given(st.lists(st.tuples(fields.map(json.dumps) | st.text(max_size=30), st.integers(0, SECOND // 10)), max_size=40))
def test_no_client_whatsoever_makes_it_raise_or_grow(messages: list[tuple[str, int]]) -> None:
    leg, now = Leg(TWILIO, "lobby"), 0
    for text, step in messages:
        now += step
        for event in leg.receive(text, now):
            assert isinstance(event, Started | Digit | Stopped | Warned | Refused)
        leg.source.pull(now)
        leg.sink.deliver(Mix(0, SILENCE, LOUD))
        leg.take_output(now)
    assert leg.stats(now).incoming_buffered_ms <= 10_000


class WideEnd:
    """A server's end whose messages are nothing but sound: binary, and wide."""

    def __init__(self, codec: WaveformCodec) -> None:
        self.codec = codec

    def parse(self, message: Message) -> Sequence[Said]:
        if isinstance(message, str):
            return (StreamStarted("", "call 7", self.codec),)
        return (StreamMedia(message),)

    def media(self, payload: bytes) -> bytes:
        return payload

    def mark(self, name: str) -> None:
        return None

    def clear(self) -> None:
        return None


@dataclass(frozen=True)
class Wide:
    """A dialect without a greeting, marks or clears."""

    codec: WaveformCodec
    name: StreamTransport = "twilio"
    title: str = "Wide"
    greets: bool = False
    subprotocols: tuple[str, ...] = ()

    def server_end(self, options: Mapping[str, str]) -> WideEnd:
        return WideEnd(self.codec)

    def provider_end(self, identity: CallIdentity, parameters: Mapping[str, str]) -> ProviderEnd:
        raise NotImplementedError


every_codec = pytest.mark.parametrize(
    "codec",
    [PcmaCodec(), *(LinearCodec(rate, order) for rate in (8000, 16000, 24000) for order in ("big", "little"))],
    ids=repr,
)


@every_codec
def test_a_stream_is_heard_and_sent_in_the_codec_that_it_names(codec: WaveformCodec) -> None:
    leg = Leg(Wide(codec), "lobby", LegSettings(buffer_ms=0, mark_every_ms=100))
    assert [event.name for event in leg.receive("start", 0) if isinstance(event, Started)] == ["call 7"]
    sound, heard = tone(440, 1.0, -20), []
    encoder, now = codec.make_encoder(), 0
    for at in range(0, len(sound), 960):
        packet = encoder.encode(sound[at : at + 960])
        assert leg.receive(packet, now) == []
        frame = leg.source.pull(now)
        heard.append(SILENCE if frame is None else frame)
        leg.sink.deliver(Mix(0, SILENCE, packet))
        assert leg.take_output(now) == [packet]
        now += SECOND // 50
    assert leg.sink.codec == codec
    level = [level_of(np.concatenate(one)) for one in ([sound[9600:]], heard[10:])]
    assert abs(level[0] - level[1]) < 0.2
    assert leg.source.concealed_frames == leg.sink.marks_sent == 0


def test_half_a_sample_does_not_turn_what_follows_into_noise() -> None:
    codec = LinearCodec(16000, "little")
    leg = Leg(Wide(codec), "lobby", LegSettings(buffer_ms=0))
    leg.receive("start", 0)
    payload = codec.encode_samples(np.full(320, 1000, dtype=np.int16))
    assert [type(event) for event in leg.receive(payload + b"\x7f", 0)] == [Warned]
    heard = []
    for tick in range(20):
        leg.receive(payload, tick * SECOND // 50)
        frame = leg.source.pull(tick * SECOND // 50)
        heard.append(SILENCE if frame is None else frame)
    assert np.abs(np.concatenate(heard[5:15]).astype(int) - 1000).max() < 50


def test_a_dialect_that_can_clear_nothing_drops_what_waits_here() -> None:
    leg = Leg(Wide(PcmaCodec()), "lobby")
    leg.receive("start", 0)
    leg.sink.deliver(Mix(0, SILENCE, LOUD))
    leg.sink.clear()
    assert leg.take_output(0) == []
    assert leg.sink.clears == 0
