"""Whether a peer has gone: in silence, for want of consent, or with a goodbye that may be from anybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.liveness import GRACE_NS, PROOF_NS, TABLE, Liveness

NOW = 1_000_000_000_000
QUARTER = 250_000_000
SECOND = 1_000_000_000
CONNECT, SILENCE = 15, 40


@pytest.fixture
def peer() -> Liveness:
    """One that is connected."""
    return connected(SILENCE)


def connected(silence_timeout: float = 3600) -> Liveness:
    peer = Liveness(CONNECT, silence_timeout, 0)
    peer.connected(NOW)
    return peer


def actions(peer: Liveness, heard_ns: int, patience: float = 1.0, every_ns: int = QUARTER) -> list[str]:
    """What is to be done from the alert on, until it is looked into; heard only when that time has come."""
    peer.alert(NOW)
    done: list[str] = []
    while not done or done[-1] == "ask":
        now_ns = NOW + len(done) * every_ns
        done += peer.look(now_ns, heard_ns=heard_ns if heard_ns <= now_ns else 0, patience=patience)
    return done


def test_without_an_alert_nothing_is_looked_into() -> None:
    assert connected().look(NOW) == []


@given(heard_ns=st.integers(0, NOW + GRACE_NS - 1))
def test_who_is_not_heard_any_more_has_gone(heard_ns: int) -> None:
    done = actions(connected(), heard_ns)
    assert done[-1] == "part"
    assert len(done) == (GRACE_NS + PROOF_NS) // QUARTER + 1


@given(heard_ns=st.integers(NOW + GRACE_NS, NOW + GRACE_NS + PROOF_NS - QUARTER))
def test_who_is_heard_is_there_and_the_next_alert_is_looked_into_anew(heard_ns: int) -> None:
    peer = connected()
    assert actions(peer, heard_ns)[-1] == "calm"
    assert peer.state == "connected"
    assert actions(peer, NOW - 1)[-1] == "part"


@given(every_ns=st.integers(QUARTER, 100 * QUARTER))
def test_nobody_has_gone_who_was_not_asked_before(every_ns: int) -> None:
    done = actions(connected(), NOW, every_ns=every_ns)
    asked = next(at for at in range(len(done)) if at * every_ns >= GRACE_NS)
    assert done[-1] == "part"
    assert done[asked] == "ask"
    assert (len(done) - 1 - asked) * every_ns >= PROOF_NS


def test_alerts_that_go_on_do_not_put_the_end_off() -> None:
    peer, done = connected(), []
    for later in range(0, GRACE_NS + PROOF_NS + 1, QUARTER):
        peer.alert(NOW + later)
        done += peer.look(NOW + later, heard_ns=NOW)
    assert done[-1] == "part"


@given(patience=st.floats(1, 10))
def test_a_starved_server_waits_longer(patience: float) -> None:
    assert len(actions(connected(), NOW, patience)) >= patience * PROOF_NS // QUARTER


def test_who_does_not_come_up_in_time_is_given_up() -> None:
    peer = Liveness(CONNECT, SILENCE, NOW)
    assert peer.look(NOW + CONNECT * SECOND) == []
    assert peer.look(NOW + CONNECT * SECOND + 1, patience=2.0) == []
    assert peer.look(NOW + CONNECT * SECOND + 1) == ["time out"]
    assert peer.state == "ended"


def test_who_is_quiet_is_asked_now_and_then_and_is_lost_in_the_end(peer: Liveness) -> None:
    done = [(second, action) for second in range(60) for action in peer.look(NOW + second * SECOND)]
    assert done == [(11, "ask"), (17, "ask"), (23, "ask"), (29, "ask"), (35, "ask"), (41, "lose")]


def test_who_has_said_bye_is_waited_for_half_as_long(peer: Liveness) -> None:
    assert peer.look(NOW + 20 * SECOND, leaving=True) == ["ask"]
    assert peer.look(NOW + 20 * SECOND + 1, leaving=True) == ["part"]


def test_who_does_not_agree_is_sent_nothing_more_unless_we_may_not_have_heard_them(peer: Liveness) -> None:
    assert peer.look(NOW, consents=False, patience=4.0) == []
    assert peer.look(NOW, consents=False) == ["refuse"]


def test_an_alert_that_comes_before_the_connection_or_after_its_end_is_nothing() -> None:
    peer = Liveness(CONNECT, SILENCE, NOW)
    states = []
    for change in (lambda: peer.connected(NOW), lambda: peer.look(NOW, consents=False)):
        peer.alert(NOW)
        states.append(peer.state)
        change()
    peer.alert(NOW)
    assert [*states, peer.state] == ["connecting", "alerted", "ended"]


def test_who_is_heard_need_not_be_looked_after_until_they_may_be_quiet(peer: Liveness) -> None:
    assert peer.due_ns(NOW, NOW + SECOND) == NOW + 11 * SECOND
    assert peer.due_ns(NOW + 30 * SECOND, NOW) == NOW + 30 * SECOND
    peer.alert(NOW)
    assert peer.due_ns(NOW, NOW + SECOND) == NOW


def test_the_end_is_the_end_and_nothing_else_is() -> None:
    assert not TABLE["ended"]
    for state, row in TABLE.items():
        for following, action in row.values():
            assert (following == "ended") == (action in ("time out", "refuse", "part", "lose"))
            assert following in TABLE, state
