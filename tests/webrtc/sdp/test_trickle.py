from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.sdp.candidate import Candidate, parse_candidate
from conference.webrtc.sdp.trickle import parse_trickle_fragment

FRAGMENT = """\
a=ice-ufrag:EsAw\r
a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r
m=audio 9 UDP/TLS/RTP/SAVPF 0\r
a=mid:0\r
a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw network-id 1\r
a=candidate:3471623853 1 udp 2122194687 a-name.local 61765 typ host generation 0\r
a=candidate:473322822 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active generation 0\r
a=end-of-candidates\r
"""


def test_the_example_of_rfc_9725_is_understood() -> None:
    parsed = parse_trickle_fragment(FRAGMENT)
    assert (parsed.ufrag, parsed.password) == ("EsAw", "P2uYro0UCOQ4zxjKXaWCBui1")
    assert parsed.candidates == (("0", Candidate("1387637174", 2122260223, "192.0.2.1", 61764, "host")),)
    assert parsed.complete


def test_an_empty_fragment_says_nothing() -> None:
    assert parse_trickle_fragment("").candidates == ()


def test_a_malformed_candidate_costs_itself() -> None:
    assert len(parse_trickle_fragment(FRAGMENT + "a=candidate:1 1 udp\r\n").candidates) == 1


@pytest.mark.parametrize("line", ["s=\u3000", "c=IN IP4 0.0.0.0", "a=x:a\tb", "b=AS:5"])
def test_lines_that_nobody_reads_may_hold_anything(line: str) -> None:
    assert parse_trickle_fragment(FRAGMENT + line) == parse_trickle_fragment(FRAGMENT)


@pytest.mark.parametrize(
    "text",
    ["hello", "a=candidate:1 1 udp", "a=candidate:1 1 udp x 192.0.2.1 1 typ host", "a=mid:\x00", "a=" + "x" * 70_000],
)
def test_a_malformed_fragment_is_an_error_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_trickle_fragment(text)


@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENT.split()), max_size=30).map(" ".join)))
def test_no_fragment_raises_anything_but_value_error(text: str) -> None:
    for candidate in (text, "a=candidate:" + text, text.replace(" ", "\r\n")):
        try:
            parse_trickle_fragment(candidate)
        except ValueError:
            continue


@given(
    st.sampled_from(["host", "srflx", "relay"]),
    st.one_of(st.ip_addresses()),
    st.integers(1, 65535),
    st.integers(0, 2**32 - 1),
)
def test_a_candidate_that_is_written_is_read_back(kind: str, address: object, port: int, priority: int) -> None:
    written = Candidate("f1", priority, str(address), port, kind)
    read = parse_candidate(str(written))
    assert read in (written, None)  # None for multicast and the like, which nobody can be reached at
