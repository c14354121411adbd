"""Asterisk's AudioSocket: a call in frames over plain TCP, which begins with a UUID and says nothing else of itself.

Sound is little-endian linear PCM. Its rate is known with the first frame of it only, so a stream starts then. Whoever
reads the connection starts one on which no sound comes with an empty frame of the rate that it is to have.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from conference.audio.frame import SAMPLE_RATE
from conference.audio.resample import RATES, Resampler
from conference.codecs.linear import LinearCodec
from conference.codecs.waveform import WaveformCodec
from conference.telephony.audiosocket_frames import (
    DTMF,
    ERROR,
    HANG_UP,
    HEADER_BYTES,
    SILENCE,
    SOUND,
    UUID,
    audiosocket_frame,
    audiosocket_frame_size,
)
from conference.telephony.dialect import (
    Asked,
    CallIdentity,
    DialectOfEnds,
    HangUp,
    Ignored,
    Message,
    PlayMedia,
    Said,
    StreamKey,
    StreamMedia,
    StreamStarted,
    StreamStopped,
    Unsupported,
)
from conference.telephony.fields import MessageError, read_digit

FindCall = Callable[[uuid.UUID], Mapping[str, str] | None]
"""What the parameters of the call with this UUID are; ``None`` if no such call is waited for."""

_KIND_RATES = {
    SOUND: 8_000, 0x11: 12_000, 0x12: 16_000, 0x13: 24_000, 0x14: 32_000, 0x15: 44_100, 0x16: 48_000, 0x17: 96_000,
    0x18: 192_000,
}  # fmt: skip

_CODECS = {kind: LinearCodec(rate, "little") for kind, rate in _KIND_RATES.items() if rate in RATES}
_KINDS = {codec.sample_rate: kind for kind, codec in _CODECS.items()}

_UUID_BYTES = 16


def read_frame(message: Message) -> tuple[int, bytes]:
    """The kind of a frame, and its payload.

    Raises:
        MessageError: it is none.
    """
    if isinstance(message, str):
        raise MessageError("AudioSocket has no text.")
    if audiosocket_frame_size(message, 0) != len(message):
        raise MessageError("The frame is not as long as it says.")
    return message[0], message[HEADER_BYTES:]


class _RateConverter:
    """Makes sound of one rate sound of another: for streams whose first sound told another rate than what follows."""

    def __init__(self, codec: LinearCodec, to: LinearCodec) -> None:
        self._codec, self._to = codec, to
        self._up, self._down = Resampler(codec.rate, SAMPLE_RATE), Resampler(SAMPLE_RATE, to.rate)

    def convert(self, payload: bytes) -> bytes:
        samples = self._codec.decode_samples(payload)
        return self._to.encode_samples(self._down.process(self._up.process(samples)))


class AudioSocketServerEnd:
    """A server's end of one stream.

    Args:
        find_call: asked once, for the stream's own UUID.
    """

    def __init__(self, find_call: FindCall) -> None:
        self._find_call = find_call
        self._uuid: uuid.UUID | None = None
        self._parameters: Mapping[str, str] = {}
        self._codec: LinearCodec | None = None  # of the stream, once it has started
        self._converters: dict[int, _RateConverter] = {}  # by the kind of what comes in another rate

    def parse(self, message: Message) -> Sequence[Said]:
        """See `ServerEnd.parse`."""
        kind, payload = read_frame(message)
        if kind == HANG_UP:
            return (StreamStopped(),)
        if kind == ERROR:
            return (Ignored("error", f"Asterisk reports an error: 0x{payload[:4].hex()}."), StreamStopped())
        if self._uuid is None:
            return self._begin(kind, payload)
        if kind in _KIND_RATES:
            return self._sound(kind, payload)
        if kind == DTMF:
            return (StreamKey(read_digit(payload[:2].decode("latin-1"), "digit")),)
        if kind == SILENCE:
            return ()
        if kind == UUID:
            return (Ignored("uuid-again", "A second UUID came; it is ignored."),)
        return (Ignored("unknown", f"A frame of an unknown kind came, 0x{kind:02x}; it is ignored."),)

    def media(self, payload: bytes) -> bytes:
        """See `ServerEnd.media`."""
        return audiosocket_frame(SOUND if self._codec is None else _KINDS[self._codec.sample_rate], payload)

    def mark(self, name: str) -> None:
        """None: AudioSocket has no marks."""
        del name

    def clear(self) -> None:
        """None: AudioSocket cannot."""

    def _begin(self, kind: int, payload: bytes) -> Sequence[Said]:
        if kind != UUID or len(payload) != _UUID_BYTES:
            return (Unsupported("An AudioSocket begins with a UUID of 16 bytes."),)
        self._uuid = uuid.UUID(bytes=payload)
        parameters = self._find_call(self._uuid)
        if parameters is None:
            return (Unsupported(f"No call with the UUID {self._uuid} is waited for."),)
        self._parameters = parameters
        return ()

    def _sound(self, kind: int, payload: bytes) -> Sequence[Said]:
        codec = _CODECS.get(kind)
        if codec is None:
            rate = _KIND_RATES[kind]
            return (Unsupported(f"Sound of {rate} Hz is not taken: 8, 16, 24 or 48 kHz are (slin, slin16, …)."),)
        said: list[Said] = []
        if self._codec is None:
            self._codec = codec
            call_id = str(self._uuid)
            said.append(StreamStarted(call_id, call_id, codec, self._parameters))
        if payload and codec != self._codec:
            converter = self._converters.get(kind)
            if converter is None:
                converter = self._converters[kind] = _RateConverter(codec, self._codec)
            payload = converter.convert(payload)
        if payload:
            said.append(StreamMedia(payload))
        return said


class AudioSocketProviderEnd:
    """Asterisk's end of one stream.

    Args:
        identity: whose ``call_sid`` has the hexadecimal digits of the UUID.
        codec: of what is said.
    """

    codec: WaveformCodec

    def __init__(self, identity: CallIdentity, codec: LinearCodec = _CODECS[SOUND]) -> None:
        self.codec = codec
        self._kind = _KINDS[codec.sample_rate]
        digits = "".join(one for one in identity.call_sid[2:] if one in "0123456789abcdefABCDEF")
        self._uuid = uuid.UUID(hex=digits.rjust(32, "0")[-32:])

    def opening(self) -> Sequence[bytes]:
        """See `ProviderEnd.opening`."""
        return [audiosocket_frame(UUID, self._uuid.bytes)]

    def media(self, payload: bytes) -> bytes:
        """See `ProviderEnd.media`."""
        return audiosocket_frame(self._kind, payload)

    def key(self, digit: str) -> bytes:
        """See `ProviderEnd.key`."""
        return audiosocket_frame(DTMF, digit.encode("ascii"))

    def mark(self, name: str) -> None:
        """None: AudioSocket has no marks."""
        del name

    def cleared(self) -> Sequence[bytes]:
        """See `ProviderEnd.cleared`."""
        return ()

    def closing(self) -> Sequence[bytes]:
        """See `ProviderEnd.closing`."""
        return [audiosocket_frame(HANG_UP)]

    def parse(self, message: Message) -> Sequence[Asked]:
        """See `ProviderEnd.parse`."""
        kind, payload = read_frame(message)
        if kind == self._kind:
            return (PlayMedia(payload),)
        if kind in (HANG_UP, ERROR):
            return (HangUp(),)
        return (Ignored("unknown", f"A frame came that Asterisk does not take, 0x{kind:02x}."),)


def caller_identity(call: uuid.UUID) -> CallIdentity:
    """Who calls with this UUID, at the provider's end."""
    return CallIdentity(call_sid=f"CA{call.hex}")


def make_audiosocket(find_call: FindCall) -> DialectOfEnds:
    """AudioSocket as a server speaks it that waits for certain calls.

    Args:
        find_call: see :data:`FindCall`.
    """
    return DialectOfEnds(
        name="audiosocket",
        title="Asterisk's AudioSocket",
        make_server_end=lambda _: AudioSocketServerEnd(find_call),
        make_provider_end=lambda identity, _: AudioSocketProviderEnd(identity),
    )


AUDIOSOCKET = make_audiosocket(lambda _: None)
"""AudioSocket as a caller speaks it: a server that takes calls makes its own."""
