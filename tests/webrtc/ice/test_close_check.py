"""Whether a peer has gone whose goodbye may be from anybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.ice.close_check import GRACE_NS, PROOF_NS, CloseCheck

NOW = 1_000_000_000_000
QUARTER = 250_000_000


def verdicts(check: CloseCheck, heard_ns: int, patience: float = 1.0, every_ns: int = QUARTER) -> list[str]:
    """What is said from the alert on, until the check is over; heard only when that time has come."""
    check.begin(NOW)
    said: list[str] = []
    while not said or said[-1] == "ask":
        now_ns = NOW + len(said) * every_ns
        said.append(check.look(heard_ns if heard_ns <= now_ns else 0, now_ns, patience))
    return said


def test_without_an_alert_nothing_is_checked() -> None:
    check = CloseCheck()
    assert not check.active
    assert check.look(0, NOW) == "none"


@given(heard_ns=st.integers(0, NOW + GRACE_NS - 1))
def test_who_is_not_heard_any_more_has_gone(heard_ns: int) -> None:
    said = verdicts(CloseCheck(), heard_ns)
    assert said[-1] == "gone"
    assert len(said) == (GRACE_NS + PROOF_NS) // QUARTER + 1


@given(heard_ns=st.integers(NOW + GRACE_NS, NOW + GRACE_NS + PROOF_NS - QUARTER))
def test_who_is_heard_is_there_and_the_next_alert_is_looked_into_anew(heard_ns: int) -> None:
    check = CloseCheck()
    assert verdicts(check, heard_ns)[-1] == "there"
    assert not check.active
    assert verdicts(check, NOW - 1)[-1] == "gone"


@given(every_ns=st.integers(QUARTER, 100 * QUARTER))
def test_nobody_has_gone_who_was_not_asked_before(every_ns: int) -> None:
    said = verdicts(CloseCheck(), NOW, every_ns=every_ns)
    asked = next(at for at in range(len(said)) if at * every_ns >= GRACE_NS)
    assert said[-1] == "gone"
    assert said[asked] == "ask"
    assert (len(said) - 1 - asked) * every_ns >= PROOF_NS


def test_alerts_that_go_on_do_not_put_the_verdict_off() -> None:
    check = CloseCheck()
    said = []
    for later in range(0, GRACE_NS + PROOF_NS + 1, QUARTER):
        check.begin(NOW + later)
        said.append(check.look(NOW, NOW + later))
    assert said[-1] == "gone"


@given(patience=st.floats(1, 10))
def test_a_starved_server_waits_longer(patience: float) -> None:
    assert len(verdicts(CloseCheck(), NOW, patience)) >= patience * PROOF_NS // QUARTER
