"""The listeners are moved one by one, and sit where they would if all were seated anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import Samples, Wide
from conference.codecs.base import Codec
from conference.room.mixing.encoders import EncoderBank, Moves, Origin
from conference.room.mixing.gain_vector import full_gain_vector, plain_gain_vector
from conference.room.mixing.mix_groups import GainVector, MixGroups
from conference.room.observer import Observers
from conference.room.participant import Mix, Participant, Sink
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.room.voice import UNTOUCHED
from tests.room.fakes import Ear, PcmCodec, at, steady

NAMES = ("amy", "ben", "cleo", "dan", "eve")
CURT = replace(UNTOUCHED, gate=replace(UNTOUCHED.gate, hangover_ticks=0))
"""A voice is over with its last frame."""

Key: TypeAlias = tuple[tuple[str, float], ...]
Place: TypeAlias = tuple[tuple[Key, Key], Codec | None]
Moved: TypeAlias = dict[Hashable, dict[Codec | None, tuple[Origin, ...]]]


class Mouth:
    """Talks or not, as it is told."""

    def __init__(self) -> None:
        self.talks = False

    def pull(self, now_ns: int) -> Samples | None:
        return steady(1000) if self.talks else None


class Outlet(Ear):
    packets_only = True


class SpiedBank(EncoderBank):
    """Keeps what it was asked for during a tick, and what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.moved: Moved = {}
        self.given: dict[tuple[Hashable, Codec | None], Mix] = {}

    def encode(
        self,
        key: Hashable,
        mix: Wide | Samples | None,
        codecs: Iterable[Codec | None],
        tick: int,
        moved: Moves,
        *,
        left: Collection[Codec | None] = (),
    ) -> dict[Codec | None, Mix]:
        mixes = super().encode(key, mix, codecs, tick, moved, left=left)
        self.given.update({(key, codec): heard for codec, heard in mixes.items()})
        if moved:
            self.moved[key] = dict(moved)
        return mixes


@dataclass
class SeatedAnew:
    """Seats everybody anew whenever anything may have changed: what the room has to do is the same."""

    room: Room
    places: dict[str, Place] = field(default_factory=dict)
    attentive: set[str] = field(default_factory=set)
    moved: Moved = field(default_factory=dict)
    stirred: bool = True
    before: frozenset[str] = frozenset()

    def arrange(self, voices: frozenset[str]) -> None:
        self.moved = {}
        continuing, stirred = self.before & voices, self.stirred or voices != self.before
        self.before, self.stirred = voices, False
        if not stirred:
            return
        places, self.places, self.attentive = self.places, {}, set()
        for one in self.room.participants.values():
            if one.sink is None:
                continue
            came_from = places.get(one.id)
            vector = full_gain_vector(one, voices, self.room.hearing, self.room.volumes, self.room._board)
            key = origin = tuple(sorted(vector.items()))
            if came_from is not None:
                gains = dict(came_from[0][0])
                if any(gains.get(voice, 1.0) != vector.get(voice, 1.0) for voice in continuing):
                    origin, self.stirred = came_from[0][0], True
            place = self.places[one.id] = ((key, origin), one.sink.codec)
            if not isinstance(one.sink, Outlet):
                self.attentive.add(one.id)
            if came_from == place:
                continue
            origins: list[Origin] = [None if came_from is None else came_from[0]]
            if came_from is not None and came_from[1] != place[1]:
                origins.append(None)
            moves = self.moved.setdefault(place[0], {})
            known = moves.get(place[1], ())
            moves[place[1]] = (*known, *(one for one in origins if one not in known))


class Scene:
    """A room, and beside it one in which everybody is seated anew."""

    def __init__(self) -> None:
        self.room = Room("tea", 0.0, lambda event: None, CURT)
        self.mouths = {name: Mouth() for name in NAMES}
        self.reference = SeatedAnew(self.room)
        self.bank = SpiedBank()
        self.ears: list[Ear] = []  # all that ever heard anything here
        self.now = 0
        groups = self.room._mix_groups
        groups.encoders = self.bank
        play, rearrange, renew = groups.play, groups.rearrange, groups.renew

        def spied_play(voices: Mapping[str, Samples], participants: Mapping[str, Participant], tick: int) -> None:
            self.reference.arrange(frozenset(voices))
            play(voices, participants, tick)

        def spied_rearrange(participant_id: str | None, *, plain: bool) -> None:
            self.reference.stirred = True
            rearrange(participant_id, plain=plain)

        def spied_renew(participant_id: str) -> None:
            self.reference.places.pop(participant_id, None)
            renew(participant_id)

        groups.play, groups.rearrange, groups.renew = (  # type: ignore[method-assign]
            spied_play,
            spied_rearrange,
            spied_renew,
        )

    def join(self, name: str, ear: Sink | None) -> None:
        mouth = self.mouths[name]
        self.room.add(Participant(id=name, name=name, transport="local", joined_at=0.0, source=mouth, sink=ear))

    def reconnect(self, name: str, ear: Ear | None) -> None:
        self.room.reconnect(name, self.mouths[name], ear, None)

    def come_back(self, name: str) -> None:
        """They are another participant now, at the end of the room, with the ear that they had."""
        gone = self.room.remove(name, "left")
        if gone is not None:
            self.join(name, gone.sink)

    def exchange(self, name: str, ear: Ear) -> None:
        """Nobody is told, as when a capture ends: it shows when there is something else to do."""
        if self.room.participants[name].sink is not None:
            self.room.participants[name].sink = ear

    def recode(self, name: str, codec: PcmCodec) -> None:
        sink = self.room.participants[name].sink
        if sink is not None:
            sink.codec = codec

    def fail(self, name: str) -> None:
        self.room._expel(self.room.participants[name])

    def talk(self, name: str) -> None:
        self.mouths[name].talks = not self.mouths[name].talks

    def tick(self) -> None:
        ears = {name: one.sink for name, one in self.room.participants.items() if isinstance(one.sink, Ear)}
        self.ears += [ear for ear in ears.values() if ear not in self.ears]
        counts = {ear: len(ear.mixes) for ear in self.ears}
        self.bank.moved, self.bank.given = {}, {}
        self.room.tick(self.now, at(self.now))
        self.now += 1
        assert _in_order(self.bank.moved) == _in_order(self.reference.moved)
        assert self.bank.given.keys() == set(self.reference.places.values())
        assert ears.keys() == self.reference.places.keys()
        heard: dict[Ear, list[Mix]] = {ear: [] for ear in self.ears}
        for name, ear in ears.items():
            mix = self.bank.given[self.reference.places[name]]
            if name in self.reference.attentive or mix.payload is not None:
                heard[ear].append(mix)
        assert {ear: ear.mixes[count:] for ear, count in counts.items()} == heard


def _in_order(moved: Moved) -> dict[Hashable, list[tuple[Codec | None, tuple[Origin, ...]]]]:
    """An encoder takes the first of those who come to it, so that their order counts."""
    return {stream: list(moves.items()) for stream, moves in moved.items()}


someone = st.sampled_from(NAMES)
some = st.lists(someone, max_size=3, unique=True)
codecs = st.sampled_from((PcmCodec(), PcmCodec(), PcmCodec("L24")))
an_ear = st.builds(lambda kind, codec: kind(codec), st.sampled_from((Ear, Outlet)), codecs)
gains = st.sampled_from((None, 0.0, 0.5, 1.0))
sounds = st.builds(
    lambda name, audience, talk_gain, for_absent: Sound(
        id=name, name=name, samples=steady(500), audience=audience, talk_gain=talk_gain, for_absent=for_absent
    ),
    st.sampled_from(("gong", "music")),
    st.none() | st.frozensets(someone),
    st.sampled_from((1.0, 0.5)),
    st.booleans(),
)

Call: TypeAlias = Callable[[Scene], Any]


def scene_call(method: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    return st.tuples(*arguments).map(lambda given: lambda scene: getattr(scene, method)(*given))


def room_call(method: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    return st.tuples(*arguments).map(lambda given: lambda scene: getattr(scene.room, method)(*given))


plain_calls = (
    scene_call("join", someone, st.none() | an_ear),
    scene_call("join", someone, an_ear),
    room_call("remove", someone, st.just("left")),
    scene_call("reconnect", someone, st.none() | an_ear),
    scene_call("come_back", someone),
    scene_call("exchange", someone, an_ear),
    scene_call("recode", someone, codecs),
    scene_call("fail", someone),
    scene_call("talk", someone),
    scene_call("talk", someone),
    scene_call("talk", someone),
    room_call("raise_hand", someone, st.none() | st.floats(1, 9)),
)
calls = st.one_of(
    *plain_calls,
    room_call("set_muted", someone, st.booleans()),
    room_call("hold", someone, st.booleans()),
    room_call("deafen", someone, st.booleans()),
    room_call("set_gain", someone, someone, gains),
    room_call("whisper", someone, some),
    room_call("speak_up", someone),
    room_call("rejoin", some),
    room_call("play", sounds),
)


def ticks_of(calls: st.SearchStrategy[Call]) -> st.SearchStrategy[list[list[Call]]]:
    return st.lists(st.lists(calls, max_size=4), max_size=12)


@settings(max_examples=400)
@given(ticks_of(st.one_of(*plain_calls)) | ticks_of(calls))
def test_whoever_is_moved_everybody_sits_where_they_would_if_all_were_seated_anew(ticks: list[list[Call]]) -> None:
    scene = Scene()
    for name in NAMES[:3]:
        scene.join(name, Ear(PcmCodec()))
    for sequence in [*ticks, []]:
        for call in sequence:
            with suppress(KeyError, ValueError):  # somebody who is not there, or is there already
                call(scene)
        scene.tick()


class Listeners:
    """Listeners in mix groups, who note whose gain vectors are asked for."""

    def __init__(self) -> None:
        self.groups = MixGroups(self._gain_vector, lambda participant: None, Observers("tea"))
        self.people: dict[str, Participant] = {}
        self.asked: list[str] = []
        self.tick = 0

    def _gain_vector(self, listener: Participant, voices: Collection[str]) -> GainVector:
        self.asked.append(listener.id)
        return plain_gain_vector(listener, voices)

    def swap(self, name: str) -> None:
        """They come, or go."""
        if self.people.pop(name, None) is None:
            self.people[name] = Participant(id=name, name=name, transport="local", joined_at=0.0, sink=Ear(PcmCodec()))
        self.groups.rearrange(name, plain=True)

    def play(self, voices: Collection[str]) -> list[str]:
        self.asked = []
        self.groups.play({one: steady(100) for one in voices}, self.people, self.tick)
        self.tick += 1
        return self.asked


@given(st.lists(st.tuples(st.frozensets(someone, max_size=2), st.frozensets(someone)), max_size=20))
def test_where_nothing_is_set_only_those_are_moved_who_come_or_start_or_stop_to_talk(
    ticks: list[tuple[frozenset[str], frozenset[str]]],
) -> None:
    listeners = Listeners()
    listeners.play([])
    before: frozenset[str] = frozenset()
    for swapped, voices in ticks:
        for name in swapped:
            listeners.swap(name)
        asked = listeners.play(voices)
        assert asked == [one for one in listeners.people if one in swapped | (before ^ voices)]
        before = voices


def test_a_gain_vector_of_one_s_own_is_settled_after_its_crossfade_without_the_others() -> None:
    listeners, gains = Listeners(), {"ben": 1.0}
    for name in NAMES:
        listeners.swap(name)
    gains_of = listeners._gain_vector
    listeners.groups = MixGroups(
        lambda one, voices: dict(gains_of(one, voices)) | (gains if one.id == "amy" else {}),
        lambda one: None,
        Observers("tea"),
    )
    listeners.groups.rearrange(None, plain=False)
    assert listeners.play(["ben"]) == list(NAMES)
    gains["ben"] = 0.5
    listeners.groups.rearrange("amy", plain=False)
    assert [listeners.play(["ben"]) for _ in range(3)] == [["amy"], ["amy"], []]
    assert listeners.play(["ben", "dan"]) == list(NAMES), "one gain vector may depend on another's voice"


def test_when_the_last_one_is_back_who_heard_nothing_the_others_are_not_gone_over_any_more() -> None:
    scene, asked = Scene(), list[str]()
    for name in NAMES[:4]:
        scene.join(name, Ear(PcmCodec()))
    scene.room.hold("amy", True)
    scene.room.deafen("ben", True)
    scene.tick()
    scene.room.hold("amy", False)
    scene.talk("cleo")
    scene.tick()
    scene.talk("cleo")
    scene.room.remove("ben", "left")
    scene.tick()
    gains_of = scene.room._mix_groups._gain_vector_of
    scene.room._mix_groups._gain_vector_of = lambda one, voices: asked.append(one.id) or gains_of(one, voices)  # type: ignore[func-returns-value]
    scene.join("eve", Ear(PcmCodec()))
    scene.talk("cleo")
    scene.tick()
    assert asked == ["cleo", "eve"]


class Telephone(Mouth):
    narrow = True


def test_what_comes_from_telephones_alone_is_encoded_as_narrow() -> None:
    room = Room("tea", 0.0, lambda event: None, CURT)
    mouths = {"amy": Telephone(), "ben": Mouth(), "cal": Telephone()}
    codecs = {name: PcmCodec(name) for name in mouths}
    for name, mouth in mouths.items():
        room.add(
            Participant(id=name, name=name, transport="local", joined_at=0.0, source=mouth, sink=Ear(codecs[name]))
        )
    heard = []
    for tick, talking in enumerate([("amy", "cal"), ("amy",), ("amy", "ben"), ("cal", "ben"), ("amy", "cal")], 1):
        for name, mouth in mouths.items():
            mouth.talks = name in talking
        before = {id(made): made.packets for codec in codecs.values() for made in codec.made}
        room.tick(tick, at(tick))
        heard.append(
            {
                name: made.narrowed[-1]
                for name, codec in codecs.items()
                for made in codec.made
                if made.packets > before.get(id(made), 0)
            }
        )
    assert heard == [
        {"amy": True, "ben": True, "cal": True},
        {"ben": True, "cal": True},
        {"amy": False, "ben": True, "cal": False},
        {"amy": False, "ben": True, "cal": False},
        {"amy": True, "ben": True, "cal": True},
    ]
