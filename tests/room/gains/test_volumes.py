"""Volumes of listeners' own: laid over who hears whom, and never more than that."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.room.gains.volumes import Volumes
from tests.room.moderated import VALUES, Scene

someone = st.sampled_from("abc")


@given(st.lists(st.tuples(someone, someone, st.floats(0, 2)) | someone))
def test_what_is_1_stands_nowhere_and_who_has_gone_leaves_nothing(steps: list[tuple[str, str, float] | str]) -> None:
    volumes = Volumes()
    known: dict[tuple[str, str], float] = {}
    for step in steps:
        if isinstance(step, str):
            before = {place for place in known if step in place}
            assert volumes.forget(step) == bool(before)
            known = {place: volume for place, volume in known.items() if step not in place}
        elif step[0] != step[1]:
            listener, source, volume = step
            volumes.set(listener, source, volume)
            known[listener, source] = round(volume * 65536) / 65536
        known = {place: volume for place, volume in known.items() if volume != 1.0}
        assert {(listener, source): volume for listener, source, volume in volumes.all} == known
        assert volumes.plain == (not known)
        assert volumes.listeners == {listener for listener, _ in known}


@pytest.mark.parametrize("volume", [-0.1, 2.1, math.nan, math.inf])
def test_a_volume_is_a_number_from_0_to_2(volume: float) -> None:
    with pytest.raises(ValueError, match="from 0 to 2"):
        Volumes().set("a", "b", volume)


def test_a_volume_concerns_one_pair_of_ears_and_nobody_is_told() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    before = scene.heard()
    told = len(scene.events)
    scene.room.set_volume("amy", "ben", 0.5)
    after = scene.heard()
    assert after["amy"] == before["amy"] - VALUES["ben"] / 2
    assert (after["ben"], after["cleo"]) == (before["ben"], before["cleo"])
    assert len(scene.events) == told
    scene.room.set_volume("amy", "ben", 1.0)
    assert scene.heard() == before


def test_twice_of_nothing_is_nothing() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    for source in ("ben", "cleo"):
        scene.room.set_volume("amy", source, 2.0)
    scene.room.whisper("ben", ["cleo"])
    scene.room.hold("cleo", True)
    assert scene.heard()["amy"] == 0.0
    scene.room.hold("cleo", False)
    scene.room.speak_up("ben")
    scene.room.deafen("amy", True)
    assert scene.heard()["amy"] == 0.0


def test_a_volume_stays_over_a_lost_connection_and_goes_with_whoever_leaves() -> None:
    scene = Scene(("amy", "ben", "cleo"))
    scene.room.set_volume("amy", "ben", 0.5)
    scene.room.remove("amy", "lost", "lost")
    scene.join("amy", returning=True)
    assert scene.heard()["amy"] == VALUES["ben"] / 2 + VALUES["cleo"]
    scene.room.remove("ben", "left")
    scene.join("ben")
    assert scene.heard()["amy"] == VALUES["ben"] + VALUES["cleo"]
    assert scene.room.volumes.plain
