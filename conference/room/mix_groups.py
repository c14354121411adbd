"""The listeners of a room, arranged by what they hear: each distinct mix is made once, and encoded once per codec.

What a listener hears is a *row*: a gain for each voice that is not 1. For most it is empty; whoever talks has a 0 for
their own voice. Listeners with the same row hear the same stream. Rows hold only those who are to be heard right now,
so that a gain for somebody silent costs nothing and parts nobody.

Where a gain changes in mid-sound, the listeners concerned hear one frame of a passage between their two streams, in
which it moves without a step.

From tick to tick nearly everybody keeps their place. Who comes, goes or starts to talk is moved, and the others are not
gone over, unless something is set that makes one listener's row depend on another's voice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples, Wide
from conference.audio.mix import minus, total
from conference.codecs.base import Codec
from conference.room.encoders import EXPECT_EVERY_TICKS, EncoderBank, Heard
from conference.room.observer import Observers
from conference.room.participant import Mix, Participant, Sink

Row: TypeAlias = Mapping[str, float]
"""What one listener hears: the gain of each voice, by id, where it is not 1."""

_Key: TypeAlias = tuple[tuple[str, float], ...]
_Stream: TypeAlias = tuple[_Key, _Key]
"""A row now, and the row that it is reached from; the same twice unless this is a passage."""

_Listeners: TypeAlias = tuple[dict[str, Participant], dict[str, Participant]]
"""Those who hear the same, by id; and those of them to whom even a mix without a packet is delivered."""

_Moved: TypeAlias = dict[_Stream, dict[Codec | None, _Stream | Heard | None]]
"""Where somebody is new, by stream and codec, and the stream that they come from, or what they have heard last."""


class _Place(NamedTuple):
    """Of one listener."""

    participant: Participant
    sink: Sink
    codec: Codec | None
    stream: _Stream


_EVERYBODY: _Stream = ((), ())

_RISE = (np.arange(FRAME_SAMPLES) + 0.5) / FRAME_SAMPLES


class Audience:
    """Those who listen in one room.

    Args:
        row: says what a listener hears of those who are to be heard.
        expel: is told of a participant whose sink failed.
        observers: are told what everybody hears.
    """

    def __init__(
        self,
        row: Callable[[Participant, Collection[str]], Row],
        expel: Callable[[Participant], None],
        observers: Observers,
    ) -> None:
        self.encoders = EncoderBank()
        self._row = row
        self._expel = expel
        self._observers = observers
        self._plain = True
        self._anew = True  # everybody's place may be another
        self._changed: set[str] = set()  # whose place may be another
        self._renewed: dict[str, Heard | None] = {}  # those of them who come from no stream, with what they have heard
        self._left_out: set[str] = set()  # who hears no mix
        self._voices: frozenset[str] = frozenset()  # who was heard on the last tick
        self._continuing: frozenset[str] = frozenset()  # who was heard on the last tick, and is on this one
        self._listeners: dict[_Stream, dict[Codec | None, _Listeners]] = {}
        self._places: dict[str, _Place] = {}  # of each listener
        self._newcomers: list[Participant] = []  # who has come to another place on the last tick that moved anybody

    def rearrange(self, participant_id: str | None, *, plain: bool) -> None:
        """Something has changed about who listens, or about what they hear.

        Args:
            participant_id: whom alone it concerns; ``None`` if it may be anybody.
            plain: everybody hears all the others as they are: nothing in a row but the listener's own voice.
        """
        if participant_id is None or plain != self._plain:
            self._anew = True
        else:
            self._changed.add(participant_id)
        self._plain = plain

    def renew(self, participant_id: str) -> None:
        """A listener has a new decoder, which has heard nothing yet."""
        self._renewed[participant_id] = None
        self._changed.add(participant_id)

    def leave_out(self, participant_id: str) -> None:
        """From now on a listener hears no mix: they get somebody's own packets."""
        self._left_out.add(participant_id)
        self._changed.add(participant_id)

    def take_back(self, participant_id: str, heard: Samples | None) -> None:
        """From now on a listener hears a mix again.

        Args:
            participant_id: who.
            heard: the end of what they have heard meanwhile, shape ``(960,)``, int16; ``None`` if that is not known.
        """
        self._left_out.discard(participant_id)
        self._renewed[participant_id] = None if heard is None else Heard(heard)
        self._changed.add(participant_id)

    def play(self, voices: Mapping[str, Samples], participants: Mapping[str, Participant], tick: int) -> None:
        """Mix, encode and deliver: each stream once, however many hear it.

        Args:
            voices: the frames of those who are to be heard, by id: each of shape ``(960,)``, int16.
            participants: everybody in the room, by id.
            tick: its number.
        """
        moved = self._arrange(frozenset(voices), participants)
        self.encoders.begin(len(self._listeners))
        everything: Wide | None = None
        for stream, by_codec in self._listeners.items():
            if everything is None and voices:
                everything = total(list(voices.values()))
            mix = self._mix(stream, voices, everything)
            mixes = self.encoders.encode(stream, mix, by_codec, tick, moved.get(stream, {}))
            for (everybody, attentive), heard in zip(by_codec.values(), mixes.values(), strict=True):
                if self._observers.all:
                    self._tell_of_mix(heard, tuple(everybody.values()))
                for participant in (attentive if heard.payload is None else everybody).values():
                    try:
                        if participant.sink is not None:
                            participant.sink.deliver(heard)
                    except Exception:
                        self._expel(participant)
        if tick % EXPECT_EVERY_TICKS == 0:
            self._expect_losses()
        elif moved:
            self._expect_losses_of_newcomers()

    def _tell_of_mix(self, mix: Mix, listeners: Collection[Participant]) -> None:
        self._observers.tell(lambda one: one.mix_delivered(mix, listeners))

    def _arrange(self, voices: frozenset[str], participants: Mapping[str, Participant]) -> _Moved:
        """Seat the listeners by stream and codec: those whose place may be another by now."""
        moved: _Moved = {}
        if voices == self._voices and not (self._anew or self._changed):
            self._continuing = voices
            return moved
        concerned = self._concerned(voices, participants)
        renewed = self._renewed
        self._changed, self._renewed, self._newcomers = set(), {}, []
        self._continuing, self._voices = self._voices & voices, voices
        self._anew = True  # should anything fail here
        for participant in concerned:
            self._seat(participant, moved, new=participant.id in renewed, heard=renewed.get(participant.id))
        self._anew = False
        return moved

    def _concerned(self, voices: frozenset[str], participants: Mapping[str, Participant]) -> Iterable[Participant]:
        """Those whose place may be another, in the order of the room. Whoever has left the room loses theirs."""
        others = voices ^ self._voices
        if self._anew or (others and not self._plain):
            for one in self._places.keys() - participants.keys():
                self._unseat(one)
            return participants.values()
        for one in [one for one in self._changed if one not in participants]:
            self._unseat(one)
        # A sink may be exchanged, or want another codec. Nobody says so: it is seen when there is something else to do.
        exchanged = [
            one.id for one, sink, codec, _ in self._places.values() if one.sink is not sink or sink.codec is not codec
        ]
        concerned = self._changed.union(others, exchanged)
        here = [participants[one] for one in concerned if one in participants]
        return here if len(here) < 2 else [one for one in participants.values() if one.id in concerned]

    def _seat(self, participant: Participant, moved: _Moved, *, new: bool, heard: Heard | None) -> None:
        """Give a listener their place. Who has it already stays where they are, also in the order of the others."""
        before, sink = self._places.get(participant.id), participant.sink
        if sink is None or participant.id in self._left_out:
            self._unseat(participant.id)
            return
        came_from = None if new or before is None else before.stream
        codec, stream = sink.codec, self._stream(participant, came_from)
        stays = before is not None and (before.stream, before.codec) == (stream, codec)
        if not stays:
            self._unseat(participant.id)
        if before is None or not (
            stays and before.codec is codec and before.sink is sink and before.participant is participant
        ):
            self._put(_Place(participant, sink, codec, stream))
        if new or not stays:
            self._newcomers.append(participant)
            moves = moved.setdefault(stream, {})
            if came_from is None:
                moves.setdefault(codec, heard)
            else:
                moves[codec] = came_from

    def _put(self, place: _Place) -> None:
        participant, sink, codec, stream = place
        self._places[participant.id] = place
        everybody, attentive = self._listeners.setdefault(stream, {}).setdefault(codec, ({}, {}))
        everybody[participant.id] = participant
        if getattr(sink, "packets_only", False):
            attentive.pop(participant.id, None)
        else:
            attentive[participant.id] = participant

    def _unseat(self, participant_id: str) -> None:
        """Take a listener's place from them, if they have one."""
        place = self._places.pop(participant_id, None)
        if place is None:
            return
        by_codec = self._listeners[place.stream]
        everybody, attentive = by_codec[place.codec]
        del everybody[participant_id]
        attentive.pop(participant_id, None)
        if not everybody:
            del by_codec[place.codec]
        if not by_codec:
            del self._listeners[place.stream]

    def _stream(self, participant: Participant, came_from: _Stream | None) -> _Stream:
        """What a listener hears, or the passage to it if a gain changes of somebody who goes on talking."""
        row = self._row(participant, self._voices)
        if not row and (came_from is None or came_from is _EVERYBODY):
            return _EVERYBODY
        key = tuple(sorted(row.items()))
        if came_from is None or came_from[0] == key:
            return key, key
        origin = came_from[0]
        before = dict(origin)
        if all(before.get(one, 1.0) == row.get(one, 1.0) for one in self._continuing):
            return key, key
        self._changed.add(participant.id)  # a passage lasts for one tick
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
                self._expect_loss(stream, codec, everybody.values())

    def _expect_losses_of_newcomers(self) -> None:
        """Tell the encoders of those who have just come to them. The others' losses are as they were."""
        newcomers: dict[tuple[_Stream, Codec | None], list[Participant]] = {}
        for one in self._newcomers:
            place = self._places[one.id]
            newcomers.setdefault((place.stream, place.codec), []).append(one)
        for (stream, codec), people in newcomers.items():
            everybody, _ = self._listeners[stream][codec]
            self._expect_loss(stream, codec, people, at_least=len(people) < len(everybody))

    def _expect_loss(
        self, stream: _Stream, codec: Codec | None, people: Iterable[Participant], *, at_least: bool = False
    ) -> None:
        losses = [loss for one in people if (loss := self._reported_loss(one)) is not None]
        if codec is not None and losses:
            self.encoders.expect_loss(stream, codec, max(losses), at_least=at_least)

    def _reported_loss(self, participant: Participant) -> float | None:
        try:
            loss = getattr(participant.sink, "expected_loss", None)
            return None if loss is None else float(loss)
        except Exception:
            self._expel(participant)
            return None
