from __future__ import annotations

from aioice import stun as theirs
from hypothesis import given
from hypothesis import strategies as st

from conference.load import stun

KEY = b"0123456789abcdef01234567"
TRANSACTION = bytes(range(12))


def test_others_read_our_check() -> None:
    data = stun.check(TRANSACTION, username="them:us", key=KEY, tie_breaker=2**63 + 1)
    message = theirs.parse_message(data)  # checks the fingerprint, too
    assert message.check_message_integrity(KEY)
    assert message.message_method is theirs.Method.BINDING
    assert message.message_class is theirs.Class.REQUEST
    assert message.attributes["USERNAME"] == "them:us"
    assert message.attributes["ICE-CONTROLLING"] == 2**63 + 1
    assert "USE-CANDIDATE" in message.attributes


@given(st.ip_addresses(), st.integers(1, 65_535))
def test_others_read_our_answer(address: object, port: int) -> None:
    data = stun.success(TRANSACTION, (str(address), port), KEY)
    message = theirs.parse_message(data)
    assert message.check_message_integrity(KEY)
    assert message.message_class is theirs.Class.RESPONSE
    assert message.attributes["XOR-MAPPED-ADDRESS"] == (str(address), port)


def test_we_read_what_others_write() -> None:
    message = theirs.Message(theirs.Method.BINDING, theirs.Class.REQUEST, TRANSACTION)
    message.attributes["USERNAME"] = "us:them"
    message.add_message_integrity(KEY)
    found = stun.parse(bytes(message))
    assert found is not None
    assert (found.kind, found.transaction) == (stun.REQUEST, TRANSACTION)
    assert found.authentic(KEY)
    assert not found.authentic(b"another")


@given(st.integers(0, 99), st.integers(1, 255))
def test_a_changed_byte_is_noticed(place: int, change: int) -> None:
    data = bytearray(stun.check(TRANSACTION, username="them:us", key=KEY, tie_breaker=1))
    place %= len(data) - 8  # the fingerprint is not looked at
    data[place] ^= change
    found = stun.parse(bytes(data))
    assert found is None or not found.authentic(KEY)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_message_or_none(tail: bytes) -> None:
    for data in (tail, b"\x00\x01" + len(tail).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + TRANSACTION + tail):
        found = stun.parse(data)
        assert found is None or not found.authentic(KEY)
