"""Whose voice is decoded on a tick, and whose need not be.

Most people in a room say nothing. A source that has nothing to play *sleeps*, and costs nothing until a packet wakes
it.

When more people sound than are mixed, only the loudest are decoded. How loud they are their packets say before they are
decoded (RFC 6464). That is not exact, so one more is decoded than are mixed, and who is mixed is decided by what was
decoded. Sources that say nothing of their loudness, or were found to be wrong about it, are always decoded.

Those who are not decoded and do not talk are *squelched*, as a radio is on an empty channel: the noise of their room
counts as silence until something louder comes, so that they sleep, too. In a large meeting that is nearly everybody
with an open microphone. When there is room for more sources, squelched ones are decoded again, one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, Protocol, TypeAlias, cast

from conference.audio.frame import SILENT_LEVEL, Samples
from conference.playout.forwardable import ForwardableSource
from conference.playout.silence import SILENT_DBOV
from conference.playout.source import PacketSource
from conference.room.mixing.loudest import TalkerSelection
from conference.room.observer import Observers
from conference.room.participant import Participant

SPARE = 1
"""So many more are decoded than are mixed, as far as their packets tell who they are: whoever comes next."""

RELIEF_TICKS = 5
"""How often one of those who are squelched is looked at again, while there is room for them."""

LEVEL_TICKS: Final = 5
"""How often it is looked how loud those are whose packets are only sent on. All else of a tick they cost nothing."""

ListeningState: TypeAlias = Literal["awake", "squelched", "asleep", "asleep squelched"]
"""How somebody is listened to: ``awake`` are those whose sources may have something to play, squelched or not."""

FALL_ASLEEP: Final[dict[ListeningState, ListeningState]] = {"awake": "asleep", "squelched": "asleep squelched"}
WAKE: Final[dict[ListeningState, ListeningState]] = {"asleep": "awake", "asleep squelched": "squelched"}
SQUELCH: Final[dict[ListeningState, ListeningState]] = {"awake": "squelched"}
RELIEVE: Final[dict[ListeningState, ListeningState]] = {"squelched": "awake", "asleep squelched": "asleep"}
"""What each state becomes; of those that are not there, nothing does."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """How one participant is listened to."""

    participant: Participant
    state: ListeningState = "awake"
    asleep_since: int | None = None
    """The tick; ``None``: they are awake, or fell asleep squelched, which is not known to be silence."""

    squelched_as: int = 0
    """A number that rises: who was squelched first is looked at first."""


class _Sleeper(Protocol):
    """A source that can sleep: see `Source`."""

    wake: Callable[[], None] | None

    def slept(self, ticks: int) -> None: ...


class SpeakerSelector:
    """Selects, tick by tick, who of one room is decoded.

    Args:
        max_talkers: how many are mixed at once.
        expel: is told of a participant whose source failed.
        talks: is told when somebody starts to talk, or stops.
        observers: are told what sources give.
    """

    def __init__(
        self,
        max_talkers: int,
        expel: Callable[[Participant], None],
        talks: Callable[[Participant, bool], None],
        observers: Observers,
    ) -> None:
        self._expel = expel
        self._talks = talks
        self._observers = observers
        self._candidates = TalkerSelection(max_talkers + SPARE)
        self._entries: dict[str, _Entry] = {}
        self._awake: dict[str, Participant] = {}  # of these, who is awake: a tick looks at nobody else
        self._squelches = 0
        self._ticks = 0
        self._roused = True  # somebody has woken or come since the last tick

    @property
    def awake(self) -> Collection[Participant]:
        """Those whose sources may have something to play; all others are silent."""
        return self._awake.values()

    def state(self, participant_id: str) -> ListeningState | None:
        """How somebody is listened to; ``None`` if they are not there."""
        entry = self._entries.get(participant_id)
        return None if entry is None else entry.state

    def take(self, participant: Participant) -> None:
        """Somebody has come, or has another source."""
        if isinstance(participant.source, PacketSource):
            participant.source.owner = f"participant {participant.id}"
            participant.source.squelch(None)
        self.forget(participant)
        self._entries[participant.id] = _Entry(participant)
        self._awake[participant.id] = participant
        self._roused = True

    def forget(self, participant: Participant) -> None:
        """Somebody has gone."""
        self._entries.pop(participant.id, None)
        self._awake.pop(participant.id, None)

    def listen(self, now_ns: int, mixed: Collection[str]) -> dict[str, Samples]:
        """Let a tick pass.

        Args:
            now_ns: monotonic time at which it is due.
            mixed: ids of those who were mixed on the last one.

        Returns:
            The frames of those who are to be heard, by id: each of shape ``(960,)``, int16.
        """
        self._ticks += 1
        self._roused = False
        voices: dict[str, Samples] = {}
        if self._squelches and not self._ticks % RELIEF_TICKS:
            self._relieve()
        if not self._awake:
            return voices
        everybody = list(self._awake.values())
        if self._ticks % LEVEL_TICKS:
            everybody = [one for one in everybody if not _is_only_sent_on(one)]
            if not everybody:
                return voices
        talking = sum(one.talking for one in self._awake.values())
        passed_over = self._loud_enough_only(everybody, mixed)
        for participant in everybody:
            participant.voice.covered = talking > participant.talking
            if self._squelches and self._is_squelched(participant):
                self._skip(participant, now_ns)
            elif participant.id in passed_over:
                self._pass_over(participant, now_ns, passed_over[participant.id])
            elif (heard := self._hear(participant, now_ns)) is not None:
                voices[participant.id] = heard
        return voices

    @property
    def at_rest(self) -> bool:
        """Of those who are awake, others get the packets as they come: they are looked at every `LEVEL_TICKS` only."""
        return all(_is_only_sent_on(one) for one in self._awake.values())

    @property
    def roused(self) -> bool:
        """Somebody has woken or come since the last tick."""
        return self._roused

    @property
    def ticks_to_look(self) -> int:
        """In how many ticks it is looked how loud those are whose packets are only sent on."""
        return LEVEL_TICKS - self._ticks % LEVEL_TICKS

    def pass_ticks(self, ticks: int) -> None:
        """So many ticks have passed while :attr:`at_rest`, on which there was nothing to look at."""
        self._ticks += ticks

    def rest(self, now_ns: int) -> bool:
        """Let a tick pass on which nobody is played, with a look at how loud those are whose packets are sent on.

        Args:
            now_ns: monotonic time at which it is due.

        Returns:
            Whether that could be.
        """
        if self._roused:
            return False
        if self.ticks_to_look == 1:
            if self._squelches or not self.at_rest:
                return False
            self._ticks += 1
            for one in list(self._awake.values()):
                if one.id in self._awake and isinstance(one.source, ForwardableSource):
                    self._pass_on(one, one.source, now_ns)
        else:
            self._ticks += 1
        return True

    def resume(self, participant: Participant, now_ns: int) -> Samples | None:
        """Take in the voice of somebody whose packets were only forwarded until this tick."""
        return self._hear(participant, now_ns)

    def _loud_enough_only(self, everybody: list[Participant], mixed: Collection[str]) -> dict[str, float]:
        """Those who are too quiet beside so many others, with the level, in dBov, that their packets give."""
        said_levels: dict[str, float] = {}
        if len(everybody) > self._candidates.limit:
            for one in everybody:
                said_level = _said_level(one)
                if said_level is not None:
                    said_levels[one.id] = said_level
        candidates = self._candidates.choose(said_levels)
        if len(candidates) == len(said_levels):
            return {}
        return {one: level for one, level in said_levels.items() if one not in candidates and one not in mixed}

    def _is_squelched(self, participant: Participant) -> bool:
        """Whether somebody is still squelched: nothing louder than the noise of their room has come."""
        source, entry = participant.source, self._entries.get(participant.id)
        if isinstance(source, PacketSource) and source.squelched:
            return True
        if entry is not None:
            entry.state = RELIEVE.get(entry.state, entry.state)
        return False

    def _relieve(self) -> None:
        """Look again at who was squelched first, of those who may be heard, if there is room for them."""
        if sum(_said_level(one) is not None for one in self._awake.values()) >= self._candidates.limit:
            return
        squelched = [one for one in self._entries.values() if one.state in RELIEVE and one.participant.may_be_heard]
        if squelched:
            first = min(squelched, key=lambda one: one.squelched_as)
            first.state = RELIEVE[first.state]
            if isinstance(first.participant.source, PacketSource):
                first.participant.source.squelch(None)

    def _hear(self, participant: Participant, now_ns: int) -> Samples | None:
        """Take in somebody's voice. Returns what is to be heard of it."""
        voice, source = participant.voice, participant.source
        audible = participant.may_be_heard
        if isinstance(source, ForwardableSource) and not source.plays:
            self._pass_on(participant, source, now_ns)
            return None
        if not audible and voice.at_rest and isinstance(source, PacketSource):
            self._skip(participant, now_ns)
            return None
        frame = None if source is None else self._pull(participant, source.pull, now_ns)
        if participant.source is not source:
            return None  # it has failed, and they were removed
        if frame is not None and self._observers.all:
            self._tell_of_frame(participant, frame)
        heard = voice.process(frame, muted=not audible)
        if audible:
            self._show(participant)
        if frame is None:
            self._let_sleep(participant)
        elif isinstance(source, PacketSource) and not voice.settings.noise_suppression and audible:
            source.compare(voice.level)
        return heard

    def _pass_on(self, participant: Participant, source: ForwardableSource, now_ns: int) -> None:
        """Let a tick pass on which somebody's packets are only sent on: what they say of themselves is shown."""
        ticks = 1 if participant.voice.may_be_levelled else LEVEL_TICKS
        level = source.take_level(now_ns, ticks)
        participant.voice.pass_on(SILENT_LEVEL if level is None else level, ticks)
        self._show(participant)
        self._let_sleep(participant)

    def _pass_over(self, participant: Participant, now_ns: int, said_level: float) -> None:
        source, voice = participant.source, participant.voice
        if isinstance(source, PacketSource):
            self._pull(participant, source.skip, now_ns)
        if participant.source is None:
            return  # that has failed, and they may have been removed
        voice.pass_over(said_level)
        if isinstance(source, PacketSource) and not voice.talking:
            source.squelch(voice.opening_level)
            if source.squelched:
                self._squelch(participant)
                voice.rest()
        self._show(participant)

    def _squelch(self, participant: Participant) -> None:
        entry = self._entries.get(participant.id)
        if entry is not None and entry.state in SQUELCH:
            self._squelches += 1
            entry.state, entry.squelched_as = SQUELCH[entry.state], self._squelches

    def _skip(self, participant: Participant, now_ns: int) -> None:
        """Let a tick pass on which somebody has nothing to say that is to be heard."""
        if isinstance(participant.source, PacketSource):
            self._pull(participant, participant.source.skip, now_ns)
        self._let_sleep(participant)

    def _pull(self, participant: Participant, pull: Callable[[int], Samples | None], now_ns: int) -> Samples | None:
        try:
            return pull(now_ns)
        except Exception:
            if self._observers.all:
                self._observers.tell(lambda one: one.voice_failed(participant))
            self._expel(participant)
            return None

    def _tell_of_frame(self, participant: Participant, frame: Samples) -> None:
        self._observers.tell(lambda one: one.voice_pulled(participant, frame))

    def _show(self, participant: Participant) -> None:
        voice = participant.voice
        participant.level = voice.level
        if voice.talking != participant.talking:
            self._talks(participant, voice.talking)

    def _let_sleep(self, participant: Participant) -> None:
        """Leave somebody out until there is something to be heard of them, if that is possible."""
        source, entry = participant.source, self._entries.get(participant.id)
        if entry is None or not participant.voice.at_rest or entry.state not in FALL_ASLEEP:
            return
        if source is not None:
            if not getattr(source, "idle", False):
                return
            cast("_Sleeper", source).wake = partial(self._wake, participant)
        entry.asleep_since = None if entry.state == "squelched" else self._ticks
        entry.state = FALL_ASLEEP[entry.state]
        del self._awake[participant.id]

    def _wake(self, participant: Participant) -> None:
        entry = self._entries.get(participant.id)
        if entry is None or entry.state not in WAKE:  # they have left, or come back with another source
            return
        entry.state = WAKE[entry.state]
        since, entry.asleep_since, source = entry.asleep_since, None, participant.source
        self._awake[participant.id] = participant
        self._roused = True
        if since is not None:
            participant.voice.slept(self._ticks - since)
            if source is not None:
                cast("_Sleeper", source).slept(self._ticks - since)
        elif isinstance(source, PacketSource):
            noise = source.squelched_noise
            if noise is not None and noise.quietest is not None:
                participant.voice.learn_noise(noise.quietest, noise.rise)


def _is_only_sent_on(participant: Participant) -> bool:
    """Whether nothing is played of somebody whose packets are sent on, and nothing is learnt of them."""
    source = participant.source
    if not isinstance(source, ForwardableSource) or source.plays:
        return False
    return not participant.voice.may_be_levelled


def _said_level(participant: Participant) -> float | None:
    """How loud somebody is about to be, in dBov, who is decoded only if they are among the loudest."""
    source = participant.source
    if not isinstance(source, PacketSource) or source.idle or source.squelched:
        return None  # what the last packet said of itself holds until that was played
    level = source.expected_level
    return level if level is not None and level > SILENT_DBOV and participant.may_be_heard else None
