from __future__ import annotations

import pytest

from conference.load.signal.scripts import TURN_SECONDS, taking_turns

SOUND_DBOV = -50


@pytest.mark.parametrize("dtx", [False, True])
def test_of_those_who_take_turns_one_talks_at_a_time(dtx: bool) -> None:
    scripts = [taking_turns(0, place, 3, levels=True, dtx=dtx) for place in range(3)]
    length = round(TURN_SECONDS * 50)
    for place, script in enumerate(scripts):
        assert script.in_step
        assert script.levels is not None
        assert len(script.payloads) == len(script.levels) == 3 * length
        talks = {number // length for number, level in enumerate(script.levels) if level > SOUND_DBOV}
        assert talks == {place}
    if not dtx:
        assert None not in scripts[0].payloads


def test_without_levels_nothing_is_said_of_them() -> None:
    assert taking_turns(0, 1, 2, dtx=False).levels is None
