"""The sounds that a room plays, and to whom."""

from __future__ import annotations

from collections.abc import Iterator

from conference.audio.frame import Samples
from conference.room.participant import Participant
from conference.room.sounds import Sound

MAX_SOUNDS = 32
"""At once, in one room."""


class Soundboard:
    """The sounds of one room, by id."""

    def __init__(self) -> None:
        self.sounds: dict[str, Sound] = {}

    @property
    def plain(self) -> bool:
        """Whatever sounds is for everybody, as loud as it is, over the talk."""
        return all(
            sound.audience is None and not sound.for_absent and sound.gain == sound.talk_gain == 1.0
            for sound in self.sounds.values()
        )

    def play(self, sound: Sound) -> None:
        """Begin with the next tick.

        Raises:
            ValueError: one with this id is playing, or too many are.
        """
        if sound.id in self.sounds:
            raise ValueError("A sound of this id is being played already.")
        if len(self.sounds) >= MAX_SOUNDS:
            raise ValueError("Too many sounds are being played in this room.")
        self.sounds[sound.id] = sound

    def take_ended(self) -> list[Sound]:
        """Forget those that have come to their end."""
        ended = [sound for sound in self.sounds.values() if sound.ended]
        for sound in ended:
            del self.sounds[sound.id]
        return ended

    def pull(self, now_ns: int, *, absent: bool) -> Iterator[tuple[str, Samples]]:
        """The next frames, by id. What is for those who are absent waits while nobody is."""
        for sound in self.sounds.values():
            waits = sound.for_absent and not absent
            if waits and not sound.stopping:
                continue
            frame = sound.pull(now_ns)
            if waits:
                continue  # it was stopped while nobody heard it
            if frame is not None:
                yield sound.id, frame

    def talk_gain(self, listener: Participant) -> float:
        """How loud people are under the sounds that somebody hears."""
        return min((sound.talk_gain for sound in self.sounds.values() if is_for(sound, listener)), default=1.0)


def is_for(sound: Sound, listener: Participant) -> bool:
    """Whether somebody hears a sound."""
    if sound.for_absent:
        return listener.absent
    if sound.audience is not None:
        return listener.id in sound.audience
    return not (listener.absent or listener.deafened)
