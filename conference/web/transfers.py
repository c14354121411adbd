"""Warm transfers: a caller is put on hold while somebody is called, talked to alone, and brought in.

An *agent* hands a *caller* over to somebody who is called for that, the *callee*. Each of the steps can be
taken alone, too: hold, call, sidebar. A transfer takes them together, and takes them back when it comes to nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from conference.ids import new_id
from conference.room.conference import Conference
from conference.room.events import ParticipantLeft, ParticipantUpdated, RoomEvent, TransferUpdated
from conference.room.room import Room
from conference.room.transferred import TransferSnapshot, TransferState
from conference.web.sidebars import InSidebar, Sidebars


@dataclass(slots=True)
class Transfer:
    """One transfer."""

    id: str
    room: Room
    caller: str
    """Id of the participant who is handed over."""

    agent: str
    """Id of the participant who hands them over."""

    callee: str
    """Id of the participant who is called for that."""

    sidebar: str
    """Id of the sidebar in which the agent and the callee talk."""

    by: str | None
    """Who began it."""

    state: TransferState = "calling"

    def look(self) -> TransferState:
        """How far it has come, now that the callee may have answered."""
        callee = self.room.participants.get(self.callee)
        if self.state == "calling" and callee is not None and callee.call in (None, "answered"):
            self.state = "consulting"
        return self.state

    def snapshot(self) -> TransferSnapshot:
        """It, as it is now."""
        return TransferSnapshot(self.id, self.caller, self.agent, self.callee, self.look())


class NoTransfer(Exception):
    """A transfer cannot be made of these people; the text is a sentence."""


class Transfers:
    """The transfers of all rooms that are not over.

    Args:
        conference: has the rooms.
        sidebars: of the rooms.
    """

    def __init__(self, conference: Conference, sidebars: Sidebars) -> None:
        self._conference = conference
        self._sidebars = sidebars
        self._all: dict[str, Transfer] = {}
        conference.subscribe(None, self._follow)

    def of(self, room: Room) -> Iterator[Transfer]:
        """Those of a room."""
        return (one for one in self._all.values() if one.room is room)

    def find(self, room: Room, transfer_id: str) -> Transfer | None:
        """One of a room; ``None`` if there is none, or it is over."""
        transfer = self._all.get(transfer_id)
        return transfer if transfer is not None and transfer.room is room else None

    def check(self, room: Room, caller: str, agent: str) -> None:
        """Make sure that an agent can hand a caller over.

        Raises:
            KeyError: one of them is not in the room.
            NoTransfer: they are the same, or in the lobby, or one of them is in a transfer or a sidebar already.
        """
        if caller == agent:
            raise NoTransfer("Nobody hands themselves over: name two people.")
        if room.participants[caller].waiting or room.participants[agent].waiting:
            raise NoTransfer("Whoever waits in the lobby has to be let in first.")
        for one in self.of(room):
            if {one.caller, one.agent, one.callee} & {caller, agent}:
                raise NoTransfer("One of the two is in a transfer already: end that first.")
        try:
            self._sidebars.check_free(room, (caller, agent))
        except InSidebar as error:
            raise NoTransfer(str(error)) from None

    def begin(self, room: Room, caller: str, agent: str, callee: str, *, by: str | None) -> Transfer:
        """Put a caller on hold, and have an agent talk alone to somebody who is being called.

        Raises:
            NoTransfer: see :meth:`check`; or there is no room for more settings of who hears whom.
        """
        self.check(room, caller, agent)
        try:
            sidebar = self._sidebars.begin(room, (agent, callee), by=by)
        except (InSidebar, ValueError) as error:
            raise NoTransfer(str(error)) from None
        room.hold(caller, True, by=by)
        transfer = Transfer(new_id(), room, caller, agent, callee, sidebar, by)
        self._all[transfer.id] = transfer
        self._tell(transfer, by)
        return transfer

    def join(self, transfer: Transfer, *, by: str | None) -> None:
        """Bring them together: all three talk.

        Raises:
            NoTransfer: whoever is called has not answered.
        """
        _check_answered(transfer)
        self._end(transfer, "joined", by)

    def complete(self, transfer: Transfer, *, by: str | None) -> None:
        """Bring them together, and have the agent leave.

        Raises:
            NoTransfer: whoever is called has not answered.
        """
        _check_answered(transfer)
        self._end(transfer, "completed", by)
        self._conference.dismiss(transfer.room.name, transfer.agent, "the call was handed over", by=by)

    def cancel(self, transfer: Transfer, *, by: str | None) -> None:
        """Take it all back: whoever was called is hung up on, and the caller talks to the agent again."""
        self._end(transfer, "canceled", by)
        if transfer.callee in transfer.room.participants:
            self._conference.dismiss(transfer.room.name, transfer.callee, "the transfer was canceled", by=by)

    def _end(self, transfer: Transfer, state: TransferState, by: str | None) -> None:
        del self._all[transfer.id]
        transfer.state = state
        if self._conference.get(transfer.room.name) is not transfer.room:
            return  # the room has gone, and all that was set in it
        self._sidebars.end(transfer.room, transfer.sidebar, by=by)
        if transfer.caller in transfer.room.participants:
            transfer.room.hold(transfer.caller, False, by=by)
        self._tell(transfer, by)

    def _tell(self, transfer: Transfer, by: str | None) -> None:
        self._conference.publish(TransferUpdated(transfer.room.name, transfer.snapshot(), by))

    def _follow(self, event: RoomEvent) -> None:
        if isinstance(event, ParticipantUpdated) and self._all:
            self._look(event)
        if not isinstance(event, ParticipantLeft):
            return
        gone = event.participant.id
        for transfer in [one for one in self._all.values() if one.room.name == event.room]:
            if gone in (transfer.caller, transfer.agent, transfer.callee):
                # When they have left: a room is not changed while it tells of a change.
                asyncio.get_running_loop().call_soon(self._left, transfer, gone)

    def _look(self, event: ParticipantUpdated) -> None:
        """Tell of it if somebody has answered."""
        for transfer in self._all.values():
            waits = transfer.callee == event.participant.id and transfer.state == "calling"
            if waits and transfer.look() == "consulting":
                self._tell(transfer, None)

    def _left(self, transfer: Transfer, gone: str) -> None:
        """One of the three has left by themselves."""
        if transfer.id not in self._all or gone in transfer.room.participants:
            return
        if gone == transfer.agent and transfer.look() == "consulting":
            self._end(transfer, "completed", transfer.by)  # as whoever puts a receiver down hands over
        elif gone == transfer.agent or (gone == transfer.caller and transfer.look() == "calling"):
            self.cancel(transfer, by=transfer.by)
        else:
            self._end(transfer, "failed" if gone == transfer.callee else "canceled", transfer.by)


def _check_answered(transfer: Transfer) -> None:
    if transfer.look() != "consulting":
        raise NoTransfer("Nobody has answered yet, to be brought in.")
