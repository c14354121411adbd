"""``conference token``: what it prints opens what was asked for, and it never prints the secret."""

from __future__ import annotations

import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.access.grants import RIGHTS, Grant
from conference.access.tokens import verify
from conference.cli.main import main
from conference.cli.token import _duration

SECRET = "the secret of this test: 32 bytes and more"
OTHER = "the secret of another test: 32 bytes and more"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONFERENCE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CONFERENCE_SECRET", SECRET)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, room: str = "tea") -> str:
    assert main(["token", "--room", room, *arguments]) == 0
    return capsys.readouterr().out.strip()


def granted(capsys: pytest.CaptureFixture[str], *arguments: str, room: str = "tea", secret: str = SECRET) -> Grant:
    return verify(printed(capsys, *arguments, room=room), (secret,), time.time())


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        status: object = main(["token", *arguments])
    except SystemExit as stopped:
        status = stopped.code
    assert status in (1, 2)
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert SECRET not in said.err
    return said.err


def test_a_room_is_enough(capsys: pytest.CaptureFixture[str]) -> None:
    grant = granted(capsys)
    assert (grant.room, grant.role, grant.identity, grant.name) == ("tea", "speaker", None, None)
    assert grant.rights == {"speak", "listen"}
    assert grant.expires_at is not None
    assert abs(grant.expires_at - time.time() - 8 * 3600) < 60


def test_everything_can_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--identity", "amy@home", "--name", "Amy Ö.", "--role", "host", "--allow", "listen, moderate")
    grant = granted(capsys, *options, "--ttl", "90s")
    assert (grant.identity, grant.name, grant.role) == ("amy@home", "Amy Ö.", "host")
    assert grant.rights == {"listen", "moderate"}
    assert grant.expires_at is not None
    assert grant.expires_at - time.time() < 91


def test_a_host_may_do_everything_in_all_rooms_if_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    grant = granted(capsys, "--role", "host", room="*")
    assert grant.room is None
    assert grant.rights == set(RIGHTS)


def test_the_secret_comes_from_an_option_a_file_or_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(OTHER + "\n")
    assert granted(capsys, "--secret", OTHER, secret=OTHER)
    assert granted(capsys, "--secret-file", str(file), secret=OTHER)
    monkeypatch.setenv("CONFERENCE_SECRET_FILE", str(file))
    assert granted(capsys, secret=SECRET)
    monkeypatch.delenv("CONFERENCE_SECRET")
    assert granted(capsys, secret=OTHER)


def test_the_first_of_several_secrets_signs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFERENCE_SECRET", f"{OTHER}, {SECRET}")
    assert granted(capsys, secret=OTHER)


def test_a_link_carries_the_token_where_no_server_sees_it(capsys: pytest.CaptureFixture[str]) -> None:
    url = urlsplit(printed(capsys, "--url", "https://talk.example.org/"))
    assert (url.scheme, url.netloc, url.path, url.query) == ("https", "talk.example.org", "/join/tea", "")
    name, _, token = url.fragment.partition("=")
    assert name == "token"
    assert verify(token, (SECRET,), time.time()).room == "tea"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--room"),
        (["--room", "no room"], "not a room's name"),
        (["--room", "tea", "--role", "king"], "--role"),
        (["--room", "tea", "--allow", "fly"], "'fly' is not one of"),
        (["--room", "tea", "--ttl", "soon"], "90s, 15m, 8h or 7d"),
        (["--room", "tea", "--ttl", "0h"], "90s, 15m, 8h or 7d"),
        (["--room", "tea", "--ttl", "9999999d"], "ten years"),
        (["--room", "tea", "--name", ""], "not one line of text"),
        (["--room", "tea", "--name", "a\nb"], "not one line of text"),
        (["--room", "tea", "--secret", "short"], "32 characters"),
        (["--room", "tea", "--secret-file", "/nowhere"], "no text can be read"),
    ],
)
def test_what_makes_no_sense_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert words in complaint(capsys, *arguments)


def test_without_a_secret_it_is_said_where_one_is_looked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CONFERENCE_SECRET")
    assert "CONFERENCE_SECRET" in complaint(capsys, "--room", "tea")


def test_the_server_s_configuration_file_has_its_secret_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path, kept = tmp_path / "conference.toml", tmp_path / "secret"
    kept.write_text(OTHER + "\n", encoding="utf-8")
    path.write_text("recordings = '/nowhere'\nport = 8443\n", encoding="utf-8")  # right for the server's user alone
    assert granted(capsys, "--config", str(path)).room == "tea"  # the environment has one
    monkeypatch.delenv("CONFERENCE_SECRET")
    assert "neither secret nor secret-file" in complaint(capsys, "--room", "tea", "--config", str(path))
    assert "cannot be read" in complaint(capsys, "--room", "tea", "--config", str(tmp_path / "gone.toml"))
    for line in (f"secret = '{OTHER}, {SECRET}'", f"secret-file = '{kept}'"):
        path.write_text(f"recordings = '/nowhere'\n{line}\n", encoding="utf-8")
        assert granted(capsys, "--config", str(path), secret=OTHER).room == "tea"
        with monkeypatch.context() as environment:
            environment.setenv("CONFERENCE_CONFIG", str(path))
            assert granted(capsys, secret=OTHER).room == "tea"
    monkeypatch.setenv("CONFERENCE_SECRET", SECRET)  # wins, as with the server
    assert granted(capsys, "--config", str(path)).room == "tea"


@given(st.integers(1, 99), st.sampled_from("smhd"))
def test_a_time_is_a_number_and_a_unit(number: int, unit: str) -> None:
    assert _duration(f"{number}{unit}") == number * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[unit]
