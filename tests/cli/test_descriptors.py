"""File descriptors: raised as far as it goes, and said if that is not enough."""

from __future__ import annotations

import errno
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from conference.cli.descriptors import needed_descriptors, raise_limit
from conference.cli.main import main
from conference.cli.serve import enough_descriptors
from conference.settings import Settings
from conference.web.http_server import StartError
from tests.web.process import ROOT


def limited(monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, *, refused: bool = False) -> list[tuple[int, int]]:
    """A system with these limits; gives those that are set in it."""
    limits = [(soft, hard)]

    def change(_: int, wanted: tuple[int, int]) -> None:
        if refused:
            raise ValueError("not allowed to raise maximum limit")
        limits.append(wanted)

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", change)
    return limits


@pytest.mark.parametrize(
    ("soft", "hard", "raised"),
    [
        (1024, 4096, 4096),
        (1024, resource.RLIM_INFINITY, 1 << 20),
        (4096, 4096, 4096),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, None),
    ],
)
def test_the_limit_is_raised_to_the_hard_one(
    soft: int, hard: int, raised: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = limited(monkeypatch, soft, hard)
    assert raise_limit() == raised
    assert limits[-1] == ((soft, hard) if raised in (soft, None) else (raised, hard))


def test_a_limit_that_cannot_be_raised_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 1024, 4096, refused=True)
    assert raise_limit() == 1024


def test_too_few_for_the_settings_is_said_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    limited(monkeypatch, 1024, 1024)
    most = enough_descriptors(Settings())
    assert most is not None
    assert 0 < most < 1024
    [told] = [one.getMessage() for one in caplog.records]
    assert "1024 files" in told
    assert str(needed_descriptors(Settings())) in told
    assert "--max-connections" in told


def test_enough_for_the_settings_is_not_worth_a_word(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    limited(monkeypatch, 1024, needed_descriptors(Settings()))
    assert enough_descriptors(Settings()) is None
    assert not caplog.records
    assert enough_descriptors(Settings(capture=tmp_path)) is not None  # a file for each room


def test_so_few_that_nothing_works_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, 8, 8)
    with pytest.raises(StartError, match="8 files"):
        enough_descriptors(Settings())


def test_a_process_that_may_open_next_to_nothing_says_so() -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))

    done = subprocess.run(
        [sys.executable, str(ROOT / "server.py"), "--port", "0"],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "This process may have 8 files open" in done.stderr


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_command_that_can_open_nothing_more_says_so(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: object) -> int:
        raise OSError(number, "Too many open files")

    monkeypatch.setattr("conference.cli.token.run", run)
    assert main(["token", "--room", "tea"]) == 1
    assert capsys.readouterr().err == "conference: no more files can be opened: raise the limit (ulimit -n).\n"
