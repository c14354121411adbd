"""Every message of the protocol: as Twilio documents it, there and back, and from anybody's hand."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.fields import MessageError, from_base64, to_base64
from conference.telephony.twilio.messages import (
    Clear,
    ClientMessage,
    Connected,
    Dtmf,
    Mark,
    Media,
    ServerMark,
    ServerMedia,
    ServerMessage,
    Start,
    Stop,
    Unknown,
    build,
    client_media,
    parse_client_message,
    parse_server_message,
)

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL = "CA123456789012345678901234567890ab"
ACCOUNT = "AC123456789012345678901234567890ab"

# As printed in Twilio's documentation, "WebSocket messages - from Twilio".
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "start": {
        "accountSid": ACCOUNT,
        "streamSid": SID,
        "callSid": CALL,
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"FirstName": "Jane", "LastName": "Doe"},
    },
    "streamSid": SID,
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "3",
    "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "//8AfX8="},
    "streamSid": SID,
}
DTMF = {
    "event": "dtmf",
    "streamSid": SID,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
MARK = {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "my label"}}
STOP = {"event": "stop", "sequenceNumber": "5", "streamSid": SID, "stop": {"accountSid": ACCOUNT, "callSid": CALL}}

DOCUMENTED: list[tuple[dict[str, Any], ClientMessage]] = [
    (CONNECTED, Connected("Call", "1.0.0")),
    (START, Start(SID, CALL, ACCOUNT, custom_parameters={"FirstName": "Jane", "LastName": "Doe"})),
    (MEDIA, Media(SID, b"\xff\xff\x00\x7d\x7f", timestamp=5, chunk=1, sequence_number=3)),
    (DTMF, Dtmf(SID, "1", 5)),
    (MARK, Mark(SID, "my label", 4)),
    (STOP, Stop(SID, CALL, ACCOUNT, 5)),
]

# Surrogates cannot be written as UTF-8, so no WebSocket carries them.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
sids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
numbers = st.none() | st.integers(0, 10**18 - 1)
payloads = st.binary(max_size=700)
digits = st.sampled_from("0123456789*#ABCD")

client_messages = st.one_of(
    st.builds(Connected, texts, texts),
    st.builds(
        Start,
        stream_sid=sids,
        call_sid=texts,
        account_sid=texts,
        tracks=st.lists(texts, max_size=3).map(tuple),
        encoding=texts,
        sample_rate=st.integers(0, 96000),
        channels=st.integers(0, 8),
        custom_parameters=st.dictionaries(texts, texts, max_size=4),
        sequence_number=numbers,
    ),
    st.builds(Media, sids, payloads, numbers, numbers, texts, numbers),
    st.builds(Dtmf, sids, digits, numbers),
    st.builds(Mark, sids, texts, numbers),
    st.builds(Stop, sids, texts, texts, numbers),
)
server_messages = st.one_of(
    st.builds(ServerMedia, sids, payloads), st.builds(ServerMark, sids, texts), st.builds(Clear, sids)
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8
)


def almost(message: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A documented message with one field, at any depth, replaced by junk or left out."""
    paths = [(key,) for key in message] + [
        (key, inner) for key, value in message.items() if isinstance(value, dict) for inner in value
    ]

    def spoil(path: tuple[str, ...], value: Any, leave_out: bool) -> dict[str, Any]:
        copy: dict[str, Any] = json.loads(json.dumps(message))
        place = copy if len(path) == 1 else copy[path[0]]
        if leave_out:
            del place[path[-1]]
        else:
            place[path[-1]] = value
        return copy

    return st.builds(spoil, st.sampled_from(paths), junk, st.booleans())


@pytest.mark.parametrize(("data", "message"), DOCUMENTED)
def test_messages_are_read_as_twilio_documents_them(data: dict[str, Any], message: ClientMessage) -> None:
    assert parse_client_message(json.dumps(data)) == message


@pytest.mark.parametrize(("data", "message"), DOCUMENTED)
def test_messages_are_written_field_for_field_as_twilio_documents_them(
    data: dict[str, Any], message: ClientMessage
) -> None:
    assert json.loads(build(message)) == data


def test_what_a_server_sends_is_written_as_twilio_documents_it() -> None:
    media = {"event": "media", "streamSid": SID, "media": {"payload": "//8="}}
    assert json.loads(build(ServerMedia(SID, b"\xff\xff"))) == media
    assert json.loads(build(ServerMark(SID, "x"))) == {"event": "mark", "streamSid": SID, "mark": {"name": "x"}}
    assert json.loads(build(Clear(SID))) == {"event": "clear", "streamSid": SID}


@given(client_messages)
def test_a_client_message_comes_back_as_it_was_built(message: ClientMessage) -> None:
    assert parse_client_message(build(message)) == message


@given(server_messages)
def test_a_server_message_comes_back_as_it_was_built(message: ServerMessage) -> None:
    assert parse_server_message(build(message)) == message


@given(client_messages)
def test_messages_are_compact_and_of_one_line(message: ClientMessage) -> None:
    text = build(message)
    assert "\n" not in text
    assert text == json.dumps(json.loads(text), separators=(",", ":"))


@given(st.text() | junk.map(json.dumps) | st.one_of([almost(data) for data, _ in DOCUMENTED]).map(json.dumps))
def test_no_text_raises_anything_but_a_message_error(text: str) -> None:
    sentences: list[str] = []
    for parse in (parse_client_message, parse_server_message):
        try:
            parse(text)
        except MessageError as error:
            sentences.append(str(error))
    assert all(sentence.endswith(".") for sentence in sentences)


@pytest.mark.parametrize("text", ["[" * 900, '{"event":' * 900, '{"event":"x","n":9' + "\x00}", ""])
def test_pathological_json_is_a_message_error(text: str) -> None:
    with pytest.raises(MessageError, match="not JSON"):
        parse_client_message(text)


@pytest.mark.parametrize("piece", ["[", '{"event":', '{"a":[],', "[[],", "{},", "0,", '"",', '"",\n'])
def test_what_has_too_many_parts_to_be_a_message_is_not_read(piece: str) -> None:
    with pytest.raises(MessageError, match="parts"):
        parse_client_message('{"event":"x","l":[' + piece * 100_000)


def test_a_message_may_have_a_few_hundred_parameters() -> None:
    parameters = {f"name {number}": f"value, {number}" for number in range(400)}
    body = {**START["start"], "customParameters": parameters}  # type: ignore[dict-item]
    message = parse_client_message(json.dumps({**START, "start": body}))
    assert isinstance(message, Start)
    assert message.custom_parameters == parameters


def test_a_number_of_many_digits_is_none() -> None:
    message = parse_client_message('{"event":"media","media":{"payload":"","timestamp":' + "9" * 10_000 + "}}")
    assert isinstance(message, Media)
    assert message.timestamp is None


@pytest.mark.parametrize(("value", "expected"), [("20", 20), (20, 20), (20.0, 20), (20.9, 20), (0, 0), ("007", 7)])
def test_numbers_are_read_from_strings_and_numbers(value: object, expected: int) -> None:
    message = parse_client_message(json.dumps({**MEDIA, "media": {"payload": "", "timestamp": value, "chunk": value}}))
    assert isinstance(message, Media)
    assert (message.timestamp, message.chunk) == (expected, expected)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "٣", "9" * 19, -1, 10**18, True, None, [], {}, 1e300, float("nan")])
def test_nonsense_for_a_number_is_no_number_and_no_error(value: object) -> None:
    message = parse_client_message(json.dumps({**MEDIA, "media": {"payload": "", "timestamp": value}}))
    assert isinstance(message, Media)
    assert message.timestamp is None
    assert message.chunk is None


@pytest.mark.parametrize("payload", ["!!!!", "AAA", "AA=A", "AA\nA", "ÄÄÄÄ", "====", None, 5])
def test_a_payload_that_is_not_base64_is_an_error(payload: object) -> None:
    with pytest.raises(MessageError, match=r"base64|not a string"):
        parse_client_message(json.dumps({**MEDIA, "media": {"payload": payload}}))


def test_unknown_events_are_values() -> None:
    assert parse_client_message('{"event":"telepathy"}') == Unknown("telepathy")
    assert parse_server_message('{"event":"telepathy"}') == Unknown("telepathy")
    assert parse_server_message(json.dumps(DTMF)) == Unknown("dtmf")


def test_a_start_without_a_stream_sid_is_an_error() -> None:
    body = {key: value for key, value in START["start"].items() if key != "streamSid"}  # type: ignore[attr-defined]
    with pytest.raises(MessageError):
        parse_client_message(json.dumps({"event": "start", "start": body}))


def test_the_stream_sid_may_stand_in_either_place() -> None:
    body = {key: value for key, value in START["start"].items() if key != "streamSid"}  # type: ignore[attr-defined]
    message = parse_client_message(json.dumps({**START, "start": body}))
    assert isinstance(message, Start)
    assert message.stream_sid == SID


def test_custom_parameters_are_strings_or_whole_numbers_and_others_are_left_out() -> None:
    parameters = {"name": "Amy", "room": 1234, "n": None, "t": True, "f": 1.5, "l": ["x"], "o": {"x": "y"}}
    body = {**START["start"], "customParameters": parameters}  # type: ignore[dict-item]
    message = parse_client_message(json.dumps({**START, "start": body}))
    assert isinstance(message, Start)
    assert message.custom_parameters == {"name": "Amy", "room": "1234"}


NOT_NEEDED = [
    (CONNECTED, "protocol"),
    (CONNECTED, "version"),
    (START, "sequenceNumber"),
    (START, "streamSid"),  # it stands inside, too
    (START, "start.accountSid"),
    (START, "start.callSid"),
    (START, "start.tracks"),
    (MEDIA, "sequenceNumber"),
    (MEDIA, "streamSid"),
    (MEDIA, "media.track"),
    (MEDIA, "media.chunk"),
    (MEDIA, "media.timestamp"),
    (DTMF, "streamSid"),
    (DTMF, "sequenceNumber"),
    (DTMF, "dtmf.track"),
    (MARK, "streamSid"),
    (MARK, "sequenceNumber"),
    (STOP, "streamSid"),
    (STOP, "sequenceNumber"),
    (STOP, "stop.accountSid"),
    (STOP, "stop.callSid"),
    (STOP, "stop"),
    *((message, "another") for message in (CONNECTED, START, MEDIA, DTMF, MARK, STOP)),
    *((message, f"{message['event']}.another") for message in (START, MEDIA, DTMF, MARK, STOP)),
]
"""Fields without which all is known that is needed."""


def replaced(message: dict[str, Any], path: str, *value: Any) -> str:
    """A message as JSON, with another value of one field; without the field if none is given."""
    copy: dict[str, Any] = json.loads(json.dumps(message))
    *outer, name = path.split(".")
    place = copy[outer[0]] if outer else copy
    place.pop(name, None)
    if value:
        place[name] = value[0]
    return json.dumps(copy)


def needed(message: ClientMessage | ServerMessage) -> dict[str, Any]:
    """What is done with a message depends on these alone."""
    found = asdict(message)
    for name in ("sequence_number", "account_sid", "tracks", "chunk", "protocol", "version"):
        found.pop(name, None)
    match message:
        case Start():
            del found["call_sid"]  # a name if there is no better one
        case Media():
            del found["stream_sid"], found["timestamp"], found["track"]
        case Dtmf() | Mark() | Stop():
            found = {name: value for name, value in found.items() if name in ("digit", "name")}
    return found | {"type": type(message)}


@given(st.sampled_from(NOT_NEEDED), junk)
def test_whatever_stands_in_a_field_that_is_not_needed_changes_nothing(
    field: tuple[dict[str, Any], str], value: Any
) -> None:
    message, path = field
    expected = needed(parse_client_message(json.dumps(message)))
    assert needed(parse_client_message(replaced(message, path, value))) == expected
    assert needed(parse_client_message(replaced(message, path))) == expected


SERVER_MEDIA = {"event": "media", "streamSid": SID, "media": {"payload": "//8="}}
SERVER_MARK = {"event": "mark", "streamSid": SID, "mark": {"name": "x"}}
CLEAR = {"event": "clear", "streamSid": SID}
NOT_NEEDED_OF_SERVERS = [
    *((message, name) for message in (SERVER_MEDIA, SERVER_MARK, CLEAR) for name in ("sequenceNumber", "another")),
    *((SERVER_MEDIA, f"media.{name}") for name in ("track", "chunk", "timestamp", "another")),
    (SERVER_MARK, "mark.another"),
    (CLEAR, "clear"),
]


@given(st.sampled_from(NOT_NEEDED_OF_SERVERS), junk)
def test_nor_does_it_in_what_a_server_sends(field: tuple[dict[str, Any], str], value: Any) -> None:
    message, path = field
    assert parse_server_message(replaced(message, path, value)) == parse_server_message(json.dumps(message))


@pytest.mark.parametrize("told", [None, [], 5, True, {}, {"encoding": None}, {"sampleRate": None, "channels": "?"}])
def test_a_media_format_that_tells_nothing_is_the_usual_one(told: Any) -> None:
    assert parse_client_message(replaced(START, "start.mediaFormat", told)) == parse_client_message(json.dumps(START))


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"encoding": "audio/x-l16", "sampleRate": 16000, "channels": 2}, ("audio/x-l16", 16000, 2)),
        ({"encoding": "audio/x-l16", "sampleRate": "16000", "channels": "2"}, ("audio/x-l16", 16000, 2)),
        ({"encoding": "audio/opus"}, ("audio/opus", 8000, 1)),
        ("audio/x-l16", ("audio/x-l16", 8000, 1)),
    ],
)
def test_a_media_format_that_tells_something_is_read(told: Any, read: tuple[str, int, int]) -> None:
    message = parse_client_message(replaced(START, "start.mediaFormat", told))
    assert isinstance(message, Start)
    assert (message.encoding, message.sample_rate, message.channels) == read


@pytest.mark.parametrize("number", [17, 0])
def test_identifiers_may_be_numbers(number: int) -> None:
    start = {**START, "start": {"streamSid": number, "callSid": number, "accountSid": number}}
    message = parse_client_message(json.dumps(start))
    assert isinstance(message, Start)
    assert (message.stream_sid, message.call_sid, message.account_sid) == (str(number),) * 3


@pytest.mark.parametrize("sid", [None, "", [], "x" * 129, True, 1.5])
def test_a_start_whose_stream_sid_cannot_be_read_is_an_error(sid: object) -> None:
    with pytest.raises(MessageError, match="streamSid"):
        parse_client_message(json.dumps({"event": "start", "streamSid": sid, "start": {"streamSid": sid}}))


def test_a_message_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(MessageError, match="51 characters"):
        parse_client_message(" " * 51, max_chars=50)


def test_a_stop_needs_nothing_but_its_event() -> None:
    assert parse_client_message('{"event":"stop"}') == Stop("")


@pytest.mark.parametrize("digit", ["", "11", "E", 11, -1, True, None, ["1"]])
def test_a_digit_is_one_key(digit: object) -> None:
    with pytest.raises(MessageError, match="digit"):
        parse_client_message(json.dumps({**DTMF, "dtmf": {"digit": digit}}))


def test_a_digit_may_be_a_number() -> None:
    assert parse_client_message(replaced(DTMF, "dtmf.digit", 7)) == Dtmf(SID, "7", 5)


def test_what_is_no_message_cannot_be_sent() -> None:
    with pytest.raises(TypeError):
        build(Unknown("telepathy"))


@given(payloads)
def test_base64_comes_back(payload: bytes) -> None:
    assert from_base64(to_base64(payload)) == payload


@given(
    st.text(max_size=40),
    st.integers(0, 10**12),
    st.integers(1, 10**12),
    st.integers(0, 10**12),
    st.binary(max_size=200),
)
def test_sound_that_is_written_in_a_hurry_is_written_as_all_else_is(
    sid: str, sequence_number: int, chunk: int, timestamp: int, payload: bytes
) -> None:
    whole = Media(sid, payload, timestamp, chunk, sequence_number=sequence_number)
    assert client_media(json.dumps(sid), sequence_number, chunk, timestamp, to_base64(payload)) == build(whole)
