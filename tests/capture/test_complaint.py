"""A complaint about sound becomes a test: the capture that came with it, and what is to be heard in it.

``complaint.capture`` holds mu-law only, so that no version of libopus has a part in it. When a change in how sound is
treated makes `test_the_complaint_sounds_as_it_did` fail, and is meant: listen to it (``conference replay
tests/capture/complaint.capture --listener Ben --record ben.wav``), then put the new digest here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from conference.capture.replay import Replay
from tests.capture.captured import all_samples, replayed

COMPLAINT = Path(__file__).with_name("complaint.capture")

HEARD_BY_BEN = "55b9fd7332f1475d65cd24e04e221ad9e363ede59b7b9d08e5c97da386352158"


@pytest.fixture(scope="module")
def replay() -> tuple[Replay, dict[str, list[tuple[bytes, bytes | None]]]]:
    return replayed(COMPLAINT)


def test_the_complaint_sounds_as_it_did(replay: tuple[Replay, dict[str, list[tuple[bytes, bytes | None]]]]) -> None:
    ben = replay[0].listeners["ben"]
    assert ben.sound.hexdigest() == HEARD_BY_BEN, "the sound has changed: see above"


def test_no_gap_is_heard_although_packets_were_lost(
    replay: tuple[Replay, dict[str, list[tuple[bytes, bytes | None]]]],
) -> None:
    amy = replay[0].listeners["amy"]
    assert amy.counts["lost"] > 3
    assert amy.counts["duplicate"] > 0
    samples = all_samples(replay[1]["ben"])
    sounding = np.flatnonzero(samples)
    assert np.diff(sounding).max() < 48 * 20, "between first word and last, nothing is digital silence for a frame"
