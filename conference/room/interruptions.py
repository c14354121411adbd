"""Somebody begins to talk while a bot is heard.

A person does, not another bot; a word, not a noise: it stands out of what is known of their background for two frames,
so that a click is none. That is known 40 ms after the first frame in which there is anything of it has begun. And
not the bot itself, come back from somebody's loudspeaker (`audio.echo`): where that may be, it takes a few frames more
to tell.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from conference.audio.echo import RESIDUAL_DB, is_alike
from conference.audio.frame import FRAME_SAMPLES, SILENCE, SILENT_LEVEL, Samples
from conference.room.gains.gain_matrix import Hearing
from conference.room.participant import Participant

QUARTER: Final = 240
"""Samples of 5 ms."""

GAP_TICKS: Final = 10
"""Who was silent for longer than this, and goes on, begins to talk: 200 ms, more than there are within a word."""

NEEDED_FRAMES: Final = 2
"""So many frames stand out from somebody's background before it is talk."""

LASTING_QUARTERS: Final = 5
LASTING_DB: Final = 14.0
"""Of 5 ms each: so many of them are not far below the loudest. A key that is pressed is over by then."""

LOOKED_AT_FRAMES: Final = 4
"""What somebody has said last is looked at, whether it is an echo: more would be too long if they talk into one."""

LOOKS_PER_TICK: Final = 4
"""So many people of one room at most are looked at on one tick, whether they are an echo: each takes 0.7 ms."""

ECHO_BOTS: Final = 4
"""So many bots are looked for in an echo, the loudest."""

ECHO_TICKS: Final = 50
"""An echo comes within a second, the way through two networks and what telephones hold back included."""

ENDING_TICKS: Final = 3
"""For so long a bot is taken to go on that has nothing more to say, as far as is known."""

FAINT_DBOV: Final = -60.0
"""What is no louder is nobody's talk: telephones that are silent are at -75."""

FALLING_DB: Final = 3.0
"""Who begins to talk gets louder, and what fades by so much is the end of something."""

USUAL_DB: Final = 10.0
"""Who is as loud as usual, less this, talks, whatever may come back to them."""


@dataclass(slots=True)
class _Bot:
    participant: Participant
    frames: deque[Samples] = field(default_factory=lambda: deque([SILENCE] * ECHO_TICKS, maxlen=ECHO_TICKS))
    levels: deque[float] = field(default_factory=lambda: deque([SILENT_LEVEL] * ECHO_TICKS, maxlen=ECHO_TICKS))
    quiet_ticks: int = ECHO_TICKS

    def note(self, frame: Samples | None) -> None:
        """What it says on a tick."""
        voice = self.participant.voice
        self.frames.append(SILENCE if frame is None else frame)
        self.levels.append(SILENT_LEVEL if frame is None else voice.level)
        self.quiet_ticks = 0 if frame is not None and voice.loud else self.quiet_ticks + 1

    @property
    def is_heard(self) -> bool:
        """It talks, or pauses and has more to say."""
        if not self.participant.talking:
            return False
        return self.quiet_ticks <= ENDING_TICKS or getattr(self.participant.source, "buffered_ms", 0.0) > 0

    @property
    def may_be_interrupted(self) -> bool:
        """It says something, is about to, or has just done so, so that it may come back from a loudspeaker.

        Of what is played on a tick all is there before it, if the source is paced; of other sources nothing is known.
        """
        source = self.participant.source
        if self.quiet_ticks < ECHO_TICKS or not getattr(source, "paced", False):
            return True
        return getattr(source, "buffered_ms", 1.0) > 0


@dataclass(slots=True)
class _Talk:
    """What somebody says, from a pause to the next."""

    last_tick: int
    frames: deque[Samples] = field(default_factory=lambda: deque(maxlen=LOOKED_AT_FRAMES))
    levels: deque[float] = field(default_factory=lambda: deque(maxlen=LOOKED_AT_FRAMES))
    frames_to_look: int = 1
    """So many more come before it is looked at whether it is an echo."""

    looks: int = 0
    """It was looked at so often."""

    over: bool = False
    """It is known whom it interrupts."""

    def looked_at(self) -> None:
        """It is an echo, as far as is known: at first that is looked at with each frame, then with all that are new."""
        self.looks += 1
        self.frames_to_look = 1 if self.looks < LOOKED_AT_FRAMES else LOOKED_AT_FRAMES


class Interruptions:
    """Finds out, tick by tick, who of one room interrupts which bot.

    Args:
        hearing: the room's matrix of gains.
        interrupted: is told of a bot, and of who interrupts it.
    """

    def __init__(self, hearing: Hearing, interrupted: Callable[[Participant, Participant], None]) -> None:
        self._hearing = hearing
        self._interrupted = interrupted
        self._talks: dict[str, _Talk] = {}
        self._looks = 0  # that are left on this tick
        self._usual: dict[str, float] = {}  # how loud somebody is while no bot is, in dBov
        self.bots: dict[str, _Bot] = {}
        """Those in the room."""

        self._people: set[str] = set()  # all others

    @property
    def possible(self) -> bool:
        """There are bots, and others who may interrupt them: else there is nothing to be done on a tick."""
        return bool(self.bots and self._people)

    @property
    def expected(self) -> bool:
        """Somebody may interrupt a bot on this tick, or come back from a loudspeaker: what all say is to be heard."""
        return any(one.may_be_interrupted for one in self.bots.values())

    def add(self, participant: Participant) -> None:
        """Somebody has come."""
        if participant.bot:
            self.bots[participant.id] = _Bot(participant)
        else:
            self._people.add(participant.id)

    def remove(self, participant_id: str) -> None:
        """Somebody has gone."""
        self.bots.pop(participant_id, None)
        self._people.discard(participant_id)
        self._usual.pop(participant_id, None)
        self._talks.pop(participant_id, None)
        if not self.bots:
            self._talks.clear()

    def review(self, tick: int, voices: Mapping[str, Samples], awake: Iterable[Participant]) -> None:
        """Let a tick pass.

        Args:
            tick: its number.
            voices: the frames of those who are to be heard on it, by id.
            awake: those who may have something to say.
        """
        self._looks = LOOKS_PER_TICK
        for bot in self.bots.values():
            bot.note(voices.get(bot.participant.id))
        heard = [one for one in self.bots.values() if one.is_heard]
        played = [(max(one.levels), one) for one in self.bots.values() if one.quiet_ticks < ECHO_TICKS]
        played.sort(key=lambda one: -one[0])
        unheard = not self.expected
        for participant in tuple(awake):
            frame = voices.get(participant.id)
            voice = participant.voice
            if (frame is None and not unheard) or participant.bot or not participant.may_be_heard:
                continue
            if voice.loud and voice.level > FAINT_DBOV:
                if frame is None:
                    self._note_unheard(participant, tick)
                else:
                    self._note(participant, frame, tick, heard, played)

    def _note_unheard(self, participant: Participant, tick: int) -> None:
        """Somebody talks while no bot does: no more is known than how loud, and nothing is interrupted."""
        self._talk_of(participant, tick).over = True
        self._learn_usual(participant)

    def _talk_of(self, participant: Participant, tick: int) -> _Talk:
        """What somebody says on a tick, and has said since they began."""
        talk = self._talks.get(participant.id)
        if talk is None or tick - talk.last_tick > GAP_TICKS:
            talk = self._talks[participant.id] = _Talk(tick)
        talk.last_tick = tick
        return talk

    def _learn_usual(self, participant: Participant) -> None:
        level = participant.voice.level
        usual = self._usual.get(participant.id, level)
        self._usual[participant.id] = usual + (level - usual) / 8

    def _note(
        self,
        participant: Participant,
        frame: Samples,
        tick: int,
        heard: Iterable[_Bot],
        played: Sequence[tuple[float, _Bot]],
    ) -> None:
        """Somebody makes a sound that stands out from their background.

        Args:
            participant: who.
            frame: what is to be heard of them.
            tick: its number.
            heard: the bots that they may interrupt.
            played: those of which there may still be an echo, the loudest first, with how loud they were in dBov.
        """
        talk = self._talk_of(participant, tick)
        if not played:
            self._learn_usual(participant)
        if talk.over:
            return
        talk.frames.append(frame)
        talk.levels.append(participant.voice.level)
        if len(talk.frames) < NEEDED_FRAMES or not _lasts(talk.frames) or self._may_be_echo(participant, talk, played):
            return
        talk.over = True
        for bot in heard:
            if self._hear_each_other(bot.participant, participant):
                self._interrupted(bot.participant, participant)

    def _hear_each_other(self, bot: Participant, participant: Participant) -> bool:
        """Whether it is for the bot what they say, and for them what it says."""
        if any(one.absent or one.deafened for one in (bot, participant)):
            return False
        gain = self._hearing.gain
        return gain(bot.id, participant.id) > 0 and gain(participant.id, bot.id) > 0

    def _may_be_echo(self, participant: Participant, talk: _Talk, played: Sequence[tuple[float, _Bot]]) -> bool:
        level, usual = max(talk.levels), self._usual.get(participant.id)
        louder = [bot for loudness, bot in played if level < loudness]
        if not louder:
            return False
        if level < played[0][0] - RESIDUAL_DB and (usual is None or level < usual - USUAL_DB):
            return True
        if talk.levels[-1] < level - FALLING_DB:
            return True
        talk.frames_to_look -= 1
        if talk.frames_to_look > 0 or not self._looks:
            return True
        self._looks -= 1
        talk.looked_at()
        return is_alike(_together(louder[:ECHO_BOTS]), talk.frames)


def _together(bots: Sequence[_Bot]) -> Sequence[NDArray[np.integer[Any]]]:
    """What several bots have said, as a loudspeaker plays it."""
    if len(bots) == 1:
        return bots[0].frames
    total = np.zeros(ECHO_TICKS * FRAME_SAMPLES, np.int32)
    for bot in bots:
        total += np.concatenate(bot.frames)
    return [total]


def _lasts(frames: deque[Samples]) -> bool:
    """Whether what was heard is more than a click."""
    quarters = np.concatenate(list(islice(reversed(frames), 3))).astype(np.float64).reshape(-1, QUARTER)
    squares = (quarters * quarters).mean(axis=1)
    return int((squares > squares.max() * 10 ** (-LASTING_DB / 10)).sum()) >= LASTING_QUARTERS
