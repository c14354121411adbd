"""Names and messages come from a terminal, whose bytes need not be characters."""

from __future__ import annotations

import io
import sys

import pytest

from conference.cli import main as command
from conference.cli.main import main

BYTES = "Zo\udceb"
"""How Python shows a Latin-1 name that came in a UTF-8 locale."""


@pytest.mark.parametrize(
    "arguments",
    [
        ("join", "http://127.0.0.1:1", "--room", "tea", "--name", BYTES),
        ("call", "ws://127.0.0.1:1", "--name", BYTES),
        ("call", "ws://127.0.0.1:1", "--param", f"team={BYTES}"),
        ("say", "tea", "hello", BYTES),
    ],
)
def test_bytes_that_are_no_characters_are_refused_and_not_sent_in_part(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "has bytes in it that are no characters in this locale" in line


def test_a_name_that_the_terminal_cannot_show_is_shown_as_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    def says_a_name(_: object) -> int:
        print("Muted Zoë.")
        return 0

    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, encoding="ascii"))
    monkeypatch.setattr(command, "_run", says_a_name)
    assert main(["mute", "tea", "Zoë"]) == 0
    assert terminal.getvalue() == b"Muted Zo\\xeb.\n"
