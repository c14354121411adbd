"""A call that was announced is taken once, and in time; nobody is let in by a guess."""

from __future__ import annotations

from uuid import UUID

import pytest

from conference.access.grants import EVERYTHING
from conference.web.joining.expected_calls import ExpectedCalls, TooManyExpected


def test_a_call_is_taken_once() -> None:
    calls = ExpectedCalls(10, 60)
    call = calls.expect("tea", "Amy", EVERYTHING, True, 0.0)
    assert calls.claim(call.uuid, 59.9) is call
    assert calls.claim(call.uuid, 59.9) is None


def test_a_call_that_does_not_come_in_time_is_forgotten_and_makes_place() -> None:
    calls = ExpectedCalls(2, 60)
    first = calls.expect("tea", None, EVERYTHING, None, 0.0)
    second = calls.expect("tea", None, EVERYTHING, None, 1.0)
    with pytest.raises(TooManyExpected):
        calls.expect("tea", None, EVERYTHING, None, 59.0)
    calls.expect("tea", None, EVERYTHING, None, 60.0)
    assert calls.claim(first.uuid, 60.0) is None
    assert calls.claim(second.uuid, 60.5) is second
    assert len(calls) == 1


def test_uuids_are_random_and_others_are_not_known() -> None:
    calls = ExpectedCalls(100, 60)
    uuids = {calls.expect("tea", None, EVERYTHING, None, 0.0).uuid for _ in range(100)}
    assert len(uuids) == 100
    assert all(one.version == 4 for one in uuids)
    assert calls.claim(UUID(int=0), 0.0) is None
