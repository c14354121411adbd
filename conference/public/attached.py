"""Somebody in a room whose sound goes over an aiortc `RTCPeerConnection` of the program's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from conference.public.member import Member
from conference.room.conference import Conference
from conference.room.participant import Participant, Role
from conference.webrtc.peer import GOODBYE
from conference.webrtc.reference.attachment import Attachment

if TYPE_CHECKING:
    from conference.webrtc.reference.attachment import PeerConnection


class AttachedPeer(Member):
    """A connection's place in a room, until its other side goes, or somebody calls :meth:`leave`.

    Made by `room.Room.attach`. The connection stays the program's: leaving ends its track, and does not close it.
    """

    def __init__(
        self,
        conference: Conference,
        room: str,
        pc: PeerConnection,
        name: str,
        *,
        role: Role,
        gone: Callable[[Member], None],
    ) -> None:
        super().__init__(conference, room, name, gone)
        self._attachment = Attachment(pc)
        self._attachment.on_end = self._lost
        participant = Participant(
            id=self.id,
            name=name,
            transport="webrtc",
            joined_at=time.time(),
            source=self._attachment.source,
            sink=self._attachment.sink,
            hang_up=self._hung_up,
            role=role,
        )
        try:
            conference.join(room, participant)
        except BaseException:
            self._attachment.detach()
            raise

    def _let_go(self) -> None:
        self._attachment.detach()

    def _lost(self, reason: str) -> None:
        self._close(reason)
        self._conference.leave(self.room, self.id, reason, "left" if reason == GOODBYE else "lost")
