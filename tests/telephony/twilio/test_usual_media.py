"""Media messages as they are usually written say the same, however they are read."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.dialect import CallIdentity, StreamMedia
from conference.telephony.fields import MessageError
from conference.telephony.settings import LONGEST_MESSAGE
from conference.telephony.twilio.dialect import TwilioProviderEnd, TwilioServerEnd
from conference.telephony.twilio.messages import Media, parse_client_message
from conference.telephony.twilio.usual_media import read_usual_media

SID = "MZ18ad3ab5a668481ce02b83e7395059f0"
CALL = "CA123456789012345678901234567890ab"
ACCOUNT = "AC123456789012345678901234567890ab"


def written(payload: str = "//8AfX8=", separators: tuple[str, str] = (",", ":")) -> str:
    media = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": payload}
    message = {"event": "media", "sequenceNumber": "3", "media": media, "streamSid": SID}
    return json.dumps(message, separators=separators)


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_what_twilio_documents_is_read(separators: tuple[str, str]) -> None:
    assert read_usual_media(written(separators=separators)) == (b"\xff\xff\x00\x7d\x7f", 5)


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        ('"track":"inbound"', '"track":"outbound"'),
        ('"track":"inbound"', '"track":"outbound","track":"inbound"'),
        ('"timestamp":"5"', '"timestamp":"\u0665"'),
        ('"payload":"//8AfX8="', '"payload":"//8AfX8=","payload":"//8="'),
        ('"payload":"//8AfX8="', r'"payload":"\/\/8AfX8="'),
        ('"event":"media"', '"event":"media","event":"stop"'),
        (SID + '"}', SID + '","event":"stop"}'),
        (SID + '"}', SID + '"} '),
        (SID, "M" * 129),
    ],
)
def test_what_is_written_otherwise_is_left_to_json(usual: str, other: str) -> None:
    text = written().replace(usual, other)
    assert text != written()
    assert read_usual_media(text) is None


@given(st.binary(max_size=700))
def test_what_our_own_callers_send_is_read(payload: bytes) -> None:
    end = TwilioProviderEnd(CallIdentity(SID, CALL, ACCOUNT), {})
    assert read_usual_media(end.media(payload)) == (payload, 0)
    assert read_usual_media(end.media(payload)) == (payload, 20)


EXCHANGED = [
    "",
    " ",
    '"',
    "\\",
    "{",
    "}",
    ",",
    ":",
    "=",
    "A",
    "-",
    "9",
    "0",
    "\x00",
    "\u00b2",
    "\u0663",
    "outbound",
    "\n",
]
ADDED = ['"track":"outbound",', '"event":"stop",', '"payload":"",', '"timestamp":7,', ',"event":"stop"']

edits = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.integers(0, 12),
        st.sampled_from([*EXCHANGED, *ADDED]),
    ),
    max_size=3,
)


@given(edits)
def test_what_is_read_is_what_json_says(made: list[tuple[int, int, str]]) -> None:
    text = written()
    for position, length, put in made:
        text = text[:position] + put + text[position + length :]
    assert_same(text)


@given(
    st.permutations(["track", "chunk", "timestamp", "payload"]),
    st.integers(1, 4),
    st.booleans(),
    st.integers(0, 10**20),
)
def test_fields_may_be_missing_or_stand_in_any_order(order: list[str], count: int, last: bool, number: int) -> None:
    values = {"track": "inbound", "chunk": str(number), "timestamp": str(number), "payload": "//8="}
    media = {key: values[key] for key in order[:count]}
    parts = [("event", "media"), ("media", media), ("streamSid", SID)]
    assert_same(json.dumps(dict(parts if last else [*parts[::2], parts[1]])))


@pytest.mark.parametrize(
    "payload", ["", "A", "A===", "AA=A", "AAAA\n", " AAAA", "\u0661AAA", "AAAA" * (LONGEST_MESSAGE // 4)]
)
def test_sound_that_may_not_be_sound_is_the_same_to_both(payload: str) -> None:
    assert_same(written(payload))


def assert_same(text: str) -> None:
    read = read_usual_media(text)
    if read is not None:
        message = parse_client_message(text)
        assert isinstance(message, Media)
        assert (message.payload, message.timestamp, message.track) == (*read, "inbound")
        assert TwilioServerEnd().parse(text) == (StreamMedia(*read),)
    else:
        try:
            parse_client_message(text)
        except MessageError:
            with pytest.raises(MessageError):
                TwilioServerEnd().parse(text)
