"""What a caller's keys add up to: an action of the menu, or a PIN. Without a clock: time is handed in."""

from __future__ import annotations

from conference.attendant.menu import Menu, MenuAction

MAX_PIN_DIGITS = 12
"""A PIN is never longer; who goes on and on is given an answer, too."""


class Keypad:
    """Finds the menu's keys among those that are pressed.

    Args:
        menu: the keys to find.
        timeout_ns: longest time between two keys that belong together.
    """

    __slots__ = ("_menu", "_pressed", "_pressed_ns", "_timeout_ns")

    def __init__(self, menu: Menu, timeout_ns: int) -> None:
        self._menu = menu
        self._timeout_ns = timeout_ns
        self._pressed = ""  # what was pressed last, as far as it may be the beginning of an action's keys
        self._pressed_ns = 0

    def press(self, key: str, now_ns: int) -> MenuAction | None:
        """A key was pressed. Returns what that asks for; most often nothing yet, or nothing at all."""
        if now_ns - self._pressed_ns > self._timeout_ns:
            self._pressed = ""
        self._pressed_ns = now_ns
        self._pressed += key
        while self._pressed:
            action = self._menu.actions.get(self._pressed)
            if action is not None:
                self._pressed = ""
                return action
            if any(keys.startswith(self._pressed) for keys in self._menu.actions):
                return None
            self._pressed = self._pressed[1:]
        return None


class PinPad:
    """Collects a PIN: digits, and ``#`` at its end; ``*`` begins anew.

    Args:
        timeout_ns: how long nothing may be pressed until what was pressed counts as all.
    """

    __slots__ = ("_deadline_ns", "_digits", "_timeout_ns")

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._digits = ""
        self._deadline_ns: int | None = None

    def wait(self, now_ns: int) -> None:
        """Begin to wait for keys now, not earlier: the caller has only now been asked."""
        self._deadline_ns = now_ns + self._timeout_ns

    def press(self, key: str, now_ns: int) -> str | None:
        """A key was pressed. Returns the digits when they are complete."""
        self.wait(now_ns)
        if key == "#":
            return self._take() if self._digits else None
        self._digits = "" if key == "*" else self._digits + key
        return self._take() if len(self._digits) > MAX_PIN_DIGITS else None

    def expire(self, now_ns: int) -> str | None:
        """Let time pass. Returns the digits, perhaps none, when it is up."""
        if self._deadline_ns is None or now_ns < self._deadline_ns:
            return None
        return self._take()

    def _take(self) -> str:
        digits, self._digits, self._deadline_ns = self._digits, "", None
        return digits
