"""What the attendant knows of one room, and what it says there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from conference.attendant.keypad import Keypad
from conference.attendant.prompt_player import PromptPlayer
from conference.audio.frame import Samples
from conference.prompts.library import Library
from conference.room.participant import ParticipantState
from conference.room.room import Room
from conference.room.sounds import Sound

MOST_COUNTED = 20
"""Others whose number is said; there are prompts for as many."""

_NAMED = 3  # prompts that the name of a sound lists, which is made of several


class Announcer:
    """Everybody in a room, what is said to them, and the music of those who wait.

    Args:
        room: which.
        library: what can be played.
        new_id: makes the ids of sounds.
    """

    def __init__(self, room: Room, library: Library, new_id: Callable[[], str]) -> None:
        self.room = room
        self.policy = room.policy
        """As it was when it was last looked at."""
        self.people: dict[str, ParticipantState] = {}
        """As they were when they were last looked at."""
        self.prompted: set[str] = set()
        """Ids of the callers who are told what happens to them."""
        self.keypads: dict[str, Keypad] = {}
        self.prompt_player = PromptPlayer(room, new_id)
        self._library = library
        self._new_id = new_id
        self._music: tuple[str, str] | None = None  # the sound's id, and its name

    def tell(self, participant_id: str, prompts: Sequence[str]) -> None:
        """Say something to a caller, if they are told things."""
        if participant_id in self.prompted and prompts:
            self.say(participant_id, prompts)

    def announce(self, sounds: Sequence[str | Samples]) -> None:
        """Play something to everybody, unless something is being played to everybody: crowds come and go quietly."""
        if not self.prompt_player.is_busy(None):
            self.say(None, sounds)

    def say(self, participant_id: str | None, prompts: Sequence[str | Samples]) -> None:
        """Say something to anybody, or (``None``) to everybody."""
        name = "+".join([prompt for prompt in prompts if isinstance(prompt, str)][:_NAMED])
        self.prompt_player.say(participant_id, name, self._library.sequence(prompts))

    def others(self, participant_id: str) -> list[str]:
        """Ids of those in the conversation besides somebody."""
        return [
            one.id
            for one in self.room.participants.values()
            if one.id != participant_id and not one.waiting and one.call in (None, "answered")
        ]

    def count_prompt(self, participant_id: str) -> str:
        """The prompt that says how many others there are."""
        others = len(self.others(participant_id))
        return "alone" if others == 0 else f"others-{others}" if others <= MOST_COUNTED else "others-many"

    @property
    def waiting_prompt(self) -> str:
        """The prompt that says what is waited for in the lobby."""
        return "waiting-for-host" if self.policy.lobby == "host" else "waiting"

    def forget(self, participant_id: str) -> None:
        """Somebody has gone."""
        self.people.pop(participant_id, None)
        self.prompted.discard(participant_id)
        self.keypads.pop(participant_id, None)
        self.prompt_player.hush(participant_id)

    def see_to_music(self) -> None:
        """Have music playing while somebody waits, and only then."""
        waiting = any(one.held or one.waiting for one in self.people.values())
        wanted = self.policy.hold_music if waiting else None
        if self._music is not None and self._music[1] != wanted:
            self.room.stop_sound(self._music[0])
            self._music = None
        if self._music is None and wanted is not None and wanted in self._library:
            sound = Sound(
                id=self._new_id(), name=wanted, samples=self._library.samples(wanted), loop=True, for_absent=True
            )
            with contextlib.suppress(ValueError):  # too much is being played: there will be another chance
                self.room.play(sound)
                self._music = (sound.id, wanted)

    def stopped(self, sound_id: str) -> None:
        """A sound has ended, or somebody has stopped it."""
        if self._music is not None and self._music[0] == sound_id:
            self._music = None
        self.prompt_player.stopped(sound_id)
