"""The options about callers and sounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from conference.attendant.menu import Menu
from conference.settings import Settings, SettingsError
from tests.cli.test_serve_options import complaint, settings


def test_what_callers_are_told_can_be_set(tmp_path: Path) -> None:
    menu = tmp_path / "menu.toml"
    menu.write_text('"1" = "mute"\n', encoding="utf-8")
    given = settings(
        "--no-phone-prompts", "--alone-prompt", "everybody", "--dtmf-menu", str(menu), "--sounds", str(tmp_path),
        "--speech-command", "python3 -c 'print(1)'", "--pin-tries", "5",
    )  # fmt: skip
    assert not given.phone_prompts
    assert given.alone_prompt == "everybody"
    assert given.dtmf_menu == Menu({"1": "mute"})
    assert given.sounds == (tmp_path,)
    assert given.speech_command == ("python3", "-c", "print(1)")
    assert given.pin_tries == 5


def test_the_environment_says_the_same(tmp_path: Path) -> None:
    given = settings(CONFERENCE_SOUNDS=f"{tmp_path} {tmp_path}", CONFERENCE_SPEECH_COMMAND="python3 -V")
    assert given.sounds == (tmp_path, tmp_path)
    assert given.speech_command == ("python3", "-V")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--dtmf-menu", "no-such-menu.toml", "no text can be read"),
        ("--sounds", "no-such-folder", "there is no folder"),
        ("--speech-command", "no-such-program --stdout", "there is no program 'no-such-program'"),
        ("--speech-command", "say 'hello", "a quote is not closed"),
        ("--speech-command", "", "there is no program"),
        ("--alone-prompt", "dogs", "is not one of phones, everybody, nobody"),
        ("--pin-tries", "0", "must be from 1 to 20"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    capsys: pytest.CaptureFixture[str], option: str, value: str, words: str
) -> None:
    assert words in complaint(capsys, option, value)


def test_a_menu_with_a_mistake_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    menu = tmp_path / "menu.toml"
    menu.write_text('"*6" = "dance"\n', encoding="utf-8")
    assert "'dance' is no action" in complaint(capsys, "--dtmf-menu", str(menu))


def test_who_is_told_to_be_alone_is_one_of_three() -> None:
    with pytest.raises(SettingsError, match="alone-prompt"):
        Settings(alone_prompt="dogs")  # type: ignore[arg-type]
