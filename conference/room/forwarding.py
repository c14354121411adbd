"""Who gets somebody's own packets, in place of a mix.

A listener who is to hear exactly one voice, unchanged, gets that voice's packets as they came and at once, instead of a
mix that was decoded and encoded again. Where a listener may hear one person only, as in a room of two, that is so for
the whole call. In a larger room it is so while one person speaks and the others are silent.

Whoever has heard nothing yet gets packets at once. A decoder that has followed our encoder cannot go on with a talker's
packets in the middle of a word. So a listener changes from the mix to the packets only between words, and goes back to
the mix if the next word comes before their decoder has had enough of the pause (`ForwardableSource.settling_ms`). The
change back to the mix is possible at any time: the talker's last packets are decoded, so that our decoder is where the
listener's is; it conceals until the talker's next packet comes; and the mix begins with a packet that stands on its
own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeAlias, cast

from conference.audio.frame import SILENCE, TICK_NS, Samples
from conference.playout.forwardable import QUIET_DBOV, ForwardableSource, ForwardedPacket
from conference.playout.silence import DTX_BYTES, SILENT_DBOV
from conference.room.observer import Observers
from conference.room.participant import Participant, Sink

QUIET_MS = 60
"""A listener gets a talker's packets once the talker has been quiet for so long. By the next word, the error of what
the listener decodes is at -52 dB (measured)."""

QUIET_TICKS = 3
"""The same where packets do not say how loud they are, or noise is never quiet: ticks on which no more was heard."""

MAX_LISTENERS = 16
"""In a room of more people where several may speak, one mix costs less than as many packets of their own."""

MAX_LISTENERS_OF_ONE = 64
"""The same where only one person may speak: a mix of one voice costs about as much as so many packets of its own."""

MAX_LAG_NS = 20_000_000
"""What a listener gets who is handed over at the beginning of a turn may be heard so much later than it was said: it
comes behind what they were given last. It is less again from the talker's first pause on."""

MIX_OVER_TICKS = 24
"""So long after the last sound the encoder of a mix may go on to send silence, before it says that there is a pause."""

BITRATE_EVERY_TICKS = 50
"""How often it is looked whether a talker sends more than a listener allows."""

REVIEW_TICKS = 5
"""How often all is looked at while nothing that is known of has changed: what a talker says of its loudness may not be
believed any more, or its codec be another."""

REST_REVIEW_TICKS = 25
"""The same in a room at rest, in which nothing but that can have changed unnoticed."""

BITRATE_SLACK = 1.1
"""Bitrates vary: a talker's bitrate is too high when it is above the allowed one by more than this factor."""


Expel: TypeAlias = Callable[[Participant], None]


class ForwardingSink(Sink, Protocol):
    """A sink that can also send on what somebody else has encoded.

    One whose attribute ``paced`` is true takes one packet on each tick: only what a source gives that is paced, too.
    """

    @property
    def forwards(self) -> str | None:
        """The encoding name (as in SDP) of what can be sent on; ``None``: nothing, at present."""
        ...

    @property
    def max_bitrate(self) -> float | None:
        """The most bits per second that the listener allows, if they said so."""
        ...

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        """Send a packet on; see `PacketTaker.forward`."""
        ...

    def restart_forwarding(self) -> None:
        """The next packet is the first of another stream."""
        ...


@dataclass(slots=True)
class _Listener:
    """Somebody who gets a talker's packets."""

    participant: Participant
    sink: ForwardingSink
    unsettled_ms: float
    """How much quiet sound their decoder still needs before a word."""

    missed: bool = False
    """A word came before that, and they did not get it: they are to hear it in the mix."""


class Route:
    """One talker's packets on their way to those who get them. Satisfies `playout.forwardable.PacketTaker`.

    Args:
        talker: whose packets.
        source: of the talker.
        expel: is told of a participant whose sink failed.
        observers: are told of each packet.
    """

    def __init__(self, talker: Participant, source: ForwardableSource, expel: Expel, observers: Observers) -> None:
        self.talker = talker
        self.source = source
        self.listeners: dict[str, _Listener] = {}
        self.settled = True
        """The decoders of all listeners follow the talker."""

        self._everybody: tuple[_Listener, ...] = ()
        self._expel = expel
        self._observers = observers

    def add(self, listener: _Listener) -> None:
        """From now on somebody gets the packets."""
        self.listeners[listener.participant.id] = listener
        self._everybody = tuple(self.listeners.values())
        self.settled = self.settled and listener.unsettled_ms <= 0
        self.source.outlets_changed()

    def take_out(self, listener_id: str) -> _Listener:
        """From now on somebody does not get the packets any more."""
        listener = self.listeners.pop(listener_id)
        self._everybody = tuple(self.listeners.values())
        self.source.outlets_changed()
        return listener

    @property
    def outlets(self) -> Sequence[ForwardingSink]:
        """See `PacketTaker.outlets`."""
        if not self.settled or self._observers.of_listeners or any(one.missed for one in self._everybody):
            return ()
        return [one.sink for one in self._everybody]

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        """Send a packet on to all who get it."""
        everybody: Sequence[_Listener] = self._everybody
        if not self.settled:
            everybody = self._settle(everybody, duration, payload, level)
        if self._observers.of_listeners:
            self._tell(everybody, sequence, timestamp, duration, payload, arrival_ns)
        for one in everybody:
            try:
                one.sink.forward(sequence, timestamp, duration, payload, arrival_ns, level)
            except Exception:  # nobody else is to miss a packet for it
                self._expel(one.participant)

    def hand_over(self, listener: _Listener, packets: Iterable[ForwardedPacket]) -> None:
        """Send packets to one who gets those after them, too."""
        for packet in packets:
            if listener.participant.id not in self.listeners:
                return  # they have failed
            if self._observers.of_listeners:
                self._tell((listener,), *packet[:5])
            try:
                listener.sink.forward(*packet)
            except Exception:
                self._expel(listener.participant)

    def _settle(
        self, everybody: Sequence[_Listener], duration: int, payload: bytes, level: int | None
    ) -> list[_Listener]:
        """Count a packet for those whose decoders do not follow the talker yet. Returns who gets it."""
        counts = len(payload) > DTX_BYTES
        quiet = not counts if level is None else level <= max(QUIET_DBOV, self.talker.voice.opening_level)
        milliseconds = 1000 * duration / self.source.decoder.clock_rate if counts else 0
        for one in everybody:
            if one.unsettled_ms > 0 and not one.missed:
                one.missed = not quiet
                one.unsettled_ms -= milliseconds if quiet else 0
        self.settled = all(one.unsettled_ms <= 0 for one in everybody)
        return [one for one in everybody if not one.missed]

    def _tell(
        self,
        listeners: Iterable[_Listener],
        sequence: int,
        timestamp: int,
        duration: int,
        payload: bytes,
        arrival_ns: int,
    ) -> None:
        talker, people = self.talker, tuple(one.participant for one in listeners)
        self._observers.tell_of_listeners(
            lambda one: one.packet_forwarded(talker, people, sequence, timestamp, duration, payload, arrival_ns)
        )

    def restart(self) -> None:
        """Another stream of the talker begins."""
        for one in tuple(self.listeners.values()):
            self.restart_for(one)

    def restart_for(self, listener: _Listener) -> None:
        """What somebody gets breaks off."""
        if self._observers.of_listeners:
            self._observers.tell_of_listeners(lambda one: one.forwarding_restarted(listener.participant))
        try:
            listener.sink.restart_forwarding()
        except Exception:
            self._expel(listener.participant)


class MixListeners(Protocol):
    """Those who hear mixes: `mix_groups.MixGroups`."""

    def leave_out(self, participant_id: str) -> None:
        """From now on somebody hears no mix."""
        ...

    def take_back(self, participant_id: str, heard: Samples | None) -> None:
        """From now on somebody hears a mix again, after the end of what they have heard: shape ``(960,)``, int16."""
        ...


class Forwarding:
    """Decides who gets whose packets in one room.

    Args:
        mixes: those who hear mixes; whom a talker's packets are forwarded to does not.
        expel: is told of a participant whose sink failed.
        observers: are told what is forwarded.
        enabled: whether anything is forwarded.
    """

    def __init__(self, mixes: MixListeners, expel: Expel, observers: Observers, *, enabled: bool = True) -> None:
        self._mixes = mixes
        self._expel = expel
        self._observers = observers
        self.enabled = enabled
        self._possible = False  # all hear all as they are
        self._changed = True  # who may be forwarded to may be others now
        self._routes: dict[str, Route] = {}  # by the talker's id
        self._talker_of: dict[str, str] = {}  # by the listener's id
        self._only: dict[str, str] = {}  # by the listener's id, the one person whom they may hear
        self._as_they_are: frozenset[str] = frozenset()  # whose voices are not levelled
        observers.listeners_observed = self._outlets_changed
        self._recent: tuple[str, ...] = ()  # who talked last, and who before that
        self._silent: dict[str, int] = {}  # ticks for which those who are waited for have not talked
        self._waiting: dict[str, Participant] = {}  # listeners who may go over when it is quiet
        self._unfit: set[str] = set()  # of those, whose sinks do not take what is given, when that was last asked
        self._ended: set[str] = set()  # of those, whose forwarding ended since the last tick
        self._new: set[str] = set()  # listeners whose decoders have had nothing but silence
        self._hearing: frozenset[str] = frozenset()  # who hears a mix, or packets in place of it
        self._apart: frozenset[str] = frozenset()  # who hears each voice by itself
        self._may_interrupt = False  # whether there are people who may interrupt a bot
        self._listens = True  # whether it may be interrupted now: all are listened to for that
        self._omits_silence = False  # whether what is forwarded is silence for long
        self._voices: tuple[str, ...] = ()  # who was heard on the last tick
        self._resumed: list[Participant] = []  # talkers whose packets are played from this tick on
        self._left: set[str] = set()  # those whose listeners went over to somebody else while they were silent
        self._silence = 0  # ticks for which nobody was heard in a mix
        self._ticks = 0
        self._reviewing = False  # this tick's frames are here, and not yet heard

    @property
    def listeners(self) -> Mapping[str, str]:
        """Who gets whose packets: the talker's id by the listener's."""
        return self._talker_of

    def _outlets_changed(self) -> None:
        """Somebody begins to be told of each packet, or ends."""
        for route in self._routes.values():
            route.source.outlets_changed()

    def note_talking(self, participant_id: str) -> None:
        """Somebody begins to talk."""
        self._recent = (participant_id, *(one for one in self._recent if one != participant_id))[:2]

    def rearrange(self, participants: Mapping[str, Participant], participant_id: str | None, *, plain: bool) -> None:
        """Take in that who is here, or what they hear, has changed. Forwarding that is no longer right ends at once.

        Args:
            participants: everybody, by id.
            participant_id: whom alone it concerns; ``None`` if it may be anybody.
            plain: all hear all as they are: no gain but 1, and no sound is played.
        """
        self._possible = self.enabled and plain
        self._changed = True
        concerned = [
            listener_id
            for listener_id, talker_id in self._talker_of.items()
            if not self._possible or participant_id in (None, listener_id, talker_id)
        ]
        self._end_what_may_not_go_on(concerned, participants)

    def _end_what_may_not_go_on(self, listener_ids: Iterable[str], participants: Mapping[str, Participant]) -> None:
        for listener_id in tuple(listener_ids):
            if listener_id in self._talker_of and not self._may_go_on(listener_id, participants):
                self._end(listener_id)

    def stop(self, talker_id: str) -> None:
        """Have nobody get somebody's packets any more: they leave, and what they were just saying fades in the mix."""
        for listener_id in [one for one, talker in self._talker_of.items() if talker == talker_id]:
            self._end(listener_id)

    def _look_around(self, participants: Mapping[str, Participant]) -> None:
        """Find out who may hear one person only, and who may go over to somebody's packets."""
        self._changed = False
        possible = self._possible and len(participants) > 1
        speakers = _some_speakers(participants.values()) if possible else []
        few = possible and len(participants) <= MAX_LISTENERS + 1
        hearing: list[Participant] = []
        if few or 0 < len(speakers) < 3 or self._routes:
            hearing = [one for one in participants.values() if _hears(one)]
        self._hearing = frozenset(one.id for one in hearing)
        self._apart = frozenset(one.id for one in participants.values() if one.hears_apart)
        self._may_interrupt = _may_interrupt(participants.values())
        self._only = _only_ones(hearing, speakers)
        self._omits_silence = len(participants) > 2  # a call of two is sent on whole
        self._silent = {one: ticks for one, ticks in self._silent.items() if one in participants}
        self._new = {one for one in self._new if one in participants}
        as_they_are = _as_they_are(participants)
        for one in as_they_are | self._as_they_are:
            if one in participants:
                participants[one].voice.as_it_is = one in as_they_are
        self._as_they_are = as_they_are
        self._end_what_may_not_go_on(self._talker_of, participants)
        self._unfit.clear()
        few_enough = len(hearing) <= MAX_LISTENERS_OF_ONE
        self._waiting = {
            one.id: one
            for one in hearing
            if one.id not in self._talker_of and (few or (few_enough and one.id in self._only))
        }

    def renew(self, listener_id: str) -> None:
        """A listener has a new decoder, which has had nothing yet: it can begin with any packet."""
        talker_id = self._talker_of.get(listener_id)
        if talker_id is None:
            self._new.add(listener_id)
        else:
            one = self._routes[talker_id].listeners[listener_id]
            one.unsettled_ms, one.missed = 0, False

    def begin_at_once(self, participants: Mapping[str, Participant], now_ns: int) -> None:
        """Begin to forward to those who have heard nothing yet, before anything is played on a tick.

        No decoder has to be brought over from a mix, so nobody has to be quiet for it. Who comes while a word is being
        said gets the rest of it, and else all that waits to be played.

        Args:
            participants: everybody, by id.
            now_ns: monotonic time at which the tick is due.
        """
        if not self._new:
            return
        if self._changed:
            self._look_around(participants)
        for listener in [one for one in self._waiting.values() if one.id in self._new]:
            talker = self._talker_for(listener, participants)
            if talker is None or _others(self._voices, talker.id, listener.id):
                continue
            source = talker.source
            if isinstance(source, ForwardableSource) and self._can_take(listener, source):
                waiting = () if talker.id in self._voices else source.waiting(now_ns)
                try:
                    self._begin(talker, source, listener, at_once=True, waiting=waiting)
                except Exception:
                    self._expel(listener)
        self._settle()

    def listen_for_interruptions(self, *, wanted: bool) -> None:
        """Have those decoded, from this tick on, who may interrupt a bot, and the bot; or leave them be.

        To be called before anything is played on a tick.

        Args:
            wanted: whether a bot is heard that may be interrupted.
        """
        if wanted is not self._listens:
            self._listens = wanted
            self._settle()

    @property
    def listens_for_interruptions(self) -> bool:
        """Those who may interrupt a bot are decoded."""
        return self._listens

    def begin_turn(self, awake: Collection[Participant], participants: Mapping[str, Participant], now_ns: int) -> None:
        """Hand those over to somebody who begins to talk for whom everybody else is silent, before a tick is played.

        They get the end of the silence before the word, too, with which their decoders follow the talker by the word.

        Args:
            awake: those who may have something to say.
            participants: everybody, by id.
            now_ns: monotonic time at which the tick is due.
        """
        if not (self._routes or self._waiting) or len(participants) > MAX_LISTENERS + 1:
            return
        beginning = _who_begins(awake)
        if beginning is None:
            return
        talker, source = beginning
        if self._changed:
            self._look_around(participants)
        sounding = {one.id for one in awake if one is not talker and not self._is_silent(one)}
        sounding.update(self._voices)
        listeners = [
            one
            for one in participants.values()
            if one.id in self._hearing and one is not talker and sounding <= {one.id}
            and self._talker_of.get(one.id) != talker.id and self._only.get(one.id, talker.id) == talker.id
        ]  # fmt: skip
        if not self._possible or not listeners or not (packets := source.beginning(now_ns)):
            return
        self.note_talking(talker.id)
        for listener in listeners:
            if self._given_until_ns(listener, now_ns) > packets[0].arrival_ns + MAX_LAG_NS:
                continue
            try:
                self._hand_over(talker, source, listener, packets)
            except Exception:
                self._expel(listener)
        self._settle()

    def _given_until_ns(self, listener: Participant, now_ns: int) -> int:
        """When the sound of what somebody was given last ended, be it packets or a mix."""
        before = self._talker_of.get(listener.id)
        if before is None:
            return now_ns - max(0, self._silence - MIX_OVER_TICKS) * TICK_NS
        until_ns = self._routes[before].source.sent_until_ns
        return now_ns + TICK_NS if until_ns is None else until_ns

    def _is_silent(self, participant: Participant) -> bool:
        """Whether what came last of somebody is silence, as far as is known without decoding it."""
        source = participant.source
        if not participant.may_be_heard or source is None:
            return True
        if participant.bot and participant.talking:
            return False  # whoever interrupts it is to be heard in a mix, to tell them from its echo
        if not isinstance(source, ForwardableSource) or source.begins:
            return False
        coming = source.expected_level
        return coming is not None and coming <= SILENT_DBOV

    def _hand_over(
        self, talker: Participant, source: ForwardableSource, listener: Participant, packets: Sequence[ForwardedPacket]
    ) -> None:
        """Forward somebody's packets from the silence before a word on to one whose own talker is silent."""
        if not self._can_take(listener, source) or _is_too_much(source, cast("ForwardingSink", listener.sink)):
            return
        if (before := self._talker_of.pop(listener.id, None)) is not None:
            self._leave_in_silence(self._routes[before], listener.id)
        self._waiting[listener.id] = listener
        self._begin(talker, source, listener, at_once=True, waiting=packets)

    def _leave_in_silence(self, route: Route, listener_id: str) -> None:
        """Have somebody not get packets any more of whom nothing is heard."""
        one = route.take_out(listener_id)
        source, voice = route.source, route.talker.voice
        if not source.plays:
            source.resume()
            voice.go_on(SILENCE)
            source.wake_up()
            self._left.add(route.talker.id)
        self._close_if_unused(route)
        route.restart_for(one)

    def review(
        self, voices: Mapping[str, Samples], participants: Mapping[str, Participant], now_ns: int
    ) -> list[Participant]:
        """Let a tick pass: end forwarding to those who are to hear somebody else, and begin where it may begin.

        Args:
            voices: the frames of those who are to be heard on this tick, by id.
            participants: everybody, by id.
            now_ns: monotonic time at which it is due.

        Returns:
            Those talkers whose packets were only forwarded, and have to be played from this very tick on.
        """
        heard = self._without_those_left(voices) if self._left else voices
        self._resumed = []
        self._reviewing = True
        if self._changed:
            self._look_around(participants)
        self._ticks += 1
        if self._routes or self._waiting:
            if not self._is_steady(heard):
                self._end_what_must(heard)
                self._begin_where_quiet(heard, participants, now_ns)
                self._settle()
            self._send_on(now_ns)
        self._reviewing = False
        self._ended.clear()
        self._voices = tuple(heard)
        self._silence = 0 if heard or self._resumed else self._silence + 1
        if self._new and (heard or self._resumed):
            sounding = {*heard, *(one.id for one in self._resumed)}
            self._new = {one for one in self._new if not sounding - {one}}
        return self._resumed

    def _without_those_left(self, voices: Mapping[str, Samples]) -> Collection[str]:
        """Who is heard, without those whose turn is over: they may go on, but nothing has come of them since."""
        self._left &= {one for one, frame in voices.items() if frame is SILENCE}
        return voices.keys() - self._left

    @property
    def at_rest(self) -> bool:
        """Packets are sent on as they come, or one on each tick, and nothing of that changes by itself."""
        return bool(self._routes) and not self._changed and self._goes_on

    @property
    def ticks_to_review(self) -> int:
        """In how many ticks all is to be looked at again, while :attr:`at_rest`."""
        return REST_REVIEW_TICKS - self._ticks % REST_REVIEW_TICKS

    @property
    def paces(self) -> bool:
        """There is something to be sent on on each tick."""
        return any(route.source.paced for route in self._routes.values())

    def pass_ticks(self, ticks: int) -> None:
        """So many ticks have passed while :attr:`at_rest`, on which nothing was to be done."""
        self._ticks += ticks

    def rest(self, now_ns: int) -> None:
        """Let a tick pass on which nothing is to be done but to send on what is paced."""
        self._ticks += 1
        self._send_on(now_ns)

    def _send_on(self, now_ns: int) -> None:
        for route in tuple(self._routes.values()):
            if route.source.paced:
                route.source.send_on(now_ns)

    def _is_steady(self, voices: Collection[str]) -> bool:
        """Whether all goes on as it was on the last tick, as far as need be looked."""
        return not voices and self._ticks % REVIEW_TICKS != 0 and self._goes_on

    @property
    def _goes_on(self) -> bool:
        """Nobody was decoded on the last tick, nor has to be, and nobody may go over."""
        if self._voices or self._waiting or self._ended:
            return False
        return all(one.settled and one.talker.voice.is_untouched for one in self._routes.values())

    def _may_go_on(self, listener_id: str, participants: Mapping[str, Participant]) -> bool:
        """Whether what somebody gets forwarded is still what they are to hear, whoever talks."""
        route = self._routes[self._talker_of[listener_id]]
        one = route.listeners[listener_id]
        return (
            self._possible
            and participants.get(listener_id) is one.participant
            and participants.get(route.talker.id) is route.talker
            and _hears(one.participant)
            and one.participant.sink is one.sink
            and route.talker.source is route.source
            and route.talker.may_be_heard
            and self._only.get(listener_id, route.talker.id) == route.talker.id
        )

    def _end_what_must(self, voices: Collection[str]) -> None:
        for listener_id, talker_id in list(self._talker_of.items()):
            if listener_id not in self._talker_of:
                continue  # they have left just now
            route = self._routes[talker_id]
            one = route.listeners[listener_id]
            try:
                ends = one.missed or self._must_end(listener_id, route, voices)
            except Exception:
                self._expel(one.participant)
                continue
            if ends:
                self._waiting[listener_id] = one.participant
                self._end(listener_id)

    def _must_end(self, listener_id: str, route: Route, voices: Collection[str]) -> bool:
        talker, source = route.talker, route.source
        if _others(voices, talker.id, listener_id):
            return True
        if source.taker is not route or not talker.voice.is_untouched:
            return True
        return self._ticks % BITRATE_EVERY_TICKS == 0 and _is_too_much(source, route.listeners[listener_id].sink)

    def _begin_where_quiet(self, voices: Collection[str], participants: Mapping[str, Participant], now_ns: int) -> None:
        """Begin to forward to those who may get a talker's packets, where the talker pauses."""
        known: dict[str, bool] = {}
        if not self._ticks % REVIEW_TICKS:
            self._unfit.clear()
        if len(self._unfit) >= len(self._waiting):
            return
        for listener in [one for one in self._waiting.values() if one.id not in self._unfit]:
            talker = self._talker_for(listener, participants)
            if talker is None or _others(voices, talker.id, listener.id):
                continue
            if listener.id in self._ended or _others(self._voices, talker.id, listener.id):
                continue  # a mix has to say first that what they have heard is over
            source = talker.source
            if not isinstance(source, ForwardableSource) or not self._can_take(listener, source):
                self._unfit.add(listener.id)
                continue
            if talker.id not in known:
                known[talker.id] = self._is_quiet(talker, source, now_ns)
            if known[talker.id]:
                try:
                    self._begin(talker, source, listener)
                except Exception:
                    self._expel(listener)

    def _talker_for(self, listener: Participant, participants: Mapping[str, Participant]) -> Participant | None:
        """Whom a listener is to hear alone, as far as is known: the one person they may hear, or who talked last."""
        expected = next((one for one in self._recent if one != listener.id), None)
        return participants.get(self._only.get(listener.id) or expected or "")

    def _can_take(self, listener: Participant, source: ForwardableSource) -> bool:
        """Whether somebody's sink takes what a source gives, at present."""
        try:
            forwards = getattr(listener.sink, "forwards", None)
            if forwards is None or forwards != source.decoder.name:
                return False
            return source.paced or not getattr(listener.sink, "paced", False)
        except Exception:
            self._expel(listener)
            return False

    def _is_quiet(self, talker: Participant, source: ForwardableSource, now_ns: int) -> bool:
        """Whether a talker pauses: a listener who changes from the mix to their packets misses nothing then."""
        sounds = talker.talking and talker.level > QUIET_DBOV
        self._silent[talker.id] = silent = 0 if sounds else self._silent.get(talker.id, 0) + 1
        if source.quiet_ms(now_ns) >= QUIET_MS:
            return True
        if silent < QUIET_TICKS:
            return False
        coming = source.expected_level
        return coming is None or coming <= talker.voice.opening_level

    def _begin(
        self,
        talker: Participant,
        source: ForwardableSource,
        listener: Participant,
        *,
        at_once: bool = False,
        waiting: Iterable[ForwardedPacket] = (),
    ) -> None:
        """Forward to somebody whose sink takes what the talker sends, if nothing else is in the way.

        Args:
            talker: whose packets.
            source: of the talker.
            listener: who gets them.
            at_once: their decoder begins with them, and there is nothing that it has to be brought over from.
            waiting: packets that have come already, and that they get, too.
        """
        if not talker.voice.is_untouched or not talker.may_be_heard:
            return
        sink = cast("ForwardingSink", listener.sink)
        if _is_too_much(source, sink):
            return
        if not (at_once or source.measure(max(QUIET_DBOV, talker.voice.opening_level))):
            return
        route = self._routes.get(talker.id)
        if route is None or route.source is not source:
            route = self._routes[talker.id] = Route(talker, source, self._expel, self._observers)
        one = _Listener(listener, sink, 0 if at_once else source.settling_ms)
        route.add(one)
        source.linger()
        self._new.discard(listener.id)
        self._talker_of[listener.id] = talker.id
        del self._waiting[listener.id]
        self._mixes.leave_out(listener.id)
        route.hand_over(one, waiting)

    def _end(self, listener_id: str) -> None:
        """Have somebody hear a mix again."""
        route = self._routes[self._talker_of.pop(listener_id)]
        one = route.take_out(listener_id)
        heard = self._resume(route)
        self._close_if_unused(route)
        self._mixes.take_back(listener_id, heard)
        self._ended.add(listener_id)
        route.restart_for(one)

    def _close_if_unused(self, route: Route) -> None:
        """Take no more of a talker's packets if nobody gets them."""
        if not route.listeners:
            del self._routes[route.talker.id]
            if route.source.taker is route:
                route.source.forward(None)

    def _settle(self) -> None:
        """Have those talkers decoded whom somebody hears in a mix, or is to hear if a word comes now, and no others."""
        for route in self._routes.values():
            source = route.source
            others = len(self._hearing) - (route.talker.id in self._hearing)
            plays = (
                not route.settled
                or others > len(route.listeners)
                or not self._apart <= {route.talker.id}
                or (self._may_interrupt and self._listens)
            )
            if route.settled:
                source.stop_measuring()
            omits_silence = self._omits_silence and route.settled and not source.paced
            if plays and not source.plays:
                self._resume(route)
            elif (source.taker, source.plays, source.omits_silence) != (route, plays, omits_silence):
                source.forward(route, plays=plays, omits_silence=omits_silence)

    def _resume(self, route: Route) -> Samples | None:
        """Play a talker's packets again. Returns the end of what the listeners have heard, if that is known."""
        source, talker = route.source, route.talker
        if source.plays:
            return talker.voice.heard_before if self._reviewing else talker.voice.heard
        heard = source.resume()
        talker.voice.go_on(heard)
        self._resumed.append(talker)
        source.wake_up()
        return heard


def _who_begins(awake: Iterable[Participant]) -> tuple[Participant, ForwardableSource] | None:
    """Who begins to talk, if it is one person, whose packets say so, and who is not changed in a mix; and by what."""
    begins = [(one, one.source) for one in awake if isinstance(one.source, ForwardableSource) and one.source.begins]
    if len(begins) != 1:
        return None
    talker, source = begins[0]
    voice, coming = talker.voice, source.expected_level
    if coming is None or coming <= voice.opening_level or voice.talking or voice.heard is not None:
        return None
    return (talker, source) if talker.may_be_heard and voice.is_untouched else None


def _hears(participant: Participant) -> bool:
    return participant.sink is not None and not participant.absent and not participant.deafened


def _may_interrupt(participants: Iterable[Participant]) -> bool:
    """Whether there is a bot that hears people, and somebody who can interrupt it."""
    here = [one for one in participants if one.source is not None and not one.absent]
    return any(one.bot and not one.deafened for one in here) and any(not one.bot for one in here)


def _others(voices: Collection[str], talker_id: str, listener_id: str) -> bool:
    """Whether a listener is to hear somebody else than a talker."""
    return len(voices) > (talker_id in voices) + (listener_id in voices)


def _some_speakers(participants: Iterable[Participant]) -> list[Participant]:
    """Those who may be heard, as long as they are few: three at most."""
    return list(islice((one for one in participants if one.source is not None and one.may_be_heard), 3))


def _only_ones(hearing: Iterable[Participant], speakers: Sequence[Participant]) -> dict[str, str]:
    """By listener, the one person whom they may hear."""
    only = {}
    for listener in hearing:
        others = [one for one in speakers if one is not listener]
        if len(others) == 1:
            only[listener.id] = others[0].id
    return only


def _as_they_are(participants: Mapping[str, Participant]) -> frozenset[str]:
    """Those whose voices are not levelled: in a room of two there is nobody whom they could be as loud as."""
    if len(participants) > 2:
        return frozenset()
    return frozenset(one.id for one in participants.values() if not one.voice.asked_to_level)


def _is_too_much(source: ForwardableSource, sink: ForwardingSink) -> bool:
    """Whether a talker sends clearly more than a listener allows."""
    allowed = sink.max_bitrate
    return allowed is not None and source.bitrate > allowed * BITRATE_SLACK
