"""Whose voice is taken in on a tick, and whose need not be.

Most people in a room say nothing. A source that has nothing to play *sleeps*, and costs nothing until a packet wakes
it.

And when more people sound than are mixed, all but the loudest are passed over undecoded. Who that is, their packets say
(RFC 6464) before they are decoded. One more is decoded than are mixed, since what they say is not what is heard: who is
mixed is decided by what was decoded. Sources that say nothing of their loudness, or were found to lie about it, are
decoded always.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import partial

from conference.audio.frame import Samples
from conference.audio.items import SILENT_DBOV
from conference.room.participant import Participant
from conference.room.stream import PacketSource
from conference.room.talkers import TalkerSelection

SPARE = 1
"""So many more are decoded than are mixed, as far as their packets tell who they are: whoever comes next."""

log = logging.getLogger(__name__)


class Floor:
    """Those who may be heard in one room.

    Args:
        max_talkers: how many are mixed at once.
        expel: is told of a participant whose source failed.
        talks: is told when somebody starts to talk, or stops.
    """

    def __init__(
        self,
        max_talkers: int,
        expel: Callable[[Participant], None],
        talks: Callable[[Participant, bool], None],
    ) -> None:
        self._expel = expel
        self._talks = talks
        self._candidates = TalkerSelection(max_talkers + SPARE)
        self._awake: dict[str, Participant] = {}
        self._asleep: dict[str, int] = {}  # since which tick
        self._ticks = 0

    @property
    def awake(self) -> Collection[Participant]:
        """All others are silent."""
        return self._awake.values()

    def take(self, participant: Participant) -> None:
        """Somebody has come, or has another source."""
        if isinstance(participant.source, PacketSource):
            participant.source.owner = f"participant {participant.id}"
        self._asleep.pop(participant.id, None)
        self._awake[participant.id] = participant

    def forget(self, participant: Participant) -> None:
        """Somebody has gone."""
        self._awake.pop(participant.id, None)
        self._asleep.pop(participant.id, None)

    def listen(self, now_ns: int, mixed: Collection[str]) -> dict[str, Samples]:
        """Let a tick pass.

        Args:
            now_ns: monotonic time at which it is due.
            mixed: ids of those who were mixed on the last one.

        Returns:
            The frames of those who are to be heard, by id: each of shape ``(960,)``, int16.
        """
        self._ticks += 1
        voices: dict[str, Samples] = {}
        if not self._awake:
            return voices
        everybody = list(self._awake.values())
        passed_over = self._loud_enough_only(everybody, mixed)
        for participant in everybody:
            if participant.id in passed_over:
                self._pass_over(participant, now_ns, passed_over[participant.id])
                continue
            heard = self._hear(participant, now_ns)
            if heard is not None:
                voices[participant.id] = heard
        return voices

    def _loud_enough_only(self, everybody: list[Participant], mixed: Collection[str]) -> dict[str, float]:
        """Those who are too quiet to be heard beside so many others, with what they say of their loudness."""
        claims: dict[str, float] = {}
        if len(everybody) > self._candidates.limit:
            for one in everybody:
                source = one.source
                if not isinstance(source, PacketSource) or source.idle:
                    continue  # what the last packet said of itself holds until that was played
                claim = source.claim
                if claim is not None and claim > SILENT_DBOV and one.may_be_heard:
                    claims[one.id] = claim
        candidates = self._candidates.choose(claims)
        if len(candidates) == len(claims):
            return {}
        return {one: claim for one, claim in claims.items() if one not in candidates and one not in mixed}

    def _hear(self, participant: Participant, now_ns: int) -> Samples | None:
        """Take in somebody's voice. Returns what is to be heard of it."""
        voice, source = participant.voice, participant.source
        audible = participant.may_be_heard
        if not audible and voice.at_rest and isinstance(source, PacketSource):
            self._pull(participant, source.skip, now_ns)
            self._let_sleep(participant)
            return None
        frame = None if source is None else self._pull(participant, source.pull, now_ns)
        heard = voice.process(frame, muted=not audible)
        if audible:
            self._show(participant)
        if frame is None:
            self._let_sleep(participant)
        elif isinstance(source, PacketSource) and not voice.settings.noise_suppression and audible:
            source.compare(voice.level)
        return heard

    def _pass_over(self, participant: Participant, now_ns: int, claim: float) -> None:
        source = participant.source
        if isinstance(source, PacketSource):
            self._pull(participant, source.skip, now_ns)
        participant.voice.pass_over(claim)
        self._show(participant)

    def _pull(self, participant: Participant, pull: Callable[[int], Samples | None], now_ns: int) -> Samples | None:
        try:
            return pull(now_ns)
        except Exception:
            self._expel(participant)
            return None

    def _show(self, participant: Participant) -> None:
        voice = participant.voice
        participant.level = voice.level
        if voice.talking != participant.talking:
            self._talks(participant, voice.talking)

    def _let_sleep(self, participant: Participant) -> None:
        """Leave somebody out until there is something to be heard of them, if that is possible."""
        source = participant.source
        if not participant.voice.at_rest or participant.id not in self._awake:
            return
        if isinstance(source, PacketSource):
            if not source.idle:
                return
            source.wake = partial(self._wake, participant)
        elif source is not None:
            return
        del self._awake[participant.id]
        self._asleep[participant.id] = self._ticks

    def _wake(self, participant: Participant) -> None:
        since = self._asleep.pop(participant.id, None)
        if since is not None:  # they are still here
            ticks = self._ticks - since
            participant.voice.slept(ticks)
            if isinstance(participant.source, PacketSource):
                participant.source.slept(ticks)
            self._awake[participant.id] = participant
