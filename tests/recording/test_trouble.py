"""Disks that are full, slow or broken end a recording, with a sentence, and nobody's call."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, TICK_NS
from conference.recording import journal_file
from conference.recording.about import About, load
from conference.recording.finish import CUT_SHORT, GoesOn, finish
from conference.recording.kept_recordings import OVERDUE, RecordingError
from conference.recording.total_bytes import FULL, TotalBytes
from conference.recording.wav_export import export_wav
from conference.room.events import MessageSent
from tests.recording.recorded import Person, Studio, loudness, read_wav, tone


def humming(studio: Studio, person: Person) -> Callable[[int], None]:
    return lambda tick: person.say(tone(500, tick), studio.now_ns + TICK_NS)


def test_while_a_disk_hangs_the_room_ticks_and_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(journal_file, "os", Disk(write=hanging_until(goes_on)))
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(250, humming(studio, amy))  # it would not come back if a tick waited for the disk
    assert not (tmp_path / about.id / "journal").exists() or (tmp_path / about.id / "journal").stat().st_size == 0
    goes_on.set()
    assert studio.finish(about).seconds == pytest.approx(5.0)
    assert loudness(studio.wav(about, tmp_path / "wav")["01-Amy.wav"][2400:235_000], 500) > 0.9


def test_while_a_disk_takes_its_time_what_is_written_is_with_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(journal_file, "os", Disk(fdatasync=lambda descriptor: goes_on.wait()))
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(100, humming(studio, amy))
    for _ in range(3):  # what is killed now
        studio.pass_ticks(100, humming(studio, amy))
        studio.written_so_far()
    left = studio.left_by_a_crash(about)
    goes_on.set()
    assert finish(left).seconds > 7
    studio.recordings.stop(about.id)
    studio.written()


def test_of_a_machine_that_leaves_ticks_out_as_much_is_written(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    for _ in range(150):  # each on which something would be written by its number is left out
        studio.tick += studio.tick % 50 == 0
        studio.pass_ticks(1, humming(studio, amy))
    studio.written_so_far()
    left = studio.left_by_a_crash(about)
    studio.recordings.stop(about.id)
    studio.written()
    assert finish(left).seconds > 1.9


class Disk:
    """The `os` of a module, with some of its functions exchanged."""

    def __init__(self, **exchanged: Any) -> None:
        self._exchanged = exchanged

    def __getattr__(self, name: str) -> Any:
        return self._exchanged.get(name) or getattr(os, name)


def hanging_until(goes_on: threading.Event) -> Callable[[int, bytes], int]:
    def write(descriptor: int, data: bytes) -> int:
        goes_on.wait()
        return os.write(descriptor, data)

    return write


def full_after(size: int) -> Callable[[int, bytes], int]:
    written = 0

    def write(descriptor: int, data: bytes) -> int:
        nonlocal written
        if written + len(data) > size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written += len(data)
        return os.write(descriptor, data)

    return write


def broken_after(times: int) -> Callable[[int], None]:
    left = times

    def sync(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fdatasync(descriptor)

    return sync


@pytest.mark.parametrize(
    ("disk", "settings", "words"),
    [
        (Disk(write=full_after(40_000)), {}, "no space left on device"),
        (Disk(fdatasync=broken_after(3)), {}, "input/output error"),
        (Disk(), {"recording_max_bytes": 65_536}, "--recording-max-bytes"),
    ],
    ids=["full", "broken", "limit"],
)
async def test_it_ends_with_a_sentence_and_what_was_written_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, disk: Disk, settings: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr(journal_file, "os", disk)
    studio = Studio(tmp_path, **settings)
    await studio.recordings.open()
    amy = studio.join("Amy")
    about = studio.start()
    while about.status == "recording":
        studio.pass_ticks(50, humming(studio, amy))
        await asyncio.sleep(0)
    assert studio.said[-1][0] == "recording.stopped"
    assert words in studio.said[-1][1]["recording"]["reason"]
    assert "amy" in studio.room.participants
    studio.pass_ticks(10, humming(studio, amy))  # the room goes on
    monkeypatch.undo()
    about = await studio.finished(about.id)
    await studio.recordings.close()
    assert about.status == "ready"
    assert words in (about.reason or "")
    assert about.seconds > 1
    assert about.bytes > 1000


async def test_a_disk_that_does_not_keep_up_takes_no_more_memory_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(journal_file, "os", Disk(write=hanging_until(goes_on)))
    studio = Studio(tmp_path, recording_max_waiting=65_536)
    await studio.recordings.open()
    amy = studio.join("Amy")
    about = studio.start()
    while about.status == "recording":
        studio.pass_ticks(50, humming(studio, amy))
        await asyncio.sleep(0)
    assert studio.said[-1][1]["recording"]["reason"] == journal_file.SLOW
    assert studio.now_ns < 5_000_000_000 + 30_000_000_000
    goes_on.set()
    await studio.recordings.close()


async def test_files_that_cannot_be_made_are_made_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(tmp_path)
    await studio.recordings.open()
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(100, humming(studio, amy))
    (tmp_path / about.id / "recording.mka.part").mkdir(parents=True)  # nothing can be written there
    studio.recordings.stop(about.id, by="Amy")
    await studio.finished(about.id)
    assert about.status == "failed"
    assert "could not be written" in (about.reason or "")
    assert studio.said[-1][0] == "recording.failed"
    await studio.recordings.close()
    (tmp_path / about.id / "recording.mka.part").rmdir()
    later = Studio(tmp_path)
    await later.recordings.open()
    found = await later.finished(about.id)
    assert found.status == "ready"
    assert found.reason == "Amy stopped it."
    await later.recordings.close()


async def test_files_that_take_too_long_are_broken_off_kept_and_tried_once_more(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(100, humming(studio, amy))
    studio.recordings.stop(about.id, by="Amy")
    studio.written()
    journal = (tmp_path / about.id / "journal").read_bytes()
    for tries in (1, 2, 2):  # the third start leaves it alone
        hasty = Studio(tmp_path, recording_max_finish_seconds=0.001)
        await hasty.recordings.open()
        found = await hasty.finished(about.id)
        assert (found.status, found.reason, found.overdue) == ("failed", OVERDUE, tries)
        await hasty.recordings.close()
        assert (tmp_path / about.id / "journal").read_bytes() == journal
    assert len(export_wav(tmp_path / about.id, tmp_path)) == 2  # it can still be had by hand
    kept = load(tmp_path / about.id)
    assert kept is not None
    assert kept.reason == "Amy stopped it."
    finish(tmp_path / about.id)
    later = Studio(tmp_path, recording_max_finish_seconds=0.001)
    await later.recordings.open()
    assert later.recordings.all[about.id].status == "ready"
    await later.recordings.close()


async def test_one_more_start_is_enough_if_there_is_time_then(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(60, humming(studio, amy))
    studio.recordings.stop(about.id, by="Amy")
    studio.written()
    told = []
    for within in (0.001, 600):
        later = Studio(tmp_path, recording_max_finish_seconds=within)
        await later.recordings.open()
        await later.finished(about.id)
        told += [name for name, _ in later.said]
        await later.recordings.close()
    assert told == ["recording.failed", "recording.ready"]


async def test_all_together_are_no_larger_than_they_may_be(tmp_path: Path) -> None:
    studio = Studio(tmp_path, recording_total_bytes=65_536)
    await studio.recordings.open()
    amy = studio.join("Amy")
    about = studio.start()
    while about.status == "recording":
        studio.pass_ticks(50, humming(studio, amy))
        await asyncio.sleep(0)
    assert [name for name, _ in studio.said if name.startswith("recording")] == [
        "recording.started",
        "recording.stopped",
    ]
    assert studio.said[-1][1]["recording"]["reason"] == FULL
    assert "amy" in studio.room.participants
    with pytest.raises(RecordingError, match="Delete some first"):
        studio.start()
    about = await studio.finished(about.id)
    assert about.status == "ready"
    assert about.seconds > 1
    await studio.recordings.close()
    later = Studio(tmp_path, recording_total_bytes=about.bytes)
    await later.recordings.open()
    later.join("Amy")
    with pytest.raises(RecordingError, match="recording-total-bytes"):
        later.start()
    await later.recordings.delete(about.id)
    later.start()
    await later.recordings.close()


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100))))
def test_what_all_take_up_is_the_sum_of_what_each_does(noted: list[tuple[str, int]]) -> None:
    total, each = TotalBytes(150), dict[str, int]()
    for recording_id, size in noted:
        total.note(recording_id, size)
        each[recording_id] = size
        assert total.reached == (sum(each.values()) >= 150)


@pytest.mark.parametrize("part", [1.0, 0.9, 0.5, 0.1, 0.0])
def test_a_journal_that_breaks_off_anywhere_is_finished_as_far_as_it_goes(tmp_path: Path, part: float) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(300, humming(studio, amy))
    studio.written()
    left = studio.left_by_a_crash(about)
    journal = left / "journal"
    whole = journal.read_bytes()
    journal.write_bytes(whole[: round(len(whole) * part)])
    found = finish(left)
    assert (found.status, found.reason) == ("ready", CUT_SHORT)
    assert found.seconds == pytest.approx(5.02 * part, abs=1.1)
    assert not journal.exists()
    if found.seconds > 1:
        for path in export_wav(left, tmp_path):
            samples, name = read_wav(path), path.name
            assert len(samples) == round(found.seconds * 50) * FRAME_SAMPLES, name
            assert loudness(samples[FRAME_SAMPLES * 10 :], 500) > 0.9, name


def test_a_recording_of_which_nothing_was_written_has_failed_and_says_so(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.join("Amy")
    about = studio.start()
    studio.written()
    found = finish(tmp_path / about.id)
    assert (found.status, found.reason) == ("failed", "Nothing of it was written.")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"id": "r1"}', '{"id": "other", "room": "tea"}', "\x00" * 100, "1", "[" * 100_000]
)
async def test_a_folder_that_is_no_recording_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "r1").mkdir()
    (tmp_path / "r1" / "recording.json").write_text(text)
    studio = Studio(tmp_path)
    await studio.recordings.open()
    assert not studio.recordings.all
    await studio.recordings.close()
    assert (tmp_path / "r1" / "recording.json").read_text() == text


@pytest.mark.parametrize(
    "damage",
    [
        {"files": None}, {"files": [None]}, {"files": [{}]}, {"tracks": 3}, {"ended_at": "soon"}, {"seconds": None},
        {"files": [{"name": "../../secret", "type": "audio/ogg", "bytes": 1}]}, {"bytes": float("nan")},
        {"files": [{"name": ["mix.opus"], "type": "audio/ogg", "bytes": 1}]}, {"reason": []}, {"guarded": "no"},
        {"files": [{"name": "mix.opus", "type": "text/html", "bytes": 1}]}, {"started_at": float("inf")},
        {"started_at": True}, {"status": []}, {"room": None}, {"started_by": {}}, {"room_since": 10**400},
    ],
)  # fmt: skip
def test_what_is_said_of_a_recording_is_believed_whole_or_not_at_all(tmp_path: Path, damage: dict[str, Any]) -> None:
    files = ({"name": "mix.opus", "type": "audio/ogg", "bytes": 1},)
    about = About(tmp_path.name, "tea", "ready", 1.0, None, ended_at=2.0, tracks=({"name": "Amy"},), files=files)
    about.save(tmp_path)
    assert load(tmp_path) is not None
    path = tmp_path / "recording.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | damage))
    assert load(tmp_path) is None


async def test_what_crashed_before_anything_was_written_has_failed_and_can_be_deleted(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.join("Amy")
    about = studio.start()
    studio.written()
    assert not (tmp_path / about.id / "journal").exists()
    later = Studio(tmp_path)
    await later.recordings.open()
    assert (await later.finished(about.id)).status == "failed"
    await later.recordings.delete(about.id)
    assert not [*tmp_path.iterdir()]  # noqa: ASYNC240 - a test may wait for the disk
    await later.recordings.close()


async def test_a_journal_that_a_crash_left_beside_its_files_is_gone_with_the_next_start(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(60, humming(studio, amy))
    studio.finish(about)
    (tmp_path / about.id / "journal").write_bytes(b"what was said in a pause")
    later = Studio(tmp_path)
    await later.recordings.open()
    assert later.recordings.all[about.id].status == "ready"
    assert not (tmp_path / about.id / "journal").exists()
    await later.recordings.close()


async def test_a_deletion_that_breaks_off_can_be_done_again_and_twice_at_once_is_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(60, humming(studio, amy))
    studio.finish(about)
    later = Studio(tmp_path)
    await later.recordings.open()

    def broken(path: Path, **_: Any) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", broken)
        with pytest.raises(OSError, match="Input/output"):
            await later.recordings.delete(about.id)
    assert load(tmp_path / about.id) is not None
    await asyncio.gather(*(later.recordings.delete(about.id) for _ in range(5)))
    assert not later.recordings.all
    assert not [*tmp_path.iterdir()]  # noqa: ASYNC240 - a test may wait for the disk
    await later.recordings.delete(about.id)
    await later.recordings.close()


async def test_a_recording_whose_folder_is_gone_can_be_deleted(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(60, humming(studio, amy))
    studio.finish(about)
    later = Studio(tmp_path)
    await later.recordings.open()
    shutil.rmtree(tmp_path / about.id)
    await later.recordings.delete(about.id)
    assert not later.recordings.all
    await later.recordings.close()


def test_a_recording_ends_with_its_room_even_if_one_of_the_same_name_is_made_at_once(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.join("Amy")
    about = studio.start()

    def make_anew(event: object) -> None:
        if isinstance(event, MessageSent):
            studio.conference.end("tea", "over")
            studio.join("Ben")

    studio.conference.subscribe(None, make_anew)
    studio.room.send_message("amy", "Amy", "Hello", 0.0)
    assert about.status == "finishing"
    assert studio.room.recording is None
    assert studio.start().status == "recording"
    studio.recordings.stop_all("over")
    studio.written()


async def test_what_is_older_than_it_may_be_is_deleted(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    abouts = []
    for _ in range(2):
        about = studio.start()
        studio.pass_ticks(60, humming(studio, amy))
        abouts.append(studio.finish(about))
        studio.now_ns += 20 * 86_400 * 10**9
    later = Studio(tmp_path, recording_keep_days=30)
    later.now_ns = studio.now_ns
    await later.recordings.open()
    while abouts[0].id in later.recordings.all:  # noqa: ASYNC110 - a deletion is no event
        await asyncio.sleep(0)
    assert list(later.recordings.all) == [abouts[1].id]
    assert load(tmp_path / abouts[0].id) is None
    await later.recordings.close()


def test_what_another_server_still_writes_is_left_to_it(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(100, humming(studio, amy))
    studio.written_so_far()
    with pytest.raises(GoesOn):
        finish(tmp_path / about.id)
    assert (tmp_path / about.id / "journal").exists()
    assert studio.finish(about).seconds == pytest.approx(2.0)
