"""Whom this node serves, as other nodes hear them: which of their packets go out."""

from __future__ import annotations

from collections.abc import Callable

from conference.cluster.trunk.packet import CODECS, TalkerPacket
from conference.codecs.base import Decoder
from conference.playout.silence import DTX_BYTES, SILENT_DBOV
from conference.room.participant import Participant

HANGOVER = 25
"""So many silent packets after a loud one go out, so that the ends of words, and the quiet after them, are heard."""

WORD_BEFORE = 3
"""So many silent packets before a loud one go out with it: a decoder begins with them."""

_Held = tuple[int, int, bytes, int, int | None]


class Talker:
    """Somebody's packets on their way out. A `playout.tap.PacketTap`.

    Args:
        participant: who.
        decoder: of their packets.
        send: sends one, to all nodes that have people of the room.
        now_ns: monotonic time.
    """

    about = "the trunk"
    wants_silence = False

    def __init__(
        self,
        participant: Participant,
        decoder: Decoder,
        send: Callable[[TalkerPacket], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._participant = participant
        self._codec = decoder.name
        self._send = send
        self._now_ns = now_ns
        self._silent = HANGOVER  # packets since a loud one
        self._held: list[_Held] = []
        self._last: int | None = None  # the sequence number that came last of those that went out
        self._sent = 0  # the one that it went out with

    def dropped(self) -> None:
        """It has raised, and is told nothing more: they are not heard on other nodes until they connect again."""

    def restarted(self, decoder: Decoder | None) -> None:
        """Another stream takes over."""
        if decoder is not None:
            self._codec = decoder.name
        self._held.clear()
        self._last = None

    def packet_arrived(
        self, sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
    ) -> None:
        """Have a packet sent, if it is to be heard."""
        if redundant or self._codec not in CODECS:
            return  # it will be repaired there as it would be here, from the one that it came in
        if not self._participant.may_be_heard:
            self._held.clear()
            self._silent = HANGOVER
            return
        packet = (sequence, timestamp, payload, arrival_ns, level)
        if len(payload) > DTX_BYTES and (level is None or level > SILENT_DBOV):
            if self._silent >= HANGOVER:
                self._last = None  # what was left out before is a pause, and no loss
            self._silent = 0
            for one in self._right_before(sequence):
                self._send_out(one)
            self._held.clear()
            self._send_out(packet)
        elif self._silent < HANGOVER:
            self._silent += 1
            self._send_out(packet)
        else:
            self._held = [*self._held[1 - WORD_BEFORE :], packet]

    def _right_before(self, sequence: int) -> list[_Held]:
        """Those of the packets that were held that come right before one: others may be missing between them."""
        found: list[_Held] = []
        for one in reversed(self._held):
            if (sequence - one[0]) % 0x10000 != len(found) + 1:
                break
            found.insert(0, one)
        return found

    def _send_out(self, packet: _Held) -> None:
        sequence, timestamp, payload, arrival_ns, level = packet
        step = 1 if self._last is None else (sequence - self._last + 0x8000) % 0x10000 - 0x8000
        self._sent = (self._sent + step) % 0x10000
        self._last = sequence
        age_ns = self._now_ns() - arrival_ns
        self._send(TalkerPacket(self._participant.id, self._codec, self._sent, timestamp, payload, level, age_ns))
