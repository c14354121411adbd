"""Ctrl-C, and a full disk, at moments that no command looks after itself: no traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from conference.cli import main as command

CONFERENCE = (sys.executable, "-m", "conference.cli.main")


def test_ctrl_c_while_a_command_is_loaded_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "import_module", interrupted)
    assert command.main(["serve"]) == 130


def test_ctrl_c_in_a_command_that_asks_the_server_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Sequence[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_run", interrupted)
    assert command.main(["rooms"]) == 130


def test_nothing_that_takes_long_is_loaded_before_ctrl_c_is_looked_after() -> None:
    script = "import sys, conference.cli.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert not {"numpy", "aiohttp", "cryptography", "conference.settings"} & set(done.stdout.split())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="MISSING: /dev/full, which only Linux has")
@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("token", "--room", "tea", "--secret", "0123456789abcdef0123456789abcdef")],
    ids=["help", "token"],
)
def test_output_that_a_full_disk_does_not_take_is_one_sentence(arguments: Sequence[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*CONFERENCE, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert done.stderr == "conference: not all could be written: no space left on device.\n"
