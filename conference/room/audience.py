"""The listeners of a room, arranged by what they hear: each distinct mix is made once, and encoded once per codec.

What a listener hears is a *row*: a gain for each voice that is not 1. For most it is empty; whoever talks has a 0 for
their own voice. Listeners with the same row hear the same stream. Rows hold only those who are to be heard right now,
so that a gain for somebody silent costs nothing and parts nobody.

Where a gain changes in mid-sound, the listeners concerned hear one frame of a passage between their two streams, in
which it moves without a step.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples, Wide
from conference.audio.mix import minus, total
from conference.codecs.base import Codec
from conference.room.encoders import EXPECT_EVERY_TICKS, EncoderBank
from conference.room.participant import Participant

Row: TypeAlias = Mapping[str, float]
"""What one listener hears: the gain of each voice, by id, where it is not 1."""

_Key: TypeAlias = tuple[tuple[str, float], ...]
_Stream: TypeAlias = tuple[_Key, _Key]
"""A row now, and the row that it is reached from; the same twice unless this is a passage."""

_Place: TypeAlias = tuple[_Stream, Codec | None]

_Listeners: TypeAlias = tuple[list[Participant], list[Participant]]
"""Those who hear the same; and those of them to whom even a mix without a packet is delivered."""

_EVERYBODY: _Stream = ((), ())

_RISE = (np.arange(FRAME_SAMPLES) + 0.5) / FRAME_SAMPLES


class Audience:
    """Those who listen in one room.

    Args:
        row: says what a listener hears of those who are to be heard.
        expel: is told of a participant whose sink failed.
    """

    def __init__(
        self, row: Callable[[Participant, Collection[str]], Row], expel: Callable[[Participant], None]
    ) -> None:
        self.encoders = EncoderBank()
        self._row = row
        self._expel = expel
        self._arranged: frozenset[str] | None = None  # for whom the listeners are arranged; None: not at all
        self._voices: frozenset[str] = frozenset()  # who was heard on the last tick
        self._continuing: frozenset[str] = frozenset()  # who was heard on the last tick, and is on this one
        self._listeners: dict[_Stream, dict[Codec | None, _Listeners]] = {}
        self._places: dict[str, _Place] = {}  # of each listener

    def rearrange(self) -> None:
        """Something has changed about who listens, or about what they hear."""
        self._arranged = None

    def renew(self, participant_id: str) -> None:
        """A listener has a new decoder, which has heard nothing yet."""
        self._places.pop(participant_id, None)
        self._arranged = None

    def play(self, voices: Mapping[str, Samples], participants: Mapping[str, Participant], tick: int) -> None:
        """Mix, encode and deliver: each stream once, however many hear it.

        Args:
            voices: the frames of those who are to be heard, by id: each of shape ``(960,)``, int16.
            participants: everybody in the room, by id.
            tick: its number.
        """
        moved = self._arrange(frozenset(voices), participants)
        everything: Wide | None = None
        for stream, by_codec in self._listeners.items():
            if everything is None and voices:
                everything = total(list(voices.values()))
            mix = self._mix(stream, voices, everything)
            mixes = self.encoders.encode(stream, mix, by_codec, tick, moved.get(stream, {}))
            for (everybody, attentive), heard in zip(by_codec.values(), mixes.values(), strict=True):
                for participant in attentive if heard.payload is None else everybody:
                    try:
                        if participant.sink is not None:
                            participant.sink.deliver(heard)
                    except Exception:
                        self._expel(participant)
        if moved or tick % EXPECT_EVERY_TICKS == 0:
            self._expect_losses()

    def _arrange(
        self, voices: frozenset[str], participants: Mapping[str, Participant]
    ) -> dict[_Stream, dict[Codec | None, _Stream | None]]:
        """Seat the listeners by stream and codec, if anything has changed.

        Returns:
            Where somebody is new, by stream and codec, and the stream that they come from.
        """
        if voices == self._arranged:
            self._voices = self._continuing = voices
            return {}
        self._continuing, self._voices = self._voices & voices, voices
        self._arranged = voices
        self._listeners = {}
        moved: dict[_Stream, dict[Codec | None, _Stream | None]] = {}
        before, self._places = self._places, {}
        for participant in participants.values():
            if participant.sink is None:
                continue
            codec = participant.sink.codec
            came_from = before.get(participant.id)
            row = self._row(participant, voices)
            stream = _EVERYBODY
            if row or (came_from is not None and came_from[0] is not _EVERYBODY):
                stream = self._stream(row, None if came_from is None else came_from[0][0])
            place = self._places[participant.id] = (stream, codec)
            everybody, attentive = self._listeners.setdefault(stream, {}).setdefault(codec, ([], []))
            everybody.append(participant)
            if not getattr(participant.sink, "packets_only", False):
                attentive.append(participant)
            if came_from is None:
                moved.setdefault(stream, {}).setdefault(codec, None)
            elif came_from != place:
                moved.setdefault(stream, {})[codec] = came_from[0]
        return moved

    def _stream(self, row: Row, origin: _Key | None) -> _Stream:
        """The stream of a row, or the passage to it if a gain changes of somebody who goes on talking."""
        key = tuple(sorted(row.items()))
        if origin is None or origin == key:
            return key, key
        before = dict(origin)
        if all(before.get(one, 1.0) == row.get(one, 1.0) for one in self._continuing):
            return key, key
        self._arranged = None  # a passage lasts for one tick
        return key, origin

    def _mix(self, stream: _Stream, voices: Mapping[str, Samples], everything: Wide | None) -> Wide | None:
        """The accumulator of one stream; ``None`` if nobody is in it."""
        if everything is None or stream == _EVERYBODY:
            return everything
        key, origin = stream
        if key != origin:
            return self._passage(dict(origin), dict(key), voices)
        heard = voices.keys() - {one for one, gain in key if gain == 0.0}
        if not heard:
            return None
        if len(heard) < len(key):  # both ways are exact: the shorter one
            row = dict(key)
            return total([voices[one] for one in heard], [row.get(one, 1.0) for one in heard])
        mix = everything
        for one, gain in key:
            mix = minus(mix, voices[one], 1.0 - gain)
        return mix

    def _passage(self, origin: Row, row: Row, voices: Mapping[str, Samples]) -> Wide:
        mix = np.zeros(FRAME_SAMPLES, dtype=np.float64)
        for one, frame in voices.items():
            end = row.get(one, 1.0)
            begin = origin.get(one, 1.0) if one in self._continuing else end  # a newcomer has no past to come from
            mix += frame * (begin + (end - begin) * _RISE)
        return mix

    def _expect_losses(self) -> None:
        """Tell the encoders how much of what they make is lost on its way."""
        for stream, by_codec in self._listeners.items():
            for codec, (everybody, _) in by_codec.items():
                losses = [loss for one in everybody if (loss := self._reported_loss(one)) is not None]
                if codec is not None and losses:
                    self.encoders.expect_loss(stream, codec, max(losses))

    def _reported_loss(self, participant: Participant) -> float | None:
        try:
            loss = getattr(participant.sink, "expected_loss", None)
            return None if loss is None else float(loss)
        except Exception:
            self._expel(participant)
            return None
