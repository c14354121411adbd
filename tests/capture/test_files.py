"""Captures on disk: for their owner alone, never larger than allowed, and whole up to the last second."""

from __future__ import annotations

import io
import os
import stat
import threading
from pathlib import Path

import pytest

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.capture import files
from conference.capture.files import Captures
from conference.capture.format import read_capture
from conference.capture.records import Ended, Opened, PacketArrived
from conference.codecs.opus import OpusCodec
from conference.playout.source import PacketSource
from conference.room.conference import Conference
from conference.room.participant import Participant
from tests.capture.captured import Ear, at, replayed
from tests.speech import spoken

VOICE: list[Samples] = list(spoken(10.0).reshape(-1, FRAME_SAMPLES))  # longer than what zlib remembers
ENCODER = OpusCodec(bitrate=64_000).make_encoder()
PACKETS = [ENCODER.encode(frame) for frame in VOICE]


class Talk:
    """Somebody talks to somebody in a room of a conference that is captured."""

    def __init__(self, captures: Captures, room: str = "tea") -> None:
        self.conference = Conference(opened=captures.observe)
        self.source, self.ear = PacketSource(OpusCodec().make_decoder()), Ear(OpusCodec())
        for name, source, sink in (("amy", self.source, None), ("ben", None, self.ear)):
            self.conference.join(
                room, Participant(id=name, name=name, transport="webrtc", joined_at=0.0, source=source, sink=sink)
            )
        self.room = room
        self.tick = 0

    def go_on(self, ticks: int) -> None:
        for tick in range(self.tick, self.tick + ticks):
            self.source.push(tick & 0xFFFF, tick * 960, PACKETS[tick % len(PACKETS)], at(tick))
            self.conference.tick(tick, at(tick))
        self.tick += ticks

    def end(self) -> None:
        for name in ("amy", "ben"):
            self.conference.leave(self.room, name, "left")


def only_file(folder: Path) -> Path:
    (path,) = folder.iterdir()
    return path


def written_so_far(captures: Captures) -> None:
    written = threading.Event()
    captures._writer.do(written.set)
    assert written.wait(5)


def left_by_a_crash(captures: Captures, folder: Path) -> bytes:
    """What there is now of the only capture, which is closed then."""
    written_so_far(captures)
    left = only_file(folder).read_bytes()
    captures.close()
    return left


def test_each_room_gets_a_file_for_its_owner_alone(tmp_path: Path) -> None:
    captures = Captures(tmp_path, 2**20)
    mask = os.umask(0)
    try:
        for name in ("tea", "...", "-rf"):
            talk = Talk(captures, name)
            talk.go_on(60)
            talk.end()
        captures.close()
    finally:
        os.umask(mask)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "19700101T000000Z-1-tea.capture",
        "19700101T000000Z-2-....capture",
        "19700101T000000Z-3--rf.capture",
    ]
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        replay, _ = replayed(path)
        assert replay.identical
        assert replay.ticks == 60
        assert replay.ended == "Everybody has left."


def test_a_server_that_stops_ends_its_captures(tmp_path: Path) -> None:
    captures = Captures(tmp_path, 2**20)
    talk = Talk(captures)
    talk.go_on(75)
    captures.close()
    captures.close()
    replay, heard = replayed(only_file(tmp_path))
    assert (replay.identical, replay.ticks, replay.ended) == (True, 75, "The server was stopped.")
    assert heard["ben"] == talk.ear.heard
    assert all(one.name != "capture" for one in threading.enumerate())


def test_what_was_written_before_a_crash_can_be_replayed(tmp_path: Path) -> None:
    captures = Captures(tmp_path, 2**20)
    talk = Talk(captures)
    talk.go_on(175)
    replay, _ = replayed(io.BytesIO(left_by_a_crash(captures, tmp_path)))
    assert replay.identical
    assert replay.ended is None
    assert replay.ticks == 151, "all but the last second"


def test_of_a_machine_that_leaves_ticks_out_as_much_is_written(tmp_path: Path) -> None:
    captures = Captures(tmp_path, 2**20)
    talk = Talk(captures)
    for _ in range(3):  # each on which something would be written by its number is left out
        talk.tick += 1
        talk.go_on(49)
    replay, _ = replayed(io.BytesIO(left_by_a_crash(captures, tmp_path)))
    assert replay.identical
    assert replay.ticks == 99, "all but the last second"


def test_a_capture_that_is_full_says_so_and_grows_no_more(tmp_path: Path) -> None:
    captures = Captures(tmp_path, 64 * 1024)
    talk = Talk(captures)
    for _ in range(30):
        talk.go_on(50)
        written_so_far(captures)
    assert len(talk.ear.mixes) == 1500, "the room goes on"
    assert not talk.source.taps, "and nothing listens in any more"
    captures.close()
    path = only_file(tmp_path)
    assert 50 * 1024 < path.stat().st_size <= 64 * 1024
    replay, _ = replayed(path)
    assert replay.identical
    assert replay.ended == "The capture is as large as it may be."
    assert replay.ticks % 50 == 1


def test_a_disk_that_does_not_keep_up_ends_the_capture_not_the_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_WAITING_BYTES", 20_000)
    captures = Captures(tmp_path, 2**20)
    stalled = threading.Event()

    def stall() -> None:
        stalled.wait(10)

    captures._writer.do(stall)
    talk = Talk(captures)
    talk.go_on(500)
    stalled.set()
    captures.close()
    assert len(talk.ear.mixes) == 500
    with only_file(tmp_path).open("rb") as file:
        records = list(read_capture(file))
    assert isinstance(records[0], Opened)
    assert records[-1] == Ended("The disk did not keep up.")
    assert sum(isinstance(one, PacketArrived) for one in records) < 300


def test_a_folder_that_is_gone_ends_the_capture_not_the_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    captures = Captures(tmp_path / "gone", 2**20)
    talk = Talk(captures)
    talk.go_on(200)
    captures.close()
    assert len(talk.ear.mixes) == 200
    assert "No such file" in caplog.text


def test_nothing_is_in_the_way_of_a_room_that_is_not_captured(tmp_path: Path) -> None:
    talk = Talk(Captures(tmp_path, 2**20))
    assert talk.source.taps
    plain = PacketSource(OpusCodec().make_decoder())
    Conference().join("tea", Participant(id="a", name="a", transport="webrtc", joined_at=0.0, source=plain))
    assert not plain.taps


def test_all_captures_of_a_folder_together_never_take_more_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "of an earlier run.capture").write_bytes(bytes(30_000))
    captures = Captures(tmp_path, 2**20, 100_000)
    talks = [Talk(captures, name) for name in ("tea", "milk", "sugar")]
    for _ in range(40):
        for talk in talks:
            talk.go_on(20)
    late = Talk(captures, "late")
    late.go_on(20)
    captures.close()
    files = {path: path.stat().st_size for path in tmp_path.iterdir()}
    assert 80_000 < sum(files.values()) <= 100_000
    assert len(files) == 4, "the late one found no room at all"
    ends = [replayed(path)[0] for path in files if path.stem != "of an earlier run"]
    assert all(replay.identical for replay in ends)
    assert {replay.ended for replay in ends} == {"All captures together are as large as they may be."}


def test_what_was_deleted_makes_room(tmp_path: Path) -> None:
    old = tmp_path / "old.capture"
    old.write_bytes(bytes(200_000))
    captures = Captures(tmp_path, 2**20, 100_000)
    first = Talk(captures, "first")
    first.go_on(60)
    first.end()
    captures.close()
    assert list(tmp_path.iterdir()) == [old]
    old.unlink()
    second = Talk(captures, "second")
    second.go_on(60)
    second.end()
    captures.close()
    assert only_file(tmp_path).name.endswith("second.capture")
