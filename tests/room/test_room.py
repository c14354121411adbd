"""Who hears whom, tick by tick, without a socket and without a clock."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.room.conference import Conference, ConferenceLimits
from conference.room.errors import InvalidRoomName, RoomFull, TooManyRooms
from conference.room.events import (
    DigitPressed,
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    TalkingStarted,
    TalkingStopped,
)
from conference.room.local import LocalSource, local_participant
from conference.room.participant import Participant, Sink, Source
from conference.room.room import Room
from conference.room.voice import UNTOUCHED
from tests.room.fakes import Ear, Mouth, PcmCodec, at, steady


def person(name: str, source: Source | None = None, sink: Sink | None = None) -> Participant:
    return Participant(id=name, name=name, transport="local", joined_at=0.0, source=source, sink=sink)


def room_of(*people: Participant) -> Room:
    # Frames of one value are easy to find again in a mix, and no voice: whatever is made for voices stays out.
    conference = Conference(voice=UNTOUCHED)
    for one in people:
        room = conference.join("room", one)
    return room


def run(room: Room, ticks: int) -> None:
    for tick in range(ticks):
        room.tick(tick, at(tick))


@given(values=st.lists(st.integers(-3000, 3000).filter(lambda value: abs(value) > 10), min_size=1, max_size=8))
def test_everybody_hears_all_the_others_and_never_themselves(values: list[int]) -> None:
    ears = [Ear() for _ in values]
    listener = Ear()
    room = room_of(
        *(person(f"talker-{index}", Mouth([steady(value)]), ears[index]) for index, value in enumerate(values)),
        person("listener", None, listener),
    )
    run(room, 1)
    for value, ear in zip(values, ears, strict=True):
        assert (ear.heard == sum(values) - value).all()
    assert (listener.heard == sum(values)).all()


def test_a_participant_alone_in_a_room_hears_silence() -> None:
    ear = Ear()
    run(room_of(person("amy", Mouth([steady(5000)] * 10), ear)), 10)
    assert not ear.heard.any()


@pytest.mark.parametrize("others", [1, 3, 20])
def test_law_3_a_voice_is_as_loud_as_it_was_spoken_however_many_are_here(others: int) -> None:
    """Level: one person speaking alone is as loud as they spoke, never divided by the number of people."""
    ears = [Ear() for _ in range(others)]
    voice = (8000 * np.sin(np.arange(FRAME_SAMPLES) / 20)).astype(np.int16)
    room = room_of(
        person("amy", Mouth([voice] * 5)), *(person(f"listener-{n}", None, ear) for n, ear in enumerate(ears))
    )
    run(room, 5)
    for ear in ears:
        np.testing.assert_array_equal(ear.heard, np.tile(voice, 5))


def test_law_9_the_same_mix_and_codec_give_the_same_bytes_from_one_encoder_call() -> None:
    """Identity: two listeners with the same mix and codec get the same encoded bytes, from one encoder call."""
    codec, equal = PcmCodec(), PcmCodec()
    ears = [Ear(codec), Ear(equal), Ear(codec)]
    room = room_of(
        person("amy", Mouth([steady(1000)] * 10)), *(person(f"listener-{n}", None, ear) for n, ear in enumerate(ears))
    )
    run(room, 10)
    for first, second, third in zip(*(ear.mixes for ear in ears), strict=True):
        assert first is second is third
        assert first.payload is not None
    assert sum(encoder.packets for encoder in codec.made + equal.made) == 10


def test_encoder_calls_grow_with_the_distinct_mixes_and_not_with_the_listeners() -> None:
    codec = PcmCodec()
    talkers = [person(f"talker-{n}", Mouth([steady(500)] * 10), Ear(codec)) for n in range(3)]
    listeners = [person(f"listener-{n}", None, Ear(codec)) for n in range(40)]
    room = room_of(*talkers, *listeners)
    run(room, 10)
    assert room.encoders.encoded_packets == 10 * (3 + 1)


def test_a_room_in_which_nobody_speaks_does_no_codec_work() -> None:
    codec = PcmCodec()
    room = room_of(*(person(f"quiet-{n}", Mouth([steady(2)] * 50), Ear(codec)) for n in range(5)))
    run(room, 50)
    assert room.encoders.encoded_packets == 0


def test_whoever_moves_takes_their_encoder_along_and_where_others_have_one_gets_a_packet_that_stands_on_its_own() -> (
    None
):
    codec = PcmCodec()
    amy = person("amy", Mouth([None] * 5 + [steady(900)] * 5), Ear(codec))
    ben = person("ben", Mouth([steady(700)] * 80), Ear(codec))
    cat = person("cat", None, Ear(codec))
    run(room_of(amy, ben, cat), 80)
    everybody, _, without_amy = codec.made
    assert everybody.fresh[0]
    assert without_amy.took_over == [everybody]
    assert not any(without_amy.fresh)
    back = 5 + len(without_amy.fresh)
    assert [n for n, fresh in enumerate(everybody.fresh) if fresh] == [0, back]


@given(
    frames=st.lists(
        st.lists(st.one_of(st.none(), st.integers(-4000, 4000)), min_size=4, max_size=4), min_size=1, max_size=12
    )
)
def test_what_each_hears_is_the_sum_of_the_others_at_every_tick(frames: list[list[int | None]]) -> None:
    ears = [Ear() for _ in range(4)]
    mouths = [Mouth([None if row[n] is None else steady(row[n] or 0) for row in frames]) for n in range(4)]
    room = room_of(*(person(str(n), mouths[n], ears[n]) for n in range(4)))
    run(room, len(frames))
    open_since: dict[int, bool] = {}
    for tick, row in enumerate(frames):
        for n, value in enumerate(row):
            # A quiet frame counts once its source has been loud: the gate's hangover is longer than this test.
            open_since[n] = open_since.get(n, False) or (value is not None and value**2 > 31.25)
        for n in range(4):
            expected = sum(value or 0 for m, value in enumerate(row) if m != n and open_since[m])
            assert (ears[n].mixes[tick].samples == expected).all()


def test_law_5_the_worked_example() -> None:
    """Time: Amy says "Hi!" at 1.00 s, Ben "Hey!" at 1.01 s, Charlie is silent at 1.02 s."""
    hi, hey = steady(1000), steady(2000)
    ears = {name: Ear() for name in ("amy", "ben", "charlie")}
    sources = {name: LocalSource() for name in ears}
    room = room_of(*(person(name, sources[name], ears[name]) for name in ears))
    sources["amy"].push(hi, captured_ns=1_000_000_000)
    sources["ben"].push(hey, captured_ns=1_010_000_000)
    sources["charlie"].push(steady(0), captured_ns=1_020_000_000)
    for tick in range(45, 55):
        room.tick(tick, at(tick))
    assert loudest(ears["amy"].heard) == 2000
    assert loudest(ears["ben"].heard) == 1000
    # Each mouth is heard once by Charlie; the two frames were captured within 30 ms, and sound within one tick.
    assert sorted(set(ears["charlie"].heard.tolist())) in ([0, 1000, 2000], [0, 3000])
    assert np.count_nonzero(ears["amy"].heard) == np.count_nonzero(ears["ben"].heard) == FRAME_SAMPLES


def loudest(samples: Samples) -> int:
    return int(np.abs(samples.astype(int)).max())


def test_a_frame_that_comes_too_late_is_not_played_beside_newer_ones() -> None:
    ear = Ear()
    source = LocalSource()
    room = room_of(person("amy", source), person("ben", None, ear))
    source.push(steady(1000), captured_ns=at(10))
    for tick in range(15, 20):
        room.tick(tick, at(tick))
    assert not ear.heard.any()
    assert source.late == 1


def test_nobody_hears_a_muted_participant_and_unmuting_brings_them_back() -> None:
    ear = Ear()
    room = room_of(person("amy", Mouth([steady(1000)] * 30)), person("ben", None, ear))
    run(room, 10)
    room.set_muted("amy", True)
    run(room, 10)
    room.set_muted("amy", False)
    run(room, 10)
    heard = [mix.samples[0] for mix in ear.mixes]
    assert heard == [1000] * 10 + [0] * 10 + [1000] * 10
    assert room.participants["amy"].talking


def test_events_tell_the_story_in_order() -> None:
    conference = Conference()
    story: list[RoomEvent] = []
    conference.subscribe("room", story.append)
    room = conference.join("room", person("amy", Mouth([steady(1000)] * 3)))
    for tick in range(1, 31):
        room.tick(tick, at(tick))
    room.set_muted("amy", True)
    room.rename("amy", "Amy Pond")
    room.press_digit("amy", "5")
    conference.leave("room", "amy", "left")
    kinds = [type(one) for one in story if not isinstance(one, LevelsMeasured)]
    assert kinds == [
        ParticipantJoined,
        TalkingStarted,
        TalkingStopped,
        ParticipantUpdated,
        ParticipantUpdated,
        DigitPressed,
        ParticipantLeft,
    ]
    last = story[-1]
    assert isinstance(last, ParticipantLeft)
    assert (last.participant.name, last.reason) == ("Amy Pond", "left")


def test_levels_are_published_while_there_is_something_to_hear_and_once_after() -> None:
    conference = Conference()
    story: list[RoomEvent] = []
    conference.subscribe("room", story.append)
    room = conference.join("room", person("amy", Mouth([steady(3277)] * 10)))
    for tick in range(40):
        room.tick(tick, at(tick))
    levels = [one.levels for one in story if isinstance(one, LevelsMeasured)]
    assert levels == [{"amy": -20.0}, {}]


def test_a_source_that_raises_is_hung_up_and_the_room_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def pull(self, now_ns: int) -> Samples | None:
            raise RuntimeError("boom")

    reasons: list[str] = []
    ear = Ear()
    broken = person("broken", Broken())
    broken.hang_up = reasons.append
    with caplog.at_level(logging.CRITICAL):
        run(room_of(broken, person("amy", Mouth([steady(1000)] * 3)), person("ben", None, ear)), 3)
    assert reasons == ["internal error"]
    assert (ear.heard == 1000).all()


def test_a_sink_that_raises_is_hung_up_and_the_others_still_hear(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Ear):
        def deliver(self, mix: object) -> None:
            raise RuntimeError("boom")

    reasons: list[str] = []
    ear = Ear()
    broken = person("broken", None, Broken())
    broken.hang_up = reasons.append
    with caplog.at_level(logging.CRITICAL):
        run(room_of(broken, person("amy", Mouth([steady(1000)] * 3)), person("ben", None, ear)), 3)
    assert reasons == ["internal error"]
    assert len(ear.mixes) == 3


def test_who_takes_packets_alone_is_passed_over_while_there_are_none() -> None:
    class Sender(Ear):
        packets_only = True

    everything, packets, sound = Ear(PcmCodec()), Sender(PcmCodec()), Sender()
    mouth = Mouth([None, steady(1000), steady(1000), None, None])
    people = (person(name, None, ear) for name, ear in (("ben", everything), ("eve", packets), ("joe", sound)))
    run(room_of(person("amy", mouth), *people), 8)
    assert len(everything.mixes) == 8
    assert packets.mixes == [mix for mix in everything.mixes if mix.payload is not None]
    assert 2 <= len(packets.mixes) < 8
    assert sound.mixes == []


def test_a_reconnected_participant_keeps_name_mute_and_place() -> None:
    conference = Conference()
    story: list[RoomEvent] = []
    old: list[str] = []
    amy = person("amy", Mouth([]))
    amy.hang_up = old.append
    room = conference.join("room", amy)
    room.set_muted("amy", True)
    conference.subscribe("room", story.append)
    ear = Ear()
    end = room.reconnect("amy", Mouth([steady(1000)]), ear, None)
    assert end is not None
    end("replaced")
    run(room, 1)
    assert old == ["replaced"]
    assert room.participants["amy"].muted
    assert len(ear.mixes) == 1
    assert [type(one) for one in story] == [ParticipantUpdated]


def test_a_room_lives_from_its_first_join_to_its_last_leave() -> None:
    conference = Conference()
    assert conference.get("room") is None
    conference.join("room", person("amy"))
    conference.join("room", person("ben"))
    conference.leave("room", "amy", "left")
    assert conference.get("room") is not None
    conference.leave("room", "ben", "left")
    conference.leave("room", "ben", "left again")
    assert conference.get("room") is None


def test_limits_are_kept_and_a_refused_join_leaves_no_room_behind() -> None:
    conference = Conference(ConferenceLimits(max_rooms=1, max_participants=2))
    conference.join("room", person("amy"))
    conference.join("room", person("ben"))
    with pytest.raises(RoomFull):
        conference.join("room", person("cat"))
    with pytest.raises(TooManyRooms):
        conference.join("other", person("cat"))
    assert list(conference.rooms) == ["room"]


@given(name=st.text(max_size=70))
def test_only_room_names_of_plain_characters_are_accepted(name: str) -> None:
    plain = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    conference = Conference()
    if 1 <= len(name) <= 64 and set(name) <= plain and name not in (".", ".."):
        assert conference.join(name, person("amy")).name == name
    else:
        with pytest.raises(InvalidRoomName):
            conference.join(name, person("amy"))


def test_a_room_can_be_embedded_in_a_few_lines() -> None:
    heard: list[Samples] = []
    conference = Conference()
    bot = LocalSource()
    conference.join("lobby", local_participant("bot", source=bot))
    conference.join("lobby", local_participant("recorder", on_mix=lambda mix: heard.append(mix.samples)))
    tone = (5000 * np.sin(np.arange(SAMPLE_RATE) * 0.05)).astype(np.int16)
    bot.push(tone, captured_ns=0)
    for tick in range(50):
        conference.tick(tick, at(tick))
    np.testing.assert_array_equal(np.concatenate(heard), tone)
