"""What is seen of STUN at a glance, against aioice's parser and writer.

It must say the same of every message there is, or nothing of what is not as the standards have it; and it must cost
little, whatever the bytes.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from aioice import stun
from aioice.stun import Class, Message, Method
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.webrtc.ice import stun as stun_module
from conference.webrtc.ice.stun import (
    MAX_ATTRIBUTES,
    StunMessage,
    build_request,
    build_response,
    new_transaction_id,
    parse_stun,
)

KEY = b"a password of 24 letters"
ID = bytes(range(12))

addresses = st.tuples(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str), st.integers(0, 0xFFFF))
names = st.text(st.characters(codec="utf-8"), max_size=40)
ids = st.binary(min_size=12, max_size=12)
attributes: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "USERNAME": st.one_of(st.from_regex(r"[a-zA-Z0-9+/]{4,32}:[a-zA-Z0-9+/]{4,32}", fullmatch=True), names),
        "PRIORITY": st.integers(0, 2**32 - 1),
        "USE-CANDIDATE": st.none(),
        "ICE-CONTROLLED": st.integers(0, 2**64 - 1),
        "ICE-CONTROLLING": st.integers(0, 2**64 - 1),
        "XOR-MAPPED-ADDRESS": addresses,
        "MAPPED-ADDRESS": addresses,
        "SOFTWARE": names,
        "ERROR-CODE": st.tuples(st.integers(300, 699), names),
    },
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """What somebody may send: attributes of all sorts in any order, with and without a seal, some of it broken."""
    chosen = draw(attributes)
    order = draw(st.permutations(list(chosen)))
    message = Message(draw(st.sampled_from(Method)), draw(st.sampled_from(Class)), draw(ids))
    if draw(st.booleans()):
        message.message_method = Method.BINDING
    message.attributes = {name: chosen[name] for name in order}
    match draw(st.sampled_from(("sealed", "sealed", "sealed", "open", "fingerprint"))):
        case "sealed":
            message.add_message_integrity(draw(st.sampled_from((KEY, b"another"))))
        case "fingerprint":
            message.add_fingerprint()
    return bytes(message)


def unknown(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def sealed(kind: int, body: bytes) -> bytes:
    """A message with attributes that aioice would not write, and with both seals."""
    head = kind.to_bytes(2, "big") + bytes(2) + stun.COOKIE.to_bytes(4, "big") + ID
    data = head + body
    data += unknown(0x0008, stun.message_integrity(data, KEY))
    return stun.set_body_length(
        data + unknown(0x8028, stun.message_fingerprint(data).to_bytes(4, "big")), len(data) - 12
    )


def as_aioice_has_it(data: bytes) -> Message | None:
    """What aioice makes of all that is there."""
    try:
        message = stun.parse_message(data)
    except Exception:
        return None
    wanted = {"USERNAME", "MESSAGE-INTEGRITY", "PRIORITY"}
    if message.message_method != Method.BINDING:
        return None
    return None if message.message_class == Class.REQUEST and not wanted <= message.attributes.keys() else message


def is_as_the_standards_have_it(data: bytes) -> bool:
    """As RFC 8489 begins it, attributes that end where the message does, and no more of them than are looked at."""
    at, seen = 20, 0
    while at < len(data) and int.from_bytes(data[at : at + 2], "big") != 0x0008:
        at, seen = at + 4 + (int.from_bytes(data[at + 2 : at + 4], "big") + 3 & ~3), seen + 1
    if at < len(data):
        at += 24
    begins = data[0] < 0x40 and data[4:8] == bytes([0x21, 0x12, 0xA4, 0x42])
    return begins and at <= len(data) and not len(data) % 4 and seen < 32


def first_of_each(data: bytes) -> dict[int, bytes]:
    """The attributes up to ``MESSAGE-INTEGRITY``, of several of a kind the first."""
    found: dict[int, bytes] = {}
    at = 20
    while at + 4 <= len(data):
        kind, length = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        if kind == 0x0008:
            break
        found.setdefault(kind, data[at + 4 : at + 4 + length])
        at += 4 + (length + 3 & ~3)
    return found


def check_the_same(data: bytes) -> StunMessage | None:
    ours, theirs = parse_stun(data), as_aioice_has_it(data)
    if ours is None:
        assert (
            theirs is None
            or not is_as_the_standards_have_it(data)
            or not first_of_each(data).get(0x0006, b"").isascii()
            or len(theirs.attributes.get("MESSAGE-INTEGRITY", bytes(20))) != 20
        )
        return None
    read = ours.message()
    if theirs is None or read is None:
        assert theirs is None
        assert not ours.usual
        return None
    assert ours.message_class == theirs.message_class
    assert ours.transaction_id == theirs.transaction_id
    if theirs.message_class == Class.REQUEST:
        assert ours.username.encode() == first_of_each(data)[0x0006]
    for key in (KEY, b"another", b""):
        assert ours.check_message_integrity(key) == theirs.check_message_integrity(key)
    if ours.usual:
        assert theirs.message_class == Class.REQUEST
        assert "ICE-CONTROLLING" in theirs.attributes
        assert not {"ICE-CONTROLLED", "ERROR-CODE", "XOR-MAPPED-ADDRESS"} & theirs.attributes.keys()
        assert ours.username == theirs.attributes["USERNAME"]
    assert read.attributes == theirs.attributes
    return ours


@given(messages())
def test_every_message_is_taken_for_what_aioice_takes_it_for(data: bytes) -> None:
    check_the_same(data)


@given(messages(), st.data())
def test_a_message_with_a_byte_changed_is_taken_for_what_aioice_takes_it_for(data: bytes, draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(data) - 1))
    check_the_same(data[:place] + bytes([draw.draw(st.integers(0, 255))]) + data[place + 1 :])
    check_the_same(data[:place])


attribute_kinds = st.sampled_from([0x0006, 0x0020, 0x0024, 0x0025, 0x8029, 0x802A, 0x0003, 0x7777, 0x8022, 0xC057])


@given(
    st.sampled_from([0x0001, 0x0101, 0x0111, 0x0011, 0x4001]),
    st.lists(st.builds(unknown, attribute_kinds, st.binary(max_size=20)), max_size=6).map(b"".join),
)
def test_well_sealed_attributes_of_any_length_are_taken_for_what_aioice_takes_them_for(kind: int, body: bytes) -> None:
    check_the_same(sealed(kind, body))


@given(st.binary(max_size=120))
def test_no_bytes_make_the_parser_raise(data: bytes) -> None:
    check_the_same(data)


USERNAME = unknown(0x0006, b"ours:theirs")
PRIORITY = unknown(0x0024, bytes(4))
CONTROLLING = unknown(0x802A, bytes(8))
NOMINATION = unknown(0x0025, b"")
NETWORK = unknown(0xC057, bytes(4))


@pytest.mark.parametrize(
    "body",
    [
        USERNAME + NETWORK + CONTROLLING + NOMINATION + PRIORITY,  # Chromium
        USERNAME + PRIORITY + CONTROLLING + NOMINATION,
        PRIORITY + CONTROLLING + USERNAME,
    ],
)
def test_what_browsers_send_takes_the_short_way(body: bytes) -> None:
    message = check_the_same(sealed(0x0001, body))
    assert message is not None
    assert message.usual
    assert message.username == "ours:theirs"
    assert message.check_message_integrity(KEY)


known = st.sampled_from([0x0001, 0x0006, 0x0009, 0x0020, 0x0024, 0x0025, 0x8022, 0x8029, 0x802A, 0x802B])


@given(
    kind=st.sampled_from([0x0001, 0x0101]),
    extra=st.one_of(known, st.integers(0, 0xFFFF)),
    value=st.one_of(
        st.binary(max_size=21), st.sampled_from([b"\0\1" + bytes(6), b"\0\2" + bytes(6), b"\0\2" + bytes(18)])
    ),
    place=st.integers(0, 4),
)
@settings(max_examples=1000)
def test_one_attribute_more_is_taken_for_what_aioice_takes_it_for(
    kind: int, extra: int, value: bytes, place: int
) -> None:
    usual = [USERNAME, PRIORITY, CONTROLLING, NOMINATION] if kind == 0x0001 else []
    usual.insert(place, unknown(extra, value))
    check_the_same(sealed(kind, b"".join(usual)))


@given(st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_every_byte_of_a_check_and_of_its_answer_counts(draw: random.Random) -> None:
    request = sealed(0x0001, USERNAME + PRIORITY + CONTROLLING + NETWORK)
    for data in (request, build_response(ID, ("192.0.2.1", 5000), KEY)):
        for place in range(len(data)):
            changed = bytes([data[place] ^ draw.randint(1, 255)])
            check_the_same(data[:place] + changed + data[place + 1 :])
        for end in range(0, len(data), 4):
            check_the_same(data[:end])


@pytest.mark.parametrize("name", ["ours:thëirs".encode(), b"ours:\xff", b"", b":"])
def test_a_user_name_of_other_letters_is_taken_for_what_aioice_takes_it_for(name: bytes) -> None:
    check_the_same(sealed(0x0001, unknown(0x0006, name) + PRIORITY + CONTROLLING))


def test_a_length_that_leads_beyond_the_attributes_is_taken_for_what_aioice_takes_it_for() -> None:
    for length in range(40):
        longer = NETWORK[:2] + length.to_bytes(2, "big") + NETWORK[4:]
        check_the_same(sealed(0x0001, USERNAME + PRIORITY + CONTROLLING + longer))


def test_a_response_with_something_of_the_browser_s_own_is_read() -> None:
    message = check_the_same(sealed(0x0101, unknown(0x0020, b"\0\1" + bytes(6)) + NETWORK))
    assert message is not None
    assert message.check_message_integrity(KEY)


FLOODS = {
    "a hundred and twenty addresses": unknown(0x0020, b"\0\1" + bytes(6)) * 120,
    "unknown optional attributes": b"".join(unknown(0x9000 + number, b"") for number in range(360)),
    "unknown attributes that have to be understood": b"".join(unknown(0x7000 + number, b"") for number in range(360)),
    "user names": unknown(0x0006, b"ours:theirs") * 90,
    "integrity alone": unknown(0x0008, bytes(20)) * 60,
}


@pytest.mark.parametrize("body", FLOODS.values(), ids=FLOODS.keys())
@pytest.mark.parametrize("kind", [0x0001, 0x0011, 0x0101, 0x0111])
def test_what_is_not_authentic_is_not_read_however_much_there_is(
    kind: int, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    unpack = stun_module._ATTRIBUTE

    class Counted:
        size = unpack.size

        def unpack_from(self, data: bytes, at: int) -> tuple[int, ...]:
            looked.append(at)
            return unpack.unpack_from(data, at)

    monkeypatch.setattr(stun_module, "_ATTRIBUTE", Counted())
    monkeypatch.setattr(stun, "parse_message", lambda _: pytest.fail("it was read"))
    for data in (sealed(kind, USERNAME + PRIORITY + body), sealed(kind, body)):
        message = parse_stun(data)
        assert message is None or not message.check_message_integrity(b"another")
        assert len(looked) <= MAX_ATTRIBUTES
        looked.clear()


@pytest.mark.parametrize("extra", [0, 1])
def test_a_request_may_have_many_attributes_but_not_any_number(extra: int) -> None:
    body = USERNAME + PRIORITY + b"".join(unknown(0x9000 + one, b"") for one in range(MAX_ATTRIBUTES - 3 + extra))
    assert (parse_stun(sealed(0x0001, body)) is None) == bool(extra)


@pytest.mark.parametrize(
    "body",
    [
        USERNAME + PRIORITY,  # no role
        USERNAME + PRIORITY + unknown(0x8029, bytes(8)),  # the other role
        USERNAME + PRIORITY + CONTROLLING + unknown(0x8029, bytes(8)),
        USERNAME + PRIORITY + CONTROLLING + unknown(0x7777, b""),  # not to be understood, but to be
        USERNAME + PRIORITY + CONTROLLING + PRIORITY,
    ],
)
def test_what_is_out_of_the_ordinary_takes_the_long_way(body: bytes) -> None:
    message = check_the_same(sealed(0x0001, body))
    assert message is None or not message.usual


@given(addresses, ids)
def test_a_response_is_what_aioice_would_have_sent(address: tuple[str, int], transaction_id: bytes) -> None:
    theirs = Message(Method.BINDING, Class.RESPONSE, transaction_id, {"XOR-MAPPED-ADDRESS": address})
    theirs.add_message_integrity(KEY)
    data = build_response(transaction_id, address, KEY)
    assert data == bytes(theirs)
    assert check_the_same(data) is not None


@given(
    ids,
    st.from_regex(r"[a-zA-Z0-9+/]{4,20}:[a-zA-Z0-9+/]{4,20}", fullmatch=True),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**64 - 1),
    st.booleans(),
    st.booleans(),
)
def test_a_request_is_what_aioice_would_have_sent(
    transaction_id: bytes, username: str, priority: int, tie_breaker: int, controlling: bool, nominate: bool
) -> None:
    theirs = Message(Method.BINDING, Class.REQUEST, transaction_id)
    role = "ICE-CONTROLLING" if controlling else "ICE-CONTROLLED"
    theirs.attributes = {"USERNAME": username, "PRIORITY": priority, role: tie_breaker}
    if nominate:
        theirs.attributes["USE-CANDIDATE"] = None
    theirs.add_message_integrity(KEY)
    data = build_request(
        transaction_id, username, priority, tie_breaker, KEY, controlling=controlling, nominate=nominate
    )
    assert data == bytes(theirs)
    check_the_same(data)


def test_what_is_no_address_cannot_be_answered() -> None:
    with pytest.raises(OSError, match="illegal IP address"):
        build_response(ID, ("somewhere", 1), KEY)


def test_no_two_transactions_have_the_same_id() -> None:
    drawn = {new_transaction_id() for _ in range(100)}
    assert len(drawn) == 100
    assert {len(one) for one in drawn} == {12}
