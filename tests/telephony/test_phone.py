"""Twilio's end of a stream, as faithful as its documentation: played here without socket or clock."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.dialect import CallIdentity, Message
from conference.telephony.leg import Digit, Leg, Started, Stopped
from conference.telephony.phone import Phone
from conference.telephony.playout_buffer import PlayoutBuffer
from conference.telephony.twilio.dialect import TWILIO
from conference.telephony.twilio.messages import Clear, ServerMark, ServerMedia, build

IDENTITY = CallIdentity("AC" + "1" * 32, "CA" + "2" * 32, "MZ" + "3" * 32)
SID = IDENTITY.stream_sid


def read(texts: Sequence[Message]) -> list[dict[str, Any]]:
    return [json.loads(text) for text in texts]


def test_it_opens_with_connected_and_a_complete_start() -> None:
    connected, start = read(Phone(IDENTITY, {"name": "Amy"}).opening())
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": SID,
        "start": {
            "accountSid": IDENTITY.account_sid,
            "streamSid": SID,
            "callSid": IDENTITY.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"name": "Amy"},
        },
    }


def test_its_identifiers_have_twilios_form_and_are_new_for_each_call() -> None:
    first, second = CallIdentity(), CallIdentity()
    for prefix, one, other in [
        ("AC", first.account_sid, second.account_sid),
        ("CA", first.call_sid, second.call_sid),
        ("MZ", first.stream_sid, second.stream_sid),
    ]:
        assert re.fullmatch(prefix + "[0-9a-f]{32}", one)
        assert one != other


def test_media_goes_on_without_pause_and_counts_in_strings() -> None:
    phone = Phone(IDENTITY)
    phone.opening()
    messages = [json.loads(phone.tick(frame).messages[0]) for frame in (b"\x01" * 160, None, b"\x02" * 160)]
    assert [message["sequenceNumber"] for message in messages] == ["2", "3", "4"]
    assert [message["media"]["chunk"] for message in messages] == ["1", "2", "3"]
    assert [message["media"]["timestamp"] for message in messages] == ["0", "20", "40"]
    assert {message["media"]["track"] for message in messages} == {"inbound"}
    assert messages[1]["media"]["payload"] == build(ServerMedia(SID, b"\xff" * 160)).split('"')[-2]
    assert phone.media_sent == 3


def test_what_the_server_says_is_played_twenty_milliseconds_at_a_time() -> None:
    phone = Phone(IDENTITY)
    assert phone.receive(build(ServerMedia(SID, b"\x01" * 200))) == []
    assert [phone.tick().heard for _ in range(3)] == [
        b"\x01" * 160,
        b"\x01" * 40 + b"\xff" * 120,
        b"\xff" * 160,
    ]


def test_marks_come_back_when_played_or_at_once_when_nothing_is() -> None:
    phone = Phone(IDENTITY)
    assert read(phone.receive(build(ServerMark(SID, "now"))))[0]["mark"] == {"name": "now"}
    phone.receive(build(ServerMedia(SID, b"\x01" * 320)))
    assert phone.receive(build(ServerMark(SID, "later"))) == []
    assert len(phone.tick().messages) == 1
    media, mark = read(phone.tick().messages)
    assert mark == {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "later"}}
    assert media["sequenceNumber"] == "3"


def test_clear_brings_all_marks_back_in_order_and_silence() -> None:
    phone = Phone(IDENTITY)
    for name in "abc":
        phone.receive(build(ServerMedia(SID, b"\x01" * 320)))
        phone.receive(build(ServerMark(SID, name)))
    echoes = read(phone.receive(build(Clear(SID))))
    assert [echo["mark"]["name"] for echo in echoes] == ["a", "b", "c"]
    assert phone.tick().heard == b"\xff" * 160


def test_keys_are_told_as_twilio_does() -> None:
    phone = Phone(IDENTITY)
    message = json.loads(phone.press("#") or "")
    assert message["dtmf"] == {"track": "inbound_track", "digit": "#"}
    with pytest.raises(ValueError, match="not a key"):
        phone.press("12")


def test_it_ends_with_stop() -> None:
    phone = Phone(IDENTITY)
    phone.opening()
    assert read(phone.closing()) == [
        {
            "event": "stop",
            "sequenceNumber": "2",
            "streamSid": SID,
            "stop": {"accountSid": IDENTITY.account_sid, "callSid": IDENTITY.call_sid},
        }
    ]


@pytest.mark.parametrize(
    "text",
    ["?", '{"event":"media"}', '{"event":"dance"}', build(ServerMedia("MZother", b"")), build(Clear("MZother"))],
)
def test_what_is_wrong_is_warned_about_once_and_changes_nothing(text: str) -> None:
    phone = Phone(IDENTITY)
    phone.receive(build(ServerMedia(SID, b"\x01" * 160)))
    assert phone.receive(text) == phone.receive(text) == []
    assert len(phone.warnings) == 1
    assert phone.tick().heard == b"\x01" * 160


def test_more_than_the_buffer_holds_is_discarded_with_a_warning() -> None:
    phone = Phone(IDENTITY, playout=PlayoutBuffer(max_bytes=160))
    phone.receive(build(ServerMedia(SID, b"\x01" * 400)))
    assert phone.bytes_discarded == 240
    assert "discarded" in phone.warnings[0]


def test_a_frame_has_one_length() -> None:
    with pytest.raises(ValueError, match="160"):
        Phone(IDENTITY).tick(b"\x01" * 10)


@given(st.lists(st.sampled_from(["tick", "5", "*"]), max_size=40), st.text(max_size=20))
def test_our_own_leg_understands_every_word(words: list[str], name: str) -> None:
    phone, leg = Phone(IDENTITY, {"room": "lobby", "name": name}), Leg(TWILIO)
    texts = [*phone.opening()]
    for word in words:
        texts += phone.tick(b"\x10" * 160).messages if word == "tick" else [phone.press(word) or ""]
    texts += phone.closing()
    events = [event for text in texts for event in leg.receive(text, 0)]
    assert isinstance(events[0], Started)
    assert events[0].room == "lobby"
    assert events[1:-1] == [Digit(word) for word in words if word != "tick"]
    assert events[-1] == Stopped()
    assert leg.stats(0).media_received == words.count("tick")
