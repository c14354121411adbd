"""What happened in a room while it was recorded, in lines of JSON with times on the recording's own line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from conference.room.events import (
    Captioned,
    DigitPressed,
    HearingChanged,
    LevelsMeasured,
    ParticipantJoined,
    RoomEvent,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
)
from conference.room.room import Room

NOT_KEPT: Final = (LevelsMeasured, DigitPressed, HearingChanged, SoundStopped, Captioned)
"""What keys somebody pressed, and who whispers to whom, is nobody else's business."""


class EventLines:
    """Gathers lines until they are written.

    Args:
        describe: the name and the data of an event.
        started_ns: when the recording began, on the room's clock.
    """

    def __init__(self, describe: Callable[[RoomEvent], tuple[str, Any]], started_ns: int) -> None:
        self.started_ns = started_ns
        self._describe = describe
        self._lines: list[str] = []

    def add(self, event: RoomEvent, now_ns: int) -> None:
        """Note an event, if it is one that is kept."""
        if isinstance(event, NOT_KEPT) or (isinstance(event, SoundStarted) and event.audience is not None):
            return
        name, data = self._describe(event)
        seconds = round((now_ns - self.started_ns) / 1e9, 3)
        self._lines.append(json.dumps({"t": seconds, "event": name, "data": data}, separators=(",", ":")))

    def snapshot(self, room: Room, now_ns: int) -> None:
        """Note who is there, and who talks, as if they had just come."""
        for participant in room.participants.values():
            self.add(ParticipantJoined(room.name, participant.state()), now_ns)
            if participant.talking:
                self.add(TalkingStarted(room.name, participant.id), now_ns)

    def take(self) -> bytes:
        """What was gathered: whole lines."""
        lines, self._lines = self._lines, []
        return b"".join(line.encode() + b"\n" for line in lines)
