"""TwiML that comes back from a webhook, read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.twilio.twiml import voice_response
from conference.telephony.twilio.verbs import (
    ConnectStream,
    Hangup,
    Pause,
    Play,
    Redirect,
    Say,
    TwimlError,
    read_twiml,
)


def response(inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner}</Response>'.encode()


@pytest.mark.parametrize(
    ("inner", "verb"),
    [
        ("<Say>Hello <emphasis>there</emphasis></Say>", Say("Hello there")),
        ("<Play>a.wav</Play>", Play("a.wav", 1)),
        ('<Play loop="3">a.wav</Play>', Play("a.wav", 3)),
        ("<Pause/>", Pause(1.0)),
        ('<Pause length="7"/>', Pause(7.0)),
        ('<Pause length="99999999"/>', Pause(600.0)),
        ('<Pause length="soon"/>', Pause(1.0)),
        ("<Hangup/>", Hangup()),
        ('<Reject reason="busy"/>', Hangup(rejected=True)),
        ('<Redirect method="POST">/next</Redirect>', Redirect("/next")),
    ],
)
def test_each_verb_is_read(inner: str, verb: object) -> None:
    assert read_twiml(response(inner)) == [verb]


def test_what_we_write_ourselves_is_read() -> None:
    document = voice_response("wss://bot/stream", {"lang": "en"}).encode()
    assert read_twiml(document) == [ConnectStream("wss://bot/stream", {"lang": "en"})]


@pytest.mark.parametrize(
    ("document", "word"),
    [
        (b"", "not XML"),
        (b"{}", "not XML"),
        (b"<Response>", "not XML"),
        (b"<html/>", "no <Response>"),
        (response("<Dial>+1</Dial>"), "<Dial>"),
        (response("<Connect><Room>x</Room></Connect>"), "<Connect>"),
        (response("<Pause/>" * 101), "more than 100 verbs"),
        (b" " * 70_000, "more than 65536 bytes"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><Response>&b;</Response>', "document type"),
        ('<?xml version="1.0" encoding="UTF-16"?><Response/>'.encode("utf-16"), "UTF-8"),
    ],
)
def test_what_cannot_be_followed_is_said_in_a_sentence(document: bytes, word: str) -> None:
    with pytest.raises(TwimlError, match=word):
        read_twiml(document)


@given(st.binary(max_size=200) | st.text(max_size=100).map(response))
def test_any_bytes_are_verbs_or_a_sentence(document: bytes) -> None:
    try:
        verbs = read_twiml(document)
    except TwimlError:
        return
    assert isinstance(verbs, list)
