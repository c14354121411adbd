"""People whose packets really are Opus, in a room without a network: what each sends, and each gets as RTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SILENCE, TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.codecs import libopus
from conference.codecs.opus import OpusCodec, OpusEncoder
from conference.codecs.opus_decoder import OpusDecoder
from conference.playout.source import PacketSource
from conference.room.participant import Participant
from conference.room.room import Room
from conference.room.voice import DEFAULT_VOICE, VoiceSettings
from conference.webrtc.rtp.packet import RtpPacket, parse_rtp
from conference.webrtc.sdp.formats import Format
from conference.webrtc.send.egress import EgressSink
from conference.webrtc.send.stream import SingleStream

AGREED = Format(111, "opus")
LEVEL_ID = 1
SENT_BEFORE_TICK_NS = 3_000_000
"""What a tick needs comes so long before it."""


AUDIBLE_DB = 50.0
"""Of a tone in units of one int16 step: those of the tests have 75."""


def tone_power(samples: Samples, hertz: float) -> float:
    """How strong a tone is, in dB of one int16 step."""
    wave = samples * np.hanning(len(samples))
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / 48_000)
    return float(20 * np.log10(abs((wave * turns).sum()) / len(samples) * 4 + 1e-3))


@dataclass(frozen=True)
class Sent:
    """A packet that somebody sent."""

    sequence: int
    tick: int
    payload: bytes
    lost: bool


class BrowserEncoder(OpusEncoder):
    """Goes on over pauses (DTX) from where it was, as browsers' encoders do."""

    def restart(self) -> None:
        self._quiet = False
        self._dtx_packet = None
        self._set(libopus.SET_DTX, 0)


@dataclass
class Person:
    """A sender of Opus with levels (RFC 6464), and a receiver of RTP."""

    name: str
    voice: Callable[[int], Samples]
    """What they say on a tick: shape ``(960,)``, int16."""

    levels: bool = True
    says_level: int | None = None
    """The level that their packets always say, if not the true one."""

    dtx: bool = True
    """They send next to nothing while they are silent."""

    sent: list[Sent] = field(default_factory=list)

    received: list[tuple[int, RtpPacket]] = field(default_factory=list)
    """Packets, with the time in nanoseconds at which they were sent."""

    def __post_init__(self) -> None:
        self.now_ns = 0
        self._decoder = OpusDecoder()
        self._decoded: list[tuple[int, Samples]] = []
        self.encoder = BrowserEncoder(OpusCodec(bitrate=32_000, expected_loss=0))
        self.source = PacketSource(OpusDecoder())
        stream = SingleStream(AGREED, 7, self._transmit, lambda: self.now_ns, level_id=LEVEL_ID)
        self.sink = EgressSink(OpusCodec(), AGREED, stream)
        self.sink.open()
        self.participant = Participant(
            id=self.name, name=self.name, transport="webrtc", joined_at=0, source=self.source, sink=self.sink
        )

    def _transmit(self, packet: bytes) -> bool:
        parsed = parse_rtp(packet, LEVEL_ID)
        self.received.append((self.now_ns, parsed))
        self._decoded.append((self.now_ns, self._decoder.decode(parsed.payload)))
        return True

    def hears_now(self, hertz: float) -> bool:
        """Whether a tone is in what came within the last four ticks."""
        recent = [samples for at_ns, samples in self._decoded[-4:] if at_ns > self.now_ns - 4 * TICK_NS]
        return len(recent) > 2 and tone_power(np.concatenate(recent), hertz) > AUDIBLE_DB

    def speak(self, tick: int, now_ns: int, *, lost: bool = False) -> None:
        """Send the packet of a tick."""
        frame = self.voice(tick)
        payload = self.encoder.encode_silence() if self.dtx and not frame.any() else self.encoder.encode(frame)
        if payload is None:
            return
        sequence = 65_500 + len(self.sent)
        self.sent.append(Sent(sequence, tick, payload, lost))
        if not lost:
            level = max(-127, round(level_of(frame))) if self.levels else None
            level = level if self.says_level is None else self.says_level
            self.source.push(sequence & 0xFFFF, tick * FRAME_SAMPLES & 0xFFFFFFFF, payload, now_ns, level)

    def heard(self) -> Samples:
        """What they hear, as a plain decoder plays it: each packet at its timestamp, from the first one on."""
        decoder = OpusDecoder()
        packets = sorted((packet for _, packet in self.received), key=lambda one: one.sequence)
        if not packets:
            return SILENCE[:0]
        origin = packets[0].timestamp
        pieces: list[Samples] = []
        at = 0
        for packet in packets:
            begin = (packet.timestamp - origin) & 0xFFFFFFFF
            if begin > at:
                pieces.append(np.zeros(begin - at, np.int16))
            samples = decoder.decode(packet.payload)
            pieces.append(samples)
            at = begin + len(samples)
        return np.concatenate(pieces)


class Meeting:
    """A room, and those in it."""

    def __init__(self, *people: Person, voice: VoiceSettings = DEFAULT_VOICE, forwarding: bool = True) -> None:
        self.people = list(people)
        self.tick = 0
        self.room = Room("tea", 0.0, lambda event: None, voice, forwarding=forwarding)
        for one in people:
            self.room.add(one.participant)

    def go_on(self, ticks: int, lost: Callable[[str, int], bool] = lambda name, tick: False) -> None:
        """Let so many ticks pass; everybody sends just before each."""
        for _ in range(ticks):
            self.tick += 1
            due_ns = self.tick * TICK_NS
            for one in self.people:
                one.now_ns = due_ns - SENT_BEFORE_TICK_NS
            for one in self.people:
                if one.name in self.room.participants:
                    one.speak(self.tick, due_ns - SENT_BEFORE_TICK_NS, lost=lost(one.name, self.tick))
            for one in self.people:
                one.now_ns = due_ns
            self.room.tick(self.tick, due_ns)
