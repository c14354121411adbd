from __future__ import annotations

import pytest

from conference.webrtc.udp.bindings import ANY_IPV4, ANY_IPV6, Binding, addresses_of, plan_bindings

OWN = ("192.0.2.2", "fd00::2")


def test_without_a_wish_both_families_are_bound_to_everything() -> None:
    assert plan_bindings((), OWN) == (Binding(ANY_IPV4, None), Binding(ANY_IPV6, None))
    assert plan_bindings((), OWN[:1]) == (Binding(ANY_IPV4, None),)
    assert plan_bindings((), ()) == (Binding(ANY_IPV4, None),)


def test_loopback_alone_binds_loopback_alone() -> None:
    assert plan_bindings(("127.0.0.1",), OWN) == (Binding("127.0.0.1", ("127.0.0.1",)),)


def test_own_addresses_are_bound_one_by_one() -> None:
    assert plan_bindings(("fd00::2", "192.0.2.2"), OWN) == (
        Binding("192.0.2.2", ("192.0.2.2",)),
        Binding("fd00::2", ("fd00::2",)),
    )


def test_an_address_behind_nat_is_served_by_the_wildcard() -> None:
    assert plan_bindings(("203.0.113.9", "192.0.2.2"), OWN) == (Binding(ANY_IPV4, ("203.0.113.9", "192.0.2.2")),)


@pytest.mark.parametrize("text", ["", "example.org", "0.0.0.0", "::", "224.0.0.1"])
def test_what_cannot_be_announced_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="address"):
        plan_bindings((text,), OWN)


def test_a_wildcard_announces_what_the_machine_has_now() -> None:
    assert addresses_of(Binding(ANY_IPV4, None), (*OWN, "127.0.0.1")) == ("192.0.2.2", "127.0.0.1")
    assert addresses_of(Binding(ANY_IPV6, None), OWN) == ("fd00::2",)
    assert addresses_of(Binding(ANY_IPV6, ("2001:db8::1",)), OWN) == ("2001:db8::1",)
