"""The TwiML that connects a call to a room, against Twilio's own library."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.twiml.voice_response import Connect, VoiceResponse

from conference.telephony.twilio.twiml import stream_url, voice_response


def shape(element: Element) -> tuple[object, ...]:
    return (element.tag, dict(element.attrib), (element.text or "").strip(), [shape(child) for child in element])


def twilios(url: str, parameters: dict[str, str]) -> str:
    response, connect = VoiceResponse(), Connect()
    stream = connect.stream(url=url)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    response.append(connect)
    return str(response)


@pytest.mark.parametrize("parameters", [{}, {"name": "Amy"}, {"name": 'Zoë & "Bo" <x>', "From": "+14155550100"}])
def test_it_is_what_twilios_library_writes(parameters: dict[str, str]) -> None:
    url = "wss://talk.example.org/twilio/stream/lobby"
    assert shape(fromstring(voice_response(url, parameters))) == shape(fromstring(twilios(url, parameters)))


@given(st.dictionaries(st.text(max_size=600), st.text(max_size=1200), max_size=4))
def test_any_parameters_make_a_document_within_the_protocols_limits(parameters: dict[str, str]) -> None:
    document = fromstring(voice_response("wss://example.org/twilio/stream/lobby", parameters))
    for parameter in document.iter("Parameter"):
        assert len(parameter.attrib["name"]) + len(parameter.attrib["value"]) < 500


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("https://talk.example.org", "wss://talk.example.org/twilio/stream/lobby"),
        ("https://example.org/talk/", "wss://example.org/talk/twilio/stream/lobby"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/twilio/stream/lobby"),
        ("wss://[::1]:8443?x=1", "wss://[::1]:8443/twilio/stream/lobby"),
    ],
)
def test_the_room_stands_in_the_path_of_the_stream(origin: str, expected: str) -> None:
    assert stream_url(origin, "lobby") == expected


def test_a_room_cannot_leave_its_place_in_the_path() -> None:
    assert stream_url("https://e.org", "a/../b?c#d") == "wss://e.org/twilio/stream/a%2F..%2Fb%3Fc%23d"


@pytest.mark.parametrize("origin", ["", "example.org", "ftp://example.org", "https://"])
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        stream_url(origin, "lobby")
