"""What rooms hear while telephones ring that they have called: each sound once, however many ring."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable
from dataclasses import dataclass, field

from conference.ids import new_id
from conference.prompts.library import Library, LibraryError
from conference.room.conference import Conference
from conference.room.sounds import Sound


@dataclass(frozen=True, slots=True)
class Ringing:
    """What is heard, where, and by whom."""

    room: str
    sound: str
    """Its name."""

    audience: frozenset[str] | None = None
    """Ids of those who hear it; ``None`` for all who are in the conversation."""


@dataclass(slots=True)
class _Playing:
    sound_id: str
    calls: set[Hashable] = field(default_factory=set)


class Ringback:
    """Plays the sounds, and stops them.

    Args:
        conference: whose rooms.
        library: has the sounds.
    """

    def __init__(self, conference: Conference, library: Library) -> None:
        self._conference = conference
        self._library = library
        self._playing: dict[Ringing, _Playing] = {}

    def __contains__(self, name: str) -> bool:
        """Whether there is a sound of this name."""
        return name in self._library

    def begin(self, call: Hashable, ringing: Ringing) -> None:
        """A call rings."""
        playing = self._playing.get(ringing)
        if playing is None:
            room = self._conference.get(ringing.room)
            if room is None:
                return
            playing = _Playing(new_id())
            # Too much may be played in the room already, and a file of the operator's may be gone: it rings unheard.
            with contextlib.suppress(ValueError, KeyError, LibraryError):
                samples = self._library.samples(ringing.sound)
                room.play(
                    Sound(
                        id=playing.sound_id,
                        name=ringing.sound,
                        samples=samples,
                        audience=ringing.audience,
                        loop=True,
                    )
                )
            self._playing[ringing] = playing
        playing.calls.add(call)

    def end(self, call: Hashable) -> None:
        """A call rings no more. Doing it twice does no harm."""
        for ringing, playing in list(self._playing.items()):
            playing.calls.discard(call)
            if not playing.calls:
                del self._playing[ringing]
                room = self._conference.get(ringing.room)
                if room is not None:
                    room.stop_sound(playing.sound_id)
