"""What is said to a caller at a room's door: asked for a PIN, turned away, seen off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from conference.attendant.keypad import PinPad
from conference.attendant.waiting import Foyer, Visitor
from conference.prompts.library import Library
from conference.room.participant import Sink, Source

Answer: TypeAlias = Literal["right", "wrong", "enough"]
"""What became of a PIN: it opened the door; it did not; nor will any other for now."""

MAX_PRESSED = 100
"""Keys that a caller may press out here, all together: or else they could begin anew for ever."""


class Door:
    """One caller at the door.

    Args:
        foyer: where they are meanwhile.
        library: has the prompts.
        source: their voice.
        sink: their ear.
    """

    def __init__(self, foyer: Foyer, library: Library, source: Source | None, sink: Sink) -> None:
        self._foyer = foyer
        self._library = library
        self._source = source
        self._sink = sink
        self._visitor: Visitor | None = None
        self._pad: PinPad | None = None
        self._tries = 0
        self._pressed = 0
        self._try_pin: Callable[[str], Answer] | None = None
        self._turn_away: Callable[[], None] | None = None

    def ask_pin(
        self, try_pin: Callable[[str], Answer], turn_away: Callable[[], None], *, tries: int, timeout_ns: int
    ) -> None:
        """Have them key in a PIN.

        Args:
            try_pin: told each one that is complete; lets them in if it is right.
            turn_away: called when they have had all their tries, and were told so.
            tries: how many they have. To press nothing is one, too.
            timeout_ns: how long nothing may be pressed.
        """
        self._pad = PinPad(timeout_ns)
        self._tries = tries
        self._try_pin, self._turn_away = try_pin, turn_away
        self._say("enter-pin")

    def see_off(self, prompts: Sequence[str], then: Callable[[], None]) -> None:
        """Say goodbye; ``then`` is called when they have heard it."""
        self._pad = None
        self._say(*prompts, then=then)

    def press(self, key: str, now_ns: int) -> None:
        """They pressed a key."""
        if self._pad is None or self._visitor is None:
            return
        self._visitor.hush()
        self._pressed += 1
        if self._pressed > MAX_PRESSED:
            self._tries = 0
        self._entered(self._pad.press(key, now_ns) if self._tries else "")

    def leave(self) -> None:
        """They are in a room, or gone."""
        self._pad = None
        if self._visitor is not None:
            self._foyer.leave(self._visitor)
            self._visitor = None

    def _tick(self, now_ns: int) -> None:
        if self._pad is None or self._visitor is None:
            return
        if self._visitor.listening:
            self._pad.wait(now_ns)
        else:
            self._entered(self._pad.expire(now_ns))

    def _entered(self, pin: str | None) -> None:
        if pin is None or self._try_pin is None or self._turn_away is None:
            return
        self._tries -= 1
        answer: Answer = self._try_pin(pin) if pin else "wrong"
        if answer == "right":
            return
        if answer == "enough" or self._tries <= 0:
            self.see_off(["too-many-tries"], self._turn_away)
        elif pin:
            self._say("wrong-pin", "enter-pin")
        else:
            self._say("enter-pin")

    def _say(self, *prompts: str, then: Callable[[], None] | None = None) -> None:
        if self._visitor is None:
            self._visitor = self._foyer.enter(self._source, self._sink, self._tick)
        self._visitor.say(self._library.sequence(prompts), then)
