"""Noise suppression by RNNoise, an optional extra: librnnoise, bound once.

The copy in pyrnnoise's wheel comes first, the system's second. Only the library is taken from that wheel, not its
Python, whose other dependencies are never imported. Bound as libopus is (see `conference.codecs.libopus`).

RNNoise works on 10 ms at 48 kHz and looks ahead: what comes out is late by `DELAY_SAMPLES`.
"""

from __future__ import annotations

import ctypes.util
import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import cffi
import numpy as np

from conference.audio.frame import Samples

BLOCK_SAMPLES: Final = 480
"""What RNNoise takes at a time: 10 ms."""

DELAY_SAMPLES: Final = 960
"""How late the sound comes out."""

_ffi: Final = cffi.FFI()
_ffi.cdef("""
    typedef struct DenoiseState DenoiseState;
    int rnnoise_get_frame_size(void);
    DenoiseState *rnnoise_create(void *model);
    void rnnoise_destroy(DenoiseState *state);
    float rnnoise_process_frame(DenoiseState *state, float *out, const float *in);
""")


class SuppressionUnavailable(RuntimeError):
    """There is no noise suppression here. The message says what to install."""


@cache
def _library() -> Any:
    for path in _candidates():
        try:
            library: Any = _ffi.dlopen(path)
        except OSError:  # of another architecture, or without something it needs: try the next
            continue
        if library.rnnoise_get_frame_size() == BLOCK_SAMPLES:
            return library
    raise SuppressionUnavailable(
        "Noise suppression needs RNNoise: install it with pip install 'conference[noise]', "
        "or the system's package (Debian: apt install librnnoise0)"
    )


def check_available() -> None:
    """Make sure that there is noise suppression here.

    Raises:
        SuppressionUnavailable: there is none.
    """
    _library()


def _candidates() -> Iterator[str]:
    """Where librnnoise may be, best first."""
    spec = importlib.util.find_spec("pyrnnoise")
    if spec is not None and spec.origin is not None:
        package = Path(spec.origin).parent
        yield from (str(package / name) for name in ("librnnoise.so", "librnnoise.dylib", "rnnoise.dll"))
    found = ctypes.util.find_library("rnnoise")
    if found is not None:
        yield found


class Suppressor:
    """Takes the noise out of one voice.

    Raises:
        SuppressionUnavailable: librnnoise is not there.
    """

    __slots__ = ("_buffer", "_library", "_pointers", "_state")

    def __init__(self) -> None:
        self._library = library = _library()
        self._state = _ffi.gc(library.rnnoise_create(_ffi.NULL), library.rnnoise_destroy)
        self._buffer = np.zeros(0, dtype=np.float32)
        self._pointers: list[Any] = []

    def process(self, frame: Samples) -> Samples:
        """Free a frame of noise.

        Args:
            frame: shape ``(n,)``, int16, 48 kHz; ``n`` a multiple of 480. Left as it is.

        Returns:
            As many samples, a new array: what came in `DELAY_SAMPLES` earlier, without its noise.
        """
        buffer = self._buffer
        if len(buffer) != len(frame):
            self._buffer = buffer = np.zeros(len(frame), dtype=np.float32)
            starts = range(0, len(frame), BLOCK_SAMPLES)
            self._pointers = [_ffi.cast("float *", buffer[start:].ctypes.data) for start in starts]
        buffer[:] = frame
        for block in self._pointers:
            self._library.rnnoise_process_frame(self._state, block, block)
        np.clip(buffer, -32768, 32767, out=buffer)
        return np.rint(buffer).astype(np.int16)
