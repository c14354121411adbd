"""Keys of a telephone: what they add up to."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.attendant.keypad import MAX_PIN_DIGITS, Keypad, PinPad
from conference.attendant.menu import ACTIONS, KEYS, Menu, MenuAction, MenuError

SECOND = 1_000_000_000
TIMEOUT = 3 * SECOND


def press(keypad: Keypad, keys: str, *, every_ns: int = SECOND) -> list[MenuAction]:
    pressed = [keypad.press(key, (place + 1) * every_ns) for place, key in enumerate(keys)]
    return [action for action in pressed if action is not None]


@pytest.mark.parametrize(
    ("keys", "actions"),
    [
        ("*6", ["mute"]),
        ("*6*6", ["mute", "mute"]),
        ("**6", ["mute"]),
        ("6*6", ["mute"]),
        ("*1*6", ["mute"]),
        ("*0*6", ["mute"]),
        ("*00", ["end"]),
        ("*0#6", []),
        ("666", []),
    ],
)
def test_the_menus_keys_are_found_among_others(keys: str, actions: list[MenuAction]) -> None:
    assert press(Keypad(Menu(), TIMEOUT), keys) == actions


def test_keys_that_come_too_far_apart_do_not_belong_together() -> None:
    keypad = Keypad(Menu(), TIMEOUT)
    assert keypad.press("*", 0) is None
    assert keypad.press("6", TIMEOUT + 1) is None
    assert keypad.press("*", TIMEOUT + 2) is None
    assert keypad.press("6", 2 * TIMEOUT + 2) == "mute"


menus = st.dictionaries(st.text(sorted(KEYS), min_size=1, max_size=4), st.sampled_from(ACTIONS), max_size=8)


@given(menus, st.text(sorted(KEYS), max_size=60))
def test_whatever_is_pressed_does_what_reading_it_from_left_to_right_says(
    actions: dict[str, MenuAction], keys: str
) -> None:
    try:
        menu = Menu(actions)
    except MenuError:
        return
    if not actions:
        assert press(Keypad(menu, TIMEOUT), keys) == []
        return
    # No keys are the beginning of others. Where several end at once, those win that began first.
    expected, begin = [], 0
    for end in range(1, len(keys) + 1):
        for start in range(begin, end):
            if keys[start:end] in actions and not any(
                keys[one:end] != keys[start:end] and any(more.startswith(keys[one:end]) for more in actions)
                for one in range(begin, start)
            ):
                expected.append(actions[keys[start:end]])
                begin = end
                break
    assert press(Keypad(menu, TIMEOUT), keys) == expected


@given(st.lists(st.tuples(st.sampled_from(sorted(KEYS)), st.integers(0, 2 * TIMEOUT))))
def test_an_action_is_only_ever_asked_for_by_its_own_keys_in_time(pressed: list[tuple[str, int]]) -> None:
    menu, keypad, now_ns, history = Menu(), Keypad(Menu(), TIMEOUT), 0, ""
    for key, pause_ns in pressed:
        now_ns += pause_ns
        history = key if pause_ns > TIMEOUT else history + key
        action = keypad.press(key, now_ns)
        if action is not None:
            keys = menu.keys_for(action)
            assert keys is not None
            assert history.endswith(keys)
            history = ""


def test_a_pin_is_complete_with_the_hash() -> None:
    pad = PinPad(TIMEOUT)
    assert [pad.press(key, 0) for key in "1234#"] == [None, None, None, None, "1234"]
    assert [pad.press(key, 0) for key in "99*12#"][-1] == "12"
    assert pad.press("#", 0) is None


def test_a_pin_is_complete_when_nothing_more_comes() -> None:
    pad = PinPad(TIMEOUT)
    assert pad.expire(10**15) is None  # nobody has been asked
    pad.wait(0)
    pad.press("7", SECOND)
    assert pad.expire(SECOND + TIMEOUT - 1) is None
    assert pad.expire(SECOND + TIMEOUT) == "7"
    pad.wait(10 * SECOND)
    assert pad.expire(10 * SECOND + TIMEOUT) == ""


@given(st.text(sorted(KEYS), max_size=200))
def test_whoever_presses_on_and_on_is_answered(keys: str) -> None:
    pad, entered = PinPad(TIMEOUT), []
    for key in keys:
        pin = pad.press(key, 0)
        if pin is not None:
            entered.append(pin)
    assert all(re.fullmatch(f"[0-9]{{1,{MAX_PIN_DIGITS + 1}}}", pin) for pin in entered)
    unanswered = re.split(r"[*#]", keys)[-1]
    assert pad.expire(TIMEOUT) in (None, unanswered[len(unanswered) - len(unanswered) % (MAX_PIN_DIGITS + 1) :])
