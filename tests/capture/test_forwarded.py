"""A capture of a room in which packets are forwarded: what everybody got is got again, bit for bit."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.capture.format import decode
from conference.capture.records import Changed, Joined, Opened, PacketArrived
from conference.capture.replay import Replay
from conference.codecs.base import Codec, Decoder
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.room.observer import RoomObserver
from conference.room.participant import Mix, Participant
from conference.room.room import Room
from conference.room.sounds import Sound
from conference.telephony.intake import PacedSource
from conference.telephony.settings import LegSettings
from tests.capture.captured import Ear, Memory, captured_room, join
from tests.room.bots import Bot
from tests.speech import spoken
from tests.tones import tone

SILENT_FRAME = b"\xff" * 160
"""20 ms of silence; in mu-law 0xFF is +0."""

TICKS = 260
VOICES = [spoken(TICKS / 50, seed=seed).reshape(-1, FRAME_SAMPLES) for seed in range(3)]
NAMES = ("amy", "ben", "cat")


def encoded(codec: Codec, voice: Samples) -> list[tuple[bytes, int]]:
    encoder = codec.make_encoder()
    return [(encoder.encode(frame), max(-127, round(level_of(frame)))) for frame in voice]


OPUS = [encoded(OpusCodec(bitrate=32_000), voice) for voice in VOICES]
ULAW = encoded(PcmuCodec(), VOICES[0])
QUIET = encoded(OpusCodec(bitrate=32_000), np.zeros((20, FRAME_SAMPLES), np.int16))[-1]


class Phone(Ear):
    """A sink to which packets can be forwarded: keeps all that it gets, in its order."""

    def __init__(self, codec: Codec | None = None, forwards: str | None = "opus") -> None:
        super().__init__(codec or OpusCodec())
        self.forwards = forwards
        self.max_bitrate: float | None = None
        self.paced = False
        self.got: list[object] = []

    def deliver(self, mix: Mix) -> None:
        super().deliver(mix)
        self.got.append((mix.samples.tobytes(), mix.payload))

    def forward(
        self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
    ) -> None:
        self.got.append((sequence, timestamp, duration, payload, arrival_ns))

    def restart_forwarding(self) -> None:
        self.got.append("restart")


class Everything(RoomObserver):
    """Keeps what everybody gets, as an observer sees it."""

    def __init__(self, room: Room) -> None:
        self.got: dict[str, list[object]] = {}
        room.observe(self)

    def _note(self, listeners: Collection[Participant], what: object) -> None:
        for one in listeners:
            self.got.setdefault(one.id, []).append(what)

    def mix_delivered(self, mix: Mix, listeners: Collection[Participant]) -> None:
        self._note(listeners, (mix.samples.tobytes(), mix.payload))

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
        assert talker not in listeners
        self._note(listeners, (sequence, timestamp, duration, payload, arrival_ns))

    def forwarding_restarted(self, listener: Participant) -> None:
        self._note([listener], "restart")


def replayed(memory: Memory) -> tuple[Replay, dict[str, list[object]], dict[str, list[Samples]]]:
    """A replay that has been run, what everybody got in it, and the sound of what was forwarded to them."""
    seen: list[Everything] = []
    forwarded: dict[str, list[Samples]] = {}
    replay = Replay(
        on_forwarded=lambda listener, frame: forwarded.setdefault(listener, []).append(frame),
        opened=lambda room: seen.append(Everything(room)),
    )
    replay.run(decode(memory.blocks))
    return replay, seen[0].got, forwarded


class Call:
    """People who talk in turns and at once, over a network that loses and delays; what else happens is drawn."""

    def __init__(self, people: int, seed: int, *, levels: bool = True, dtx: bool = True) -> None:
        self.room, self.memory = captured_room()
        self.chance = random.Random(seed)
        self.levels = levels
        self.dtx = dtx
        self.seen = Everything(self.room)
        self.phones = {name: Phone() for name in NAMES[:people]}
        self.sources = {name: PacketSource(OpusCodec().make_decoder()) for name in self.phones}
        for name, phone in self.phones.items():
            join(self.room, name, self.sources[name], phone)
        self.pauses = dict.fromkeys(self.phones, 0)
        self.tick = 0
        self.forwarded_ticks = 0

    def send(self, name: str, number: int) -> None:
        payload, level = OPUS[number][self.tick % TICKS]
        if self.chance.random() < 0.02:
            self.pauses[name] = self.tick + self.chance.randrange(10, 60)  # they pause, and send nothing
        if self.tick < self.pauses[name] and not self.dtx:
            payload, level = QUIET
        elif self.tick < self.pauses[name]:
            return
        if self.chance.random() < 0.05:
            return
        arrival_ns = self.tick * TICK_NS - self.chance.choice((3, 9, 15)) * 1_000_000
        self.sources[name].push(
            self.tick & 0xFFFF, self.tick * FRAME_SAMPLES, payload, arrival_ns, level if self.levels else None
        )

    def go_on(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick += 1
            for number, name in enumerate(self.phones):
                self.send(name, number)
            self.room.tick(self.tick, self.tick * TICK_NS)
            self.forwarded_ticks += len(self.room.forwarded)

    def check(self) -> Replay:
        """End the capture: what its replay gives is what everybody got."""
        self.memory.capture.end("over")
        replay, got, _ = replayed(self.memory)
        assert got == self.seen.got
        assert {name: phone.got for name, phone in self.phones.items()} == {
            name: got.get(name, []) for name in self.phones
        }
        assert replay.identical
        return replay


@pytest.mark.parametrize("levels", [True, False])
def test_in_a_call_of_two_what_was_forwarded_is_forwarded_again(levels: bool) -> None:
    call = Call(2, 1, levels=levels)
    call.go_on(TICKS)
    assert call.forwarded_ticks > TICKS
    replay = call.check()
    assert all(one.forwarded > 50 for one in replay.listeners.values())
    assert all(one.ticks == TICKS for one in replay.listeners.values())
    records = list(decode(call.memory.blocks))
    assert isinstance(records[0], Opened)
    assert records[0].about["forwarding"] is True
    joined = [one.about["sink"] for one in records if isinstance(one, Joined)]
    assert [one["forwards"] for one in joined] == ["opus", "opus"]


def what_may_happen(call: Call) -> list[Callable[[], object]]:
    room, chance = call.room, call.chance

    def reconnect() -> None:
        source = call.sources["amy"] = PacketSource(OpusCodec().make_decoder())
        got = call.phones["amy"].got
        phone = call.phones["amy"] = Phone()
        phone.got = got
        room.reconnect("amy", source, phone, None)

    def leave_or_come() -> None:
        if "ben" in room.participants:
            room.remove("ben", "lost", "lost")
        else:
            call.sources["ben"] = PacketSource(OpusCodec().make_decoder())
            join(room, "ben", call.sources["ben"], call.phones["ben"])

    def play() -> None:
        room.play(Sound(id=str(call.tick), name="beep", samples=tone(1000.0, 0.3, -20.0)))

    def limit() -> None:
        call.phones["amy"].max_bitrate = chance.choice((None, 8_000.0, 500_000.0))

    def close() -> None:
        call.phones["amy"].forwards = chance.choice((None, "opus"))

    def restart() -> None:
        decoder: Decoder | None = OpusCodec().make_decoder() if chance.random() < 0.5 else None
        call.sources["amy"].restart(decoder)

    return [
        reconnect,
        leave_or_come,
        play,
        limit,
        close,
        restart,
        lambda: room.renew("amy"),
        lambda: room.set_muted("amy", not room.participants["amy"].muted),
        lambda: room.hold("amy", not room.participants["amy"].held),
        lambda: room.deafen("amy", not room.participants["amy"].deafened),
        lambda: room.set_gain(None, "amy", chance.choice((None, 0.5))),
        lambda: room.set_volume("amy", "ben", chance.choice((1.0, 0.5))),
        lambda: room.treat_voice("amy", levelling=chance.random() < 0.5),
    ]


@settings(max_examples=12, deadline=None)
@given(
    people=st.integers(2, 3),
    seed=st.integers(0, 2**32),
    steps=st.lists(st.tuples(st.integers(1, 40), st.integers(0, 12)), max_size=7),
    levels=st.booleans(),
)
def test_whatever_happens_in_a_room_that_forwards_happens_again(
    people: int, seed: int, steps: list[tuple[int, int]], levels: bool
) -> None:
    call = Call(people, seed, levels=levels)
    for ticks, number in steps:
        call.go_on(ticks)
        what_may_happen(call)[number]()
    call.go_on(30)
    call.check()


def test_whoever_comes_back_to_be_forwarded_to_is_checked_anew() -> None:
    call = Call(3, 50_053)
    leave_or_come = what_may_happen(call)[1]
    call.chance.random = lambda: 0.5  # type: ignore[method-assign]
    call.room.set_muted("cat", True)
    call.room.set_muted("ben", True)
    call.go_on(90)
    assert call.room.forwarded["ben"] == "amy"
    leave_or_come()
    call.go_on(20)
    leave_or_come()
    call.go_on(140)
    assert call.room.forwarded["ben"] == "amy"
    call.check()


def test_what_is_forwarded_already_goes_on_when_the_sink_takes_nothing_new() -> None:
    call = Call(2, 4)
    call.go_on(60)
    assert call.room.forwarded.get("amy") == "ben"
    call.phones["amy"].forwards = None
    call.go_on(2)
    call.sources["ben"].restart()
    call.go_on(30)
    assert call.room.forwarded.get("amy") == "ben"
    call.check()


def test_what_a_sink_says_of_itself_is_in_the_capture_as_it_changes() -> None:
    call = Call(2, 3)
    call.go_on(60)
    assert call.room.forwarded.get("amy") == "ben"
    call.phones["amy"].max_bitrate = 8_000.0
    call.go_on(60)
    assert "amy" not in call.room.forwarded
    call.phones["ben"].forwards = None
    call.go_on(1)
    changed = [one.about for one in decode(call.memory.blocks) if isinstance(one, Changed)]
    assert {"max_bitrate": 8_000.0} in changed
    call.check()


def test_mu_law_is_forwarded_again_too() -> None:
    room, memory = captured_room()
    seen = Everything(room)
    source = PacketSource(PcmuCodec().make_decoder())
    join(room, "amy", source, Phone(PcmuCodec(), "PCMU"))
    join(room, "ben", PacketSource(PcmuCodec().make_decoder()), Phone(PcmuCodec(), "PCMU"))
    for tick in range(1, 150):
        payload, level = ULAW[tick]
        source.push(tick, tick * 160, payload, tick * TICK_NS - 5_000_000, level)
        room.tick(tick, tick * TICK_NS)
    assert room.forwarded["ben"] == "amy"
    memory.capture.end("over")
    replay, got, _ = replayed(memory)
    assert replay.identical
    assert got == seen.got


@settings(max_examples=10, deadline=None)
@given(
    people=st.integers(2, 3),
    stalls=st.lists(st.tuples(st.integers(20, 130), st.integers(1, 9)), max_size=3),
    played=st.none() | st.integers(30, 120),
    muted=st.none() | st.integers(30, 120),
)
def test_frames_of_callers_are_forwarded_again_with_all_that_their_connections_did(
    people: int, stalls: list[tuple[int, int]], played: int | None, muted: int | None
) -> None:
    room, memory = captured_room()
    seen = Everything(room)
    phones = {name: Phone(PcmuCodec(), "PCMU") for name in NAMES[:people]}
    sources = {name: PacedSource(PcmuCodec().make_decoder(), LegSettings()) for name in phones}
    for name, phone in phones.items():
        phone.paced = True
        join(room, name, sources[name], phone)
    held: list[bytes] = []
    forwarded = 0
    for tick in range(1, 150):
        held.append(ULAW[tick][0])
        if not any(begin <= tick < begin + ticks for begin, ticks in stalls):
            for payload in held:
                sources["amy"].push(payload, None, tick * TICK_NS - 5_000_000)
            held.clear()
        sources["ben"].push(SILENT_FRAME, tick * 20, tick * TICK_NS - 3_000_000)
        if tick == played:
            room.play(Sound(id="1", name="beep", samples=tone(1000.0, 0.3, -20.0)))
        if tick == muted:
            room.set_muted("amy", True)
        room.tick(tick, tick * TICK_NS)
        forwarded += len(room.forwarded)
    assert forwarded > 50 or people == 3, (
        "of three, whoever never pauses between stalls and sounds may be mixed for long"
    )
    memory.capture.end("over")
    replay, got, _ = replayed(memory)
    assert replay.identical
    assert got == seen.got == {name: phone.got for name, phone in phones.items()}


def test_a_listener_who_fails_as_a_packet_comes_is_gone_in_the_replay_too() -> None:
    class Broken(Phone):
        def forward(
            self, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int, level: int | None
        ) -> None:
            if sequence == 90:
                raise OSError
            super().forward(sequence, timestamp, duration, payload, arrival_ns, level)

    call = Call(1, 5)
    join(call.room, "ben", PacketSource(OpusCodec().make_decoder()), Broken())
    join(call.room, "cat", None, Phone())
    call.chance.random = lambda: 0.5  # type: ignore[method-assign]
    call.go_on(120)
    assert set(call.room.participants) == {"amy", "cat"}
    assert call.room.forwarded["cat"] == "amy"
    call.check()


def test_a_packet_that_was_changed_in_the_capture_is_noticed() -> None:
    call = Call(2, 1)
    call.go_on(TICKS)
    call.memory.capture.end("over")
    records = list(decode(call.memory.blocks))
    place = next(i for i, one in enumerate(records) if i > len(records) // 2 and isinstance(one, PacketArrived))
    packet = records[place]
    assert isinstance(packet, PacketArrived)
    records[place] = PacketArrived(
        packet.index,
        packet.sequence,
        packet.timestamp,
        packet.payload[:-1] + bytes([packet.payload[-1] ^ 1]),
        packet.arrival_ns,
        packet.level,
        packet.redundant,
    )
    replay = Replay()
    replay.run(records)
    assert replay.differing == {NAMES[1 - packet.index]}
    assert not replay.differences, "no mix was in it"


def test_what_was_forwarded_can_be_listened_to() -> None:
    call = Call(2, 1)
    call.chance.random = lambda: 0.5  # type: ignore[method-assign]
    call.go_on(TICKS)
    call.memory.capture.end("over")
    replay, _, forwarded = replayed(call.memory)
    sound = np.concatenate(forwarded["ben"])
    assert len(sound) > 200 * FRAME_SAMPLES
    assert replay.listeners["ben"].ticks == TICKS
    loudness = [level_of(sound[: 150 * FRAME_SAMPLES]), level_of(VOICES[0][-150:].reshape(-1))]
    assert loudness[0] == pytest.approx(loudness[1], abs=6.0)


@pytest.mark.parametrize(("seed", "levels"), [(1, True), (2, True), (3, False)])
def test_silence_that_is_left_out_is_left_out_of_the_replay_too(seed: int, levels: bool) -> None:
    call = Call(3, seed, levels=levels, dtx=False)
    for name in NAMES:
        call.pauses[name] = 40
    call.go_on(60)
    for stretch in range(12):
        talker = NAMES[stretch % 3]
        for name in NAMES:
            call.pauses[name] = call.tick + (0 if name == talker else 70)
        call.go_on(40)
        call.pauses[talker] = call.tick + 30
        call.go_on(30)
        if stretch == 5:
            call.room.set_muted(talker, True)
            call.go_on(10)
            call.room.set_muted(talker, False)
        if stretch == 8:
            call.room.hold(talker, True)
            call.go_on(10)
            call.room.hold(talker, False)
    assert call.forwarded_ticks > 100
    assert sum(source.stats.passed_over for source in call.sources.values()) > 100
    call.check()


@pytest.mark.parametrize("people", [0, 1])
def test_what_called_bots_say_is_heard_again_whether_it_was_decoded_or_not(people: int) -> None:
    room, memory = captured_room()
    seen = Everything(room)
    bots = [Bot("ben"), Bot("cat")]
    for bot in bots:
        room.add(bot.participant)
    source = PacketSource(OpusCodec().make_decoder())
    if people:
        join(room, "amy", source, Phone())
    for tick in range(1, 200):
        if tick in (20, 40, 150):
            bots[0].say(VOICES[1][:30].ravel(), f"mark {tick}")
        if tick == 100:
            bots[1].say(VOICES[2][:60].ravel())
        if people:
            payload, level = OPUS[0][tick] if tick > 90 else QUIET
            source.push(tick, tick * FRAME_SAMPLES, payload, tick * TICK_NS - 5_000_000, level)
        room.tick(tick, tick * TICK_NS)
    assert bots[0].leg.source.plays is bool(people)
    memory.capture.end("over")
    replay, got, _ = replayed(memory)
    assert replay.identical
    assert got == seen.got
    assert replay.listeners["ben"].spurts, "who talked is known again"
