"""The sound for a caller: its pace, its marks, and what happens when it piles up. Time is a number here."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import SILENCE, Samples
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.codecs.pcmu import PcmuCodec
from conference.room.participant import Mix
from conference.telephony.outlet import Outlet
from conference.telephony.playout_buffer import PlayoutBuffer
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.dialect import TwilioServerEnd
from conference.telephony.twilio.messages import (
    Clear,
    ServerMark,
    ServerMedia,
    ServerMessage,
    Start,
    build,
    parse_server_message,
)

MS = 1_000_000
TICK = 20 * MS
SILENT_FRAME = b"\xff" * 160
"""20 ms of silence; in mu-law 0xFF is +0."""

SOUND: Samples = np.full(960, 1000, dtype=np.int16)


def mix(payload: bytes | None, tick: int = 0) -> Mix:
    return Mix(tick, SILENCE if payload == SILENT_FRAME else SOUND, payload)


def make(**settings: int) -> Outlet:
    end = TwilioServerEnd()
    end.parse(build(Start("MZ1")))
    outlet = Outlet(end, LegSettings(**settings))
    outlet.open(PcmuCodec())
    return outlet


def taken(outlet: Outlet, now: int = 0) -> list[ServerMessage]:
    return [parse_server_message(text) for text in outlet.take(now) if isinstance(text, str)]


class Caller:
    """A client with a playout buffer, some way off, and the tick that feeds it."""

    def __init__(self, outlet: Outlet, delay_ticks: int = 1) -> None:
        self.outlet = outlet
        self.playout = PlayoutBuffer()
        self.now = 0
        self.delay = delay_ticks
        self.on_way: list[tuple[int, ServerMessage]] = []
        self.echoes: list[tuple[int, str]] = []
        self.stalled = False  # the socket takes nothing
        self.stuck = False  # it does, but nothing arrives
        self.heard: list[int] = []

    def tick(self, payload: bytes = b"\x10" * 160) -> None:
        self.outlet.deliver(mix(payload))
        if not self.stalled:
            self.on_way += [(self.now + self.delay * TICK, message) for message in taken(self.outlet, self.now)]
        while self.on_way and self.on_way[0][0] <= self.now and not (self.stalled or self.stuck):
            self._receive(self.on_way.pop(0)[1])
        sound, names = self.playout.pull()
        self.heard.append(sound[0])
        self._echo(names)
        while self.echoes and self.echoes[0][0] <= self.now:
            self.outlet.echo(self.echoes.pop(0)[1], self.now)
        self.now += TICK

    @property
    def behind_ms(self) -> float:
        """How late the caller hears, beyond the way."""
        return self.playout.buffered_bytes / 8

    def _receive(self, message: ServerMessage) -> None:
        match message:
            case ServerMedia(_, payload):
                self.playout.append(payload)
            case ServerMark(_, name):
                self._echo(self.playout.mark(name))
            case Clear():
                self._echo(self.playout.clear())

    def _echo(self, names: list[str]) -> None:
        self.echoes += [(self.now + self.delay * TICK, name) for name in names]


def test_each_tick_is_one_media_message_of_the_stream() -> None:
    outlet = make(mark_every_ms=0)
    payloads = [bytes([n]) * 160 for n in range(5)]
    for payload in payloads:
        outlet.deliver(mix(payload))
    assert taken(outlet) == [ServerMedia("MZ1", payload) for payload in payloads]
    assert taken(outlet) == []


def test_nothing_is_said_before_the_stream_has_started() -> None:
    outlet = Outlet(TwilioServerEnd(), LegSettings())
    outlet.deliver(mix(b"\x10" * 160))
    outlet.clear()
    assert outlet.take(0) == []


def test_a_tick_without_a_packet_is_no_message() -> None:
    outlet = make()
    outlet.deliver(mix(None))
    assert outlet.take(0) == []


def test_whoever_sends_is_woken() -> None:
    outlet, woken = make(), []
    outlet.on_output = lambda: woken.append(True)
    outlet.deliver(mix(b"\x10" * 160))
    outlet.clear()
    assert woken == [True, True]


@given(st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=8))
def test_callers_who_hear_different_things_get_what_is_theirs(payloads: list[bytes]) -> None:
    outlets = [make(mark_every_ms=0) for _ in payloads]
    for _ in range(3):
        for outlet, payload in zip(outlets, payloads, strict=True):
            outlet.deliver(mix(payload))
    for outlet, payload in zip(outlets, payloads, strict=True):
        assert taken(outlet) == [ServerMedia("MZ1", payload)] * 3


def test_a_socket_that_takes_nothing_costs_bounded_memory_and_the_oldest_sound() -> None:
    outlet = make(max_outgoing_ms=1000, mark_every_ms=0, clear_above_ms=0)
    for n in range(200):
        outlet.deliver(mix(bytes([n]) * 160))
    messages = taken(outlet)
    assert messages == [ServerMedia("MZ1", bytes([n]) * 160) for n in range(150, 200)]
    assert outlet.dropped_frames == 150


def test_after_a_stalled_socket_the_caller_is_cleared_and_hears_the_newest() -> None:
    outlet = make(max_outgoing_ms=1000, mark_every_ms=0)
    for n in range(200):
        outlet.deliver(mix(bytes([n]) * 160))
    messages = taken(outlet)
    assert messages[0] == Clear("MZ1")
    assert messages[1:] == [ServerMedia("MZ1", bytes([n]) * 160) for n in range(195, 200)]
    outlet.deliver(mix(b"\x01" * 160))
    assert taken(outlet) == [ServerMedia("MZ1", b"\x01" * 160)]


def test_a_mark_follows_a_second_of_sound_and_its_echo_tells_what_is_buffered() -> None:
    caller = Caller(make(mark_every_ms=1000))
    for _ in range(500):
        caller.tick()
    assert caller.outlet.marks_sent == 10
    assert caller.outlet.marks_echoed >= 9
    assert caller.outlet.buffered_ms(caller.now) == 0
    caller.playout.append(b"\x11" * 800)  # 100 ms that were not there before
    for _ in range(120):
        caller.tick()
    assert 80 <= (caller.outlet.buffered_ms(caller.now) or 0) <= 120


def test_before_the_first_echo_nothing_is_known() -> None:
    assert make().buffered_ms(0) is None


def test_a_little_too_much_at_the_caller_goes_away_in_silence() -> None:
    caller = Caller(make())
    for _ in range(120):
        caller.tick()
    caller.playout.append(b"\x11" * 2400)  # 300 ms
    for _ in range(120):
        caller.tick()
    assert caller.behind_ms >= 280
    for _ in range(60):
        caller.tick(SILENT_FRAME)
    for _ in range(120):
        caller.tick()
    assert caller.behind_ms <= 60
    assert caller.outlet.clears == 0
    assert caller.outlet.skipped_frames >= 12


def test_a_lot_too_much_at_the_caller_is_cleared() -> None:
    caller = Caller(make(clear_above_ms=1500))
    for _ in range(120):
        caller.tick()
    caller.playout.append(b"\x11" * 8 * 3000)
    for _ in range(300):
        caller.tick()
    assert caller.outlet.clears == 1
    assert caller.behind_ms <= 100
    assert (caller.outlet.buffered_ms(caller.now) or 0) <= 100


def test_after_a_stall_on_the_way_the_caller_hears_live_again() -> None:
    caller = Caller(make())
    for _ in range(200):
        caller.tick()
    caller.stalled = True
    for _ in range(150):
        caller.tick()
    caller.stalled = False
    for _ in range(100):
        caller.tick()
    assert caller.behind_ms <= 200


def test_after_a_stall_in_the_network_the_caller_hears_live_again() -> None:
    caller = Caller(make())
    for _ in range(200):
        caller.tick()
    caller.stuck = True
    for _ in range(250):  # 5 s, all of which the sockets' buffers took
        caller.tick()
    caller.stuck = False
    caller.tick()
    assert caller.behind_ms >= 3000
    for _ in range(200):
        caller.tick()
    assert caller.behind_ms <= 100
    assert caller.outlet.clears == 2


def test_a_client_that_never_echoes_is_never_cleared() -> None:
    outlet = make()
    for n in range(10_000):
        outlet.deliver(mix(b"\x10" * 160))
        assert Clear("MZ1") not in taken(outlet, n * TICK)
    assert outlet.buffered_ms(10_000 * TICK) is None


def test_a_client_that_stops_echoing_is_cleared_once_and_not_again_and_again() -> None:
    outlet = make()
    clears = 0
    for n in range(5_000):
        outlet.deliver(mix(b"\x10" * 160))
        for message in taken(outlet, n * TICK):
            if isinstance(message, ServerMark) and n < 500:
                outlet.echo(message.name, n * TICK)
            clears += isinstance(message, Clear)
    assert clears == 1


def test_echoes_of_unknown_marks_are_ignored() -> None:
    outlet = make()
    outlet.echo("somebody else's", 5)
    assert outlet.marks_echoed == 0
    assert outlet.buffered_ms(10) is None


def test_an_echo_stands_for_all_marks_before_it() -> None:
    outlet = make(mark_every_ms=20)
    names = []
    for n in range(3):
        outlet.deliver(mix(b"\x10" * 160))
        names += [message.name for message in taken(outlet, n) if isinstance(message, ServerMark)]
    outlet.echo(names[2], 10)
    outlet.echo(names[0], 20)
    assert outlet.marks_echoed == 1


def hum(length: int, begin: int = 0) -> bytes:
    """A tone at 8 kHz, in mu-law."""
    at = np.arange(begin, begin + length)
    return ulaw_encode((6000 * np.sin(2 * np.pi * 440 * at / 8000)).astype(np.int16)).tobytes()


def forward(outlet: Outlet, payload: bytes) -> None:
    outlet.forward(0, 0, 160, payload, 0)


def test_frames_are_sent_on_bit_for_bit_beginning_with_silence() -> None:
    outlet = make(mark_every_ms=0)
    outlet.deliver(mix(SILENT_FRAME))
    frames = [SILENT_FRAME, *(hum(160, 160 * number) for number in range(4))]
    for frame in frames:
        forward(outlet, frame)
    assert taken(outlet) == [ServerMedia("MZ1", frame) for frame in (SILENT_FRAME, *frames)]


@pytest.mark.parametrize("first", ["a mix", "frames"])
@pytest.mark.parametrize("jump", [31, -31, 7])
def test_between_a_mix_and_frames_that_run_ahead_of_it_there_is_no_step(first: str, jump: int) -> None:
    outlet = make(mark_every_ms=0)
    kinds = [lambda payload: outlet.deliver(mix(payload)), lambda payload: forward(outlet, payload)]
    kinds = kinds if first == "a mix" else kinds[::-1]
    sent = [hum(160, 160 * number + jump * (number >= 5)) for number in range(10)]
    for number, payload in enumerate(sent):
        if number == 5 and first == "frames":
            outlet.restart_forwarding()
        kinds[number >= 5](payload)
    got = [message.payload for message in taken(outlet) if isinstance(message, ServerMedia)]
    assert [number for number in range(10) if got[number] != sent[number]] == [5], "the frame at the joint alone"
    steps = np.abs(np.diff(ulaw_decode(b"".join(got)).astype(int)))
    assert steps.max() < 1.25 * 6000 * 2 * np.pi * 440 / 8000
    assert got[5][40:] == sent[5][40:], "5 ms of it"


def test_whoever_may_not_be_heard_any_more_fades_in_five_milliseconds() -> None:
    outlet = make(mark_every_ms=0)
    for number in range(4):
        forward(outlet, hum(160, 160 * number))
    outlet.restart_forwarding()
    outlet.deliver(mix(SILENT_FRAME))
    [*_, last] = [message.payload for message in taken(outlet) if isinstance(message, ServerMedia)]
    assert last[40:] == SILENT_FRAME[40:]
    assert last != SILENT_FRAME
