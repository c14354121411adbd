"""Noise suppression, an optional extra: WebRTC's own, as browsers have it, from the package pywebrtc-audio.

The suppressor estimates the noise in each band of frequencies, and turns down what is no louder: hiss, hum and fans go,
voices stay. A browser suppresses noise before it sends; telephones and programs do not.
"""

from __future__ import annotations

import importlib
from typing import Any, Final

from conference.audio.frame import SAMPLE_RATE, Samples

DELAY_SAMPLES: Final = 334
"""How late the sound comes out: 7 ms."""

_LEVEL = 2  # of 0 to 3: by about 18 dB; 3 begins to take from the voice


class SuppressionUnavailable(RuntimeError):
    """Noise suppression is not installed here. The message says what to install."""


def check_available() -> None:
    """Make sure that noise suppression is installed here.

    Raises:
        SuppressionUnavailable: it is not.
    """
    _library()


def available() -> bool:
    """Whether noise suppression is installed here."""
    try:
        _library()
    except SuppressionUnavailable:
        return False
    return True


def _library() -> Any:
    try:
        return importlib.import_module("pywebrtc_audio")
    except ImportError as error:
        raise SuppressionUnavailable("Noise suppression needs pip install 'conference[noise]'") from error


class Suppressor:
    """Takes the noise out of one voice.

    Raises:
        SuppressionUnavailable: pywebrtc-audio is not there.
    """

    __slots__ = ("_native",)

    def __init__(self) -> None:
        self._native = _library().NoiseSuppressor(sample_rate=SAMPLE_RATE, level=_LEVEL)

    def process(self, frame: Samples) -> Samples:
        """Free a frame of noise.

        Args:
            frame: shape ``(n,)``, int16, 48 kHz; ``n`` a multiple of 480. Left as it is.

        Returns:
            As many samples, a new array: what came in `DELAY_SAMPLES` earlier, without its noise.
        """
        quieter: Samples = self._native.process(frame)
        return quieter
