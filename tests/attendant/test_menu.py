from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.attendant.menu import DEFAULT_KEYS, Menu, MenuError, read_menu


def test_the_usual_menu_is_one() -> None:
    assert Menu().actions == DEFAULT_KEYS
    assert Menu().keys_for("mute") == "*6"
    assert Menu({}).keys_for("mute") is None


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ({"*6": "dance"}, "dance"),
        ({"*6": 3}, "3"),
        ({"A": "mute"}, "keys"),
        ({"": "mute"}, "keys"),
        ({"123456789": "mute"}, "keys"),
        ({"*6": "mute", "*66": "hand"}, r"\*66"),
    ],
)
def test_a_menu_that_cannot_be_is_refused_in_a_sentence(actions: dict[str, Any], words: str) -> None:
    with pytest.raises(MenuError, match=words):
        Menu(actions)


def test_a_menu_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "menu.toml"
    file.write_text('"1" = "mute"\n"*#" = "help"\n', encoding="utf-8")
    assert read_menu(file) == Menu({"1": "mute", "*#": "help"})
    file.write_text("", encoding="utf-8")
    assert not read_menu(file)


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: f'"*6" = {text}'.encode()))
def test_any_file_is_a_menu_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = tmp_path_factory.mktemp("menu") / "menu.toml"
    file.write_bytes(content)
    try:
        read_menu(file)
    except MenuError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either way is right


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MenuError, match="no text can be read"):
        read_menu(tmp_path / "missing.toml")
