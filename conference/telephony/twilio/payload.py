"""Base64 mu-law, as it stands in a media message, to NumPy and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.telephony.fields import from_base64, to_base64


class TwilioTranslator:
    """Translates the payload of a media message: 8 kHz, mono, int16 on our side; nothing is resampled.

    There and back gives the same payload, but for code 0x7F: mu-law has a negative zero, PCM has not, so it comes
    back as 0xFF, the positive one. Both sound the same.
    """

    @staticmethod
    def to_array(payload: str) -> NDArray[np.int16]:
        """Decode a payload.

        Args:
            payload: base64 (RFC 4648 section 4, padded) of mu-law bytes (G.711), any length.

        Returns:
            PCM, shape ``(n,)``, int16, 8 kHz: one sample per byte.

        Raises:
            MessageError: a ``ValueError``: this is not base64.
        """
        return ulaw_decode(from_base64(payload))

    @staticmethod
    def to_base64(samples: NDArray[np.int16]) -> str:
        """Encode PCM as a payload.

        Args:
            samples: shape ``(n,)``, int16, 8 kHz.

        Returns:
            Base64 of ``n`` mu-law bytes.

        Raises:
            ValueError: another shape or dtype: floats in particular would come out as noise.
        """
        if samples.dtype != np.int16 or samples.ndim != 1:
            raise ValueError(f"Samples must be int16 of shape (n,), not {samples.dtype} of {samples.shape}.")
        return to_base64(ulaw_encode(samples).tobytes())
