"""What rooms cost apart from sockets that are read: in CPU time, so that other work on the machine matters little.

    python -m bench.calls                       # calls of two, rooms of three, one room of sixty
    python -m bench.calls --rooms 40 --seconds 10 --profile

Everybody sends 50 packets a second of Opus with levels (RFC 6464). In calls of two both talk all the time; in rooms of
three one talks at a time, 2.5 s each, and the others send the hum of their rooms; in the room of sixty three talk.
Packets are pushed to the sources as the receive table pushes them, and what rooms send is encrypted and sent to a
socket that nobody reads. It prints milliseconds of CPU per participant and second: the least of all seconds, in which
the machine disturbed it least, and the median; packets, for all that is done as a packet comes; ticks, for the rest.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import pylibsrtp

from bench.streams import CalledBot, Caller, StreamPerson
from conference.audio.frame import FRAME_SAMPLES, TICK_NS, TICKS_PER_SECOND
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.load.signal.scripts import Script, humming, phone_talking, taking_turns, talking
from conference.playout.source import PacketSource
from conference.room.participant import Participant
from conference.room.room import Room
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.table import SendTable
from conference.webrtc.send.table_stream import TableStream

AGREED = Format(111, "opus")
BEFORE_TICK_NS = 3_000_000
WARM_UP_SECONDS = 8
VOICES = 6
LARGE = 60
PAIRS = (
    ("caller", "caller"),
    ("caller", "browser"),
    ("bot", "bot"),
    ("live bot", "live bot"),
    ("bot", "caller"),
    ("bot", "browser"),
)
"""Who talks with whom: over media WebSockets, but for those who speak Opus. A bot talks half of the time."""

TALKERS = 3


class _Outlet:
    """A socket that sends to one that nobody reads."""

    def __init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.unread = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.unread.bind(("127.0.0.1", 0))

    def sendto(self, data: bytes, address: tuple[str, int]) -> bool:
        del data, address
        return True

    def note_sent(self, sent: int, failed: int) -> None:
        """Nobody counts."""


@dataclass(frozen=True, slots=True)
class _Speaker:
    source: PacketSource
    script: Script
    offset: int


class Rooms:
    """Rooms whose people talk.

    Args:
        rooms: how many.
        people: in each.
        script_of: what the one says who came as the nth to a room, by the number of the room and n.
        streams: makes those who come by a media WebSocket, by the name of each, the number of the room and n; ``None``
            for one who speaks Opus.
    """

    def __init__(
        self,
        rooms: int,
        people: int,
        script_of: Callable[[int, int], Script],
        streams: Callable[[str, int, int], StreamPerson | None] = lambda _name, _room, _place: None,
    ) -> None:
        self._now_ns = self._tick = 0
        self._outlet = _Outlet()
        self._flushes: list[Callable[[], None]] = []
        self._table = SendTable(self._outlet, self._flushes.append, lambda: self._now_ns)
        self._speakers: list[_Speaker] = []
        self._streams: list[StreamPerson] = []
        self.rooms = [Room(f"room {number}", 0.0, lambda _: None) for number in range(rooms)]
        for number, room in enumerate(self.rooms):
            for place in range(people):
                one = streams(f"{number}-{place}", number, place)
                if one is None:
                    self._join(room, number, place, script_of(number, place))
                else:
                    self._streams.append(one)
                    room.add(one.participant)

    def _join(self, room: Room, number: int, place: int, script: Script) -> None:
        source, stream = PacketSource(OpusDecoder()), TableStream(AGREED, 1 + len(self._speakers))
        policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        stream.attach(self._table, SrtpSession(pylibsrtp.Session(policy)), self._outlet.unread.getsockname())
        sink = EgressSink(OpusCodec(), AGREED, stream)
        sink.open()
        name = f"{number}-{place}"
        room.add(Participant(id=name, name=name, transport="webrtc", joined_at=0.0, source=source, sink=sink))
        self._speakers.append(_Speaker(source, script, 7 * number + (0 if script.in_step else 13 * place)))

    def second(self) -> tuple[float, float]:
        """Let a second pass. Returns the CPU time in seconds that packets took as they came, and that ticks took."""
        packets = ticks = 0.0
        for _ in range(TICKS_PER_SECOND):
            for one in self._streams:
                one.write(self._tick + 1)
            began = time.process_time()
            self._take_packets()
            between = time.process_time()
            for room in self.rooms:
                room.tick(self._tick, self._tick * TICK_NS)
            self._flush()
            ticks += time.process_time() - between
            packets += between - began
        return packets, ticks

    def _take_packets(self) -> None:
        self._tick += 1
        self._now_ns = self._tick * TICK_NS - BEFORE_TICK_NS
        for number, one in enumerate(self._speakers):
            place = (self._tick + one.offset) % len(one.script.payloads)
            payload, levels = one.script.payloads[place], one.script.levels
            if payload is not None and levels is not None:
                timestamp = self._tick * FRAME_SAMPLES & 0xFFFFFFFF
                one.source.push(self._tick & 0xFFFF, timestamp, payload, self._now_ns - 1000 * number, levels[place])
        for one_stream in self._streams:
            one_stream.read(self._now_ns)
        self._flush()

    def _flush(self) -> None:
        for flush in self._flushes:
            flush()
        self._flushes.clear()

    def close(self) -> None:
        """Close the sockets."""
        for one in self._streams:
            one.close()
        self._outlet.sock.close()
        self._outlet.unread.close()


def measure(name: str, people: int, rooms: Rooms, seconds: int, *, profile: bool) -> str:
    """Let rooms go on for a while. Returns a line that says what they cost."""
    for _ in range(WARM_UP_SECONDS):
        rooms.second()
    if profile:
        profiler = cProfile.Profile()
        profiler.runcall(lambda: [rooms.second() for _ in range(seconds)])
        pstats.Stats(profiler).sort_stats("tottime").print_stats(40)
        return ""
    forwarded, taken = 0, []
    for _ in range(seconds):
        taken.append(rooms.second())
        forwarded += sum(len(one.forwarded) for one in rooms.rooms)
    everybody = people * len(rooms.rooms)

    def figure(values: Sequence[float]) -> str:
        return f"{min(values) / everybody * 1e3:5.2f} ({statistics.median(values) / everybody * 1e3:5.2f})"

    packets, ticks = zip(*taken, strict=True)
    both = figure([sum(one) for one in taken])
    share = forwarded / everybody / seconds
    return f"{name:30} {both}  of it packets {figure(packets)}, ticks {figure(ticks)}; forwarded to {share:4.0%}"


def main(argv: list[str] | None = None) -> int:
    """Run the benchmark. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="bench.calls")
    parser.add_argument("--rooms", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--only", default="", metavar="TEXT", help="only those with this in their name")
    parser.add_argument("--profile", action="store_true", help="show where the time goes, in place of how much it is")
    args = parser.parse_args(argv)
    voices = [talking(seed, levels=True) for seed in range(VOICES)]
    hum = humming(levels=True)

    def voice(room: int, place: int) -> Script:
        return voices[(2 * room + place) % VOICES]

    phones = [phone_talking(seed) for seed in range(VOICES)]

    def stream(kinds: Sequence[str], name: str, room: int, place: int) -> StreamPerson | None:
        script, offset = phones[(2 * room + place) % VOICES], 7 * room + 13 * place
        match kinds[place]:
            case "caller":
                return Caller(name, script, offset)
            case "bot":
                return CalledBot(name, script, offset + 200 * place)
            case "live bot":
                return CalledBot(name, script, offset, live=True)
        return None

    kinds: tuple[tuple[str, int, int, Callable[[int, int], Script]], ...] = (
        ("calls of two, both talking", args.rooms, 2, voice),
        (
            "rooms of three, in turns", args.rooms, 3,
            lambda room, place: taking_turns(place, place, 3, levels=True, dtx=False),
        ),
        ("one room of sixty, three talk", 1, LARGE, lambda room, place: voices[place] if place < TALKERS else hum),
    )  # fmt: skip
    print("ms of CPU per participant and second: the least, and the median")
    for name, number, people, script_of in kinds:
        if args.only in name:
            rooms = Rooms(number, people, script_of)
            print(measure(name, people, rooms, args.seconds, profile=args.profile), flush=True)
            rooms.close()
    for both in PAIRS:
        name = " and ".join(both)
        if args.only in name:
            rooms = Rooms(args.rooms, 2, voice, partial(stream, both))
            print(measure(name, 2, rooms, args.seconds, profile=args.profile), flush=True)
            rooms.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
