"""How many connectivity checks go to somebody who did not ask."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.ice.check_pacing import BURST_SECONDS, CheckPacer
from conference.webrtc.settings import WebRtcSettings
from conference.webrtc.udp.sockets import Address

LIMITS = WebRtcSettings(
    max_checks_per_connection=10, max_checks_per_candidate=3, max_checks_per_address=15, max_checks_per_second=100
)
VICTIM: Address = ("198.51.100.7", 53)


class Clock:
    """Stands still until it is set."""

    ns = 10**12

    def __call__(self) -> int:
        return self.ns


def address(number: int) -> Address:
    return (f"198.51.{number >> 8}.{number & 255}", 1000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pacer(clock: Clock) -> CheckPacer:
    return CheckPacer(LIMITS, clock)


def test_an_address_that_does_not_answer_gets_a_few(pacer: CheckPacer) -> None:
    budget = pacer.budget(ice_lite=False)
    assert [budget.admits(VICTIM) for _ in range(5)] == [True, True, True, False, False]


def test_an_ice_lite_peer_is_asked_for_longer_for_it_does_not_ask_itself(pacer: CheckPacer) -> None:
    budget = pacer.budget(ice_lite=True)
    assert sum(budget.admits(VICTIM) for _ in range(20)) == LIMITS.max_checks_per_connection


def test_a_connection_sends_a_bounded_number_whatever_an_offer_names(pacer: CheckPacer) -> None:
    budget = pacer.budget(ice_lite=False)
    sent = [budget.admits((f"198.51.{number}.1", port)) for number in range(16) for port in range(1, 5)]
    assert sum(sent) == LIMITS.max_checks_per_connection


def test_one_address_is_spared_however_many_offers_name_it(pacer: CheckPacer, clock: Clock) -> None:
    for _ in range(2):
        sent = 0
        for _ in range(20):
            clock.ns += 10_000_000
            sent += sum(pacer.budget(ice_lite=False).admits((VICTIM[0], port)) for port in range(1, 5))
        assert sent == LIMITS.max_checks_per_address
        clock.ns += 1_000_000_000


def test_all_together_are_paced(pacer: CheckPacer, clock: Clock) -> None:
    sent = 0
    for number in range(3000):
        clock.ns += 1_000_000
        sent += pacer.budget(ice_lite=False).admits(address(number))
    assert sent == pytest.approx(3 * LIMITS.max_checks_per_second, abs=2 + BURST_SECONDS * LIMITS.max_checks_per_second)


def test_what_was_held_back_by_the_pace_is_not_counted_and_goes_later(pacer: CheckPacer, clock: Clock) -> None:
    budget = pacer.budget(ice_lite=False)
    for number in range(LIMITS.max_checks_per_second):
        pacer.admits(address(number))
    assert not budget.admits(VICTIM)
    clock.ns += 1_000_000_000
    assert [budget.admits(VICTIM) for _ in range(4)] == [True, True, True, False]


def test_a_check_of_theirs_is_worth_one_of_ours(pacer: CheckPacer) -> None:
    budget = pacer.budget(ice_lite=False)
    for _ in range(LIMITS.max_checks_per_connection):
        budget.admits(VICTIM)
    for _ in range(100):
        budget.note_request(VICTIM)
        budget.note_request(VICTIM)
        assert [budget.admits(VICTIM), budget.admits(VICTIM)] == [True, False]


def test_who_has_answered_may_be_asked_again(pacer: CheckPacer) -> None:
    budget = pacer.budget(ice_lite=False)
    budget.note_response(VICTIM)
    assert all(budget.admits(VICTIM) for _ in range(100))


def test_without_any_unasked_there_are_only_those_in_turn(clock: Clock) -> None:
    budget = CheckPacer(WebRtcSettings(max_checks_per_connection=0), clock).budget(ice_lite=True)
    assert not budget.admits(VICTIM)
    budget.note_request(VICTIM)
    assert budget.admits(VICTIM)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200_000_000), st.booleans()), max_size=200))
def test_nobody_gets_more_than_they_asked_for_and_what_all_may_get(steps: list[tuple[int, int, bool]]) -> None:
    clock = Clock()
    pacer = CheckPacer(LIMITS, clock)
    budget = pacer.budget(ice_lite=False)
    sent, asked = [0] * 4, [0] * 4
    for number, later_ns, asks in steps:
        clock.ns += later_ns
        if asks:
            budget.note_request(address(number))
            asked[number] += 1
        sent[number] += budget.admits(address(number))
    assert all(got <= LIMITS.max_checks_per_candidate + wanted for got, wanted in zip(sent, asked, strict=True))
    assert sum(sent) <= LIMITS.max_checks_per_connection + sum(asked)
