"""People on media WebSockets for benchmarks without a network: callers and called bots, over a pair of sockets."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from conference.load.signal.scripts import Script
from conference.room.participant import Participant
from conference.telephony.dialect import CallIdentity
from conference.telephony.dialed import DialedLeg
from conference.telephony.leg import Leg
from conference.telephony.phone import Phone
from conference.telephony.settings import LegSettings
from conference.telephony.twilio.dialect import TWILIO
from conference.telephony.twilio.messages import Media, ServerMedia, Start, build
from conference.telephony.websocket_frames import (
    TEXT,
    TextMessages,
    client_frame,
    kind_and_payload,
    server_frame,
)

if TYPE_CHECKING:
    from conference.telephony.dialect import Message

_KEY = b"\x11\x22\x33\x44"
_DRAIN_BYTES = 1 << 20


class StreamPerson(Protocol):
    """Somebody on a media WebSocket."""

    participant: Participant

    def write(self, tick: int) -> None:
        """Send what they say on a tick, which is their own work and not the server's."""
        ...

    def read(self, now_ns: int) -> None:
        """Have the server take what has come, right before a tick."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class _Connection:
    """Both ends of a connection, of which the other one is never looked at."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self._descriptor = self._ours.fileno()

    def push(self, frame: bytes = b"") -> None:
        """The other end drops what it was sent, and sends this."""
        with suppress(BlockingIOError):
            self._theirs.recv(_DRAIN_BYTES)
        if frame:
            self._theirs.send(frame)

    def take(self) -> bytes:
        """What has come; nothing, if nothing has."""
        try:
            return os.read(self._descriptor, 8192)
        except BlockingIOError:
            return b""

    def send(self, data: bytes) -> None:
        self._ours.send(data)

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


class Caller:
    """Calls in, and talks in messages of 20 ms.

    Args:
        name: who.
        script: what they say.
        offset: where in that they begin.
    """

    def __init__(self, name: str, script: Script, offset: int) -> None:
        self._script, self._offset = script, offset
        self._connection = _Connection()
        self._now_ns = 0
        self._leg = Leg(TWILIO, "room", LegSettings())
        self._leg.receive(build(Start(stream_sid="MZ1")), 0)
        self._leg.sink.on_output = self._send
        self._messages = TextMessages(65536)
        self._messages.start(self._take)
        self.participant = Participant(
            id=name, name=name, transport="twilio", joined_at=0.0, source=self._leg.source, sink=self._leg.sink
        )

    def write(self, tick: int) -> None:
        """See `StreamPerson.write`."""
        payload = self._script.payloads[(tick + self._offset) % len(self._script.payloads)]
        text = build(Media("MZ1", payload or b"", tick * 20, tick, sequence_number=tick))
        self._connection.push(client_frame(TEXT, text.encode(), _KEY))

    def read(self, now_ns: int) -> None:
        """See `StreamPerson.read`."""
        self._now_ns = now_ns
        if data := self._connection.take():
            self._messages.feed(data)

    def _take(self, text: str) -> None:
        self._leg.receive(text, self._now_ns)

    def _send(self) -> None:
        frames = [server_frame(*kind_and_payload(one)) for one in self._leg.take_output(self._now_ns)]
        self._connection.send(b"".join(frames))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class CalledBot:
    """Was called, and says something of four seconds every eight.

    Args:
        name: who.
        script: what it says.
        offset: where in that it begins.
        live: it says it in messages of 20 ms, all the time, as some bots do.
    """

    _SAID, _EVERY = 200, 400

    def __init__(self, name: str, script: Script, offset: int, *, live: bool = False) -> None:
        self._script, self._offset, self._live = script, offset, live
        self._connection = _Connection()
        self._leg = DialedLeg(Phone(CallIdentity("AC", "CA", "MZ1")), LegSettings())
        self._leg.on_output = self._send
        self._messages = TextMessages(1 << 20, masked=False)
        self._messages.start(self._take)
        self.participant = Participant(
            id=name, name=name, transport="twilio", joined_at=0.0, source=self._leg.source, sink=self._leg.sink,
            bot=True,
        )  # fmt: skip
        self._leg.answered()

    def write(self, tick: int) -> None:
        """See `StreamPerson.write`."""
        place, payloads = tick + self._offset, self._script.payloads
        if self._live:
            said = [payloads[place % len(payloads)]]
        elif place % self._EVERY == 0:
            said = [payloads[(place + one) % len(payloads)] for one in range(self._SAID)]
        else:
            self._connection.push()
            return
        text = build(ServerMedia("MZ1", b"".join(one or b"" for one in said)))
        self._connection.push(server_frame(TEXT, text.encode()))

    def read(self, now_ns: int) -> None:
        """See `StreamPerson.read`."""
        del now_ns
        while data := self._connection.take():
            self._messages.feed(data)

    def _take(self, text: Message) -> None:
        self._leg.receive(text)

    def _send(self) -> None:
        frames = [client_frame(*kind_and_payload(one), os.urandom(4)) for one in self._leg.take_output()]
        self._connection.send(b"".join(frames))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
