"""Redundant audio (RFC 2198): the payload format, and what is known of the packets inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.rtp.red import (
    MAX_AGE,
    MAX_BLOCK_BYTES,
    MAX_BLOCKS,
    REMEMBERED,
    Block,
    ReceivedWindow,
    build_red,
    distances,
    offer_red,
    parse_red,
)
from conference.webrtc.sdp.offer import parse_offer
from tests.webrtc.offers import CHROMIUM

OPUS = 111

blocks = st.builds(Block, st.integers(0, 127), st.integers(1, MAX_AGE), st.binary(max_size=MAX_BLOCK_BYTES))


def test_a_packet_looks_as_the_standard_draws_it() -> None:
    """RFC 2198 section 3: F, block PT, 14 bits of timestamp offset, 10 bits of block length; F and PT."""
    data = build_red(OPUS, b"new", [Block(OPUS, 960, b"old!")])
    assert data == bytes([0x80 | OPUS, 960 >> 6, (960 & 0x3F) << 2, 4, OPUS]) + b"old!new"


@given(st.integers(0, 127), st.binary(max_size=2000), st.lists(blocks, max_size=MAX_BLOCKS - 1))
def test_what_is_put_together_is_taken_apart_again(primary_type: int, primary: bytes, redundant: list[Block]) -> None:
    assert parse_red(build_red(primary_type, primary, redundant)) == [*redundant, Block(primary_type, 0, primary)]


@pytest.mark.parametrize(
    "unfit", [Block(OPUS, 0, b"x"), Block(OPUS, MAX_AGE + 1, b"x"), Block(OPUS, 1, bytes(MAX_BLOCK_BYTES + 1))]
)
def test_what_does_not_fit_is_left_out_with_all_before_it(unfit: Block) -> None:
    before, after = Block(OPUS, 2, b"before"), Block(OPUS, 1, b"after")
    assert parse_red(build_red(OPUS, b"p", [before, unfit, after])) == [after, Block(OPUS, 0, b"p")]


def test_no_more_blocks_are_sent_than_are_read() -> None:
    many = [Block(OPUS, 20 - n, bytes([n])) for n in range(20)]
    assert parse_red(build_red(OPUS, b"p", many))[:-1] == many[-(MAX_BLOCKS - 1) :]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"\xef\x0f\x00",
        b"\xef\x0f\x00\x04",  # no primary block
        b"\xef\x0f\x00\x04\x6fabc",  # three bytes of four
        b"\xef\x0f\x00\x00" * MAX_BLOCKS + b"\x6f",
    ],
)
def test_what_is_malformed_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        parse_red(data)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_apart_or_refused(data: bytes) -> None:
    try:
        parsed = parse_red(data)
    except ValueError:
        return
    assert 1 <= len(parsed) <= MAX_BLOCKS
    assert parsed[-1].age == 0
    assert 4 * (len(parsed) - 1) + 1 + sum(len(one.payload) for one in parsed) == len(data)


def test_blocks_without_a_gap_were_sent_one_packet_after_the_other() -> None:
    old, middle, new = Block(OPUS, 1920, b"a"), Block(OPUS, 960, b"b"), Block(OPUS, 0, b"c")
    assert distances([old, middle, new], lambda _: 960) == [(1, middle), (2, old)]


@pytest.mark.parametrize(
    ("ages", "found"),
    [
        ([1920], []),  # a pause, or a packet that is not repeated: who knows
        ([2880, 960], [1]),
        ([480], []),
        ([960, 960], [1]),
    ],
)
def test_what_was_sent_before_a_gap_is_not_guessed(ages: list[int], found: list[int]) -> None:
    packet = [*(Block(OPUS, age, b"x") for age in ages), Block(OPUS, 0, b"p")]
    assert [distance for distance, _ in distances(packet, lambda _: 960)] == found


def test_a_block_that_is_no_packet_ends_the_search() -> None:
    packet = [Block(OPUS, 1920, b"good"), Block(OPUS, 960, b"bad"), Block(OPUS, 0, b"p")]
    assert distances(packet, lambda one: 0 if one.payload == b"bad" else 960) == []


@given(st.integers(0, 0xFFFF), st.lists(st.integers(-REMEMBERED // 2, REMEMBERED // 2), max_size=60))
def test_each_packet_is_news_once(first: int, steps: list[int]) -> None:
    arrivals, known = ReceivedWindow(), {first}
    arrivals.add(first)
    highest = at = first
    for step in steps:
        at = max(at + step, highest - REMEMBERED + 1, first)
        highest = max(highest, at)
        assert arrivals.add(at & 0xFFFF) == (at not in known)
        known.add(at)


def test_a_stream_that_starts_anew_is_news() -> None:
    arrivals = ReceivedWindow()
    for sequence in (100, 101, 30_000, 30_001, 5):
        assert arrivals.add(sequence)


def test_redundancy_is_found_in_an_offer() -> None:
    assert parse_offer(CHROMIUM).first.red == 63


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("a=fmtp:63 111/111\r\n", ""),
        ("a=fmtp:63 111/111", "a=fmtp:63 0/0"),
        ("a=fmtp:63 111/111", "a=fmtp:63 111/0"),
        ("a=rtpmap:63 red/48000/2", "a=rtpmap:63 red/8000"),
        (" 111 63 ", " 111 "),
    ],
)
def test_redundancy_for_something_else_is_not_taken(text: str, instead: str) -> None:
    assert text in CHROMIUM
    assert parse_offer(CHROMIUM.replace(text, instead)).first.red is None


def test_an_offer_without_redundancy_gets_it() -> None:
    plain = CHROMIUM.replace("a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n", "").replace(" 111 63 ", " 111 ")
    assert parse_offer(plain).first.red is None
    ours = parse_offer(offer_red(plain))
    assert ours.first.red == 63
    assert ours.first.formats == parse_offer(plain).first.formats


def test_an_offer_is_left_alone_where_redundancy_has_no_place() -> None:
    for offer in (CHROMIUM, CHROMIUM.replace("opus", "other"), "v=0\r\n"):
        assert offer_red(offer) == offer
