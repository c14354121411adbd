"""Remembers those who have left a room, in case they come back into their seat."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, dataclass
from typing import Any

from conference.room.admission import must_wait
from conference.room.participant import Departure, ModerationState, Participant
from conference.room.room import Room

MAX_SEATS = 10_000
"""How many are remembered; those who left first are forgotten first."""


@dataclass(frozen=True, slots=True)
class _Gone:
    conference: float
    """When the room was made: another one of the same name is another conference."""

    departure: Departure
    moderation: ModerationState


class RememberedSeats:
    """How people left, and what had been decided about them.

    Args:
        limit: how many are remembered of each kind: those who left; of these, whom somebody had muted or put on hold;
            and those who were removed.
    """

    def __init__(self, limit: int = MAX_SEATS) -> None:
        self._limit = limit
        self._gone: OrderedDict[tuple[str, str], _Gone] = OrderedDict()
        self._latest: _Gone | None = None
        # Kept apart: coming and going, which costs nothing, must not make the server forget what hosts decided.
        self._moderated: OrderedDict[tuple[str, str], _Gone] = OrderedDict()
        self._removed: OrderedDict[tuple[str, str], None] = OrderedDict()

    def remember(self, room: Room, participant: Participant, departure: Departure) -> None:
        """Remember somebody who is about to leave. If they were told to leave, that counts, and not ``departure``."""
        if participant.leaving is not None:
            departure = participant.leaving[0]
        seat = room.name, participant.id
        if departure == "removed":
            self._removed[seat] = None
            if len(self._removed) > self._limit:
                self._removed.popitem(last=False)
            return
        gone = _Gone(room.created_at, departure, participant.moderation)
        if gone == self._latest:
            gone = self._latest  # most leave as others did, and share one object
        self._latest = gone
        kept = self._moderated if gone.moderation.muted_by is not None or gone.moderation.held else self._gone
        kept[seat] = gone
        if len(kept) > self._limit:
            kept.popitem(last=False)

    def forget(self, room: str, participant_id: str) -> None:
        """Forget somebody who is back."""
        self._gone.pop((room, participant_id), None)
        self._moderated.pop((room, participant_id), None)

    def removed(self, room: str, participant_id: str) -> bool:
        """Whether somebody was removed from a room."""
        return (room, participant_id) in self._removed

    def put_on(self, newcomer: Participant, room_name: str, there: Room | None) -> bool:
        """Apply to somebody who comes back what was decided about them before.

        Args:
            newcomer: with the id that they had.
            room_name: where they want to be.
            there: that room, if anybody is in it.

        Returns:
            Whether they were lost from this very conference, and are coming back to it. A lock or a lobby does not keep
            them out then.
        """
        seat = room_name, newcomer.id
        gone = self._moderated.get(seat) or self._gone.get(seat)
        if gone is None:
            return False
        if there is None or there.created_at != gone.conference:
            newcomer.muted = gone.moderation.muted  # whoever was muted when the line broke must not come back open
            return False
        newcomer.apply_moderation(gone.moderation)
        if newcomer.waiting:  # meanwhile a host may have come, or let all in
            newcomer.waiting = must_wait(there.policy, there.participants.values(), newcomer)
        return gone.departure in ("lost", "failed")

    def dump(self) -> dict[str, Any]:
        """All that is remembered, as JSON has it, for :meth:`load`."""
        gone, moderated = (
            [[*seat, one.conference, one.departure, asdict(one.moderation)] for seat, one in kept.items()]
            for kept in (self._gone, self._moderated)
        )
        return {"gone": gone, "moderated": moderated, "removed": [list(seat) for seat in self._removed]}

    def load(self, dumped: dict[str, Any]) -> None:
        """Remember this, and nothing else."""
        for kept, those in ((self._gone, dumped["gone"]), (self._moderated, dumped["moderated"])):
            kept.clear()
            for room, participant_id, conference, departure, moderation in those:
                kept[room, participant_id] = _Gone(conference, departure, ModerationState(**moderation))
        self._removed = OrderedDict(((room, participant_id), None) for room, participant_id in dumped["removed"])
