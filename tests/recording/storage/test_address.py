"""Where recordings are kept, as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conference.recording.storage.address import ObjectAddress, read_address, read_endpoint, read_place
from conference.settings import Settings, SettingsError


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://talks", "talks", ""),
        ("s3://talks/", "talks", ""),
        ("s3://talks/a/b/", "talks", "a/b"),
        ("s3://a.b-c.9/what was said", "a.b-c.9", "what was said"),
    ],
)
def test_a_bucket_and_what_keys_begin_with(text: str, bucket: str, prefix: str) -> None:
    found = read_place(text)
    assert found == ObjectAddress(bucket, prefix)
    assert isinstance(found, ObjectAddress)
    assert read_address(str(found)) == found
    assert found.key("r1", "mix.opus") == "/".join(filter(None, (prefix, "r1", "mix.opus")))


@pytest.mark.parametrize(
    "text",
    [
        "s3://", "s3:///a", "s3://A/b", "s3://ab/c", "s3://a..b/c", "s3://talks//a", "s3://talks/a//b", "s3://talks/../b",
        "s3://talks/.", "s3://talks/a\nb", "s3://talks/" + "a" * 600, "s3://user:word@talks/a", "s3://talks/a?b", "S3://talks",
        "gs://talks/a", "file:///tmp", "https://s3.example.org/talks",
    ],
)  # fmt: skip
def test_what_is_no_such_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"BUCKET|prefix|neither"):
        read_place(text)


def test_a_folder_is_a_place(tmp_path: Path) -> None:
    assert read_place(str(tmp_path)) == tmp_path


@given(st.text(max_size=80).map("s3://".__add__) | st.from_regex(r"s3://[a-z.]{1,6}/[a-z./ ]{0,9}", fullmatch=True))
@example("s3://talks/a/./b")
def test_an_address_is_read_or_refused_and_leads_nowhere_else(text: str) -> None:
    try:
        found = read_address(text)
    except ValueError:
        return
    parts = found.key("r1").split("/")
    assert parts[-1] == "r1"
    assert all(part.strip(".") for part in parts)
    assert found.key("r1").isprintable()
    assert read_address(str(found)) == found


@pytest.mark.parametrize("text", ["http://127.0.0.1:9000", "https://minio.example.org/", "https://[::1]:9000"])
def test_an_endpoint_is_an_address(text: str) -> None:
    assert read_endpoint(text) == text.rstrip("/")


@given(st.text() | st.text(max_size=20).map("https://".__add__))
@example("https://a:99999")
@example("https://user:word@minio.example.org")
@example("https://[::1")
@example("ftp://a")
@example("minio:9000")
def test_an_endpoint_is_read_or_refused(text: str) -> None:
    try:
        found = read_endpoint(text)
    except ValueError:
        return
    assert found.startswith(("http://", "https://"))
    assert "@" not in found.split("/")[2]


def test_settings_that_contradict_each_other_get_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="recording-spool"):
        Settings(recordings=ObjectAddress("talks", ""))
    with pytest.raises(SettingsError, match="s3://"):
        Settings(recordings=tmp_path, recording_spool=tmp_path)
    with pytest.raises(SettingsError, match="s3://"):
        Settings(recordings=tmp_path, recording_endpoint="http://127.0.0.1:9000")
