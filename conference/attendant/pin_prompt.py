"""What a caller who is not in a room is asked and told: the PIN, and why the call ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from conference.attendant.keypad import PinPad
from conference.attendant.outside import OutsideCaller, OutsideCallers
from conference.prompts.library import Library
from conference.room.participant import Sink, Source

Answer: TypeAlias = Literal["right", "wrong", "enough"]
"""What became of a PIN: it let the caller in; it did not; or no PIN of this caller is looked at for now."""

MAX_PRESSED = 100
"""Keys that a caller may press while asked for a PIN, all together: otherwise they could begin anew for ever."""


class PinPrompt:
    """Asks one caller for a PIN, and says goodbye to them.

    Args:
        outside: plays what is said to the caller meanwhile.
        library: has the prompts.
        source: their voice.
        sink: their ear.
    """

    def __init__(self, outside: OutsideCallers, library: Library, source: Source | None, sink: Sink) -> None:
        self._outside = outside
        self._library = library
        self._source = source
        self._sink = sink
        self._caller: OutsideCaller | None = None
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

    def say_goodbye(self, prompts: Sequence[str], then: Callable[[], None]) -> None:
        """Say goodbye; ``then`` is called when they have heard it."""
        self._pad = None
        self._say(*prompts, then=then)

    def press(self, key: str, now_ns: int) -> None:
        """They pressed a key."""
        if self._pad is None or self._caller is None:
            return
        self._caller.hush()
        self._pressed += 1
        if self._pressed > MAX_PRESSED:
            self._tries = 0
        self._entered(self._pad.press(key, now_ns) if self._tries else "")

    def leave(self) -> None:
        """They are in a room, or gone."""
        self._pad = None
        if self._caller is not None:
            self._outside.leave(self._caller)
            self._caller = None

    def _tick(self, now_ns: int) -> None:
        if self._pad is None or self._caller is None:
            return
        if self._caller.listening:
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
            self.say_goodbye(["too-many-tries"], self._turn_away)
        elif pin:
            self._say("wrong-pin", "enter-pin")
        else:
            self._say("enter-pin")

    def _say(self, *prompts: str, then: Callable[[], None] | None = None) -> None:
        if self._caller is None:
            self._caller = self._outside.enter(self._source, self._sink, self._tick)
        self._caller.say(self._library.sequence(prompts), then)
