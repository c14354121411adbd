"""Where frames that are forwarded and those of a mix meet in one stream."""

from __future__ import annotations

from conference.audio.conceal import Concealer
from conference.codecs.waveform import WaveformCodec


class Joint:
    """Joins the sound of mixes to that of frames that are forwarded, which run 4 ms ahead of them, and back.

    The first frame of the other kind fades in, within 5 ms, over what would have come.

    Args:
        codec: of the frames.
    """

    __slots__ = ("_codec", "_forwarded", "_last", "_restarts", "_silent_frame")

    def __init__(self, codec: WaveformCodec) -> None:
        self._codec, self._silent_frame = codec, codec.silent_frame
        self._forwarded = self._restarts = False
        self._last: tuple[bytes, ...] = ()  # the last two

    def restart(self) -> None:
        """What comes next does not follow what was there, of whatever kind it is."""
        self._restarts = True

    def join(self, payload: bytes, *, forwarded: bool) -> bytes:
        """What to send for a frame."""
        if self._restarts or forwarded is not self._forwarded:
            self._forwarded, self._restarts = forwarded, False
            if self._last and any(frame != self._silent_frame for frame in (*self._last, payload)):
                payload = self._faded_in(payload)
        self._last = (*self._last[-1:], payload)
        return payload

    def _faded_in(self, payload: bytes) -> bytes:
        concealer = Concealer(self._codec.rate)
        for frame in self._last:
            concealer.good(self._codec.decode_samples(frame))
        concealer.break_off()
        return self._codec.encode_samples(concealer.good(self._codec.decode_samples(payload)))
