"""The listeners of a room in groups that hear the same mix, which is made once and encoded once per codec.

What a listener hears is a *gain vector*: the gain of each voice whose gain is not 1. For most listeners the vector is
empty; whoever talks has a 0 for their own voice. Listeners with the same vector are a *mix group*. A vector names
only voices that are to be heard right now, so that a gain for somebody silent costs nothing and splits no group.

Where a gain changes while its voice sounds, the listeners concerned hear one frame of a crossfade from the mix of their
old group to that of the new one, in which the gain moves without a step.

From tick to tick nearly everybody stays in their group. Whoever comes, goes or starts to talk is moved. The others are
looked at only if something is set that makes one listener's gains depend on another's voice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, Samples, Wide
from conference.audio.mix import minus, total
from conference.codecs.base import Codec
from conference.room.mixing.encoders import EXPECT_EVERY_TICKS, EncoderBank, HeardBefore
from conference.room.observer import Observers
from conference.room.participant import Mix, Participant, Sink

GainVector: TypeAlias = Mapping[str, float]
"""What one listener hears: the gain of each voice, by id, where it is not 1."""

_GainItems: TypeAlias = tuple[tuple[str, float], ...]
_GroupKey: TypeAlias = tuple[_GainItems, _GainItems]
"""The gains now, and the gains of the tick before: the same twice, but for a crossfade."""

_Listeners: TypeAlias = tuple[dict[str, Participant], dict[str, Participant]]
"""Those who hear the same, by id; and those of them to whom even a mix without a packet is delivered."""

_Moved: TypeAlias = dict[_GroupKey, dict[Codec | None, tuple[_GroupKey | HeardBefore | None, ...]]]
"""Groups and codecs that have new listeners, with the groups that they come from, or with what they have heard last."""


class _Membership(NamedTuple):
    """To which group a listener belongs, with what sink and codec."""

    participant: Participant
    sink: Sink
    codec: Codec | None
    group: _GroupKey


_EVERYBODY: _GroupKey = ((), ())

_RISE = (np.arange(FRAME_SAMPLES) + 0.5) / FRAME_SAMPLES


class MixGroups:
    """The mix groups of one room.

    Args:
        gain_vector_of: says what a listener hears of those who are to be heard.
        expel: is told of a participant whose sink failed.
        observers: are told what everybody hears.
    """

    def __init__(
        self,
        gain_vector_of: Callable[[Participant, Collection[str]], GainVector],
        expel: Callable[[Participant], None],
        observers: Observers,
    ) -> None:
        self.encoders = EncoderBank()
        self._gain_vector_of = gain_vector_of
        self._expel = expel
        self._observers = observers
        self._plain = True
        self._anew = True  # everybody's group may be another
        self._changed: set[str] = set()  # whose group may be another
        self._renewed: dict[str, HeardBefore | None] = {}  # who comes from no group, and what they have heard
        self._left_out: set[str] = set()  # who hears no mix
        self._voices: frozenset[str] = frozenset()  # who was heard on the last tick
        self._continuing: frozenset[str] = frozenset()  # who was heard on the last tick, and is on this one
        self._listeners: dict[_GroupKey, dict[Codec | None, _Listeners]] = {}
        self._memberships: dict[str, _Membership] = {}  # of each listener
        self._newcomers: dict[str, Participant] = {}  # who came to another group on the last tick that moved anybody

    @property
    def at_rest(self) -> bool:
        """Nobody hears a mix, nor is to."""
        return not (self._listeners or self._changed or self._anew or self._voices)

    def rearrange(self, participant_id: str | None, *, plain: bool) -> None:
        """Something has changed about who listens, or about what they hear.

        Args:
            participant_id: whom alone it concerns; ``None`` if it may be anybody.
            plain: everybody hears all others as they are: gain vectors name nobody but the listener.
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
        self._renewed[participant_id] = None if heard is None else HeardBefore(heard)
        self._changed.add(participant_id)

    def play(self, voices: Mapping[str, Samples], participants: Mapping[str, Participant], tick: int) -> None:
        """Mix, encode and deliver: each group once, however many hear it.

        Args:
            voices: the frames of those who are to be heard, by id: each of shape ``(960,)``, int16.
            participants: everybody in the room, by id.
            tick: its number.
        """
        if not (voices or self._listeners or self._voices or self._anew or self._changed):
            return  # nobody is here to hear a mix, and nothing is there to be heard
        moved = self._arrange(frozenset(voices), participants)
        self.encoders.begin(tick, moved)
        if not self._listeners:
            return  # all get somebody's own packets
        everything = _Everything(voices)
        wide = {one for one in voices if not _is_narrow(participants.get(one))}
        for group, by_codec in self._listeners.items():
            mix = self._mix(group, voices, everything)
            self.encoders.narrow = wide.issubset(_left_out_of(group))
            moves = moved.get(group, {})
            left = self._left_by_all_others(by_codec) if moves else ()
            mixes = self.encoders.encode(group, mix, by_codec, tick, moves, left=left)
            for listeners, heard in zip(by_codec.values(), mixes.values(), strict=True):
                self._deliver(heard, *listeners)
        if tick % EXPECT_EVERY_TICKS == 0:
            self._expect_losses()
        elif moved:
            self._expect_losses_of_newcomers()

    def _left_by_all_others(self, by_codec: Mapping[Codec | None, _Listeners]) -> set[Codec | None]:
        """The codecs of which all listeners in a group have just come there."""
        return {codec for codec, (everybody, _) in by_codec.items() if everybody.keys() <= self._newcomers.keys()}

    def _deliver(self, mix: Mix, everybody: dict[str, Participant], attentive: dict[str, Participant]) -> None:
        """Hand a mix to those who hear it; to the attentive alone, if there is no packet."""
        if self._observers.of_listeners:
            self._tell_of_mix(mix, tuple(everybody.values()))
        for participant in (attentive if mix.payload is None else everybody).values():
            try:
                if participant.sink is not None:
                    participant.sink.deliver(mix)
            except Exception:
                self._expel(participant)

    def _tell_of_mix(self, mix: Mix, listeners: Collection[Participant]) -> None:
        self._observers.tell_of_listeners(lambda one: one.mix_delivered(mix, listeners))

    def _arrange(self, voices: frozenset[str], participants: Mapping[str, Participant]) -> _Moved:
        """Put those listeners into their group whose group may be another by now."""
        moved: _Moved = {}
        if voices == self._voices and not (self._anew or self._changed):
            self._continuing = voices
            return moved
        concerned = self._concerned(voices, participants)
        renewed = self._renewed
        self._changed, self._renewed, self._newcomers = set(), {}, {}
        self._continuing, self._voices = self._voices & voices, voices
        self._anew = True  # should anything fail here
        for participant in concerned:
            self._assign(participant, moved, new=participant.id in renewed, heard=renewed.get(participant.id))
        self._anew = False
        return moved

    def _concerned(self, voices: frozenset[str], participants: Mapping[str, Participant]) -> Iterable[Participant]:
        """Those whose group may be another, in the order of the room. Whoever has left the room leaves theirs."""
        others = voices ^ self._voices
        if self._anew or (others and not self._plain):
            for one in self._memberships.keys() - participants.keys():
                self._withdraw(one)
            return participants.values()
        for one in [one for one in self._changed if one not in participants]:
            self._withdraw(one)
        # A sink may be exchanged, or want another codec. Nobody says so: it is seen when there is something else to do.
        exchanged = [
            one.id
            for one, sink, codec, _ in self._memberships.values()
            if one.sink is not sink or sink.codec is not codec
        ]
        concerned = self._changed.union(others, exchanged)
        here = [participants[one] for one in concerned if one in participants]
        return here if len(here) < 2 else [one for one in participants.values() if one.id in concerned]

    def _assign(self, participant: Participant, moved: _Moved, *, new: bool, heard: HeardBefore | None) -> None:
        """Put a listener into their group. Who is in it already keeps their turn in the order of delivery, too."""
        before, sink = self._memberships.get(participant.id), participant.sink
        if sink is None or participant.id in self._left_out:
            self._withdraw(participant.id)
            return
        came_from = None if new or before is None else before.group
        codec, group = sink.codec, self._group_of(participant, came_from)
        stays = before is not None and (before.group, before.codec) == (group, codec)
        if not stays:
            self._withdraw(participant.id)
        if before is None or not (
            stays and before.codec is codec and before.sink is sink and before.participant is participant
        ):
            self._enter(_Membership(participant, sink, codec, group))
        if new or not stays:
            self._newcomers[participant.id] = participant
            moves, origin = moved.setdefault(group, {}), came_from or heard
            # Whoever comes from another codec has heard nothing of this one's encoders there.
            followed = came_from is None or before is None or before.codec == codec
            origins = (origin,) if followed else (origin, None)
            known = moves.get(codec, ())
            moves[codec] = (*known, *(one for one in origins if one not in known))

    def _enter(self, membership: _Membership) -> None:
        participant, sink, codec, group = membership
        self._memberships[participant.id] = membership
        everybody, attentive = self._listeners.setdefault(group, {}).setdefault(codec, ({}, {}))
        everybody[participant.id] = participant
        if getattr(sink, "packets_only", False):
            attentive.pop(participant.id, None)
        else:
            attentive[participant.id] = participant

    def _withdraw(self, participant_id: str) -> None:
        """Take a listener out of their group, if they are in one."""
        membership = self._memberships.pop(participant_id, None)
        if membership is None:
            return
        by_codec = self._listeners[membership.group]
        everybody, attentive = by_codec[membership.codec]
        del everybody[participant_id]
        attentive.pop(participant_id, None)
        if not everybody:
            del by_codec[membership.codec]
        if not by_codec:
            del self._listeners[membership.group]

    def _group_of(self, participant: Participant, came_from: _GroupKey | None) -> _GroupKey:
        """The group of a listener: that of a crossfade, if a gain changes of somebody who goes on talking."""
        gains = self._gain_vector_of(participant, self._voices)
        if not gains and (came_from is None or came_from is _EVERYBODY):
            return _EVERYBODY
        key = tuple(sorted(gains.items()))
        if came_from is None or came_from[0] == key:
            return key, key
        origin = came_from[0]
        before = dict(origin)
        if all(before.get(one, 1.0) == gains.get(one, 1.0) for one in self._continuing):
            return key, key
        self._changed.add(participant.id)  # a crossfade lasts for one tick
        return key, origin

    def _mix(self, group: _GroupKey, voices: Mapping[str, Samples], everything: _Everything) -> Wide | Samples | None:
        """The accumulator of one group, or the one frame that is in it as it is; ``None`` if nobody is in it."""
        key, origin = group
        if key != origin:
            return self._crossfade(dict(origin), dict(key), voices)
        heard = voices.keys() - {one for one, gain in key if gain == 0.0} if key else voices.keys()
        if not heard:
            return None
        gains = dict(key)
        if len(heard) == 1:
            one = next(iter(heard))
            if gains.get(one, 1.0) == 1.0:
                return voices[one]
        if len(heard) < len(key):  # both ways are exact: the shorter one
            return total([voices[one] for one in heard], [gains.get(one, 1.0) for one in heard])
        mix = everything.total
        for one, gain in key:
            mix = minus(mix, voices[one], 1.0 - gain)
        return mix

    def _crossfade(self, origin: GainVector, gains: GainVector, voices: Mapping[str, Samples]) -> Wide:
        mix = np.zeros(FRAME_SAMPLES, dtype=np.float64)
        for one, frame in voices.items():
            end = gains.get(one, 1.0)
            begin = origin.get(one, 1.0) if one in self._continuing else end  # a newcomer has no past to come from
            mix += frame * (begin + (end - begin) * _RISE)
        return mix

    def _expect_losses(self) -> None:
        """Tell the encoders how much of what they make is lost on its way."""
        for group, by_codec in self._listeners.items():
            for codec, (everybody, _) in by_codec.items():
                self._expect_loss(group, codec, everybody.values())

    def _expect_losses_of_newcomers(self) -> None:
        """Tell the encoders of those who have just come to them. The others' losses are as they were."""
        newcomers: dict[tuple[_GroupKey, Codec | None], list[Participant]] = {}
        for participant_id, one in self._newcomers.items():
            membership = self._memberships[participant_id]
            newcomers.setdefault((membership.group, membership.codec), []).append(one)
        for (group, codec), people in newcomers.items():
            everybody, _ = self._listeners[group][codec]
            self._expect_loss(group, codec, people, at_least=len(people) < len(everybody))

    def _expect_loss(
        self, group: _GroupKey, codec: Codec | None, people: Iterable[Participant], *, at_least: bool = False
    ) -> None:
        losses = [loss for one in people if (loss := self._reported_loss(one)) is not None]
        if codec is not None and losses:
            self.encoders.expect_loss(group, codec, max(losses), at_least=at_least)

    def _reported_loss(self, participant: Participant) -> float | None:
        try:
            loss = getattr(participant.sink, "expected_loss", None)
            return None if loss is None else float(loss)
        except Exception:
            self._expel(participant)
            return None


class _Everything:
    """The sum of everybody on one tick, made once and only if it is needed."""

    __slots__ = ("_total", "_voices")

    def __init__(self, voices: Mapping[str, Samples]) -> None:
        self._voices = voices
        self._total: Wide | None = None

    @property
    def total(self) -> Wide:
        """See `audio.mix.total`."""
        if self._total is None:
            self._total = total(list(self._voices.values()))
        return self._total


def _is_narrow(participant: Participant | None) -> bool:
    """Whether somebody's voice comes from a telephone; that of nobody, a sound that is played, does not."""
    return participant is not None and getattr(participant.source, "narrow", False)


def _left_out_of(group: _GroupKey) -> Collection[str]:
    """Those of whom a group hears nothing, and did not on the last tick."""
    key, origin = group
    silent = {one for one, gain in key if gain == 0.0}
    return silent if key == origin else silent & {one for one, gain in origin if gain == 0.0}
