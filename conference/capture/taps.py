"""How it is written down what arrives at one participant's source."""

from __future__ import annotations

from collections.abc import Callable

from conference.capture.format import encode, packet_writer
from conference.capture.recipes import decoder_name
from conference.capture.records import Restarted, SoundArrived
from conference.codecs.base import Decoder


class PacketRecords:
    """Writes down the packets of a `PacketSource`. Satisfies `playout.tap.PacketTap`.

    Args:
        index: whose they are.
        block: where records are appended.
        dropped: is told if this fails.
        about: what it is for, for the log.
        wants_silence: see `PacketTap.wants_silence`.
    """

    def __init__(
        self, index: int, block: bytearray, dropped: Callable[[], None], *, about: str, wants_silence: bool
    ) -> None:
        self.about = about
        self.wants_silence = wants_silence
        self.dropped = dropped
        self._index = index
        self._block = block
        self._write = packet_writer(index, block)
        self.packet_arrived = self._write

    def keep(self, kept: bool) -> None:
        """Write down what arrives from now on, or leave it out."""
        self.packet_arrived = self._write if kept else _leave_out

    def restarted(self, decoder: Decoder | None) -> None:
        """See `PacketTap.restarted`."""
        self._block.extend(encode(Restarted(self._index, decoder_name(decoder))))


class MessageRecords:
    """Writes down the sound of a caller's messages. Satisfies `playout.tap.MessageTap`.

    Args:
        index: whose it is.
        block: where records are appended.
        dropped: is told if this fails.
        about: what it is for, for the log.
    """

    def __init__(self, index: int, block: bytearray, dropped: Callable[[], None], *, about: str) -> None:
        self.about = about
        self.dropped = dropped
        self._index = index
        self._block = block
        self._kept = True

    def keep(self, kept: bool) -> None:
        """Write down what arrives from now on, or leave it out."""
        self._kept = kept

    def message_arrived(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        """See `MessageTap.message_arrived`."""
        if self._kept:
            self._block.extend(encode(SoundArrived(self._index, timestamp_ms, payload, now_ns)))


def _leave_out(
    sequence: int, timestamp: int, payload: bytes, arrival_ns: int, level: int | None, redundant: bool
) -> None:
    """Takes a packet's place that is not written down."""
