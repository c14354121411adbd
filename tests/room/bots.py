"""Bots that a room has called, without a network: what each says at once, and what each gets on every tick."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.audio.g711 import ulaw_encode
from conference.audio.resample import Resampler
from conference.room.participant import Participant
from conference.telephony.dialect import CallIdentity
from conference.telephony.dialed import DialedLeg
from conference.telephony.fields import from_base64
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.messages import ServerMark, ServerMedia, build
from conference.webrtc.rtp.packet import RtpPacket
from tests.room.meeting import Sent


def mu_law(samples: Samples) -> bytes:
    """Samples at 48 kHz as a bot sends them."""
    return ulaw_encode(Resampler(SAMPLE_RATE, 8_000).process(samples)).tobytes()


@dataclass
class Bot:
    """Says what it is told to say, all at once. As `meeting.Person`."""

    name: str
    answered: bool = True
    interrupts: bool = False
    """What it says breaks off when somebody begins to talk."""

    got: list[tuple[int, bytes]] = field(default_factory=list)
    """What it was sent, with the time in nanoseconds."""

    marks: list[tuple[int, str]] = field(default_factory=list)
    """Those that came back, with the tick."""

    sent: list[Sent] = field(default_factory=list)
    received: list[tuple[int, RtpPacket]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.now_ns = 0
        self.leg = DialedLeg(Phone(CallIdentity("AC", "CA", "MZ")), LegSettings())
        self.leg.on_output = self._take
        self.participant = Participant(
            id=self.name,
            name=self.name,
            transport="twilio",
            joined_at=0,
            source=self.leg.source,
            sink=self.leg.sink,
            bot=True,
            call="dialing",
            interrupt=(lambda _: self.leg.interrupt()) if self.interrupts else None,
        )
        if self.answered:
            self.leg.answered()

    def say(self, samples: Samples, mark: str = "said") -> bytes:
        """Say something at once, with a mark behind it. Returns it in mu-law."""
        payload = mu_law(samples)
        self.leg.receive(build(ServerMedia("MZ", payload)))
        self.leg.receive(build(ServerMark("MZ", mark)))
        return payload

    def speak(self, tick: int, now_ns: int, *, lost: bool = False) -> None:
        """Nothing on a tick of its own."""

    def _take(self) -> None:
        for text in self.leg.take_output():
            body = json.loads(text)
            if body["event"] == "media":
                self.got.append((self.now_ns, from_base64(body["media"]["payload"])))
            elif body["event"] == "mark":
                self.marks.append((self.now_ns // TICK_NS, body["mark"]["name"]))
