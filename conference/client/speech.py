"""What somebody without a browser says, encoded a frame at a time."""

from __future__ import annotations

from conference.audio.frame import Samples
from conference.codecs.base import Encoder
from conference.room.mixing.encoders import protection


class Speech:
    """Packets of what is said, with as much FEC as the way to the server needs.

    Args:
        encoder: for the decoder at the other end.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._expected_loss = 0  # as told to the encoder, in percent

    def encode(self, frame: Samples | None) -> bytes | None:
        """The packet of 20 ms, shape ``(960,)``; ``None`` for silence. Returns ``None`` if nothing need be sent."""
        if frame is None or not frame.any():
            return self._encoder.encode_silence()  # keeps the way through firewalls open, too
        return self._encoder.encode(frame)

    def expect_loss(self, percent: float) -> None:
        """Have the encoder add the FEC that is needed where so many packets of a hundred are lost, 0 to 100."""
        expected = protection(percent, self._expected_loss)
        if expected != self._expected_loss:
            self._expected_loss = expected
            self._encoder.set_expected_loss(expected)
