"""Who may reach a server that asks nobody, and where its secret comes from."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from conference.cli.main import main
from conference.cli.serve import access_line
from conference.options.sources import read_options
from conference.settings import Settings, SettingsError
from conference.settings.exposure import refuse_strangers
from conference.web.http.tls import addresses_at

SECRET = "the secret of this test: 32 bytes and more"
PUBLIC = "https://talk.example.org"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONFERENCE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "talk.example.org"])
def test_others_are_served_only_with_a_secret_or_when_that_is_said(host: str) -> None:
    with pytest.raises(SettingsError, match=r"secret.*open"):
        refuse_strangers(Settings(host=host))
    refuse_strangers(Settings(host=host, secret=SECRET))
    refuse_strangers(Settings(host=host, open=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_this_machine_is_served_without_a_secret(host: str) -> None:
    refuse_strangers(Settings(host=host))


def test_calls_without_a_uuid_of_ours_come_from_elsewhere_only_when_that_is_said() -> None:
    given: dict[str, Any] = {"audiosocket": ("192.0.2.1", 9092), "audiosocket_room": "tea"}
    with pytest.raises(SettingsError, match=r"audiosocket-room.*secret.*open"):
        refuse_strangers(Settings(**given))
    refuse_strangers(Settings(**given, secret=SECRET))
    refuse_strangers(Settings(**given, open=True))
    refuse_strangers(Settings(**given | {"audiosocket": ("127.0.0.1", 9092)}))
    refuse_strangers(Settings(**given | {"audiosocket_room": None}))


def test_a_server_that_may_not_start_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("conference serve: Whoever reaches 0.0.0.0 could do everything here")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "everybody on this machine may do everything"),
        ({"host": "0.0.0.0", "open": True}, "EVERYBODY who reaches this server"),
        ({"public_url": PUBLIC}, "EVERYBODY whom the proxy lets through"),
        ({"behind_proxy": True}, "EVERYBODY whom the proxy lets through"),
        ({"host": "0.0.0.0", "secret": SECRET}, "only with a token"),
    ],
)
def test_who_may_do_what_is_said_at_the_start(settings: dict[str, Any], words: str) -> None:
    line = access_line(Settings(**settings))
    assert words in line
    assert SECRET not in line


def test_the_secret_is_read_from_the_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET + "\n")
    assert read_options(Settings, {}, {"CONFERENCE_SECRET": SECRET}).secrets == (SECRET,)
    assert read_options(Settings, {}, {"CONFERENCE_SECRET_FILE": str(file)}).secrets == (SECRET,)
    assert read_options(Settings, {}, {"CONFERENCE_SECRET": f"{SECRET},{'x' * 32}"}).secrets == (SECRET, "x" * 32)
    assert read_options(Settings, {}, {"CONFERENCE_PIN": "tea=1234 milk=9876"}).pins == (
        ("tea", "1234"),
        ("milk", "9876"),
    )


@pytest.mark.parametrize("secret", ["short", f"{SECRET},short", f"{SECRET},", ",", "x" * 31])
def test_a_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="32 characters") as refused:
        Settings(secret=secret)
    assert SECRET not in str(refused.value)


def test_a_secret_and_a_file_for_it_are_one_too_many(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    with pytest.raises(SettingsError, match="one of them"):
        Settings(secret=SECRET, secret_file=file)


def test_a_file_that_holds_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff" * 64)
    with pytest.raises(SettingsError, match="no text"):
        Settings(secret_file=file)
    file.write_text("")
    with pytest.raises(SettingsError, match="32 characters"):
        Settings(secret_file=file)


def test_a_pin_without_a_room_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--pin", "1234"])
    assert "ROOM=1234" in capsys.readouterr().err


def test_twilios_library_that_is_not_there_is_one_clear_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "twilio.request_validator", None)
    assert main(["serve", "--port", "0", "--twilio-auth-token", "12345", "--public-url", PUBLIC]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "pip install 'conference[twilio]'" in line


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("0.0.0.0", ["192.0.2.7", "127.0.0.1"]),
        ("::", ["2001:db8::7", "::1"]),
        ("192.0.2.7", ["192.0.2.7"]),
    ],
)
def test_only_addresses_that_are_listened_on_are_told(
    host: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conference.web.http.tls.local_addresses", lambda: ["192.0.2.7", "2001:db8::7"])
    assert addresses_at(host) == told
