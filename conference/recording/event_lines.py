"""What happened in a room while it was recorded, in lines of JSON with times on the recording's own line."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

from conference.audio.frame import TICK_NS
from conference.room.captioned import Caption
from conference.room.events import (
    Captioned,
    DigitPressed,
    HearingChanged,
    LevelsMeasured,
    ParticipantJoined,
    RecordingEvent,
    RecordingResumed,
    RecordingStarted,
    RoomEvent,
    ServerDraining,
    SoundStarted,
    SoundStopped,
    TalkingStarted,
    TransferUpdated,
)
from conference.room.room import Room

NOT_KEPT: Final = (LevelsMeasured, DigitPressed, HearingChanged, SoundStopped, TransferUpdated, ServerDraining)
"""What keys somebody pressed, and who whispers to whom, is nobody else's business."""

SLACK_NS: Final = 2 * TICK_NS
"""What is heard on a tick was said before it."""


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
        self._kept: list[list[float]] = []  # from when to when what was said is kept
        self._captions: set[str] = set()  # ids of those that are there

    def add(self, event: RoomEvent, now_ns: int) -> None:
        """Note an event, if it is one that is kept."""
        if isinstance(event, NOT_KEPT) or (isinstance(event, SoundStarted) and event.audience is not None):
            return
        if isinstance(event, RecordingEvent):
            self._note_what_is_kept(event, now_ns)
        if isinstance(event, Captioned):
            if not self._keeps(event.caption):
                return
            now_ns = event.caption.begins_ns
        name, data = self._describe(event)
        seconds = round((now_ns - self.started_ns) / 1e9, 3)
        self._lines.append(json.dumps({"t": seconds, "event": name, "data": data}, separators=(",", ":")))

    def _note_what_is_kept(self, event: RecordingEvent, now_ns: int) -> None:
        if isinstance(event, (RecordingStarted, RecordingResumed)):
            self._kept.append([now_ns, math.inf])
        elif self._kept:
            self._kept[-1][1] = min(self._kept[-1][1], now_ns)

    def _keeps(self, caption: Caption) -> bool:
        """Whether what somebody said for all to hear was understood for good, and was said while it is kept."""
        if not caption.final or not caption.audience.is_everybody or caption.id in self._captions:
            return False
        self._captions.add(caption.id)
        return any(
            begins - SLACK_NS <= caption.begins_ns and caption.ends_ns <= ends + SLACK_NS for begins, ends in self._kept
        )

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
