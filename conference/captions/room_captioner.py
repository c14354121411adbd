"""Listens to everybody in one room: each voice apart, and only while it may be heard.

What is decoded for the room is taken as it is. What is only sent on is handed on undecoded, and is decoded where it is
recognised: nothing is decoded here for captions, and who gets whose packets stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final

from conference.audio.frame import Samples
from conference.captions.settings import CaptionSettings
from conference.captions.talker import Begin, Talker
from conference.playout.forwardable import ForwardableSource
from conference.room.captioned import Audience
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Participant
from conference.room.room import Room

FLUSH_TICKS: Final = 5
"""Ten times a second what was said is handed on."""

_NEWCOMER: Final = "newcomer"
"""Whom somebody is heard by who is heard by all: a listener of whom nothing was decided."""


def audience_of(room: Room, talker: Participant) -> Audience:
    """Who may hear somebody, and they themselves. What listeners have set for themselves, volumes, does not matter.

    Those in the lobby are not here yet: when they are let in, they are as somebody who joins late.
    """
    gain, people = room.hearing.gain, room.participants.values()

    def may_hear(one: Participant) -> bool:
        return one is talker or (not one.deafened and not one.held and gain(one.id, talker.id) > 0)

    if gain(_NEWCOMER, talker.id) > 0:
        return Audience(not_by=frozenset(one.id for one in people if not may_hear(one)))
    return Audience(heard_by=frozenset(one.id for one in people if may_hear(one) and not one.waiting))


class RoomCaptioner(RoomObserver):
    """Follows a room from now on.

    Args:
        room: which.
        settings: how its talk is cut into utterances.
        begin: begins one.
        dropped: is told if this fails.
    """

    about = "captions"

    def __init__(self, room: Room, settings: CaptionSettings, begin: Begin, dropped: Callable[[], None]) -> None:
        self._room = room
        self._begin = begin
        self._dropped = dropped
        self._pause_ns = round(settings.captions_pause * 1e9)
        self._max_ns = round(settings.captions_max_utterance * 1e9)
        self._talkers: dict[str, Talker] = {}  # those of whom there is anything
        self._now_ns = self._deaf_until_ns = 0
        self._stop = room.observe(self)

    def end(self) -> None:
        """Follow the room no more. What was said is still recognised."""
        self._stop()
        self.cut_all()

    def cut_all(self, *, deaf_ns: int = 0) -> None:
        """What is said from now on is not to be in one caption with what was said before.

        Args:
            deaf_ns: for so long nothing is taken, since it may have been said before.
        """
        for talker in self._talkers.values():
            talker.cut()
        self._deaf_until_ns = self._now_ns + deaf_ns

    # What happens to people

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """See `RoomObserver`."""
        talker = self._talkers.pop(participant.id, None)
        if talker is not None:
            talker.cut()

    def participant_reconnected(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        talker = self._talkers.get(participant.id)
        if talker is not None:
            talker.cut()

    def participant_changed(self, participant: Participant) -> None:
        """See `RoomObserver`."""
        self._recheck()

    def gains_changed(self, hearing: Hearing, volumes: Volumes) -> None:
        """See `RoomObserver`."""
        self._recheck()

    def _recheck(self) -> None:
        for talker in self._talkers.values():
            if not talker.participant.may_be_heard:
                talker.cut()
            else:
                talker.recheck()

    # What is said

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """See `RoomObserver`."""
        if participant.may_be_heard and self._now_ns >= self._deaf_until_ns:
            self._talker(participant).take_frame(frame, self._now_ns)

    def packet_forwarded(
        self,
        talker: Participant,
        listeners: Collection[Participant],
        sequence: int,
        timestamp: int,
        duration: int,
        payload: bytes,
        arrival_ns: int,
    ) -> None:
        """See `RoomObserver`. What is played besides comes in frames."""
        source = talker.source
        if arrival_ns < self._deaf_until_ns or not talker.may_be_heard:
            return
        if isinstance(source, ForwardableSource) and not source.plays:
            self._talker(talker).take_packet(source.decoder, sequence, timestamp, duration, payload, arrival_ns)

    def _talker(self, participant: Participant) -> Talker:
        talker = self._talkers.get(participant.id)
        if talker is None:
            talker = self._talkers[participant.id] = Talker(
                participant,
                self._begin,
                partial(audience_of, self._room),
                pause_ns=self._pause_ns,
                max_ns=self._max_ns,
            )
        return talker

    # Ticks

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        self._now_ns = now_ns

    def tick_ends(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        for participant_id, talker in tuple(self._talkers.items()):
            talker.tick(now_ns)
            if talker.at_rest:
                del self._talkers[participant_id]
            elif tick % FLUSH_TICKS == 0:
                talker.flush()

    def dropped(self) -> None:
        """See `RoomObserver`."""
        self._dropped()
