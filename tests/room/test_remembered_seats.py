"""What hosts decided about somebody is not forgotten because others come and go."""

from __future__ import annotations

from typing import Any

import pytest

from conference.room.participant import Participant
from conference.room.remembered_seats import RememberedSeats
from conference.room.room import Room


def somebody(participant_id: str) -> Participant:
    return Participant(id=participant_id, name=participant_id, transport="webrtc", joined_at=0.0)


@pytest.mark.parametrize("moderation", [{"muted": True, "muted_by": "Host"}, {"held": True}])
def test_coming_and_going_does_not_take_off_what_a_host_put_on(moderation: dict[str, Any]) -> None:
    seats, room = RememberedSeats(limit=10), Room("tea", created_at=0.0, publish=lambda _: None)
    ben = somebody("ben")
    for name, value in moderation.items():
        setattr(ben, name, value)
    seats.remember(room, ben, "lost")
    for number in range(100):
        seats.remember(room, somebody(str(number)), "lost")
    back = somebody("ben")
    assert seats.put_on(back, "tea", room)
    assert {name: getattr(back, name) for name in moderation} == moderation
    seats.forget("tea", "ben")
    assert not seats.put_on(somebody("ben"), "tea", room)
