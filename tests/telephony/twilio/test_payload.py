"""Base64 mu-law to NumPy and back."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conference.telephony.twilio.payload import TwilioTranslator


@given(st.binary(max_size=2000))
def test_a_payload_comes_back_but_for_the_negative_zero(payload: bytes) -> None:
    text = base64.b64encode(payload).decode()
    again = base64.b64decode(TwilioTranslator.to_base64(TwilioTranslator.to_array(text)))
    assert again == payload.replace(b"\x7f", b"\xff")


def test_one_byte_is_one_sample_of_int16() -> None:
    samples = TwilioTranslator().to_array(base64.b64encode(bytes(range(256))).decode())
    assert samples.dtype == np.int16
    assert samples.shape == (256,)
    # ITU-T G.711 table 2a, times four: the largest value of mu-law is 8031.
    assert (int(samples.min()), int(samples.max())) == (-32124, 32124)
    assert samples[0xFF] == samples[0x7F] == 0
    assert samples[0x00] == -32124


def test_any_sample_comes_back_within_a_step_of_mu_law() -> None:
    samples = np.arange(-32768, 32768, dtype=np.int32).astype(np.int16)
    again = TwilioTranslator.to_array(TwilioTranslator.to_base64(samples))
    error = np.abs(again.astype(np.int32) - samples)
    assert np.all(error <= np.maximum(8, np.abs(samples.astype(np.int32)) / 16 + 4))


def test_an_empty_payload_is_an_empty_array() -> None:
    assert TwilioTranslator.to_array("").shape == (0,)
    assert TwilioTranslator.to_base64(np.zeros(0, np.int16)) == ""


@pytest.mark.parametrize("text", ["!", "AAA", "A A=", "ä"])
def test_what_is_not_base64_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="base64"):
        TwilioTranslator.to_array(text)


@pytest.mark.parametrize("samples", [np.zeros(3), np.zeros(3, np.int32), np.zeros((2, 2), np.int16)])
def test_another_type_of_sample_is_a_value_error(samples: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="int16"):
        TwilioTranslator.to_base64(samples)
