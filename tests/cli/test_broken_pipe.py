"""What reads the output of a command may go, as ``head`` does when it has seen enough: the command ends in peace."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

CONFERENCE = (sys.executable, "-m", "conference.cli.main")
TOKEN = ("token", "--room", "tea", "--secret", "0123456789abcdef0123456789abcdef")


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The end to write to of a pipe that nobody reads from."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize(
    ("arguments", "unbuffered"), [(TOKEN, ""), (TOKEN, "1"), (("--help",), "")], ids=["token", "unbuffered", "help"]
)
def test_a_command_whose_output_nobody_reads_ends_without_a_word(
    closed_pipe: int, arguments: tuple[str, ...], unbuffered: str
) -> None:
    done = subprocess.run(
        [*CONFERENCE, *arguments],
        stdout=closed_pipe,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")


def test_a_command_whose_complaint_nobody_reads_ends_all_the_same(closed_pipe: int) -> None:
    command = [*CONFERENCE, "token", "--room", "tea", "--secret", "short"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=closed_pipe, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
