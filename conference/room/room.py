"""A room, and what happens in it on a tick.

`Room.tick` is synchronous: it pulls a frame from each source, mixes, encodes and hands each sink its output. It opens
no socket, reads no clock, awaits nothing. The same calls at the same times give the same sound, bit for bit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import TypeAlias

from conference.audio.fade import fade_in, fade_out
from conference.audio.frame import SILENT_LEVEL, Samples
from conference.audio.mix import minus, total
from conference.codecs.base import Codec
from conference.room.encoders import EVERYBODY, EXPECT_EVERY_TICKS, EncoderBank
from conference.room.events import (
    DigitPressed,
    LevelsMeasured,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    RoomEvent,
    TalkingStarted,
    TalkingStopped,
)
from conference.room.participant import Participant, Sink, Source
from conference.room.talkers import DEFAULT_LIMIT, TalkerSelection
from conference.room.voice import DEFAULT_VOICE, Voice, VoiceSettings

log = logging.getLogger(__name__)

_Place: TypeAlias = tuple[str, Codec | None]
"""A stream and the codec it is heard in."""

LEVELS_EVERY_TICKS = 5
"""Levels are published ten times a second."""


class Room:
    """Who is here, and what they hear.

    Args:
        name: as in the URL.
        created_at: unix time in seconds.
        publish: takes every event, at once and in order.
        voice: how the voices of those who join are treated.
        max_talkers: how many are mixed at once; with more, the loudest.
    """

    def __init__(
        self,
        name: str,
        created_at: float,
        publish: Callable[[RoomEvent], None],
        voice: VoiceSettings = DEFAULT_VOICE,
        *,
        max_talkers: int = DEFAULT_LIMIT,
    ) -> None:
        self.name = name
        self.created_at = created_at
        self.participants: dict[str, Participant] = {}
        self.encoders = EncoderBank()
        self._publish = publish
        self._selection = TalkerSelection(max_talkers)
        self._left_out: set[str] = set()  # who talked during the last tick and was not mixed
        self._voice = voice
        self._endings: dict[str, Samples] = {}  # what is still to be heard of those who have left
        self._talkers: frozenset[str] | None = None  # for whom the listeners are arranged; None: not at all
        self._audience: dict[str, dict[Codec | None, list[Participant]]] = {}  # by stream, by codec
        self._places: dict[str, _Place] = {}  # of each listener
        self._levels: dict[str, float] = {}

    # People

    def add(self, participant: Participant) -> None:
        """Let somebody in.

        Raises:
            ValueError: somebody with that id is here already.
            SuppressionUnavailable: voices are to be freed of noise, and the library for it is not there.
        """
        if participant.id in self.participants:
            raise ValueError(f"participant {participant.id} is in the room already")
        participant.voice = Voice(self._voice)
        self.participants[participant.id] = participant
        self._talkers = None
        self._publish(ParticipantJoined(self.name, participant.state()))

    def remove(self, participant_id: str, reason: str) -> Participant | None:
        """Take somebody out. Does not end their connection. ``None`` if they were not here."""
        participant = self.participants.pop(participant_id, None)
        if participant is None:
            return None
        self._talkers = None
        ending = participant.voice.stop()
        if ending is not None:
            self._endings[participant_id] = ending
        self._set_talking(participant, talking=False)
        self._publish(ParticipantLeft(self.name, participant.state(), reason))
        return participant

    def reseat(
        self,
        participant_id: str,
        source: Source | None,
        sink: Sink | None,
        hang_up: Callable[[str], None] | None,
    ) -> Callable[[str], None] | None:
        """Give a participant another connection. Returns how to end the one they had.

        Raises:
            KeyError: they are not here.
        """
        participant = self.participants[participant_id]
        replaced, participant.hang_up = participant.hang_up, hang_up
        participant.source, participant.sink = source, sink
        self._talkers = None
        self._places.pop(participant_id, None)  # a new decoder, which has heard nothing yet
        self._publish(ParticipantUpdated(self.name, participant.state()))
        return replaced

    def set_muted(self, participant_id: str, muted: bool) -> None:
        """Mute or unmute: whoever is muted is not heard.

        Raises:
            KeyError: they are not here.
        """
        participant = self.participants[participant_id]
        if participant.muted == muted:
            return
        participant.muted = muted
        if muted:
            self._set_talking(participant, talking=False)
            participant.level = SILENT_LEVEL
        self._publish(ParticipantUpdated(self.name, participant.state()))

    def treat_voice(
        self, participant_id: str, *, levelling: bool | None = None, noise_suppression: bool | None = None
    ) -> None:
        """Switch stages of a participant's voice on or off; ``None`` leaves one as it is.

        Raises:
            KeyError: they are not here.
            SuppressionUnavailable: the library for it is not there.
        """
        participant = self.participants[participant_id]
        if participant.voice.change(levelling=levelling, noise_suppression=noise_suppression):
            self._publish(ParticipantUpdated(self.name, participant.state()))

    def rename(self, participant_id: str, name: str) -> None:
        """Change what others see.

        Raises:
            KeyError: they are not here.
        """
        participant = self.participants[participant_id]
        if participant.name != name:
            participant.name = name
            self._publish(ParticipantUpdated(self.name, participant.state()))

    def press_digit(self, participant_id: str, digit: str) -> None:
        """A key of a participant's telephone was pressed."""
        if participant_id in self.participants:
            self._publish(DigitPressed(self.name, participant_id, digit))

    # Sound

    def tick(self, tick: int, now_ns: int) -> None:
        """Let 20 ms pass: everybody speaks, and everybody hears.

        Args:
            tick: number of the tick; the media time of the mixes is ``tick * 960``.
            now_ns: monotonic time at which the tick is due.
        """
        voices, self._endings = self._endings, {}
        voices.update((one.id, frame) for one, frame in self._listen(now_ns))
        self._play(self._loudest(voices), tick)
        if tick % LEVELS_EVERY_TICKS == 0:
            self._publish_levels()
            self.encoders.forget_unused(tick)

    def _listen(self, now_ns: int) -> Iterator[tuple[Participant, Samples]]:
        """Who is to be heard, with their frames."""
        for participant in list(self.participants.values()):
            voice = participant.voice
            if participant.source is None and not participant.talking:
                continue
            frame = None if participant.source is None else self._pull(participant, participant.source, now_ns)
            heard = voice.process(frame, muted=participant.muted)
            if not participant.muted:
                participant.level = voice.level
                if voice.talking != participant.talking:
                    self._set_talking(participant, talking=voice.talking)
            if heard is not None:
                yield participant, heard

    def _loudest(self, voices: dict[str, Samples]) -> dict[str, Samples]:
        """Those who are mixed, if too many talk at once; who loses or gains their place in mid-sound fades."""
        before, left_out = self._selection.chosen, self._left_out
        chosen = self._selection.choose({one: self._level(one) for one in voices})
        self._left_out = voices.keys() - chosen
        if not left_out and not self._left_out:
            return voices
        mixed = {one: fade_in(voices[one]) if one in left_out else voices[one] for one in chosen}
        return mixed | {one: fade_out(voices[one]) for one in self._left_out & before}

    def _level(self, participant_id: str) -> float:
        participant = self.participants.get(participant_id)
        return SILENT_LEVEL if participant is None else participant.level

    def _pull(self, participant: Participant, source: Source, now_ns: int) -> Samples | None:
        try:
            return source.pull(now_ns)
        except Exception:
            self._expel(participant)
            return None

    def _play(self, voices: dict[str, Samples], tick: int) -> None:
        """Mix, encode and deliver: each stream once, however many hear it."""
        moved = self._arrange(frozenset(voices))
        everything = total(list(voices.values())) if voices and self._audience else None
        for stream, by_codec in self._audience.items():
            mix = everything
            if everything is not None and stream != EVERYBODY:
                mix = minus(everything, voices[stream]) if len(voices) > 1 else None
            mixes = self.encoders.encode(stream, mix, by_codec, tick, moved.get(stream, {}))
            for codec, listeners in by_codec.items():
                heard = mixes[codec]
                for participant in listeners:
                    try:
                        if participant.sink is not None:
                            participant.sink.deliver(heard)
                    except Exception:
                        self._expel(participant)
        if moved or tick % EXPECT_EVERY_TICKS == 0:
            self._expect_losses()

    def _expect_losses(self) -> None:
        """Tell the encoders how much of what they make is lost on its way."""
        for stream, by_codec in self._audience.items():
            for codec, listeners in by_codec.items():
                losses = [loss for one in listeners if (loss := self._reported_loss(one)) is not None]
                if codec is not None and losses:
                    self.encoders.expect_loss(stream, codec, max(losses))

    def _reported_loss(self, participant: Participant) -> float | None:
        try:
            loss = getattr(participant.sink, "expected_loss", None)
            return None if loss is None else float(loss)
        except Exception:
            self._expel(participant)
            return None

    def _arrange(self, talkers: frozenset[str]) -> dict[str, dict[Codec | None, str | None]]:
        """Seat the listeners by stream and codec, if anything has changed.

        Returns:
            Where somebody is new, by stream and codec, and the stream that they come from.
        """
        if talkers == self._talkers:
            return {}
        self._talkers = talkers
        self._audience = {}
        moved: dict[str, dict[Codec | None, str | None]] = {}
        before, self._places = self._places, {}
        for participant in self.participants.values():
            if participant.sink is None:
                continue
            stream = participant.id if participant.id in talkers else EVERYBODY
            codec = participant.sink.codec
            self._audience.setdefault(stream, {}).setdefault(codec, []).append(participant)
            place = self._places[participant.id] = (stream, codec)
            came_from = before.get(participant.id)
            if came_from is None:
                moved.setdefault(stream, {}).setdefault(codec, None)
            elif came_from != place:
                moved.setdefault(stream, {})[codec] = came_from[0]
        return moved

    def _expel(self, participant: Participant) -> None:
        """A participant whose connection breaks the room's rules must not take the room with it."""
        log.exception("room %s: the connection of participant %s failed", self.name, participant.id)
        participant.source = participant.sink = None
        self._talkers = None
        if participant.hang_up is not None:
            participant.hang_up("internal error")

    def _set_talking(self, participant: Participant, *, talking: bool) -> None:
        if participant.talking == talking:
            return
        participant.talking = talking
        event = TalkingStarted if talking else TalkingStopped
        self._publish(event(self.name, participant.id))

    def _publish_levels(self) -> None:
        levels = {one.id: round(one.level, 1) for one in self.participants.values() if one.level > SILENT_LEVEL}
        if levels or self._levels:
            self._publish(LevelsMeasured(self.name, levels))
        self._levels = levels
