"""A capture whose records are sound and make no sense: a sentence says so, and what stood before was replayed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES
from conference.capture.listeners import FramesSource
from conference.capture.recipes import FRAMES, from_json, make_paced_source, make_packet_source, to_json
from conference.capture.records import (
    CaptureError,
    Changed,
    ComplexityLimited,
    Ended,
    FramePulled,
    Heard,
    Joined,
    Left,
    Opened,
    PacketArrived,
    Reconnected,
    Record,
    Restarted,
    Ruled,
    SoundBegan,
    SoundPulled,
    Ticked,
)
from conference.capture.replay import Replay
from conference.codecs.opus import OpusCodec
from conference.room.voice import VoiceSettings
from conference.telephony.settings import LegSettings
from tests.capture.captured import at

ROOM: dict[str, Any] = {"voice": to_json(VoiceSettings()), "created_at": 1.0, "max_talkers": 3, "room": "tea"}
PACKETS: dict[str, Any] = {"kind": "packets", "codec": "opus", "minimum_delay_ms": 20, "maximum_delay_ms": 200}
AMY: dict[str, Any] = {"id": "amy", "name": "Amy", "transport": "webrtc", "source": PACKETS, "sink": {"codec": None}}
SOUND: dict[str, Any] = {"id": "s", "name": "tone", "talk_gain": 1.0, "gain": 1.0}
OPENED, JOINED, TICKED = Opened(ROOM), Joined(0, AMY), Ticked(0, at(0), 0, 0)


def replay(*records: Record) -> Replay:
    replayed = Replay()
    replayed.run(records)
    return replayed


def test_what_these_tests_make_nonsense_of_does_make_sense() -> None:
    done = replay(OPENED, JOINED, TICKED, SoundBegan(0, SOUND), SoundPulled(0, True, None), Ended("over"))
    assert (done.ticks, done.ended, list(done.listeners)) == (1, "over", ["amy"])
    assert done.listeners["amy"].listens


SENSELESS: dict[str, tuple[list[Record], str]] = {
    "no room": ([], "which room"),
    "two rooms": ([OPENED, OPENED], "opens a room"),
    "a room without a treatment of voices": ([Opened(ROOM | {"voice": None})], "opens a room"),
    "a room of no time": ([Opened(ROOM | {"created_at": "now"})], "opens a room"),
    "a room of no talkers": ([Opened(ROOM | {"max_talkers": 0})], "opens a room"),
    "a room of half the work": ([Opened(ROOM | {"complexity": 2.5})], "encoded in a way"),
    "a room of too much work": ([Opened(ROOM | {"complexity": 11})], "a complexity is 0 to 10"),
    "more work than there can be": ([OPENED, ComplexityLimited(11)], "a complexity is 0 to 10"),
    "a room of half a talker": ([Opened(ROOM | {"max_talkers": 0.5})], "opens a room"),
    "the second person first": ([OPENED, Joined(1, AMY)], "joins who is there"),
    "a person twice": ([OPENED, JOINED, Joined(1, AMY)], "joins who is there"),
    "a way in that there is not": ([OPENED, Joined(0, AMY | {"transport": "smoke"})], "a way that is not known"),
    "a role that there is not": ([OPENED, Joined(0, AMY | {"role": "king"})], "somebody's state"),
    "half muted": ([OPENED, Joined(0, AMY | {"muted": 0.5})], "somebody's state"),
    "a source of no kind": ([OPENED, Joined(0, AMY | {"source": {"kind": "smoke"}})], "a source is of a kind"),
    "a source that is a word": ([OPENED, Joined(0, AMY | {"source": "loud"})], "a source is of a kind"),
    "another source of no kind": ([OPENED, JOINED, Reconnected(0, {"source": "loud"})], "a source is of a kind"),
    "a listener that is a word": ([OPENED, Joined(0, AMY | {"sink": "deaf"})], "a listener is described"),
    "a codec that is none": ([OPENED, Joined(0, AMY | {"sink": {"codec": 7}})], "codec is none"),
    "another codec that is none": ([OPENED, JOINED, Changed(0, {"codec": 7})], "codec is none"),
    "a codec that nobody knows": ([OPENED, JOINED, Restarted(0, "flac")], "a codec that this version does not know"),
    "somebody who never joined": ([OPENED, JOINED, Left(1, "bored")], "never joined"),
    "a sound twice": ([OPENED, SoundBegan(0, SOUND), SoundBegan(0, SOUND)], "begun already"),
    "a sound that never began": ([OPENED, SoundBegan(0, SOUND), SoundPulled(1, False, None)], "never began"),
    "rules that are none": ([OPENED, JOINED, Ruled({"rules": [["amy", "amy", 1.0]]})], "nobody hears themselves"),
}


@pytest.mark.parametrize("case", SENSELESS)
def test_what_makes_no_sense_is_said_in_a_sentence(case: str) -> None:
    records, words = SENSELESS[case]
    replayed = Replay()
    with pytest.raises(CaptureError, match=words):
        replayed.run([*records, TICKED])
    assert replayed.ticks == 0


@pytest.mark.parametrize(
    "delays", [(None, 200), (20, None), (-1, 200), (201, 200), (20, 10_001), (20.5, 200), ("20", "200")]
)
def test_a_source_has_delays_that_can_be(delays: tuple[Any, Any]) -> None:
    least, greatest = delays
    with pytest.raises(CaptureError, match="makes no sense"):
        make_packet_source(PACKETS | {"minimum_delay_ms": least, "maximum_delay_ms": greatest})


@pytest.mark.parametrize("delays", [(0, 0), (20, 20), (0, 10_000)])
def test_a_source_is_made_again_with_its_delays(delays: tuple[int, int]) -> None:
    made = make_packet_source(PACKETS | {"minimum_delay_ms": delays[0], "maximum_delay_ms": delays[1]})
    assert made.delay_limits_ms == delays


def test_a_caller_is_made_again_with_their_settings_and_of_nothing_else() -> None:
    settings = LegSettings(buffer_ms=60)
    assert make_paced_source({"settings": to_json(settings)}).settings == settings
    for other in (None, 7, to_json(OpusCodec())):
        with pytest.raises(CaptureError, match="makes no sense"):
            make_paced_source({"settings": other})


@pytest.mark.parametrize("plain", [{}, {"is": "Room"}, {"is": "OpusCodec", "colour": "red"}, {"is": ["OpusCodec"]}])
def test_settings_that_nobody_knows_are_refused(plain: dict[str, Any]) -> None:
    with pytest.raises(CaptureError, match="this version does not know"):
        from_json(plain)


def test_what_is_said_of_somebody_who_has_no_such_source_changes_nothing() -> None:
    packet = PacketArrived(0, 1, 960, b"voice", 0, None, False)
    done = replay(OPENED, Joined(0, AMY | {"source": None}), packet, Restarted(0, "opus"), FramePulled(0, None), TICKED)
    assert done.ticks == 1


def test_who_has_gone_is_changed_no_more() -> None:
    done = replay(
        OPENED, JOINED, Left(0, "bored"), Changed(0, {"name": "Ann"}), Reconnected(0, {"source": "loud"}), TICKED
    )
    assert (done.ticks, done.listeners["amy"].name) == (1, "Amy")


def test_a_difference_is_told_once_of_each_kind_and_with_its_first_tick() -> None:
    done = replay(OPENED, JOINED, *(Ticked(tick, at(tick), tick == 2, 7) for tick in range(1, 5)))
    assert sorted((one.tick, one.what) for one in done.differences) == [(1, "packets"), (1, "sound")]
    assert (done.first_tick, done.last_tick, done.identical) == (1, 4, False)


def test_who_heard_something_else_is_named() -> None:
    done = replay(OPENED, JOINED, Heard(0, 1, 2))
    assert (done.differing, done.identical) == ({"amy"}, False)


def test_frames_are_given_once_and_a_source_that_failed_fails() -> None:
    source = FramesSource()
    frame = np.arange(FRAME_SAMPLES, dtype=np.int16)
    source.frame = frame
    assert source.pull(0) is frame
    assert source.pull(0) is None
    source.fails = True
    with pytest.raises(RuntimeError, match="failed here"):
        source.pull(0)


def test_a_frame_is_heard_as_it_was_and_one_that_failed_takes_its_speaker_away() -> None:
    frame = np.full(FRAME_SAMPLES, 1000, "<i2").tobytes()
    ben = AMY | {"id": "ben", "name": "Ben", "source": dict(FRAMES)}
    heard: list[bytes] = []
    replayed = Replay(lambda listener, mix: heard.append(mix.samples.tobytes()) if listener == "amy" else None)
    plain = Opened(ROOM | {"voice": to_json(VoiceSettings(levelling=False, fades=False))})
    replayed.run([plain, JOINED, Joined(1, ben), FramePulled(1, frame), TICKED])
    assert heard == [frame]
    replayed.run([FramePulled(1, None), Ticked(1, at(1), 0, 0), Ticked(2, at(2), 0, 0)])
    assert replayed.listeners["ben"].ticks < replayed.listeners["amy"].ticks
