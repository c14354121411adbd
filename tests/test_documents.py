"""The programs and commands in README.md and in docs/ run, or are understood, as they are printed there."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from conference.access.tokens import verify
from conference.cli.main import COMMANDS
from docs.tables import TABLES, with_tables

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ACCESS = (ROOT / "docs" / "access.md").read_text(encoding="utf-8")


def programs(text: str) -> list[str]:
    """What stands in a document's blocks of Python."""
    return re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def ran(program: Path) -> str:
    """What a program prints, in a process of its own."""
    finished = subprocess.run(
        [sys.executable, str(program)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda one: one.name)
def test_the_tables_of_settings_are_as_they_are_declared(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert text == with_tables(text), "make docs writes them"


def test_each_table_of_settings_stands_in_a_document() -> None:
    texts = [one.read_text(encoding="utf-8") for one in (ROOT / "docs").glob("*.md")]
    for name in TABLES:
        assert any(f"<!-- settings: {name} -->" in one for one in texts)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    [program] = programs(README)
    path = tmp_path / "example.py"
    path.write_text(program, encoding="utf-8")
    return path


def test_the_readmes_example_runs_and_hears_what_was_said(example: Path) -> None:
    shape, _, loudest = ran(example).strip().rpartition(" ")
    assert shape == "(48000,)"
    assert 4000 < int(loudest) < 20_000


def test_the_readmes_example_is_typed(example: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(example)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_a_token_made_as_the_document_shows_opens_the_room_that_it_names(tmp_path: Path) -> None:
    [program] = programs(ACCESS)
    secret = "a secret of more than thirty-two characters"
    path = tmp_path / "sign.py"
    path.write_text(f"secret = {secret!r}\n{program}\nprint(token)\n", encoding="utf-8")
    grant = verify(ran(path).strip(), (secret,), time.time())
    assert (grant.room, grant.role, grant.name) == ("standup", "speaker", "Amy")


def commands(text: str) -> list[list[str]]:
    """The words of each ``conference …`` in a document's blocks."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```$|((?:^    .*\n)+)", text, re.DOTALL | re.MULTILINE)
    lines = "".join(fenced + indented for fenced, indented in blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(line.strip().removeprefix("$ "), comments=True) for line in lines if "conference " in line]
    return [line[1:] for line in words if line[:1] == ["conference"] and line[1:2] != ["="]]


def parsers() -> dict[str, argparse.ArgumentParser]:
    subparsers = argparse.ArgumentParser().add_subparsers()
    for name in dict.fromkeys(COMMANDS.values()):
        import_module(f"conference.cli.{name}").add_parser(subparsers)
    return dict(subparsers.choices)


@pytest.mark.parametrize(
    "path", [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))], ids=lambda path: path.stem
)
def test_the_commands_in_a_document_are_those_that_there_are(path: Path) -> None:
    known = parsers()
    for command, *words in commands(path.read_text(encoding="utf-8")):
        flags = [word.partition("=")[0] for word in words if word.startswith("--")]
        assert command in known, command
        assert not [flag for flag in flags if flag not in known[command].format_help()], (command, flags)


def test_the_documents_have_commands() -> None:
    assert sum(len(commands(path.read_text(encoding="utf-8"))) for path in (ROOT / "docs").glob("*.md")) > 10
