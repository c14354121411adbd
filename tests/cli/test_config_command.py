"""``conference config`` tells what holds, and where it comes from."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from conference.cli.main import main
from conference.options.option import options_of
from conference.options.sources import read_options
from conference.settings import Settings

SECRET = "a secret of more than thirty-two characters"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONFERENCE_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "conference.toml"
    path.write_text(f'port = 1\nhost = "::1"\nsecret = "{SECRET}"\nmax-rooms = 7\n', encoding="utf-8")
    return path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["config", *arguments]) == 0
    return capsys.readouterr().out


def test_each_setting_is_told_with_where_it_comes_from(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONFERENCE_CONFIG", str(file))
    monkeypatch.setenv("CONFERENCE_HOST", "::")
    text = printed(capsys, "--port", "8443", "--no-forwarding")
    assert 'host = "::"  # CONFERENCE_HOST\n' in text
    assert "port = 8443  # --port on the command line\n" in text
    assert "forwarding = false  # --forwarding on the command line\n" in text
    assert f"max-rooms = 7  # {file}, line 4\n" in text
    assert "udp-port = 0  # default\n" in text
    assert "# public-url: not set\n" in text
    assert f"# config: {file}; CONFERENCE_CONFIG\n" in text
    for option in options_of(Settings):
        assert re.search(rf"^(# )?{option.flag.removeprefix('--')}( =|:) ", text, re.MULTILINE), option


def test_secrets_are_not_shown(file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONFERENCE_ICE_SERVER", "turn:amy:hushhush@turn.example.org")
    text = printed(
        capsys, "--config", str(file), "--pin", "tea=987654", "--webhook-secret", "whsec_" + 32 * "A",
        "--webhook", "https://a.example/?key=hushhush",
    )  # fmt: skip
    assert f"# secret: not shown; {file}, line 3\n" in text
    assert "# ice-server: not shown; CONFERENCE_ICE_SERVER\n" in text
    for secret in (SECRET, "hushhush", "987654", "whsec"):
        assert secret not in text


def test_what_is_printed_is_a_configuration_file_of_the_same_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--audiosocket", "[::1]:9092", "--announce-ip", "127.0.0.1", "--announce-ip", "::1", "--opus-complexity", "7",
        "--dial-allow", "bots.example.org", "--sounds", str(tmp_path), "--recordings", str(tmp_path), "--gate", "FIXED",
        "--silence-timeout", "2.5", "--speech-command", "cat -u 'a b' \\\x7f é", "--captions-language", "de",
    ]  # fmt: skip
    path = tmp_path / "printed.toml"
    path.write_text(printed(capsys, *arguments), encoding="utf-8")
    copied = read_options(Settings, {"config": path}, {}, file="config")
    assert main(["config", *arguments, "--changed"]) == 0
    short = tmp_path / "short.toml"
    short.write_text(capsys.readouterr().out, encoding="utf-8")
    assert len(short.read_text(encoding="utf-8")) < len(path.read_text(encoding="utf-8")) / 4
    again = read_options(Settings, {"config": path} | {}, {}, file="config")
    assert copied == again
    assert copied.audiosocket == ("::1", 9092)
    assert copied.announce_ips == ("127.0.0.1", "::1")
    assert (copied.gate, copied.silence_timeout, copied.opus_complexity) == ("fixed", 2.5, 7)
    assert copied.speech_command == ("cat", "-u", "a b", "\x7f", "é")
    assert read_options(Settings, {"config": short}, {}, file="config").recordings == tmp_path


def test_settings_that_make_no_sense_are_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "conference.toml"
    path.write_text("max-rooms = 0\n", encoding="utf-8")
    for command in ("config", "serve"):
        assert main([command, "--config", str(path)]) == 2
        text = capsys.readouterr().err
        assert text.startswith(f"conference {command}: {path}, line 1: max-rooms must be from 1 to 1000000, not 0.")
    assert main(["config", "--opus-min-complexity", "9", "--opus-max-complexity", "2"]) == 2
    assert "opus-min-complexity must not be above" in capsys.readouterr().err
