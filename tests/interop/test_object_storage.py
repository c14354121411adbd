"""Recordings in an object storage that others wrote, whatever happens on the way there."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from conference.audio.frame import TICK_NS
from conference.cli.main import main
from conference.recording.about import ABOUT, About, load
from conference.recording.kept_recordings import ObjectsStay, StoredFile
from conference.recording.recordings import Recordings
from conference.recording.storage import uploader
from conference.recording.storage.address import ObjectAddress
from conference.recording.storage.objects import PART_BYTES, NoSuchObject, StorageError
from tests.interop.object_store import ENVIRONMENT, Bucket, ObjectStore, Way
from tests.recording.recorded import Studio, read_wav, tone
from tests.web.access.test_access_recordings import RECORDS, STRANGERS
from tests.web.doubles import Site, problem
from tests.web.passes import guarded

pytestmark = pytest.mark.interop

_NUMBERS = count()


@pytest.fixture(scope="module")
def object_store() -> Iterator[ObjectStore]:
    store = ObjectStore()
    yield store
    store.close()


@pytest.fixture
def bucket(object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(uploader, "FIRST_WAIT_S", 0.01)
    found = Bucket(object_store, ObjectAddress(f"talks-{next(_NUMBERS)}", "what/was said"))
    found.client.create_bucket(Bucket=found.address.bucket)
    return found


@pytest.fixture
async def way(bucket: Bucket) -> AsyncIterator[Way]:
    async with Way(bucket.store.port) as found:
        yield found


@asynccontextmanager
async def opened(folder: Path, bucket: Bucket, endpoint: str | None = None, **settings: Any) -> AsyncIterator[Studio]:
    """A conference whose recordings go into a bucket."""
    where = endpoint or bucket.store.url
    studio = Studio(folder, storage=bucket.storage(where), recording_endpoint=where, **settings)
    await studio.recordings.open()
    try:
        yield studio
    finally:
        await studio.recordings.close()


def record(studio: Studio) -> About:
    """Record something, and end it."""
    if "tea" not in studio.conference.rooms:
        studio.amy = studio.join("Amy")  # type: ignore[attr-defined]
    amy = studio.amy  # type: ignore[attr-defined]
    about = studio.start()
    studio.pass_ticks(100, lambda tick: amy.say(tone(500, tick), studio.now_ns + TICK_NS))
    return studio.recordings.stop(about.id, by="Amy")


async def until(recordings: Recordings, recording_id: str, so: Callable[[About], object]) -> About:
    """Wait until something is so of a recording."""
    while not so(recordings.all[recording_id]):
        await recordings.changed()
    return recordings.all[recording_id]


def stored(about: About) -> bool:
    return about.stored


async def gone(folder: Path) -> None:
    """Wait until a folder is not there any more."""
    while folder.exists():  # noqa: ASYNC110, ASYNC240 - a deletion is no event
        await asyncio.sleep(0.01)


async def read(file: Any, part: tuple[int, int] | None = None) -> bytes:
    assert isinstance(file, StoredFile)
    return b"".join([piece async for piece in await file.read(part)])


# As it should be


async def test_a_recording_goes_there_and_is_had_from_there_and_deleted_there(tmp_path: Path, bucket: Bucket) -> None:
    async with opened(tmp_path, bucket) as studio:
        about = record(studio)
        ready = await until(studio.recordings, about.id, lambda one: one.status == "ready")
        kept = {one["name"]: (tmp_path / about.id / one["name"]).read_bytes() for one in ready.files}
        await until(studio.recordings, about.id, stored)
        await gone(tmp_path / about.id)
        assert {one[0] for one in studio.said[-2:]} == {"recording.ready", "recording.stored"}
        assert sorted(bucket.listing()) == sorted(bucket.address.key(about.id, name) for name in (*kept, ABOUT))
    async with opened(tmp_path, bucket) as later:
        while about.id not in later.recordings.all:  # noqa: ASYNC110 - that it was found is no event
            await asyncio.sleep(0.01)
        found = later.recordings.all[about.id]
        assert (found.status, found.stored, found.seconds, found.room) == ("ready", True, ready.seconds, "tea")
        for name, data in kept.items():
            file = later.recordings.file(about.id, name)
            assert await read(file) == data
            assert await read(file, (3, 9)) == data[3:10]
        for name in (ABOUT, "journal", "../x", ""):
            assert later.recordings.file(about.id, name) is None
        await asyncio.gather(*(later.recordings.delete(about.id) for _ in range(3)))
        assert not bucket.listing()
        assert not later.recordings.all


async def test_what_is_old_is_deleted_there(tmp_path: Path, bucket: Bucket) -> None:
    async with opened(tmp_path, bucket) as studio:
        about = record(studio)
        await until(studio.recordings, about.id, stored)
        later_ns = studio.now_ns + 20 * 86_400 * 10**9
    late = Studio(tmp_path, storage=bucket.storage(), recording_keep_days=10)
    late.now_ns = later_ns
    await late.recordings.open()
    while bucket.listing():  # noqa: ASYNC110 - a deletion is no event
        await asyncio.sleep(0.01)
    await late.recordings.close()


def test_a_large_file_goes_in_parts_and_not_twice(tmp_path: Path, bucket: Bucket) -> None:
    path = tmp_path / "recording.mka"
    path.write_bytes(random.Random(7).randbytes(2 * PART_BYTES + 1))
    storage = bucket.storage()
    storage.put_file("r1", path, "audio/x-matroska")
    key = bucket.address.key("r1", path.name)
    first = bucket.client.head_object(Bucket=bucket.address.bucket, Key=key)
    assert first["ContentType"] == "audio/x-matroska"
    assert first["ETag"].endswith('-3"')
    download, size = storage.open("r1", path.name, (PART_BYTES - 2, PART_BYTES + 1))
    assert download.read(size) == path.read_bytes()[PART_BYTES - 2 : PART_BYTES + 2]
    storage.put_file("r1", path, "audio/x-matroska")
    assert bucket.client.head_object(Bucket=bucket.address.bucket, Key=key)["LastModified"] == first["LastModified"]
    path.write_bytes(b"another")
    storage.put_file("r1", path, "audio/x-matroska")
    assert bucket.client.head_object(Bucket=bucket.address.bucket, Key=key)["ContentLength"] == 7
    assert not bucket.unfinished()


def test_what_others_put_there_is_not_taken_for_a_recording(tmp_path: Path, bucket: Bucket) -> None:
    storage, client = bucket.storage(), bucket.client
    About("good", "tea", "ready", 1.0, None).save(tmp_path)
    good = (tmp_path / ABOUT).read_bytes()
    objects = {
        "good": good, "other": good, "no": b"{", "list": b"[]", "deep": b"[" * 100_000, "large": b" " * (9 * 2**20),
        "..": good.replace(b"good", b".."), "a b": good.replace(b"good", b"a b"), "odd": good.replace(b'"tea"', b"7"),
        "live": good.replace(b"good", b"live").replace(b'"ready"', b'"recording"'),
    }  # fmt: skip
    for name, data in objects.items():
        client.put_object(Bucket=bucket.address.bucket, Key=f"{bucket.address.prefix}/{name}/{ABOUT}", Body=data)
    for key in ("r9/recording.json", f"{bucket.address.prefix}/half/mix.opus", f"{bucket.address.prefix}/{ABOUT}"):
        client.put_object(Bucket=bucket.address.bucket, Key=key, Body=good)
    assert [one.id for one in storage.all()] == ["good"]


def test_to_delete_one_leaves_the_others(tmp_path: Path, bucket: Bucket) -> None:
    storage = bucket.storage()
    for recording_id in ("r1", "r12", "r"):
        storage.put_about(About(recording_id, "tea", "ready", 1.0, None))
    bucket.client.create_multipart_upload(Bucket=bucket.address.bucket, Key=bucket.address.key("r1", "recording.mka"))
    assert bucket.unfinished()
    storage.delete("r1")
    assert sorted(one.id for one in storage.all()) == ["r", "r12"]
    assert not bucket.unfinished()
    storage.delete("r1")
    with pytest.raises(NoSuchObject):
        storage.about("r1")


# Trouble


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("down", "cannot be reached"),
        ("500", "answered 500"),
        ("403", "refuses the server's credentials"),
        ("cut", "reached"),
    ],
)
async def test_what_does_not_get_there_stays_here_and_is_tried_until_it_does(
    tmp_path: Path, bucket: Bucket, way: Way, mode: Any, words: str
) -> None:
    async with opened(tmp_path, bucket, way.url, recording_upload_max_wait=1) as studio:
        way.mode = mode
        about = record(studio)
        failed = await until(studio.recordings, about.id, lambda one: one.not_stored)
        assert words in (failed.not_stored or "")
        assert failed.status == "ready"
        told = [data for name, data in studio.said if name == "recording.not_stored"]
        assert words in told[0]["recording"]["reason"]
        assert "127.0.0.1" not in str(told)
        assert isinstance(studio.recordings.file(about.id, "mix.opus"), Path)  # it can be had all the while
        assert "amy" in studio.room.participants  # and nobody's call ends
        studio.pass_ticks(10)
        way.mode = "through"
        found = await until(studio.recordings, about.id, stored)
        assert found.not_stored is None
        assert found.reason == "Amy stopped it."
        await gone(tmp_path / about.id)
    assert len(bucket.listing()) == 4
    assert not bucket.unfinished()


async def test_credentials_that_the_storage_does_not_know_get_a_sentence(tmp_path: Path, bucket: Bucket) -> None:
    storage, path = bucket.storage(), tmp_path / "mix.opus"
    path.write_bytes(b"OggS")
    bucket.store.let_in(everybody=False)
    try:
        for what in (
            lambda: list(storage.all()),
            lambda: storage.put_file("r1", path, "audio/ogg"),
            lambda: storage.delete("r1"),
        ):
            with pytest.raises(StorageError, match=r"refuses the server's credentials \(.+\)"):
                what()
    finally:
        bucket.store.let_in(everybody=True)


def test_what_is_not_set_up_gets_a_sentence(tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Bucket(bucket.store, ObjectAddress("no-such-bucket", ""))
    with pytest.raises(StorageError, match="no such bucket"):
        list(nowhere.storage().all())
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(StorageError, match="set AWS_ACCESS_KEY_ID"):
        list(bucket.storage().all())


async def test_a_server_that_stops_in_mid_upload_loses_nothing_and_the_next_goes_on(
    tmp_path: Path, bucket: Bucket, way: Way
) -> None:
    async with opened(tmp_path, bucket, way.url) as studio:
        way.mode = "hold"
        about = record(studio)
        await way.stuck.wait()
    assert load(tmp_path / about.id) is not None
    files = {path.name: path.read_bytes() for path in (tmp_path / about.id).iterdir()}
    assert not [key for key in bucket.listing() if key.endswith(ABOUT)]
    way.mode = "through"
    async with opened(tmp_path, bucket, way.url) as later:
        await until(later.recordings, about.id, stored)
        for name in ("recording.mka", "mix.opus", "events.jsonl"):
            assert await read(later.recordings.file(about.id, name)) == files[name]
    assert not bucket.unfinished()


async def test_one_that_is_deleted_in_mid_upload_is_nowhere(tmp_path: Path, bucket: Bucket, way: Way) -> None:
    async with opened(tmp_path, bucket, way.url) as studio:
        way.mode = "hold"
        about = record(studio)
        await way.stuck.wait()
        way.mode = "through"
        await studio.recordings.delete(about.id)
        assert not bucket.listing()
        assert not bucket.unfinished()
        assert not (tmp_path / about.id).exists()
        another = record(studio)  # the uploads go on
        await until(studio.recordings, another.id, stored)
        assert not [key for key in bucket.listing() if about.id + "/" in key]


async def test_what_cannot_be_deleted_there_now_is_still_known(tmp_path: Path, bucket: Bucket, way: Way) -> None:
    async with opened(tmp_path, bucket, way.url) as studio:
        about = record(studio)
        await until(studio.recordings, about.id, stored)
        way.mode = "down"
        with pytest.raises(ObjectsStay, match="cannot be reached"):
            await studio.recordings.delete(about.id)
        assert about.id in studio.recordings.all
        way.mode = "through"
        await studio.recordings.delete(about.id)
        assert not bucket.listing()


async def test_a_server_starts_while_the_storage_is_down_and_finds_what_is_there_later(
    tmp_path: Path, bucket: Bucket, way: Way
) -> None:
    bucket.storage().put_about(About("r9", "tea", "ready", 1.0, None, ended_at=2.0))
    way.mode = "down"
    async with opened(tmp_path, bucket, way.url, recording_upload_max_wait=1) as studio:
        await way.stuck.wait()
        assert not studio.recordings.all
        way.mode = "through"
        while "r9" not in studio.recordings.all:  # noqa: ASYNC110 - that it was found is no event
            await asyncio.sleep(0.01)


# Over HTTP, and for an editor


async def test_files_are_sent_through_the_server_to_those_who_may_have_them(
    tmp_path: Path, bucket: Bucket, way: Way
) -> None:
    settings = guarded(recordings=bucket.address, recording_spool=tmp_path, recording_endpoint=way.url)
    async with Site(settings) as site:
        await site.join(**RECORDS)
        place = (await site.client.post("/rooms/tea/recordings", headers=RECORDS)).headers["Location"]
        recordings, recording_id = site.server.recordings, place.rpartition("/")[2]
        assert recordings is not None
        recordings.stop(recording_id)
        await until(recordings, recording_id, stored)
        shown = await (await site.client.get(place, headers=RECORDS)).json()
        assert (shown["stored"], shown["not_stored"], shown["state"]) == (True, None, "ready")
        path = f"{place}/files/mix.opus"
        for who, headers in STRANGERS.items():
            assert (await site.client.get(path, headers=headers)).status in (401, 403), who
        whole = await site.client.get(path, headers=RECORDS)
        data = await whole.read()
        assert (whole.status, whole.content_type, whole.headers["Accept-Ranges"]) == (200, "audio/ogg", "bytes")
        assert data.startswith(b"OggS")
        assert (
            len(data)
            == whole.content_length
            == next(one["bytes"] for one in shown["files"] if one["name"] == "mix.opus")
        )
        size = len(data)
        for asked, got in {
            "4-9": (4, 10),
            f"{size - 3}-": (size - 3, size),
            "-5": (size - 5, size),
            f"0-{2**40}": (0, size),
        }.items():
            part = await site.client.get(path, headers=RECORDS | {"Range": f"bytes={asked}"})
            assert part.status == 206, asked
            assert await part.read() == data[slice(*got)]
            assert part.headers["Content-Range"] == f"bytes {got[0]}-{got[1] - 1}/{size}"
        for asked in (f"{size}-", "9-4", "a-b", "0-1,4-5"):
            refused = await site.client.get(path, headers=RECORDS | {"Range": f"bytes={asked}"})
            assert refused.status == 416, asked
        since = await site.client.get(path, headers=RECORDS | {"Range": "bytes=0-1", "If-Range": '"x"'})
        assert (since.status, await since.read()) == (200, data)
        head = await site.client.head(path, headers=RECORDS)
        assert (head.status, head.content_length) == (200, size)
        way.mode = "down"
        refused = await site.client.get(path, headers=RECORDS)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
        assert "127.0.0.1" not in (await problem(refused))["title"]
        assert (await site.client.delete(place, headers=RECORDS)).status == 503
        way.mode = "through"
        bucket.client.delete_object(Bucket=bucket.address.bucket, Key=bucket.address.key(recording_id, "mix.opus"))
        assert (await site.client.get(path, headers=RECORDS)).status == 404
        assert (await site.client.delete(place, headers=RECORDS)).status == 204
    assert not bucket.listing()


async def test_it_is_exported_from_there_and_from_the_way_there(
    tmp_path: Path, bucket: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    async with opened(spool, bucket) as studio:
        about = record(studio)
        await until(studio.recordings, about.id, stored)
        await gone(spool / about.id)
    given = [
        "--recordings",
        str(bucket.address),
        "--recording-endpoint",
        bucket.store.url,
        "--recording-spool",
        str(spool),
    ]
    target = tmp_path / "wav"
    assert await asyncio.to_thread(main, ["export", about.id, *given, "--wav", str(target)]) == 0
    assert [path.name for path in sorted(target.iterdir())] == ["01-Amy.wav", "mix.wav"]
    assert len(read_wav(target / "mix.wav")) == round(about.seconds * 48_000)
    assert await asyncio.to_thread(main, ["export", "nothing", *given, "--wav", str(target)]) == 1
    assert "no recording nothing in s3://" in capsys.readouterr().err


def test_without_the_library_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError")
    serve = "import sys; sys.path.insert(0, sys.argv.pop(1)); from conference.cli.main import main; sys.exit(main())"
    given = ["serve", "--port", "0", "--recordings", "s3://talks/a", "--recording-spool", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-c", serve, str(tmp_path), *given], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert (
        ended.stderr == "conference serve: Recordings in an object storage need boto3: pip install 'conference[s3]'.\n"
    )
