"""libopus, bound once.

The copy in PyAV's wheel comes first (a recent one, and there wherever this program is), the system's second. It is
bound with cffi in ABI mode: no compiler, and calls release the GIL.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import cffi

MAX_PACKET_SAMPLES: Final = 5760
"""The longest packet: 120 ms at 48 kHz (RFC 6716, section 3.2.5)."""

MAX_PACKET_BYTES: Final = 1276
"""The longest packet of one frame: a TOC byte and 1275 more (RFC 6716, section 3.4, R2)."""

# From opus_defines.h
OK: Final = 0
APPLICATION_VOIP: Final = 2048
APPLICATION_AUDIO: Final = 2049
SET_BITRATE: Final = 4002
SET_MAX_BANDWIDTH: Final = 4004
SET_COMPLEXITY: Final = 4010
SET_INBAND_FEC: Final = 4012
SET_PACKET_LOSS_PERC: Final = 4014
SET_DTX: Final = 4016
SET_SIGNAL: Final = 4024
SIGNAL_AUTO: Final = -1000
SIGNAL_VOICE: Final = 3001
SIGNAL_MUSIC: Final = 3002
RESET_STATE: Final = 4028
SET_PREDICTION_DISABLED: Final = 4042

ffi: Final = cffi.FFI()
ffi.cdef("""
    typedef struct OpusEncoder OpusEncoder;
    typedef struct OpusDecoder OpusDecoder;

    const char *opus_get_version_string(void);
    const char *opus_strerror(int error);

    int opus_encoder_get_size(int channels);
    OpusEncoder *opus_encoder_create(int32_t rate, int channels, int application, int *error);
    int32_t opus_encode(OpusEncoder *encoder, const int16_t *pcm, int frame_size, unsigned char *data,
                        int32_t max_data_bytes);
    int opus_encoder_ctl(OpusEncoder *encoder, int request, ...);
    void opus_encoder_destroy(OpusEncoder *encoder);

    OpusDecoder *opus_decoder_create(int32_t rate, int channels, int *error);
    int opus_decode(OpusDecoder *decoder, const char *data, int32_t length, int16_t *pcm, int frame_size,
                    int decode_fec);
    int opus_decoder_ctl(OpusDecoder *decoder, int request, ...);
    int opus_decoder_get_size(int channels);
    void opus_decoder_destroy(OpusDecoder *decoder);

    int opus_packet_parse(const char *data, int32_t length, unsigned char *toc, const unsigned char *frames[48],
                          int16_t size[48], int *payload_offset);
    int opus_packet_get_samples_per_frame(const char *data, int32_t rate);
""")


class LibraryNotFoundError(RuntimeError):
    """There is no libopus. The message says what to install."""


class OpusError(RuntimeError):
    """libopus refused a call that should have been right."""


@cache
def library() -> Any:
    """libopus, loaded once.

    Raises:
        LibraryNotFoundError: there is none, or none that can be loaded.
    """
    for path in _candidates():
        try:
            return ffi.dlopen(path)
        except OSError:  # of another architecture, or without something it needs: try the next
            continue
    raise LibraryNotFoundError(
        "libopus was not found: install PyAV's wheel (pip install --only-binary av av), which carries it, "
        "or the system's package (Debian: apt install libopus0; macOS: brew install opus)"
    )


def version() -> str:
    """What libopus calls itself, e.g. ``libopus 1.6.1``."""
    return _text(library().opus_get_version_string())


def check(result: int) -> int:
    """Pass on what libopus returned.

    Raises:
        OpusError: it was an error.
    """
    if result < OK:
        raise OpusError(f"libopus: {_text(library().opus_strerror(result))}")
    return result


def copy_state(target: Any, source: Any, size: int) -> None:
    """Make an encoder or a decoder what another one is, whose state is as large.

    "The encoder state is always a single contiguous block of memory and only a shallow copy (e.g. memcpy()) is
    sufficient to copy it" (opus.h, and the same of decoders).
    """
    ffi.memmove(ffi.cast("char *", target), ffi.cast("char *", source), size)


def _text(pointer: Any) -> str:
    text = ffi.string(pointer)
    return text.decode("ascii", "replace") if isinstance(text, bytes) else text


def _candidates() -> Iterator[str]:
    """Where libopus may be, best first."""
    spec = importlib.util.find_spec("av")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        # Wheels repaired by auditwheel and delvewheel put libraries beside the package, by delocate inside it.
        for folder in (package.parent / "av.libs", package / ".dylibs"):
            yield from (str(path) for path in sorted(folder.glob("*opus*")) if "opusfile" not in path.name)
    found = ctypes.util.find_library("opus")
    if found is not None:
        yield found
