"""A configuration file, and that what is wrong in it is said with the line."""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.options.configuration_file import read_configuration
from conference.options.declaration import SettingsError, check, choice, seconds, several, switch, value, whole
from conference.options.groups import LIMITS, PROGRAM
from conference.options.option import options_of
from conference.options.sources import read_options
from conference.settings import Settings
from conference.settings.program import CONFIGURATION


@dataclass(frozen=True)
class Example:
    config: Path | None = value(None, PROGRAM, "from a file", "FILE", Path)
    max_cups: int = whole(3, LIMITS, "cups at one time", (1, 9), name="cups-at-once")
    patience: float = seconds(0.5, LIMITS, "how long one waits", (0.25, 4))
    tea: str = choice("green", PROGRAM, "which tea", ("green", "black"), "TEA")
    warm: bool = switch(False, PROGRAM, "warm the pot")
    guests: tuple[str, ...] = several(PROGRAM, "who comes", "NAME", "guest", str)

    def __post_init__(self) -> None:
        check(self)


def written(folder: Path, text: str) -> Path:
    path = folder / "tea.toml"
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **environment: str) -> Example:
    return read_options(Example, {"config": path}, environment, file="config")


def test_each_kind_of_setting_is_taken(tmp_path: Path) -> None:
    text = """
    # five o'clock
    cups-at-once = 5
    patience = 2
    tea = "black"
    warm = true
    guest = ["Amy", "Ben Hur"]
    """
    path = written(tmp_path, text)
    assert read(path) == Example(path, 5, 2.0, "black", True, ("Amy", "Ben Hur"))


def test_underscores_are_as_good_as_hyphens_and_one_of_many_needs_no_list(tmp_path: Path) -> None:
    path = written(tmp_path, 'cups_at_once = 4\nguest = "Amy"\n')
    assert read(path) == Example(path, 4, guests=("Amy",))


def test_the_command_line_wins_then_the_environment_then_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, 'cups-at-once = 1\npatience = 1\ntea = "black"\n')
    found = read_options(
        Example,
        {"config": path, "max_cups": 3},
        {"CONFERENCE_CUPS_AT_ONCE": "2", "CONFERENCE_PATIENCE": "2"},
        file="config",
    )
    assert (found.max_cups, found.patience, found.tea) == (3, 2.0, "black")


def test_a_variable_of_the_environment_can_name_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "cups-at-once = 7")
    assert read_options(Example, {}, {"CONFERENCE_CONFIG": str(path)}, file="config").max_cups == 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("\ncups-at-onse = 1", ", line 2: there is no setting 'cups-at-onse'. The nearest is cups-at-once."),
        ("zebra = 1", ", line 1: there is no setting 'zebra'. conference config lists all that there are."),
        ("cups-at-once = '3'", ", line 1: cups-at-once takes a whole number, not text."),
        ("cups-at-once = 2.5", ", line 1: cups-at-once takes a whole number, not a number."),
        ("cups-at-once = true", ", line 1: cups-at-once takes a whole number, not true or false."),
        ("cups-at-once = [1]", ", line 1: cups-at-once takes a whole number, not a list."),
        ("cups-at-once = 10", ", line 1: cups-at-once must be from 1 to 9, not 10."),
        ("cups-at-once = -1", ", line 1: cups-at-once: '-1' is not a whole number."),
        ("patience = nan", ", line 1: patience: 'nan' is not a number of seconds."),
        ("# x\n\nwarm = 'yes'", ", line 3: warm takes true or false, not text."),
        ("tea = 2026-01-01", ", line 1: tea takes text, in quotes, not a date or a table."),
        ("tea = 'mint'", ", line 1: tea: 'mint' is not one of green, black."),
        ("guest = ['Amy', 7]", ", line 1: guest takes text, in quotes, or a list of such, not a number."),
        ("tea.leaf = 1", ", line 1: tea takes text, in quotes, not a date or a table."),
        (
            "warm = true\n[kitchen]\ncups-at-once = 1",
            ", line 2: 'kitchen' is a table: all settings stand by themselves",
        ),
        ("config = 'other.toml'", ", line 1: config names this file, and cannot stand in it."),
        ("cups-at-once = 1\ncups_at_once = 2", ", line 2: cups_at_once is given twice"),
        ("warm = true\ntea =\n", ", line 2: this is not TOML: invalid value."),
        ("tea = 'green", ", line 1: this is not TOML: "),
        ("warm = true\nwarm = true", ", line 2: this is not TOML: cannot overwrite a value."),
        ("guest = " + 10_000 * "[", ": lists or tables stand too deep within each other."),
        ("cups-at-once = " + 5_000 * "9", ": a number in it has too many digits."),
        ("cups-at-once = 0x" + 5_000 * "f", ", line 1: cups-at-once: the number is far too large."),
        ("warm = true\n" + 2**20 * "#", ": it has more than 1 MB"),
    ],
)
def test_what_is_wrong_is_said_with_the_file_and_the_line(text: str, sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}{sentence}")
    assert str(refused.value).endswith(".")


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_setting(tmp_path: Path) -> None:
    assert read(written(tmp_path, "\ufefftea = 'black'")).tea == "black"


@pytest.mark.parametrize(
    "line",
    [
        "ice-server = 'turn:talk.example.org:3478,amy,hidden-from-view'",
        "ice-server = 'hidden-from-view@@x y'",
        "ice-server = 'turn:hidden-from-view@talk.example.org'",
        "redis = 'default:hidden-from-view@localhost'",
        "webhook = 'ftp://amy:hidden-from-view@talk.example.org'",
        "webhook-secret = 'hidden-from-view'\nwebhook = 'https://talk.example.org'",
        "pin = 'tea-hidden-from-view'",
        "pin = 'tea=hidden-from-view'",
        "secret = 'hidden-from-view'",
        "secret = ['hidden-from-view']",
        "secret = hidden-from-view",
    ],
)
def test_no_secret_is_in_what_is_said_against_it(line: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        read_options(Settings, {CONFIGURATION: written(tmp_path, line)}, {}, file=CONFIGURATION)
    assert "hidden-from-view" not in str(refused.value)


def test_what_is_not_wanted_is_not_looked_at(tmp_path: Path) -> None:
    path = written(tmp_path, "cups-at-once = 'many'\ntea = 'black'\n")
    found = read_configuration(path, options_of(Example), without="config", only=("tea",))
    assert {name: one.value for name, one in found.items()} == {"tea": "black"}


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: it cannot be read: no such file or directory\.$"):
        read(tmp_path / "gone.toml")
    (tmp_path / "latin.toml").write_bytes(b"tea = '\xfc'")
    with pytest.raises(SettingsError, match=r"latin\.toml: it is not in UTF-8, from byte 7 on\.$"):
        read(tmp_path / "latin.toml")


_TEXT = st.text(st.characters(codec="utf-8"), max_size=300)
_VALUES = st.one_of(
    st.booleans().map(lambda one: str(one).lower()),
    st.integers(-(10**14), 10**14).map(str),
    st.integers(1, 6000).map(lambda digits: "0x" + digits * "f"),
    st.integers(1, 6000).map(lambda digits: digits * "9"),
    st.floats().map(str),
    _TEXT.map(lambda one: '"' + "".join(f"\\U{ord(each):08x}" for each in one) + '"'),
    st.just("2026-01-01"),
    st.just("{ a = 1 }"),
)
_NAMES = st.sampled_from(sorted(one.flag.removeprefix("--") for one in options_of(Settings)))


@given(
    name=_NAMES,
    written_value=st.one_of(_VALUES, st.lists(_VALUES, max_size=3).map(lambda some: f"[{', '.join(some)}]")),
)
def test_any_value_of_any_setting_gives_settings_or_a_sentence(
    name: str, written_value: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(f"{name} = {written_value}\n", encoding="utf-8")
    try:
        read_options(Settings, {CONFIGURATION: path}, {}, file=CONFIGURATION)
    except SettingsError as error:
        assert str(error).endswith(".")  # noqa: PT017 - either way is right


@given(content=st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode))
def test_any_file_gives_settings_or_a_sentence_that_names_it(
    content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.toml"
    path.write_bytes(content)
    try:
        read_configuration(path, options_of(Settings), without=CONFIGURATION)
    except SettingsError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 - either way is right
        assert str(error).endswith(".")  # noqa: PT017
