"""Each voice apart, for those who must know who speaks: recognisers, and bots that answer to one of several people.

What is decoded of a voice goes to them before anything is done to it, as long as its owner talks. Whoever is silent
costs nothing. A voice whose packets are only forwarded is decoded once, because somebody listens here
(`room.forwarding`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conference.audio.frame import Samples
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.mixing.loudest import TalkerSelection
from conference.room.observer import Observers, RoomObserver
from conference.room.participant import Departure, Participant
from conference.room.talking_voice import TalkingVoice, VoiceRates


class VoicesApart(RoomObserver):
    """Hands out the voices of one room to those who hear each by itself.

    Args:
        participants: everybody in the room, by id.
        hearing: the room's matrix of gains.
        volumes: what listeners have set for themselves.
        observers: of the room: this one observes it as long as anybody listens.
        expel: is told of a participant whose sink failed.
        max_talkers: how many are handed out at once, the loudest.
    """

    about = "each voice apart"

    def __init__(
        self,
        participants: Mapping[str, Participant],
        hearing: Hearing,
        volumes: Volumes,
        observers: Observers,
        expel: Callable[[Participant], None],
        max_talkers: int,
    ) -> None:
        self._participants = participants
        self._hearing = hearing
        self._volumes = volumes
        self._observers = observers
        self._expel = expel
        self._selection = TalkerSelection(max_talkers)
        self._listeners: dict[str, Participant] = {}
        self._frames: dict[str, tuple[Participant, Samples]] = {}  # of this tick
        self._talking: dict[str, Participant] = {}  # of whom there was anything, and who went on talking
        self._rates: dict[str, VoiceRates] = {}
        self._stop: Callable[[], None] = lambda: None

    def add(self, participant: Participant) -> None:
        """Somebody has come. If they hear each voice apart, they do from now on."""
        if participant.voices is None:
            return
        if not self._listeners:
            self._stop = self._observers.add(self)
        self._listeners[participant.id] = participant

    def remove(self, participant_id: str) -> None:
        """Somebody has gone."""
        if self._listeners.pop(participant_id, None) is None or self._listeners:
            return
        self._stop()
        self._frames.clear()
        self._talking.clear()
        self._rates.clear()

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """See `RoomObserver`."""
        self._rates.pop(participant.id, None)

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        self._frames.clear()

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """See `RoomObserver`."""
        self._frames[participant.id] = participant, frame

    def tick_ends(self, tick: int, now_ns: int) -> None:
        """See `RoomObserver`."""
        before = self._talking
        if not before and not self._frames:
            return
        candidates = before | {one: participant for one, (participant, _) in self._frames.items()}
        self._talking = {
            one: participant
            for one, participant in candidates.items()
            if participant.talking and self._participants.get(one) is participant
        }
        if not before and not self._talking:
            return
        chosen = self._selection.choose({one: participant.level for one, participant in self._talking.items()})
        voices = [self._voice(participant, tick) for one, participant in self._talking.items() if one in chosen]
        for listener in tuple(self._listeners.values()):
            if listener.voices is None:  # it has failed
                continue
            heard = [one for one in voices if self._is_heard(listener, one.id)] if listener.hears_apart else []
            try:
                listener.voices.hear(heard, now_ns)
            except Exception:  # nobody else is to miss a word for it
                self._expel(listener)

    def _voice(self, participant: Participant, tick: int) -> TalkingVoice:
        _, frame = self._frames.get(participant.id, (None, None))
        rates = self._rates.get(participant.id)
        if rates is None:
            rates = self._rates[participant.id] = VoiceRates()
        return TalkingVoice(participant.id, participant.name, frame, tick, rates)

    def _is_heard(self, listener: Participant, voice: str) -> bool:
        """Whether somebody is to hear a voice at all: however loud, they get it as it is."""
        return self._hearing.gain(listener.id, voice) > 0 and self._volumes.volume(listener.id, voice) > 0
