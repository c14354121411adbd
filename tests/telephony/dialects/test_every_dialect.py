"""Every dialect, at both of its ends: what one says the other understands, in its codec and in order."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import SILENCE
from conference.audio.noise_gate import level_of
from conference.room.participant import STREAM_TRANSPORTS, Mix
from conference.telephony.dialect import (
    CallIdentity,
    ClearBuffer,
    Dialect,
    Ignored,
    MarkPlayed,
    Message,
    PlayMedia,
    ServerEnd,
    SetMark,
    StreamKey,
    StreamMedia,
    StreamStarted,
)
from conference.telephony.dialects.known import DIALECTS, guess_dialect, stream_path
from conference.telephony.fields import MessageError
from conference.telephony.leg import Digit, Leg, Refused, Started
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings
from tests.tones import tone

TICK = 20_000_000
IDENTITY = CallIdentity("AC1", "CA1", "MZ1")
every_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
WITHOUT_MARKS = {"freeswitch"}


def call(dialect: Dialect, **parameters: str) -> tuple[Phone, Leg, list[object]]:
    """A phone and a leg that have met."""
    phone = Phone(IDENTITY, parameters, dialect=dialect)
    leg = Leg(dialect, None, LegSettings(buffer_ms=0, mark_every_ms=100))
    return phone, leg, [event for message in phone.opening() for event in leg.receive(message, 0)]


def test_each_way_in_has_its_dialect() -> None:
    assert {*DIALECTS, "audiosocket"} == set(STREAM_TRANSPORTS)  # which is no WebSocket


@every_dialect
def test_a_stream_starts_with_a_name_and_a_room(dialect: Dialect) -> None:
    phone, leg, events = call(dialect, name="Amy", room="tea")
    [started] = events
    assert isinstance(started, Started)
    assert (started.room, started.name) == ("tea", "Amy")
    assert leg.sink.codec == phone.codec


@every_dialect
def test_what_a_caller_says_is_heard_as_loud_as_it_was(dialect: Dialect) -> None:
    phone, leg, _ = call(dialect, room="tea")
    sound, heard = tone(440, 1.0, -20), []
    encoder = phone.codec.make_encoder()
    for tick in range(50):
        said = phone.say(encoder.encode(sound[960 * tick : 960 * tick + 960]))
        leg.receive(said, tick * TICK)
        frame = leg.source.pull(tick * TICK)
        heard.append(SILENCE if frame is None else frame)
    assert abs(level_of(np.concatenate(heard[10:])) - level_of(sound[9600:])) < 0.3
    assert leg.stats(0).malformed == 0


@every_dialect
def test_what_is_said_to_a_caller_is_played_as_loud_as_it_was(dialect: Dialect) -> None:
    phone, leg, _ = call(dialect, room="tea")
    sound = tone(440, 1.0, -20)
    encoder, heard = phone.codec.make_encoder(), []
    for tick in range(50):
        leg.sink.deliver(Mix(tick, SILENCE, encoder.encode(sound[960 * tick : 960 * tick + 960])))
        for message in leg.take_output(tick * TICK):
            for answer in phone.receive(message):
                leg.receive(answer, tick * TICK)
    while phone.playout.buffered_bytes:
        payload, answers = phone.play()
        heard.append(phone.codec.decode_samples(payload))
        for answer in answers:
            leg.receive(answer, 50 * TICK)
    assert len(heard) == 50
    assert abs(level_of(np.concatenate(heard[10:])) - level_of(sound[9600:])) < 0.3
    assert not phone.warnings
    assert leg.stats(0).marks_echoed == (0 if dialect.name in WITHOUT_MARKS else 10)


@every_dialect
def test_keys_come_over(dialect: Dialect) -> None:
    phone, leg, _ = call(dialect, room="tea")
    keys = [message for digit in "19*#" if (message := phone.press(digit)) is not None]
    assert [event for message in keys for event in leg.receive(message, 0)] == [
        Digit(digit) for digit in "19*#"[: len(keys)]
    ]
    assert len(keys) == (0 if dialect.name == "freeswitch" else 4)


def write(end: ServerEnd, step: str, name: str, payload: bytes) -> Message | None:
    match step:
        case "media":
            return end.media(payload)
        case "mark":
            return end.mark(name)
        case "clear":
            return end.clear()
    return None


@every_dialect
@given(steps=st.lists(st.sampled_from(["media", "mark", "clear", "tick"]), max_size=40))
def test_marks_come_back_once_and_in_order_whatever_is_cleared(dialect: Dialect, steps: list[str]) -> None:
    phone, end = Phone(IDENTITY, dialect=dialect), dialect.server_end({})
    said = [one for message in phone.opening() for one in end.parse(message)]
    assert any(isinstance(one, StreamStarted) for one in said)
    marks, back, payload = 0, [], phone.codec.silent_frame * 10
    for step in [*steps, "clear"]:
        written = write(end, step, str(marks), payload)
        answers = phone.play()[1] if step == "tick" else [] if written is None else phone.receive(written)
        marks += step == "mark" and written is not None
        back += [one.name for answer in answers for one in end.parse(answer) if isinstance(one, MarkPlayed)]
    assert back == [str(number) for number in range(marks)]


@every_dialect
@given(
    payload=st.binary(max_size=400), name=st.text(min_size=1, max_size=20), digit=st.sampled_from("0123456789*#ABCD")
)
def test_each_end_reads_what_the_other_writes(dialect: Dialect, payload: bytes, name: str, digit: str) -> None:
    server, provider = dialect.server_end({}), dialect.provider_end(IDENTITY, {})
    for message in provider.opening():
        server.parse(message)
    heard = [one.payload for one in server.parse(provider.media(payload)) if isinstance(one, StreamMedia)]
    assert heard == [payload]
    plain = "".join(character for character in name if character.isalnum()) or "x"
    key, mark, clear = provider.key(digit), server.mark(plain), server.clear()
    assert key is None or server.parse(key) == (StreamKey(digit),)
    assert mark is None or tuple(provider.parse(mark)) == (SetMark(plain),)
    assert clear is None or tuple(provider.parse(clear)) == (ClearBuffer(),)
    sent = [wrote for _ in range(20) if (wrote := server.media(payload)) is not None]
    assert all(isinstance(one, PlayMedia) for wrote in sent for one in provider.parse(wrote))


SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
EVENTS = st.sampled_from(["event", "type", "action", "start", "media", "data", "mark", "dtmf", "chunk"])
FIELDS = st.sampled_from(["payload", "name", "digit", "stream_id", "streamId", "stream_sid", "callSid", "content-type"])
FORMATS = st.sampled_from(["sampleRate", "sample_rate", "mediaFormat", "media_format", "encoding"])
KEYS = EVENTS | FIELDS | FORMATS
SAID = st.sampled_from(["start", "media", "mark", "stop", "connected", "websocket:connected", "MEDIA_START"])
ASKED = st.sampled_from(["playAudio", "killAudio", "clear", "notify", "streamAudio"])
WORDS = SAID | ASKED | st.sampled_from(["audio/l16;rate=x", "L16", "MZ1"])
INNER = WORDS | SIMPLE | st.lists(SIMPLE, max_size=4)
BODY = INNER | st.dictionaries(KEYS, INNER | st.dictionaries(KEYS, INNER, max_size=2), max_size=4)
MESSAGES = st.dictionaries(KEYS, BODY, max_size=6).map(json.dumps)


@every_dialect
@given(messages=st.lists(MESSAGES | st.text(max_size=60) | st.binary(max_size=60), max_size=12))
def test_nothing_that_is_sent_raises_anything_else_than_a_sentence(dialect: Dialect, messages: list[Message]) -> None:
    leg, phone = Leg(dialect, "tea"), Phone(IDENTITY, dialect=dialect)
    for number, message in enumerate(messages):
        leg.receive(message, number * TICK)
        leg.source.pull(number * TICK)
        leg.sink.deliver(Mix(0, SILENCE, b"\0" * 160))
        leg.take_output(number * TICK)
        phone.receive(message)
        phone.play()
        for end in (dialect.server_end({}), dialect.provider_end(IDENTITY, {})):
            try:
                end.parse(message)
            except MessageError as error:
                assert len(str(error)) > 10  # noqa: PT017 - most do not raise


@pytest.mark.parametrize("spoken", DIALECTS.values(), ids=DIALECTS)
@every_dialect
def test_a_stream_on_the_wrong_path_is_told_which_one_it_speaks(dialect: Dialect, spoken: Dialect) -> None:
    phone, leg = Phone(IDENTITY, {"room": "tea"}, dialect=spoken), Leg(dialect, "tea")
    events = [event for message in phone.opening() for event in leg.receive(message, 0)]
    alike = (spoken.name, dialect.name) == ("twilio", "signalwire")
    if spoken is dialect or alike or spoken.name == "freeswitch":  # which says nothing of itself
        assert not any(isinstance(event, Refused) for event in events)
        return
    refusal = events[-1]
    assert isinstance(refusal, Refused)
    assert refusal.code == 1003
    assert stream_path(spoken, "tea") in refusal.reason
    assert len(refusal.reason.encode()) < 124


@every_dialect
def test_messages_in_mid_stream_say_nothing_of_the_dialect(dialect: Dialect) -> None:
    phone = Phone(IDENTITY, dialect=dialect)
    phone.opening()
    later = [phone.say(phone.codec.silent_frame), phone.press("1"), *phone.closing()]
    assert [guess_dialect(message) for message in later if message is not None] == [None] * len(
        [one for one in later if one]
    )


@every_dialect
def test_an_unknown_message_is_ignored_with_a_word(dialect: Dialect) -> None:
    phone, leg, _ = call(dialect, room="tea")
    end = dialect.provider_end(IDENTITY, {})
    said = end.parse('{"event":"dance","type":"dance","action":"dance","streamSid":"MZ1","stream_sid":"MZ1"}')
    assert [type(one) for one in said] == [Ignored]
    assert not any(isinstance(event, Refused) for event in leg.receive('{"event":"dance"}', 0))
    assert not phone.hung_up
