"""AudioSocket at both of its ends: a UUID, sound of any rate that is spoken here, keys, and the end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import SILENCE, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.linear import LinearCodec
from conference.room.participant import Mix
from conference.telephony.audiosocket_frames import DTMF, ERROR, HANG_UP, SOUND, UUID
from conference.telephony.audiosocket_frames import SILENCE as QUIET
from conference.telephony.audiosocket_frames import audiosocket_frame as frame
from conference.telephony.dialect import CallIdentity, HangUp, Ignored, PlayMedia, StreamMedia
from conference.telephony.dialects.audiosocket import (
    AudioSocketProviderEnd,
    AudioSocketServerEnd,
    make_audiosocket,
    read_frame,
)
from conference.telephony.fields import MessageError
from conference.telephony.leg import Digit, Leg, LegEvent, Refused, Started, Stopped, Warned
from conference.telephony.settings import LegSettings
from tests.tones import tone

TICK = 20_000_000
ID = uuid.UUID("a1b2c3d4-0000-4000-8000-00000000beef")
KINDS = {SOUND: 8_000, 0x12: 16_000, 0x13: 24_000, 0x16: 48_000}


def find(given: uuid.UUID) -> Mapping[str, str] | None:
    return {"room": "tea", "name": "Amy"} if given == ID else None


def new_leg() -> Leg:
    return Leg(make_audiosocket(find), None, LegSettings(buffer_ms=0))


def started(kind: int = SOUND) -> Leg:
    leg = new_leg()
    leg.receive(frame(UUID, ID.bytes), 0)
    assert [type(one) for one in leg.receive(frame(kind), 0)] == [Started]
    return leg


def said(leg: Leg, sound: Samples, kind: int) -> Samples:
    """What is heard of a sound that comes in frames of this kind."""
    encoder, heard = LinearCodec(KINDS[kind], "little").make_encoder(), []
    for tick in range(len(sound) // 960):
        payload = encoder.encode(sound[960 * tick : 960 * tick + 960])
        leg.receive(frame(kind, payload), tick * TICK)
        pulled = leg.source.pull(tick * TICK)
        heard.append(SILENCE if pulled is None else pulled)
    return np.concatenate(heard)


@pytest.mark.parametrize(("kind", "rate"), KINDS.items())
def test_the_rate_is_that_of_the_first_sound_both_ways(kind: int, rate: int) -> None:
    leg = new_leg()
    assert leg.receive(frame(UUID, ID.bytes), 0) == []
    [start] = leg.receive(frame(kind, bytes(rate // 25)), 0)
    assert isinstance(start, Started)
    assert (start.room, start.name, start.call_id) == ("tea", "Amy", str(ID))
    assert leg.source.buffered_ms == 20
    codec = leg.sink.codec
    assert isinstance(codec, LinearCodec)
    assert (codec.sample_rate, codec.byte_order) == (rate, "little")
    leg.sink.deliver(Mix(0, SILENCE, bytes(codec.frame_bytes)))
    assert leg.take_output(0) == [frame(kind, bytes(rate // 25))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("first", KINDS)
def test_sound_is_as_loud_as_it_was_whatever_rate_came_first(first: int, kind: int) -> None:
    leg, sound = started(first), tone(440, 1.0, -20)
    heard = said(leg, sound, kind)
    assert abs(level_of(heard[9600:]) - level_of(sound[9600:])) < 0.3
    assert leg.stats(0).malformed == 0


@pytest.mark.parametrize(("kind", "rate"), [(0x11, 12_000), (0x14, 32_000), (0x15, 44_100), (0x17, 96_000)])
def test_sound_of_other_rates_ends_the_call_with_a_sentence(kind: int, rate: int) -> None:
    leg = new_leg()
    leg.receive(frame(UUID, ID.bytes), 0)
    [refused] = leg.receive(frame(kind, bytes(100)), 0)
    assert isinstance(refused, Refused)
    assert str(rate) in refused.reason


@pytest.mark.parametrize(
    "first",
    [frame(UUID, uuid.UUID(int=1).bytes), frame(UUID, b"short"), frame(UUID), frame(SOUND, bytes(320)), frame(0x47)],
)
def test_what_does_not_begin_with_a_uuid_that_is_waited_for_is_refused(first: bytes) -> None:
    leg = new_leg()
    assert [type(one) for one in leg.receive(first, 0)] == [Refused]
    assert leg.receive(frame(UUID, ID.bytes), 0) == []


def test_keys_come_over_and_others_are_malformed() -> None:
    leg = started()
    keys: list[LegEvent] = []
    for digit in "19*#d":
        keys += leg.receive(frame(DTMF, digit.encode()), 0)
    assert keys == [Digit(digit) for digit in "19*#D"]
    for wrong in (b"", b"x", b"\xff", b"12"):
        assert not any(isinstance(one, Digit) for one in leg.receive(frame(DTMF, wrong), 0))
    assert leg.stats(0).malformed == 4


@pytest.mark.parametrize("last", [frame(HANG_UP), frame(ERROR, b"\x01"), frame(ERROR)])
def test_a_hang_up_and_an_error_end_the_call(last: bytes) -> None:
    leg = started()
    assert isinstance(leg.receive(last, 0)[-1], Stopped)


def test_what_says_nothing_is_ignored_with_a_word() -> None:
    leg = started()
    assert leg.receive(frame(QUIET), 0) == []
    assert [type(one) for one in leg.receive(frame(UUID, ID.bytes), 0)] == [Warned]
    assert [type(one) for one in leg.receive(frame(0x42, b"?"), 0)] == [Warned]


@given(payload=st.binary(min_size=1, max_size=400), digit=st.sampled_from("0123456789*#ABCD"))
def test_each_end_reads_what_the_other_writes(payload: bytes, digit: str) -> None:
    identity = CallIdentity("AC1", "CA" + ID.hex, "MZ1")
    server, provider = AudioSocketServerEnd(find), AudioSocketProviderEnd(identity)
    for message in provider.opening():
        assert server.parse(message) == ()
    assert StreamMedia(payload) in server.parse(provider.media(payload))
    assert provider.parse(server.media(payload)) == (PlayMedia(payload),)
    [key] = server.parse(provider.key(digit))
    assert getattr(key, "digit", None) == digit
    assert provider.parse(frame(HANG_UP)) == (HangUp(),)
    assert [type(one) for one in provider.parse(frame(DTMF, b"1"))] == [Ignored]


RAW = st.binary(max_size=60) | st.text(max_size=10)
WHOLE = st.builds(frame, st.sampled_from([0, 1, 2, 3, *range(0x10, 0x1A), 0xFF]), st.binary(max_size=60))


@given(st.lists(RAW | WHOLE, max_size=12), st.booleans())
def test_nothing_that_is_sent_raises_anything_else_than_a_sentence(messages: list[bytes | str], begun: bool) -> None:
    leg, provider = started() if begun else new_leg(), AudioSocketProviderEnd(CallIdentity())
    for number, message in enumerate(messages):
        leg.receive(message, number * TICK)
        leg.source.pull(number * TICK)
        leg.sink.deliver(Mix(0, SILENCE, bytes(320)))
        leg.take_output(number * TICK)
        try:
            read_frame(message)
            provider.parse(message)
        except MessageError as error:
            assert len(str(error)) > 10  # noqa: PT017 - most do not raise
