"""Observing a room: what captures, recordings, captions and other nodes are told of it.

    stop = room.observe(observer)

An observer sees what every listener gets, and changes none of it: with or without one, the room does the same. What
arrives at a single source it learns by a tap (`playout.tap`), which it puts there as somebody joins.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from conference.audio.frame import Samples
from conference.playout.tap import tell_each
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.participant import Departure, Mix, Participant
from conference.room.sounds import Sound


class RoomObserver:
    """What is told of all that happens in one room. Here it does nothing: whoever observes writes what they need.

    Everything is told at once, in the order in which it happens, and within the room's own calls. So no method may
    block. One that raises is logged, and its observer is told nothing more; the room goes on.
    """

    about = "an observer"
    """What it is, for the log."""

    lets_rest = False
    """On ticks on which all that is heard is sent on as it comes, and a room that nobody observes does nothing, it need
    be told nothing but that the tick begins and ends."""

    def dropped(self) -> None:
        """It has raised, and is told nothing more."""

    # People

    def participant_added(self, participant: Participant) -> None:
        """Somebody has come, to the lobby perhaps. Their source may be tapped from here on."""

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        """Somebody has gone. On a tick, they may still be among the listeners of its mixes."""

    def participant_reconnected(self, participant: Participant) -> None:
        """Somebody has another source and another sink."""

    def participant_renewed(self, participant: Participant) -> None:
        """Somebody begins to hear, with a decoder that knows of nothing that was sent before."""

    def participant_changed(self, participant: Participant) -> None:
        """Something about somebody may have changed: their name, their role, what was decided about their voice."""

    def gains_changed(self, hearing: Hearing, volumes: Volumes) -> None:
        """Something has changed about who hears whom.

        Args:
            hearing: the matrix of gains: to be read.
            volumes: what listeners have set for themselves: to be read.
        """

    def complexity_limited(self, complexity: int) -> None:
        """From the next tick on, mixes are encoded with no more work than this: see `Room.limit_complexity`."""

    # What is said and played

    def voice_pulled(self, participant: Participant, frame: Samples) -> None:
        """A source has given a frame, shape ``(960,)``, int16, as it was before anything was done to it.

        There is none of those who are silent, who are too quiet to be mixed beside so many others, or whose packets
        are forwarded to all who hear them: these are not decoded, whoever observes.
        """

    def voice_failed(self, participant: Participant) -> None:
        """A source has raised. Its participant is removed next."""

    def sound_played(self, sound: Sound) -> None:
        """A sound is played from the next tick on."""

    def sound_pulled(self, sound: Sound, frame: Samples | None) -> None:
        """A sound has given a frame for this tick, or (``None``) its end."""

    # What is heard

    def tick_begins(self, tick: int, now_ns: int) -> None:
        """A tick begins; see `Room.tick`. What is told until its end belongs to it."""

    def tick_ends(self, tick: int, now_ns: int) -> None:
        """A tick has passed, even if something in it has failed. Who begins to observe on a tick sees only its end."""

    # Whoever has none of these three costs nothing for it.

    def mix_delivered(self, mix: Mix, listeners: Collection[Participant]) -> None:
        """All of these hear this mix on the tick: each mix once, and each listener who is not forwarded to.

        It is told before the sinks get it, and also of silence, which not every sink is given.
        """

    def packet_forwarded(
        self,
        talker: Participant,
        listeners: Collection[Participant],
        sequence: int,
        timestamp: int,
        duration: int,
        payload: bytes,
        arrival_ns: int,
    ) -> None:
        """All of these get a talker's own packet, in place of a mix.

        What is said of the packet is as in `playout.forwardable.PacketTaker.forward`.
        """

    def forwarding_restarted(self, listener: Participant) -> None:
        """What is forwarded to somebody breaks off: a mix follows, or another stream of the talker."""


class Observers:
    """Those who observe one room.

    Args:
        room: its name, for the log.
    """

    __slots__ = ("_room", "all", "let_rest", "listeners_observed", "of_listeners")

    def __init__(self, room: str) -> None:
        self._room = f"room {room}"
        self.all: tuple[RoomObserver, ...] = ()
        """Mostly nobody: asked before anything is told, so that a room that nobody observes does nothing for it."""

        self.of_listeners: tuple[RoomObserver, ...] = ()
        """Those of them who want to know what listeners get. Most of all that is told is that."""

        self.let_rest = True
        """None of them minds if the room rests; see `RoomObserver.lets_rest`."""

        self.listeners_observed: Callable[[], None] = lambda: None
        """Called when :attr:`of_listeners` has changed."""

    def add(self, observer: RoomObserver) -> Callable[[], None]:
        """Have somebody told from now on. Returns how to end that, which may be called more than once."""
        self._set((*self.all, observer))
        return lambda: self._drop(observer)

    def tell(self, tell: Callable[[RoomObserver], None]) -> None:
        """Tell all of them. Never raises."""
        tell_each(self.all, tell, self._drop, self._room)

    def tell_of_listeners(self, tell: Callable[[RoomObserver], None]) -> None:
        """Tell those who want to know what listeners get. Never raises."""
        tell_each(self.of_listeners, tell, self._drop, self._room)

    def _drop(self, observer: RoomObserver) -> None:
        self._set(tuple(one for one in self.all if one is not observer))

    def _set(self, those: tuple[RoomObserver, ...]) -> None:
        self.all = those
        self.of_listeners = tuple(one for one in those if _wants_what_is_heard(one))
        self.let_rest = all(one.lets_rest for one in those)
        self.listeners_observed()


def _wants_what_is_heard(observer: RoomObserver) -> bool:
    """Whether an observer has any method for what is heard but those here, which do nothing."""
    return any(getattr(type(observer), name) is not getattr(RoomObserver, name) for name in _OF_LISTENERS)


_OF_LISTENERS = ("mix_delivered", "packet_forwarded", "forwarding_restarted")
