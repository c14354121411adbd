"""Long messages are read in parts that say the same."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.telephony.dialect import Asked, CallIdentity, PlayMedia
from conference.telephony.fields import to_base64
from conference.telephony.long_messages import PART_CHARS, in_parts
from conference.telephony.twilio.dialect import TWILIO

IDENTITY = CallIdentity("AC1", "CA1", "MZ1")


def media(payload: bytes, **more: object) -> str:
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": to_base64(payload)}} | more)


def read(message: str) -> Sequence[Asked]:
    return TWILIO.provider_end(IDENTITY, {}).parse(message)


def played(messages: Sequence[str]) -> bytes:
    return b"".join(one.payload for text in messages for one in read(text) if isinstance(one, PlayMedia))


@given(st.binary(max_size=5000), st.integers(1, 300))
def test_the_parts_together_are_the_whole(payload: bytes, quarters: int) -> None:
    for text in (media(payload), media(payload).replace(" ", ""), media(payload, sequenceNumber="1")):
        parts = [one for one in in_parts(text, 4 * quarters) if isinstance(one, str)]
        assert played(parts) == payload
        assert all(len(one) < 4 * quarters + 200 for one in parts) or parts == [text]


@given(st.text() | st.binary())
def test_what_is_no_sound_stays_as_it_is(message: str | bytes) -> None:
    assert list(in_parts(message, 4)) == [message] or (isinstance(message, str) and '"payload"' in message)


@pytest.mark.parametrize(
    "message",
    [
        media(b"\1" * 200_000).replace("AQEB", r"AQ\u0045B", 1),
        media(b"\1" * 200_000)[:-3],
        json.dumps({"event": "media", "media": {"payload": "AAAA" * 60_000}, "more": {"payload": "BBBB"}}),
        json.dumps({"event": "media", "media": {"payload": "AAAA" * 60_000}, "more": "x" * 2000}),
        json.dumps({"more": "x" * 2000, "event": "media", "media": {"payload": "AAAA" * 60_000}}),
        "x" * 200_000,
        b"\1" * 200_000,
    ],
    ids=["escaped", "no end", "two", "much behind", "much before", "text", "binary"],
)
def test_what_is_written_in_another_way_is_read_as_a_whole(message: str | bytes) -> None:
    assert list(in_parts(message)) == [message]


def test_ten_minutes_are_many_parts() -> None:
    assert len(list(in_parts(media(b"\1" * 4_800_000)))) == -(-6_400_000 // PART_CHARS)
