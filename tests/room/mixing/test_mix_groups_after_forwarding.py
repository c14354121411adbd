"""Whoever hears the mix again, after somebody's own packets, is coded for on from what they heard meanwhile."""

from __future__ import annotations

from conference.room.mixing.encoders import HeardBefore
from tests.room.fakes import steady
from tests.room.mixing.test_mix_groups import Listeners, SpiedBank


def test_who_hears_the_mix_again_is_coded_for_on_from_what_they_heard_meanwhile() -> None:
    listeners, bank = Listeners(), SpiedBank()
    listeners.groups.encoders = bank
    for name in ("amy", "ben"):
        listeners.swap(name)
    listeners.play(["ben"])
    listeners.groups.leave_out("amy")
    listeners.play(["ben"])
    for heard in (steady(700), None):
        bank.moved = {}
        listeners.groups.take_back("amy", heard)
        listeners.play(["ben"])
        [came_from] = [one for moves in bank.moved.values() for origins in moves.values() for one in origins]
        if heard is None:
            assert came_from is None
        else:
            assert isinstance(came_from, HeardBefore)
            assert came_from.samples is heard
        listeners.groups.leave_out("amy")
        listeners.play(["ben"])
