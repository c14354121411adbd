"""What an attendant says in one room: to each, and to everybody, one thing after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from conference.audio.frame import Samples
from conference.room.room import Room
from conference.room.sounds import Sound

MAX_AT_ONCE = 16
"""Of what a room can play at once, the rest is left to others."""

MAX_QUEUE = 4
"""For one person. What is over is not said: by then it would be old."""

TALK_GAIN = 0.3
"""How loud people are while somebody is told something."""


@dataclass(slots=True)
class _SpeechQueue:
    """What is said to one person, or (``None``) to everybody."""

    playing: str | None = None
    """Id of the sound."""

    queue: deque[tuple[str, Samples]] = field(default_factory=deque)


class PromptPlayer:
    """Says things in one room.

    Args:
        room: where.
        new_id: makes the ids of sounds.
    """

    def __init__(self, room: Room, new_id: Callable[[], str]) -> None:
        self._room = room
        self._new_id = new_id
        self._lines: dict[str | None, _SpeechQueue] = {}

    def say(self, listener: str | None, name: str, samples: Samples) -> None:
        """Say something to one participant, or (``None``) to everybody, when what is being said to them is over."""
        line = self._lines.setdefault(listener, _SpeechQueue())
        if len(line.queue) < MAX_QUEUE:
            line.queue.append((name, samples))
        self._go_on()

    def is_busy(self, listener: str | None) -> bool:
        """Something is being said to them."""
        return listener in self._lines

    def hush(self, listener: str) -> None:
        """Say nothing more of what is being said to one participant, or was to be."""
        line = self._lines.get(listener)
        if line is None:
            return
        line.queue.clear()
        if line.playing is None:
            del self._lines[listener]
        else:
            self._room.stop_sound(line.playing)

    def stopped(self, sound_id: str) -> None:
        """A sound has come to its end in the room."""
        for listener, line in self._lines.items():
            if line.playing == sound_id:
                line.playing = None
                if not line.queue:
                    del self._lines[listener]
                break
        self._go_on()

    def _go_on(self) -> None:
        for listener, line in list(self._lines.items()):
            if line.playing is None and line.queue and not self._play(listener, line):
                return

    def _play(self, listener: str | None, line: _SpeechQueue) -> bool:
        """Whether there was room for one more."""
        if sum(one.playing is not None for one in self._lines.values()) >= MAX_AT_ONCE:
            return False
        name, samples = line.queue[0]
        sound = Sound(
            id=self._new_id(),
            name=name,
            samples=samples,
            audience=None if listener is None else frozenset({listener}),
            talk_gain=1.0 if listener is None else TALK_GAIN,
        )
        try:
            self._room.play(sound)
        except ValueError:
            return False  # others play so many: when one of theirs ends there is another chance
        line.queue.popleft()
        line.playing = sound.id
        return True
