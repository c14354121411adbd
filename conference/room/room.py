"""A room, and what happens in it on a tick.

`Room.tick` is synchronous: it pulls a frame from each source, mixes, encodes and hands each sink its output. It opens
no socket, reads no clock, awaits nothing. The same calls at the same times give the same sound, bit for bit.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from conference.audio.fade import fade_in, fade_out
from conference.audio.frame import SILENT_LEVEL, Samples
from conference.codecs.base import BEST_COMPLEXITY
from conference.room.events import BotInterrupted, HearingChanged, LevelsMeasured, Published, SoundStarted, SoundStopped
from conference.room.forwarding import Forwarding
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.interruptions import Interruptions
from conference.room.levels import LevelReport
from conference.room.mixing.encoders import EncoderBank
from conference.room.mixing.gain_vector import full_gain_vector, plain_gain_vector
from conference.room.mixing.loudest import DEFAULT_LIMIT, TalkerSelection
from conference.room.mixing.mix_groups import GainVector, MixGroups
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Participant, Sink, Source, SourceReader
from conference.room.people import People
from conference.room.policy import DEFAULT_POLICY, RoomPolicy
from conference.room.soundboard import Soundboard
from conference.room.sounds import Sound
from conference.room.speaker_selector import LEVEL_TICKS, SpeakerSelector
from conference.room.voice import DEFAULT_VOICE, VoiceSettings
from conference.room.voices_apart import VoicesApart

log = logging.getLogger(__name__)


class Room(People):
    """Who is here, and what they hear.

    Args:
        name: as in the URL.
        created_at: unix time in seconds.
        publish: takes every event, and every batch, at once and in order.
        voice: how the voices of those who join are treated.
        max_talkers: how many are mixed at once; with more, the loudest.
        policy: how the room is run, to begin with.
        forwarding: whether listeners who are to hear one voice get its own packets.
    """

    def __init__(
        self,
        name: str,
        created_at: float,
        publish: Callable[[Published], None],
        voice: VoiceSettings = DEFAULT_VOICE,
        *,
        max_talkers: int = DEFAULT_LIMIT,
        policy: RoomPolicy = DEFAULT_POLICY,
        forwarding: bool = True,
    ) -> None:
        super().__init__(name, created_at, publish, voice, policy)
        self._hearing = Hearing()
        self._volumes = Volumes()
        self._board = Soundboard()
        self._apart: set[str] = set()  # who does not hear what others say
        self._plain = True  # everybody hears everybody as they are
        self._mix_groups = MixGroups(self._gain_vector, self._expel, self._observers)
        self._forwarding = Forwarding(self._mix_groups, self._expel, self._observers, enabled=forwarding)
        self._speaker_selector = SpeakerSelector(max_talkers, self._expel, self._set_talking, self._observers)
        self._selection = TalkerSelection(max_talkers)
        self._voices_apart = VoicesApart(
            self.participants, self._hearing, self._volumes, self._observers, self._expel, max_talkers
        )
        self._interruptions = Interruptions(self._hearing, self._interrupt)
        self._left_out: set[str] = set()  # who talked during the last tick and was not mixed
        self._endings: dict[str, Samples] = {}  # what is still to be heard of those who have left
        self._levels = LevelReport(name)
        self._monitors: dict[str, Participant] = {}
        self._readers: dict[str, SourceReader] = {}
        self._resting = False  # since the last whole tick nothing has happened that a tick would have to see to
        self._rested = self._rests_until = 0  # the last tick, and the next one on which there is something to be done

    @property
    def max_talkers(self) -> int:
        """How many are mixed at once."""
        return self._selection.limit

    @property
    def levels(self) -> Mapping[str, float]:
        """How loud everybody is who is not silent, in dBov, by id: as it was published last."""
        return self._levels.told

    @property
    def encoders(self) -> EncoderBank:
        """The encoders of all that is heard here."""
        return self._mix_groups.encoders

    @property
    def complexity(self) -> int:
        """The most work that encoding a mix may take here: 0 to 10, on the scale of Opus."""
        return self.encoders.complexity

    def limit_complexity(self, complexity: int) -> None:
        """From the next tick on, let encoding a mix take no more work than this, 0 to 10.

        Raises:
            ValueError: it is not in that range.
        """
        if not 0 <= complexity <= BEST_COMPLEXITY:
            raise ValueError(f"a complexity is 0 to {BEST_COMPLEXITY}")
        if complexity == self.complexity:
            return
        self.encoders.complexity = complexity
        if self._observers.all:
            self._observers.tell(lambda one: one.complexity_limited(complexity))

    # People

    def add(self, participant: Participant, *, returning: bool = False) -> None:
        """See `People.add`."""
        super().add(participant, returning=returning)
        self._take_reader(participant)
        self._speaker_selector.take(participant)
        self._forwarding.renew(participant.id)
        self._await(participant)
        self._voices_apart.add(participant)
        self._interruptions.add(participant)

    def remove(self, participant_id: str, reason: str, departure: Departure = "left") -> Participant | None:
        """See `People.remove`. What they were just saying still fades."""
        participant = self.participants.get(participant_id)
        if participant is not None:
            self._forwarding.stop(participant_id)
            ending = participant.voice.stop()
            if ending is not None:
                self._endings[participant_id] = ending
            self._speaker_selector.forget(participant)
            self._voices_apart.remove(participant_id)
            self._interruptions.remove(participant_id)
            if (participant.leaving or (departure, None))[0] not in ("lost", "failed"):
                self._forget_volumes(participant_id)  # whoever was lost may come back, and hears as before then
        self._let_go_of_reader(participant_id)
        return super().remove(participant_id, reason, departure)

    def reconnect(
        self,
        participant_id: str,
        source: Source | None,
        sink: Sink | None,
        hang_up: Callable[[str], None] | None,
    ) -> Callable[[str], None] | None:
        """See `People.reconnect`."""
        replaced = super().reconnect(participant_id, source, sink, hang_up)
        self._let_go_of_reader(participant_id)
        self._take_reader(self.participants[participant_id])
        self._speaker_selector.take(self.participants[participant_id])
        self._await(self.participants[participant_id])
        self._forwarding.renew(participant_id)
        self._mix_groups.renew(participant_id)
        return replaced

    def renew(self, participant_id: str) -> None:
        """Somebody begins to hear, with a decoder that knows of nothing that was sent before."""
        self._resting = False
        self._forwarding.renew(participant_id)
        self._mix_groups.renew(participant_id)
        participant = self.participants.get(participant_id)
        if participant is not None and self._observers.all:
            self._tell_of_renewal(participant)

    def _tell_of_renewal(self, participant: Participant) -> None:
        self._observers.tell(lambda one: one.participant_renewed(participant))

    def _await(self, participant: Participant) -> None:
        """Take note of when a listener's connection is up, if it is not yet."""
        sink = participant.sink
        if sink is not None and hasattr(sink, "on_open"):
            sink.on_open = partial(self.renew, participant.id)

    def _take_reader(self, participant: Participant) -> None:
        reader = getattr(participant.source, "reader", None)
        if reader is not None:
            self._readers[participant.id] = reader

    def _let_go_of_reader(self, participant_id: str) -> None:
        reader = self._readers.pop(participant_id, None)
        if reader is not None:
            reader.let_go()

    # Who hears whom

    @property
    def forwards(self) -> bool:
        """Listeners who are to hear one voice may get its own packets."""
        return self._forwarding.enabled

    @property
    def forwarded(self) -> Mapping[str, str]:
        """Who gets whose own packets, in place of a mix: the talker's id by the listener's."""
        return self._forwarding.listeners

    @property
    def hearing(self) -> Hearing:
        """The matrix of gains: to be read. It is changed through the room."""
        return self._hearing

    def set_gain(self, listener: str | None, source: str | None, gain: float | None, *, by: str | None = None) -> None:
        """Set one gain of the matrix; see `Hearing.set`, also for what is raised."""
        if self._hearing.set(listener, source, gain):
            self._hearing_changed(by)

    def whisper(self, source: str, listeners: Iterable[str], *, by: str | None = None) -> None:
        """Have somebody heard by these alone; see `Hearing.whisper`. To coach is to whisper to one."""
        self._hearing.whisper(source, listeners)
        self._hearing_changed(by)

    def speak_up(self, source: str, *, by: str | None = None) -> None:
        """End a whisper."""
        self._hearing.speak_up(source)
        self._hearing_changed(by)

    def sidebar(self, members: Iterable[str], *, by: str | None = None) -> None:
        """Have these talk among themselves; see `Hearing.sidebar`."""
        self._hearing.sidebar(members)
        self._hearing_changed(by)

    def rejoin(self, members: Iterable[str], *, by: str | None = None) -> None:
        """End the sidebars that these are in; see `Hearing.rejoin`."""
        self._hearing.rejoin(members)
        self._hearing_changed(by)

    def _hearing_changed(self, by: str | None) -> None:
        self._stir()
        self._tell_of_gains()
        self._publish(HearingChanged(self.name, tuple(self._hearing.rules), by))

    @property
    def volumes(self) -> Volumes:
        """What listeners have set for themselves: to be read. It is changed through the room."""
        return self._volumes

    def set_volume(self, listener: str, source: str, volume: float) -> None:
        """Have somebody hear somebody louder or quieter, as they want it; see `Volumes.set`, also for what is raised.

        It is nobody else's business: no event tells of it.
        """
        if self._volumes.set(listener, source, volume):
            self._volumes_changed(listener)

    def _forget_volumes(self, participant_id: str) -> None:
        """Somebody has gone for good, or what was set is void."""
        if self._volumes.forget(participant_id):
            self._volumes_changed(None)

    def _volumes_changed(self, listener: str | None) -> None:
        self._stir(listener)
        self._tell_of_gains()

    def load_gains(self, hearing: dict[str, Any], volumes: Iterable[tuple[str, str, float]]) -> None:
        """Set all gains and volumes as `Hearing.dump` and `Volumes.all` gave them elsewhere. No event tells of it."""
        self._hearing.load(hearing)
        self._volumes.load(volumes)
        self._stir()
        self._tell_of_gains()

    def _tell_of_gains(self) -> None:
        if self._observers.all:
            self._observers.tell(lambda one: one.gains_changed(self._hearing, self._volumes))

    def monitor(self, listener: Participant) -> None:
        """Have somebody hear what everybody hears who is not in the room: no voice is their own, and nobody sees them.

        They get a mix on every tick, whatever is forwarded to others: it is for rooms that are run again.
        """
        self._monitors[listener.id] = listener
        self._stir()

    # Sounds

    @property
    def sounds(self) -> Collection[Sound]:
        """What is being played."""
        return self._board.sounds.values()

    def play(self, sound: Sound, *, by: str | None = None) -> None:
        """Play a sound from the next tick on; see `Soundboard.play`, also for what is raised."""
        self._board.play(sound)
        self._stir()
        if self._observers.all:
            self._observers.tell(lambda one: one.sound_played(sound))
        self._publish(SoundStarted(self.name, sound.id, sound.name, sound.audience, by))

    def stop_sound(self, sound_id: str) -> bool:
        """End a sound with the next tick. Returns whether it was being played."""
        sound = self._board.sounds.get(sound_id)
        if sound is not None:
            sound.stop()
        return sound is not None

    # A tick

    def collect(self) -> None:
        """Have sources brought what has come for them. Right before a tick, and no part of it: people may go by it."""
        for participant_id, reader in tuple(self._readers.items()):
            if self._readers.get(participant_id) is not reader:
                continue  # they have gone by what somebody else was brought
            try:
                reader.collect()
            except Exception:
                self._expel(self.participants[participant_id])

    @property
    def resting(self) -> bool:
        """All that is heard is sent on as it comes: the next tick needs nothing that has come since the last one."""
        return self._resting and not self._speaker_selector.roused

    def rests_through(self, tick: int) -> bool:
        """Whether there is nothing to be done on a tick. Then it may be left out; see :meth:`tick`."""
        return tick < self._rests_until and self.resting

    def tick(self, tick: int, now_ns: int) -> None:
        """Let 20 ms pass: everybody speaks, and everybody hears.

        Ticks before this one that were left out, since the room :meth:`rests_through` them, pass with it.

        Args:
            tick: number of the tick; the media time of the mixes is ``tick * 960``.
            now_ns: monotonic time at which the tick is due.
        """
        if self._observers.all:
            self._tell_of_tick(tick, now_ns, begins=True)
        try:
            if self._rests_until:
                self._pass_ticks(tick - self._rested - 1)
            self._listen_for_interruptions()
            if self._resting and self._rests(tick, now_ns):
                return
            self._forwarding.begin_at_once(self.participants, now_ns)
            self._forwarding.begin_turn(self._speaker_selector.awake, self.participants, now_ns)
            voices, self._endings = self._endings, {}
            voices.update(self._speaker_selector.listen(now_ns, self._selection.chosen))
            if self._interruptions.possible:
                self._interruptions.review(tick, voices, self._speaker_selector.awake)
            voices = self._loudest(voices)
            if self._board.sounds:
                voices = voices | self._sound(now_ns)
            for talker in self._forwarding.review(voices, self.participants, now_ns):
                frame = self._speaker_selector.resume(talker, now_ns)
                if frame is not None:
                    voices[talker.id] = frame
            listeners = self.participants if not self._monitors else self.participants | self._monitors
            self._mix_groups.play(voices, listeners, tick)
            if self._levels.due(tick):
                self._publish_levels()
                self.encoders.forget_unused(tick)
            self._wait_for_host()
            self._resting = not voices and self._is_at_rest
        finally:
            if self._observers.all:
                self._tell_of_tick(tick, now_ns, begins=False)

    @property
    def _is_at_rest(self) -> bool:
        """All that is heard is sent on as it comes: most ticks have nothing to do, until something else happens."""
        return (
            self._forwarding.at_rest
            and self._speaker_selector.at_rest
            and self._mix_groups.at_rest
            and not (self._board.sounds or self._endings or self._monitors or self._without_host)
        )

    def _listen_for_interruptions(self) -> None:
        """While a bot is heard, have those decoded who may interrupt it."""
        if not self._interruptions.possible:
            return
        expected = self._interruptions.expected
        if expected is not self._forwarding.listens_for_interruptions:
            self._resting = False
            self._forwarding.listen_for_interruptions(wanted=expected)

    def _rests(self, tick: int, now_ns: int) -> bool:
        """Let a tick pass on which nothing is to be done but to send on and to tell of levels, if it is such a one."""
        forwarding, selector = self._forwarding, self._speaker_selector
        looks = selector.ticks_to_look == 1
        whole = not self._observers.let_rest or (looks and self._interruptions.bots) or forwarding.ticks_to_review == 1
        if whole or not selector.rest(now_ns):
            self._resting = False
            return False
        forwarding.rest(now_ns)
        if looks and self._levels.was_due(tick, LEVEL_TICKS):
            self._publish_levels()
            self.encoders.forget_unused(tick)
        if self._resting and not (self._observers.all or self._readers or forwarding.paces):
            self._rested, self._rests_until = tick, tick + min(selector.ticks_to_look, forwarding.ticks_to_review)
        return True

    def _pass_ticks(self, ticks: int) -> None:
        """So many ticks were left out."""
        self._rests_until = 0
        if ticks > 0:
            self._speaker_selector.pass_ticks(ticks)
            self._forwarding.pass_ticks(ticks)

    def _tell_of_tick(self, tick: int, now_ns: int, *, begins: bool) -> None:
        if begins:
            self._observers.tell(lambda one: one.tick_begins(tick, now_ns))
        else:
            self._observers.tell(lambda one: one.tick_ends(tick, now_ns))

    def _loudest(self, voices: dict[str, Samples]) -> dict[str, Samples]:
        """Those who are mixed, if too many talk at once; who loses or gains their place in mid-sound fades."""
        before, left_out = self._selection.chosen, self._left_out
        if not voices and not before:
            return voices
        chosen = self._selection.choose({one: self._level(one) for one in voices})
        self._left_out = voices.keys() - chosen
        if not left_out and not self._left_out:
            return voices
        mixed = {one: fade_in(voices[one]) if one in left_out else voices[one] for one in chosen}
        return mixed | {one: fade_out(voices[one]) for one in self._left_out & before}

    def _level(self, participant_id: str) -> float:
        participant = self.participants.get(participant_id)
        return SILENT_LEVEL if participant is None else participant.level

    def _sound(self, now_ns: int) -> dict[str, Samples]:
        """The frames of the sounds that are played."""
        for sound in self._board.take_ended():
            self._stir()
            self._publish(SoundStopped(self.name, sound.id, sound.name))
        absent = any(one.absent for one in self.participants.values())
        frames = dict(self._board.pull(now_ns, absent=absent))
        if self._observers.all:
            for sound in self.sounds:
                frame = frames.get(sound.id)
                if frame is not None or sound.ended:
                    self._observers.tell(partial(_tell_of_sound, sound, frame))
        return frames

    def _gain_vector(self, listener: Participant, voices: Collection[str]) -> GainVector:
        if self._plain:
            return plain_gain_vector(listener, voices)
        return full_gain_vector(listener, voices, self._hearing, self._volumes, self._board)

    def _stir(self, participant_id: str | None = None) -> None:
        self._resting = False
        if participant_id is not None:
            one = self.participants.get(participant_id)
            if one is not None and (one.absent or one.deafened):
                self._apart.add(participant_id)
            else:
                self._apart.discard(participant_id)
        self._plain = self._hearing.plain and self._volumes.plain and self._board.plain and not self._apart
        self._mix_groups.rearrange(participant_id, plain=self._plain)
        self._forwarding.rearrange(
            self.participants,
            participant_id,
            plain=self._hearing.plain and self._volumes.plain and not self._board.sounds,
        )

    def _set_talking(self, participant: Participant, talking: bool) -> None:
        if talking:
            self._forwarding.note_talking(participant.id)
        super()._set_talking(participant, talking)

    def _interrupt(self, bot: Participant, by: Participant) -> None:
        """Somebody begins to talk while a bot is heard."""
        self._publish(BotInterrupted(self.name, bot.id, by.id))
        if bot.interrupt is not None:
            try:
                bot.interrupt(by)
            except Exception:
                self._expel(bot)

    def _expel(self, participant: Participant) -> None:
        """A participant whose connection breaks the room's rules must not take the room with it, nor stay unheard."""
        log.exception("room %s: the connection of participant %s failed", self.name, participant.id)
        participant.source = participant.sink = None
        if self.participants.get(participant.id) is participant:  # else somebody else saw to it, on this very tick
            self.dismiss(participant.id, "internal error", "failed")

    def _publish_levels(self) -> None:
        levels = self._levels.take(self._speaker_selector.awake)
        if levels is not None:
            self._publish(LevelsMeasured(self.name, levels))


def _tell_of_sound(sound: Sound, frame: Samples | None, observer: RoomObserver) -> None:
    observer.sound_pulled(sound, frame)
