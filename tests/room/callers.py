"""Callers on media WebSockets, in a room without a network: what each sends, and what each gets, in mu-law."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.audio.resample import Resampler
from conference.codecs.pcmu import PcmuCodec
from conference.room.participant import Participant
from conference.telephony.fields import from_base64
from conference.telephony.intake import PacedSource
from conference.telephony.outlet import Outlet
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.dialect import TwilioServerEnd
from conference.webrtc.rtp.packet import RtpPacket
from tests.room.meeting import AUDIBLE_DB, Sent, tone_power

RATE = 8000


@dataclass
class Caller:
    """Says something in mu-law, a message a tick, and keeps what they are sent. As `meeting.Person`."""

    name: str
    voice: Callable[[int], Samples]
    """What they say on a tick: shape ``(960,)``, int16."""

    sent: list[Sent] = field(default_factory=list)

    got: list[tuple[int, bytes]] = field(default_factory=list)
    """What they were sent, with the time in nanoseconds."""

    received: list[tuple[int, RtpPacket]] = field(default_factory=list)
    """No RTP ever."""

    buffer_ms: int = 40

    def __post_init__(self) -> None:
        self.now_ns = 0
        self._down = Resampler(SAMPLE_RATE, RATE)
        self.source = PacedSource(PcmuCodec().make_decoder(), LegSettings(buffer_ms=self.buffer_ms))
        self.sink = Outlet(TwilioServerEnd(), LegSettings(mark_every_ms=0))
        self.sink.open(PcmuCodec())
        self.sink.on_output = self._take
        self.participant = Participant(
            id=self.name, name=self.name, transport="twilio", joined_at=0, source=self.source, sink=self.sink
        )

    def _take(self) -> None:
        for text in self.sink.take(self.now_ns):
            body = json.loads(text)
            assert body["event"] == "media"
            self.got.append((self.now_ns, from_base64(body["media"]["payload"])))

    def speak(self, tick: int, now_ns: int, *, lost: bool = False) -> None:
        """Send the message of a tick; what is lost never arrives, as from a caller's own network."""
        payload = ulaw_encode(self._down.process(self.voice(tick))).tobytes()
        self.sent.append(Sent(len(self.sent), tick, payload, lost))
        if not lost:
            self.source.push(payload, tick * 20, now_ns)

    def hears_now(self, hertz: float) -> bool:
        """Whether a tone is in what came within the last four ticks."""
        recent = [ulaw_decode(one) for at_ns, one in self.got[-4:] if at_ns > self.now_ns - 4 * TICK_NS]
        return len(recent) > 2 and tone_power(np.concatenate(recent).repeat(6), hertz) > AUDIBLE_DB

    def heard(self) -> Samples:
        """All that they were sent, at 8 kHz."""
        return ulaw_decode(b"".join(payload for _, payload in self.got))
