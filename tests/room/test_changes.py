"""People talk in turns, interrupt each other and pause: nobody hears how their packets and mixes follow each other."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.frame import SILENCE
from tests.room.conversation import Conversation, Heard, converse, listen, synthetic
from tests.room.meeting import Person

NAMES = ("amy", "ben")
TURNS = 24


def hear(conversation: Conversation, *, forwarding: bool, dtx: bool = True, levels: bool = True) -> Heard:
    people = {name: Person(name, conversation.voice(name), dtx=dtx, levels=levels) for name in NAMES}
    return listen(conversation, people, Person("cal", lambda tick: SILENCE), forwarding=forwarding)


@pytest.mark.parametrize(
    ("seed", "noise_dbov", "dtx", "levels"),
    [(1, -127.0, True, True), (2, -80.0, False, True), (3, -70.0, False, False)],
)
def test_changes_are_not_heard(seed: int, noise_dbov: float, dtx: bool, levels: bool) -> None:
    conversation = converse(synthetic(NAMES, seed), TURNS, seed, noise_dbov=noise_dbov)
    heard = hear(conversation, forwarding=True, dtx=dtx, levels=levels)
    mixed = hear(conversation, forwarding=False, dtx=dtx, levels=levels)
    assert heard.changes >= TURNS // 2
    assert mixed.changes == 0
    assert [one for one in heard.splatter if one > -55] == [], "no click"
    assert max(heard.strange) < -20, "nothing that is in neither voice"
    assert np.percentile(heard.strange, 99.5) < -38
    assert np.percentile(heard.errors, 50) < -40, "packets sound as they were sent"
    assert np.percentile(heard.errors, 95) < -25, (
        "but for the ends of long vowels, which libopus predicts from themselves"
    )
    assert len(heard.lags_ms) == len(mixed.lags_ms)
    assert len(heard.lags_ms) >= TURNS - 3
    assert max(heard.lags_ms) < max(mixed.lags_ms) + 45, "no delay adds up"
    assert np.median(heard.lags_ms[-8:]) - np.median(heard.lags_ms[:8]) < 25, "nor stays"
    assert len(heard.onsets) == len(mixed.onsets)
    assert len(heard.onsets) >= TURNS // 2
    for (turn, begun), (_, begun_in_mix) in zip(heard.onsets, mixed.onsets, strict=True):
        assert begun > min(0.5, begun_in_mix - 0.3), f"the first syllable is heard of {turn}"
