"""One person whose words are recognised: what they say, cut into utterances, from the first syllable on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.captions.wire import Order, number_body, packet_body
from conference.capture.recipes import decoder_name
from conference.codecs.base import Decoder
from conference.room.captioned import Audience
from conference.room.participant import Participant

LOOK_BACK_NS: Final = 400_000_000
"""So much of what came before somebody was found to talk belongs to it: words begin quietly."""

GAP_NS: Final = 30_000_000
"""What is missing for longer than this is a pause of the sender's."""

CONCEALED_NS: Final = 200_000_000
"""What was lost is made up for this long; what is longer is silence."""


STRAY_NS: Final = 200_000_000
"""Between utterances, timestamps are believed as long as they are no further from when the packets come."""


class UtteranceOutput(Protocol):
    """Where one utterance goes."""

    def send(self, kind: Order, body: bytes) -> None:
        """Take sound."""
        ...

    def flush(self, position_ns: int) -> None:
        """Hand on what was sent: all that was said up to this time on the room's clock."""
        ...

    def end(self, position_ns: int) -> None:
        """That was all, up to this time on the room's clock."""
        ...


Begin = Callable[[Participant, Audience, int], UtteranceOutput]
"""Begins an utterance of somebody, who may be heard by these, at a time on the room's clock."""


@dataclass(slots=True)
class _Piece:
    """A bit of sound."""

    at_ns: int
    length_ns: int
    orders: tuple[tuple[Order, bytes], ...]


class Talker:
    """Cuts what one person says into utterances. Knows no clock: times are those of the room's ticks.

    Args:
        participant: who.
        begin: begins an utterance.
        audience: says who may hear them now.
        pause_ns: silence that ends an utterance.
        max_ns: length of one.
    """

    def __init__(
        self,
        participant: Participant,
        begin: Begin,
        audience: Callable[[Participant], Audience],
        *,
        pause_ns: int,
        max_ns: int,
    ) -> None:
        self.participant = participant
        self._begin = begin
        self._audience_of = audience
        self._pause_ns = pause_ns
        self._max_ns = max_ns
        self._before: deque[_Piece] = deque()  # of one who does not talk yet
        self._audience: Audience | None = None  # of what is held or going on
        self._output: UtteranceOutput | None = None
        self._began_ns = 0
        self._position_ns = 0
        self._quiet_since_ns: int | None = None
        self._forwarded: tuple[int, int, int] | None = None  # sequence, timestamp and end of the packet before

    @property
    def at_rest(self) -> bool:
        """Nothing goes on, and nothing is held."""
        return self._output is None and not self._before

    def take_frame(self, frame: Samples, now_ns: int) -> None:
        """Take what is heard of them on a tick."""
        self._forwarded = None
        body = frame.astype("<i2", copy=False).tobytes()
        self._take(_Piece(now_ns - TICK_NS, TICK_NS, ((Order.SAMPLES, body),)))

    def take_packet(
        self, decoder: Decoder, sequence: int, timestamp: int, duration: int, payload: bytes, arrival_ns: int
    ) -> None:
        """Take a packet that is only sent on, and decoded nowhere here."""
        codec, rate = decoder_name(decoder), decoder.clock_rate
        length_ns = duration * 1_000_000_000 // rate
        begins_ns, lost = arrival_ns - length_ns, 0
        if self._forwarded is not None:
            last_sequence, last_timestamp, last_ns = self._forwarded
            steps = (sequence - last_sequence + 0x8000) % 0x10000 - 0x8000
            if steps <= 0:
                return  # it comes too late, or again
            passed = (timestamp - last_timestamp + 2**31) % 2**32 - 2**31
            said_ns = last_ns + passed * 1_000_000_000 // rate
            if self._output is not None or abs(said_ns - begins_ns) < STRAY_NS:
                begins_ns = said_ns
            lost = steps - 1
        self._forwarded = sequence, timestamp, begins_ns
        packet = (Order.PACKET, packet_body(codec, payload))
        missing_ns = begins_ns - self._position_ns
        if lost and self._output is not None and 0 < missing_ns <= CONCEALED_NS:
            made_up = (Order.LOST, number_body(missing_ns * rate // 1_000_000_000, codec))
            self._take(_Piece(self._position_ns, missing_ns + length_ns, (made_up, packet)))
        else:
            self._take(_Piece(begins_ns, length_ns, (packet,)))

    def _take(self, piece: _Piece) -> None:
        if not self.participant.may_be_heard:
            return
        if self._output is not None:
            self._send(self._output, piece)
            return
        if not self._before:
            self._audience = self._audience_of(self.participant)
        self._before.append(piece)
        while self._before[0].at_ns < piece.at_ns - LOOK_BACK_NS:
            self._before.popleft()

    def _send(self, output: UtteranceOutput, piece: _Piece) -> None:
        gap_ns = piece.at_ns - self._position_ns
        if gap_ns > GAP_NS:
            output.send(Order.SILENCE, number_body(min(gap_ns, self._max_ns) * SAMPLE_RATE // 1_000_000_000))
            self._position_ns += min(gap_ns, self._max_ns)
        for kind, body in piece.orders:
            output.send(kind, body)
        self._position_ns += piece.length_ns

    def tick(self, now_ns: int) -> None:
        """A tick is over: begin or end an utterance, as they begin or end to talk."""
        if not self.participant.may_be_heard:
            self.cut()
        elif self._output is None:
            if self.participant.talking and self._before:
                self._start()
            elif self._before and self._before[-1].at_ns < now_ns - 2 * LOOK_BACK_NS:
                self._before.clear()
        elif now_ns - self._began_ns >= self._max_ns:
            self.cut()
        elif self.participant.talking:
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = now_ns
        elif now_ns - self._quiet_since_ns >= self._pause_ns:
            self.cut()

    def flush(self) -> None:
        """Hand on what was said."""
        if self._output is not None:
            self._output.flush(self._position_ns)

    def _start(self) -> None:
        audience = self._audience or self._audience_of(self.participant)
        self._began_ns = self._position_ns = self._before[0].at_ns
        self._quiet_since_ns = None
        self._output = self._begin(self.participant, audience, self._began_ns)
        for piece in self._before:
            self._send(self._output, piece)
        self._before.clear()

    def recheck(self) -> None:
        """Something was decided about people: what is said from now on may be for others."""
        if self._audience is not None and not self.at_rest and self._audience_of(self.participant) != self._audience:
            self.cut()

    def cut(self) -> None:
        """What was said until now is an utterance, and what is said from now on is none of it."""
        self._before.clear()
        self._forwarded = None
        output, self._output = self._output, None
        if output is not None:
            output.end(self._position_ns)
