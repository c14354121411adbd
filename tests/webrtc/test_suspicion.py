"""Whether a peer has gone whose goodbye may be from anybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.suspicion import PROOF_NS, Suspicion

NOW = 1_000_000_000_000
QUARTER = 250_000_000


def verdicts(suspicion: Suspicion, heard_ns: int, patience: float = 1.0) -> list[str]:
    """What is said four times a second, from the alert on, until the suspicion is over."""
    suspicion.arouse(NOW)
    said: list[str] = []
    while not said or said[-1] == "ask":
        said.append(suspicion.look(heard_ns, NOW + len(said) * QUARTER, patience))
    return said


def test_without_an_alert_there_is_no_suspicion() -> None:
    assert Suspicion().look(0, NOW) == "none"


@given(heard_ns=st.integers(0, NOW + PROOF_NS // 2 - 1))
def test_who_is_not_heard_after_it_has_gone(heard_ns: int) -> None:
    said = verdicts(Suspicion(), heard_ns)
    assert said[-1] == "gone"
    assert len(said) == PROOF_NS // QUARTER + 1


@given(heard_ns=st.integers(NOW + PROOF_NS // 2, NOW + PROOF_NS))
def test_who_is_heard_is_there_and_the_next_alert_is_looked_into_anew(heard_ns: int) -> None:
    suspicion = Suspicion()
    assert verdicts(suspicion, heard_ns)[-1] == "there"
    assert suspicion.look(heard_ns, NOW + 2 * PROOF_NS) == "none"
    assert verdicts(suspicion, NOW - 1)[-1] == "gone"


def test_alerts_that_go_on_do_not_put_the_verdict_off() -> None:
    suspicion = Suspicion()
    for later in range(0, PROOF_NS, QUARTER):
        suspicion.arouse(NOW + later)
    assert suspicion.look(NOW, NOW + PROOF_NS) == "gone"


@given(patience=st.floats(1, 10))
def test_a_starved_server_waits_longer(patience: float) -> None:
    assert len(verdicts(Suspicion(), NOW, patience)) >= patience * PROOF_NS // QUARTER
