"""One declaration of a setting, and all that comes from it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.attendant.settings import AttendantSettings
from conference.cli.terminal.options import Parser, add_options
from conference.options.declaration import SettingsError, check, choice, declared, part_of, seconds, several, whole
from conference.options.groups import GROUPS, LIMITS, PROGRAM
from conference.options.option import options_of
from conference.options.sources import read_options
from conference.settings import Settings
from conference.telephony.settings import CallerSettings, LegSettings
from conference.webrtc.settings import WebRtcSettings


@dataclass(frozen=True)
class Example:
    max_cups: int = whole(3, LIMITS, "cups at one time", (1, 9), name="cups")
    patience: float = seconds(0.5, LIMITS, "how long one waits", (0.25, 4))
    tea: str = choice("green", PROGRAM, "which tea", ("green", "black"), "TEA")
    guests: tuple[str, ...] = several(PROGRAM, "who comes", "NAME", "guest", str)

    def __post_init__(self) -> None:
        check(self)


def test_one_declaration_gives_the_option_the_variable_the_default_and_the_range(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = Parser(prog="tea")
    add_options(parser, options_of(Example))
    parser.print_help()
    assert "--cups N  cups at one time (default: 3)" in " ".join(capsys.readouterr().out.split(" " * 2)).replace(
        "   ", " "
    )
    given = vars(parser.parse_args(["--cups", "4", "--guest", "amy", "--guest", "ben"]))
    assert read_options(Example, given, {"CONFERENCE_TEA": "BLACK", "CONFERENCE_CUPS": "5"}) == Example(
        4, tea="black", guests=("amy", "ben")
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"max_cups": 0}, "cups must be from 1 to 9, not 0."),
        ({"patience": 5.0}, "patience must be from 0.25 to 4, not 5.0."),
        ({"tea": "red"}, "tea must be one of green, black, not 'red'."),
    ],
)
def test_what_is_out_of_range_is_refused_by_the_options_name(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Example(**given)  # type: ignore[arg-type]
    assert str(refused.value) == sentence


@given(st.integers(-5, 15))
def test_a_value_is_taken_if_it_is_within_the_range_and_only_then(cups: int) -> None:
    try:
        assert Example(max_cups=cups).max_cups == cups
        assert 1 <= cups <= 9
    except SettingsError:
        assert not 1 <= cups <= 9


@pytest.mark.parametrize("kind", [Settings, CallerSettings])
def test_every_default_is_one_that_could_be_given(kind: type) -> None:
    check(kind())
    for option in options_of(kind):
        assert option.setting.group in GROUPS
        assert option.setting.help
        assert option.is_switch == (option.setting.metavar == "")
        if isinstance(option.default, int | float) and not option.is_switch:
            assert option.setting.within is not None, f"{option.field} has no range"
            assert option.setting.read(f"{option.default:.12g}") == option.default


def test_a_part_is_given_what_it_declares_and_nothing_else() -> None:
    settings = Settings(max_digits_per_second=3, max_name_length=20, max_streams=7, pin_tries=2)
    assert part_of(settings, LegSettings) == LegSettings(max_digits_per_second=3, max_name_length=20)
    assert part_of(settings, AttendantSettings) == AttendantSettings(pin_tries=2)
    assert part_of(settings, WebRtcSettings, loopback=True) == WebRtcSettings(max_streams=7, loopback=True)


def test_no_setting_is_declared_by_two_parts() -> None:
    names = [name for part in Settings.__bases__ for name in declared(part)]
    assert len(names) == len(set(names))
    assert sorted(names) == sorted(one.name for one in fields(Settings))
