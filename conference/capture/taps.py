"""How a capture listens in on what arrives at one participant's source."""

from __future__ import annotations

from collections.abc import Callable

from conference.capture.format import encode, packet_writer
from conference.capture.recipes import decoder_name
from conference.capture.records import Restarted, SoundArrived
from conference.codecs.base import Decoder

ABOUT = "the capture"


class CapturedPackets:
    """Writes down the packets of a `PacketSource`, all of them. Satisfies `playout.tap.PacketTap`.

    Args:
        index: whose they are.
        block: where records are appended.
        dropped: ends the capture.
    """

    about = ABOUT
    wants_silence = True  # what is counted of it is replayed, too

    def __init__(self, index: int, block: bytearray, dropped: Callable[[], None]) -> None:
        self.packet_arrived = packet_writer(index, block)
        self.dropped = dropped
        self._index = index
        self._block = block

    def restarted(self, decoder: Decoder | None) -> None:
        """See `PacketTap.restarted`."""
        self._block.extend(encode(Restarted(self._index, decoder_name(decoder))))


class CapturedMessages:
    """Writes down the sound of a caller's messages. Satisfies `playout.tap.MessageTap`.

    Args:
        index: whose it is.
        block: where records are appended.
        dropped: ends the capture.
    """

    about = ABOUT

    def __init__(self, index: int, block: bytearray, dropped: Callable[[], None]) -> None:
        self.dropped = dropped
        self._index = index
        self._block = block

    def message_arrived(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        """See `MessageTap.message_arrived`."""
        self._block.extend(encode(SoundArrived(self._index, timestamp_ms, payload, now_ns)))
