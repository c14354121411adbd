"""What a headless participant's encoder is told of losses."""

from __future__ import annotations

import numpy as np

from conference.audio.frame import FRAME_SAMPLES
from conference.cli.stay.headless import HeadlessCall, RecordedVoice
from tests.room.fakes import PcmEncoder


def test_an_encoder_adds_fec_once_losses_are_reported_and_stops_when_they_end() -> None:
    encoder = PcmEncoder()
    call = HeadlessCall(encoder, RecordedVoice(np.ones(FRAME_SAMPLES, np.int16), loop=True), None, None)
    for percent in (0.0, 1.0, 3.0, 4.0, 18.0, 9.0, 3.0, 0.5, 0.0):
        call.expect_loss(percent)
    assert encoder.losses == [10, 20, 10, 0]
