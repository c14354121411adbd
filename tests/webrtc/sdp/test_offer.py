from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.webrtc.sdp.answer import Ours, build_answer
from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.offer import parse_offer
from tests.webrtc.offers import AUDIO, CHROMIUM, CHROMIUM_EVERYTHING, FINGERPRINT, TRANSPORT, VIDEO, crlf, session


def test_what_chromium_offers_is_understood() -> None:
    offer = parse_offer(CHROMIUM)
    assert (offer.mid, offer.direction, offer.setup) == ("0", "sendrecv", "actpass")
    assert (offer.ufrag, offer.password) == ("AbCd", "abcdefghijklmnopqrstuvwx")
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)
    assert [(one.codec, one.payload_type, one.clock_rate) for one in offer.formats] == [
        ("opus", 111, 48_000),
        ("PCMU", 0, 8_000),
        ("PCMA", 8, 8_000),
    ]
    assert offer.level_id == 1
    assert offer.ssrc == 1234567890


def test_the_first_audio_section_is_found_behind_video() -> None:
    offer = parse_offer(CHROMIUM_EVERYTHING)
    assert offer.index == 1
    assert offer.mid == "0"


def test_a_rejected_audio_section_is_passed_over() -> None:
    rejected = AUDIO.replace("m=audio 9", "m=audio 0").replace("a=mid:0", "a=mid:9")
    assert parse_offer(crlf(session("0") + rejected + AUDIO)).index == 1


def test_a_bundle_only_section_takes_its_transport_from_the_tagged_one() -> None:
    bundled = AUDIO.replace(TRANSPORT, "a=bundle-only\n").replace("m=audio 9", "m=audio 0").replace("a=rtcp-mux\n", "")
    offer = parse_offer(crlf(session("1", "0") + VIDEO + bundled))
    assert offer.index == 1
    assert offer.ufrag == "AbCd"


def test_transport_attributes_may_stand_for_the_whole_session() -> None:
    offer = parse_offer(crlf(session() + TRANSPORT + AUDIO.replace(TRANSPORT, "")))
    assert offer.ufrag == "AbCd"
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)


def test_useless_candidates_are_left_out() -> None:
    candidates = """\
a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host generation 0
a=candidate:2 1 udp 2122260222 8b7c9d1e-aaaa-bbbb-cccc-1234567890ab.local 50001 typ host
a=candidate:3 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active
a=candidate:4 2 udp 2122260222 192.0.2.7 50002 typ host
a=candidate:5 1 UDP 1686052607 2001:db8::7 50003 typ srflx raddr 0.0.0.0 rport 0
a=end-of-candidates
"""
    offer = parse_offer(crlf(session("0") + AUDIO + candidates))
    assert [one.address for one in offer.candidates] == ["192.0.2.7", "2001:db8::7"]


def test_candidates_are_limited() -> None:
    many = "".join(f"a=candidate:{n} 1 udp {n} 192.0.2.7 {n + 1} typ host\n" for n in range(500))
    assert len(parse_offer(crlf(session("0") + AUDIO + many), max_candidates=20).candidates) == 20


def test_opus_without_rtpmap_order_is_still_preferred() -> None:
    swapped = AUDIO.replace("111 63 9 0 8", "0 8 9 63 111")
    assert parse_offer(crlf(session("0") + swapped)).formats[0].codec == "opus"


def test_pcmu_needs_no_rtpmap() -> None:
    plain = re.sub(r"a=(rtpmap|fmtp|rtcp-fb).*\n", "", AUDIO).replace("111 63 9 0 8 13 110 126", "0")
    assert [one.codec for one in parse_offer(crlf(session("0") + plain)).formats] == ["PCMU"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "not a session description"),
        ("hello", "not a session description"),
        ("{}", "not a session description"),
        (crlf(session()), "no audio section"),
        (crlf(session("1") + VIDEO), "no audio section"),
        (CHROMIUM.replace("m=audio 9", "m=audio 0"), "no audio section"),
        (CHROMIUM.replace("a=fingerprint", "a=x"), "no DTLS fingerprint"),
        (CHROMIUM.replace("sha-256", "md5"), "fingerprint is malformed"),
        (CHROMIUM.replace(FINGERPRINT, FINGERPRINT[:-3]), "fingerprint is malformed"),
        (CHROMIUM.replace("a=ice-ufrag", "a=x"), "no ICE credentials"),
        (CHROMIUM.replace("a=ice-ufrag:AbCd", "a=ice-ufrag:a b"), "ICE credentials are malformed"),
        (CHROMIUM.replace("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (CHROMIUM.replace("a=sendrecv", "a=inactive"), "inactive"),
        (CHROMIUM.replace("a=setup:actpass", "a=setup:holdconn"), "DTLS role"),
        (CHROMIUM.replace("111 63 9 0 8 13", "63 9 13"), "no codec in common"),
        (CHROMIUM.replace("m=audio 9", "m=audio nine"), "malformed media line"),
        (CHROMIUM.replace("a=mid:0", "a=mid:a b"), "malformed 'a=mid'"),
        (CHROMIUM.replace("s=-", "s=\x1b[2J"), "control characters"),
        (CHROMIUM + "a=candidate:x\r\n", "malformed ICE candidate"),
        (CHROMIUM + "a=x\r\n" * 3000, "more than 2000 lines"),
        (CHROMIUM + crlf(VIDEO) * 100, "more than 64 media sections"),
        (CHROMIUM + "a=" + "x" * 70_000, "longer than"),
    ],
)
def test_what_is_wrong_with_an_offer_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(OfferError, match=sentence) as raised:
        parse_offer(text)
    assert str(raised.value).endswith(".")


LINES = CHROMIUM_EVERYTHING.split("\r\n")


@st.composite
def mutilated_offers(draw: st.DrawFn) -> str:
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.sampled_from(["drop", "double", "cut", "swap", "text", "number"])):
            case "drop":
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "cut":
                lines[at] = lines[at][: draw(st.integers(0, len(lines[at])))]
            case "swap":
                other = draw(st.integers(0, len(lines) - 1))
                lines[at], lines[other] = lines[other], lines[at]
            case "text":
                lines[at] = lines[at][:2] + draw(st.text(max_size=40))
            case _:
                lines[at] = re.sub(r"[0-9]+", str(draw(st.integers(-(2**70), 2**70))), lines[at])
        lines = lines or [""]
    return "\r\n".join(lines)


@settings(max_examples=400)
@given(st.one_of(mutilated_offers(), st.text(), st.text().map(lambda text: "v=0\r\n" + text)))
def test_whatever_is_offered_is_refused_or_gets_an_answer_that_can_be_read(text: str) -> None:
    try:
        offer = parse_offer(text)
    except OfferError:
        return
    ours = Ours("server", "zyxwvutsrqponmlkjihgfe", FINGERPRINT, "active", 77, "us", "ours ourtrack")
    here = [Candidate("1", 2130706431, "198.51.100.4", 4000, "host")]
    answer = parse_offer(build_answer(offer, ours, here, session_id=42, bitrate=48_000))
    assert answer.index == offer.index
    assert answer.ufrag == "server"
    assert [one.payload_type for one in answer.formats] == [one.payload_type for one in offer.formats]
