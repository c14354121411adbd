"""Captions of all rooms of a server: begun where a host asks for them, told as they come, kept for a while."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from conference.captions.engines.base import Heard
from conference.captions.pool import Pool, SentUtterance
from conference.captions.room_captioner import RoomCaptioner
from conference.captions.settings import CaptionSettings
from conference.captions.wire import Order
from conference.room.captioned import Audience, Caption
from conference.room.conference import Conference
from conference.room.events import (
    Captioned,
    ParticipantJoined,
    ParticipantLeft,
    RecordingEvent,
    RecordingResumed,
    RoomEvent,
    RoomUpdated,
)
from conference.room.participant import Participant
from conference.room.room import Room
from conference.text import shows

BUFFERED_NS: Final = 250_000_000
"""So long ago what is heard now may have been said: jitter buffers wait 200 ms at most."""

_NOT_SHOWN: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


@dataclass(slots=True, eq=False)
class _Captioned:
    """A room in which somebody asked for captions."""

    room: Room
    captioner: RoomCaptioner | None = None
    kept: deque[Caption] = field(default_factory=deque)
    open: set[_Utterance] = field(default_factory=set)
    """Those of which something is still to come."""

    concluded: list[Caption] | None = None
    """What is made final now, while that is asked for."""


class Captions:
    """All captions. To be used within a running event loop.

    Args:
        settings: with an engine.
        conference: whose rooms are captioned.
        new_id: makes ids that were never used before.
        monotonic_ns: the clock of the rooms' ticks.
        wallclock: unix time in seconds.
        pool: recognises; made of the settings if there is none.
    """

    def __init__(
        self,
        settings: CaptionSettings,
        conference: Conference,
        *,
        new_id: Callable[[], str],
        monotonic_ns: Callable[[], int],
        wallclock: Callable[[], float],
        pool: Pool | None = None,
    ) -> None:
        self._settings = settings
        self._conference = conference
        self._new_id = new_id
        self._monotonic_ns = monotonic_ns
        self._wallclock = wallclock
        self.pool = pool or Pool(settings, monotonic_ns)
        self._rooms: dict[str, _Captioned] = {}
        self._gone: dict[Room, _Captioned] = {}  # those of which something is still to be understood
        self.told = 0
        """Captions that were told for good, so far."""
        conference.subscribe(None, self._take)

    async def open(self) -> None:
        """Start what recognises."""
        await self.pool.open()

    async def close(self) -> None:
        """End it."""
        await self.pool.close()

    def kept(self, room: Room) -> Sequence[Caption]:
        """The last captions of a room that were told for good, the oldest first."""
        captioned = self._find(room)
        if captioned is None:
            return ()
        self._forget(captioned)
        return tuple(captioned.kept)

    def conclude(self, room: Room) -> Sequence[Caption]:
        """Take what is being said in a room as it is understood by now: what is said from now on is none of it.

        Returns:
            Captions that are final now. They are told as all are.
        """
        captioned = self._find(room) or self._gone.get(room)
        if captioned is None:
            return ()
        concluded: list[Caption] = []
        captioned.concluded = concluded
        if captioned.captioner is not None:
            captioned.captioner.cut_all()
        for utterance in tuple(captioned.open):
            utterance.conclude()
        captioned.concluded = None
        return concluded

    # Which rooms

    def _take(self, event: RoomEvent) -> None:
        match event:
            case ParticipantJoined() | RoomUpdated():
                room = self._conference.get(event.room)
                if room is not None:
                    self._follow(room)
            case ParticipantLeft():
                captioned = self._rooms.get(event.room)
                if captioned is not None and not captioned.room.participants:
                    self._let_go(captioned)
            case RecordingEvent():
                captioned = self._rooms.get(event.room)
                if captioned is not None and captioned.captioner is not None:  # nothing of a pause is to be kept
                    captioned.captioner.cut_all(deaf_ns=BUFFERED_NS if isinstance(event, RecordingResumed) else 0)
            case _:
                pass

    def _find(self, room: Room) -> _Captioned | None:
        captioned = self._rooms.get(room.name)
        return captioned if captioned is not None and captioned.room is room else None

    def _follow(self, room: Room) -> None:
        """Begin to follow a room, or end that, as its policy has it."""
        captioned = self._rooms.get(room.name)
        if captioned is not None and captioned.room is not room:
            self._let_go(captioned)
            captioned = None
        if room.policy.captions:
            if captioned is None:
                captioned = self._rooms[room.name] = _Captioned(room)
            if captioned.captioner is None:
                begin, stop = partial(self._begin, captioned), partial(self._stop, captioned)
                captioned.captioner = RoomCaptioner(room, self._settings, begin, stop)
        elif captioned is not None:
            self._stop(captioned)

    def _let_go(self, captioned: _Captioned) -> None:
        del self._rooms[captioned.room.name]
        self._gone[captioned.room] = captioned
        self._stop(captioned)
        self.forget_if_over(captioned)

    def forget_if_over(self, captioned: _Captioned) -> None:
        """Forget a room that is gone, unless something is still to come of it."""
        if not captioned.open:
            self._gone.pop(captioned.room, None)

    def _stop(self, captioned: _Captioned) -> None:
        """Follow a room no more: with the next change of its policy, perhaps again."""
        captioner, captioned.captioner = captioned.captioner, None
        if captioner is not None:
            captioner.end()

    # What is said

    def _begin(self, captioned: _Captioned, talker: Participant, audience: Audience, begins_ns: int) -> _Utterance:
        ago_s = (self._monotonic_ns() - begins_ns) / 1e9
        first = Caption(
            id=self._new_id(),
            participant_id=talker.id,
            name=talker.name,
            text="",
            final=False,
            begins_ns=begins_ns,
            ends_ns=begins_ns,
            begins_at=self._wallclock() - ago_s,
            ends_at=0.0,
            audience=audience,
        )
        return _Utterance(self, captioned, first)

    def tell(self, captioned: _Captioned, caption: Caption) -> None:
        """Tell something that was understood."""
        text = _NOT_SHOWN.sub(" ", caption.text).strip()[: self._settings.captions_max_text]
        if not shows(text):
            return
        caption = replace(caption, text=text)
        if caption.final:
            self.told += 1
            captioned.kept.append(caption)
            if captioned.concluded is not None:
                captioned.concluded.append(caption)
            self._forget(captioned)
        if self._conference.get(captioned.room.name) in (captioned.room, None):  # others may meet by its name now
            self._conference.publish(Captioned(captioned.room.name, caption))

    def _forget(self, captioned: _Captioned) -> None:
        oldest_ns = self._monotonic_ns() - self._settings.captions_kept_seconds * 1e9
        kept = captioned.kept
        while kept and (len(kept) > self._settings.captions_kept or kept[0].ends_ns < oldest_ns):
            kept.popleft()


class _Utterance:
    """An utterance, on its way to be recognised, and what comes back. Satisfies `UtteranceOutput` and `Listener`."""

    def __init__(self, captions: Captions, captioned: _Captioned, first: Caption) -> None:
        self._captions = captions
        self._captioned = captioned
        self._first = first
        self._number = 0  # of the caption
        self._until_ns = first.begins_ns  # what was said before is told for good
        self._position_ns = first.begins_ns
        self._partial: Caption | None = None
        self._concluded = False
        self._sent: SentUtterance | None = captions.pool.begin(self)
        if self._sent is not None:
            captioned.open.add(self)

    # What is said

    def send(self, kind: Order, body: bytes) -> None:
        """See `UtteranceOutput.send`."""
        if self._sent is not None:
            self._sent.send(kind, body)

    def flush(self, position_ns: int) -> None:
        """See `UtteranceOutput.flush`."""
        self._position_ns = position_ns
        if self._sent is not None:
            self._sent.flush()

    def end(self, position_ns: int) -> None:
        """See `UtteranceOutput.end`."""
        self._position_ns = position_ns
        if self._sent is not None:
            self._sent.end()

    # What is understood

    def heard(self, heard: Heard) -> None:
        """See `Listener.heard`."""
        if self._concluded:
            return
        first = self._first
        latest = max(self._position_ns, self._until_ns)
        begins_ns, ends_ns = self._until_ns, latest
        if heard.begins_s is not None:
            begins_ns = min(max(first.begins_ns + round(heard.begins_s * 1e9), self._until_ns), latest)
        if heard.ends_s is not None:
            ends_ns = min(max(first.begins_ns + round(heard.ends_s * 1e9), begins_ns), latest)
        caption = replace(
            first,
            id=f"{first.id}-{self._number}",
            text=heard.text,
            final=heard.final,
            begins_ns=begins_ns,
            ends_ns=ends_ns,
            begins_at=self._at(begins_ns),
            ends_at=self._at(ends_ns),
        )
        self._partial = None if heard.final else caption
        if heard.final:
            self._number += 1
            self._until_ns = ends_ns
        self._captions.tell(self._captioned, caption)

    def _at(self, time_ns: int) -> float:
        return round(self._first.begins_at + (time_ns - self._first.begins_ns) / 1e9, 3)

    def over(self) -> None:
        """See `Listener.over`. What was shown, and never became final, stays as it was shown."""
        self._captioned.open.discard(self)
        self.conclude()
        self._captions.forget_if_over(self._captioned)

    def conclude(self) -> None:
        """Take what was understood so far for all there is."""
        self._concluded = True
        shown, self._partial = self._partial, None
        if shown is not None:
            self._captions.tell(self._captioned, replace(shown, final=True))
