"""What rooms cost apart from the event loop: in CPU time, so that other work on the machine matters little.

    python -m bench.calls                       # calls of two, rooms of three, one room of sixty
    python -m bench.calls --rooms 40 --seconds 10 --profile

Everybody sends 50 packets a second of Opus with levels (RFC 6464). In calls of two both talk all the time; in rooms of
three one talks at a time, 2.5 s each, and the others send the hum of their rooms; in the room of sixty three talk.
Packets are encrypted beforehand, and come to the receive table in two reads a tick, as from a socket; what rooms send
is encrypted, and sent to a socket that nobody reads. It prints milliseconds of CPU per participant and second: the
least of all seconds, in which the machine disturbed it least, and the median; packets, for all that is done as a packet
comes; ticks, for the rest.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import socket
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pylibsrtp

from bench.streams import CalledBot, Caller, StreamPerson
from conference.audio.frame import FRAME_SAMPLES, TICK_NS, TICKS_PER_SECOND
from conference.codecs.opus import OpusCodec
from conference.codecs.opus_decoder import OpusDecoder
from conference.load.signal.scripts import Script, humming, phone_talking, taking_turns, talking
from conference.playout.source import PacketSource
from conference.room.participant import Participant
from conference.room.room import Room
from conference.webrtc.receive.ingress import Ingress
from conference.webrtc.receive.table import ReceiveTable
from conference.webrtc.rtp.packet import build_rtp, level_extension
from conference.webrtc.rtp.srtp import SrtpSession
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.table import SendTable
from conference.webrtc.send.table_stream import TableStream
from conference.webrtc.udp.datagrams import DatagramBatch, pack_name
from conference.webrtc.udp.sockets import MuxStats

AGREED = Format(111, "opus")
LEVEL_ID = 1
PROFILE = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM
INBOUND, OUTBOUND = pylibsrtp.Policy.SSRC_ANY_INBOUND, pylibsrtp.Policy.SSRC_ANY_OUTBOUND
KEY_BYTES = 44
BEFORE_TICK_NS = 3_000_000
READS = 2
"""In each tick, spread over it."""

PLACES = 512
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
    ingress: Ingress
    session: SrtpSession
    name: bytes
    script: Script
    offset: int


def _session(key: bytes, kind: int) -> SrtpSession:
    return SrtpSession(pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=PROFILE)))


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
        self._receive = ReceiveTable(MuxStats())
        self._batch = DatagramBatch(PLACES, 2048)
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
        key = os.urandom(KEY_BYTES)
        source, incoming = PacketSource(OpusDecoder()), _session(key, INBOUND)
        ingress = Ingress(source, {AGREED.payload_type: OpusCodec()}, incoming.unprotect, level_id=LEVEL_ID)
        address = pack_name(("127.0.0.1", 1024 + len(self._speakers)), socket.AF_INET)
        directory = self._receive.directory
        ingress.stream.attach(self._receive, incoming, lambda index: directory.aim(address, index))
        stream = TableStream(AGREED, 1 + len(self._speakers), level_id=LEVEL_ID)
        stream.attach(self._table, _session(os.urandom(KEY_BYTES), OUTBOUND), self._outlet.unread.getsockname())
        sink = EgressSink(OpusCodec(), AGREED, stream)
        sink.open()
        name = f"{number}-{place}"
        room.add(Participant(id=name, name=name, transport="webrtc", joined_at=0.0, source=source, sink=sink))
        offset = 7 * number + (0 if script.in_step else 13 * place)
        self._speakers.append(_Speaker(ingress, _session(key, OUTBOUND), address, script, offset))

    def second(self) -> tuple[float, float]:
        """Let a second pass. Returns the CPU time in seconds that packets took as they came, and that ticks took."""
        packets = ticks = 0.0
        for _ in range(TICKS_PER_SECOND):
            self._tick += 1
            for one in self._streams:
                one.write(self._tick)
            packets += self._take_packets()
            began = time.process_time()
            for room in self.rooms:
                if not room.rests_through(self._tick):
                    room.tick(self._tick, self._tick * TICK_NS)
            self._flush()
            ticks += time.process_time() - began
        return packets, ticks

    def _take_packets(self) -> float:
        """Have the packets of a tick come. Returns the CPU time in seconds that it took to take them in."""
        taken, each = 0.0, -(-len(self._speakers) // READS)
        for number in range(READS):
            self._now_ns = self._tick * TICK_NS - BEFORE_TICK_NS - (READS - 1 - number) * TICK_NS // READS
            taken += self._read(self._speakers[number * each : (number + 1) * each])
        began = time.process_time()
        for one in self._streams:
            one.read(self._now_ns)
        self._flush()
        return taken + time.process_time() - began

    def _read(self, speakers: Sequence[_Speaker]) -> float:
        came = [(one, packet) for one in speakers if (packet := self._packet(one)) is not None]
        taken = 0.0
        for begin in range(0, len(came), PLACES):
            part = came[begin : begin + PLACES]
            for place, (one, packet) in enumerate(part):
                self._batch.data[place, : len(packet)] = np.frombuffer(packet, np.uint8)
                self._batch.lengths[place] = len(packet)
                self._batch.names[place] = np.frombuffer(one.name, np.uint8)
            arrivals = self._now_ns - np.arange(len(part), 0, -1) * 1000
            began = time.process_time()
            for place in self._receive.take(self._batch, len(part), arrivals):
                part[place][0].ingress.receive(self._batch.datagram(place), int(arrivals[place]))
            self._flush()
            taken += time.process_time() - began
        return taken

    def _packet(self, one: _Speaker) -> bytes | None:
        """What somebody sends on this tick, encrypted."""
        place, levels = (self._tick + one.offset) % len(one.script.payloads), one.script.levels
        payload = one.script.payloads[place]
        if payload is None or levels is None:
            return None
        timestamp, ssrc = self._tick * FRAME_SAMPLES & 0xFFFFFFFF, int.from_bytes(one.name[2:4], "big")
        extension = level_extension(LEVEL_ID, levels[place])
        packet = build_rtp(AGREED.payload_type, False, self._tick & 0xFFFF, timestamp, ssrc, payload, extension)
        return one.session.protect(packet)

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

    def in_turns(_room: int, place: int) -> Script:
        return taking_turns(place, place, 3, levels=True, dtx=False)

    def three_talk(_room: int, place: int) -> Script:
        return voices[place] if place < TALKERS else hum

    kinds = (
        ("calls of two, both talking", 2, partial(Rooms, args.rooms, 2, voice)),
        ("rooms of three, in turns", 3, partial(Rooms, args.rooms, 3, in_turns)),
        ("one room of sixty, three talk", LARGE, partial(Rooms, 1, LARGE, three_talk)),
        *((" and ".join(both), 2, partial(Rooms, args.rooms, 2, voice, partial(stream, both))) for both in PAIRS),
    )
    print("ms of CPU per participant and second: the least, and the median")
    for name, people, make in kinds:
        if args.only in name:
            rooms = make()
            print(measure(name, people, rooms, args.seconds, profile=args.profile), flush=True)
            rooms.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
