from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.webrtc.sdp.answer import LocalDescription, build_answer
from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.grammar import OfferError, UnsupportedOffer
from conference.webrtc.sdp.offer import parse_offer
from tests.webrtc.offers import AUDIO, CHROMIUM, CHROMIUM_EVERYTHING, DATA, FINGERPRINT, TRANSPORT, VIDEO, crlf, session


def test_what_chromium_offers_is_understood() -> None:
    offer = parse_offer(CHROMIUM)
    assert (offer.first.section.mid, offer.first.direction, offer.transport.setup) == ("0", "sendrecv", "actpass")
    assert (offer.transport.ufrag, offer.transport.password) == ("AbCd", "abcdefghijklmnopqrstuvwx")
    assert offer.transport.fingerprints == (("sha-256", FINGERPRINT),)
    assert [(one.codec, one.payload_type, one.clock_rate) for one in offer.first.formats] == [
        ("opus", 111, 48_000),
        ("PCMU", 0, 8_000),
        ("PCMA", 8, 8_000),
    ]
    assert offer.first.level_id == 1
    assert offer.first.ssrc == 1234567890


@pytest.mark.parametrize(("number", "usable"), [(62, True), (64, False), (72, False), (95, False), (96, True)])
def test_a_payload_type_that_could_be_rtcp_is_used_for_nothing(number: int, usable: bool) -> None:
    def renumbered(old: int) -> str:
        return re.sub(rf"(?<=[ :/]){old}(?=[ /\r])", str(number), CHROMIUM)

    assert parse_offer(renumbered(63)).first.red == (number if usable else None)
    best = parse_offer(renumbered(111)).first.formats[0]
    assert (best.codec, best.payload_type) == (("opus", number) if usable else ("PCMU", 0))


def test_the_first_audio_section_is_found_behind_video() -> None:
    offer = parse_offer(CHROMIUM_EVERYTHING)
    assert offer.first.index == 1
    assert offer.first.section.mid == "0"


def test_a_rejected_audio_section_is_passed_over() -> None:
    rejected = AUDIO.replace("m=audio 9", "m=audio 0").replace("a=mid:0", "a=mid:9")
    assert parse_offer(crlf(session("0") + rejected + AUDIO)).first.index == 1


def test_a_bundle_only_section_takes_its_transport_from_the_tagged_one() -> None:
    bundled = AUDIO.replace(TRANSPORT, "a=bundle-only\n").replace("m=audio 9", "m=audio 0").replace("a=rtcp-mux\n", "")
    offer = parse_offer(crlf(session("1", "0") + VIDEO + bundled))
    assert offer.first.index == 1
    assert offer.transport.ufrag == "AbCd"


def test_the_transport_is_that_of_the_tagged_section_and_no_other() -> None:
    other = TRANSPORT.replace("AbCd", "EfGh")
    audio = AUDIO.replace(TRANSPORT, other + "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\n")
    video = VIDEO + "a=candidate:1 1 udp 1 192.0.2.7 7 typ host\n"
    for groups, ufrag, port in (
        (session("1", "0"), "AbCd", 7),
        (session("0", "1"), "EfGh", 9),
        (session("1"), "EfGh", 9),
        (session(), "EfGh", 9),
        (session("nobody", "1", "0"), "AbCd", 7),
        (session("1").replace("a=msid", "a=group:BUNDLE 0\na=msid"), "EfGh", 9),
    ):
        offer = parse_offer(crlf(groups + video + audio))
        assert (offer.transport.ufrag, [one.port for one in offer.transport.candidates]) == (ufrag, [port])


INACTIVE = AUDIO.replace("a=sendrecv", "a=inactive").replace("a=mid:0", "a=mid:8")
G722 = (
    re.sub(r"a=(rtpmap|fmtp|rtcp-fb).*\n", "", AUDIO).replace("111 63 9 0 8 13 110 126", "9").replace("mid:0", "mid:9")
)


PLAIN = re.sub(r"a=(fingerprint|setup|ice).*\n", "", AUDIO).replace("UDP/TLS/RTP/SAVPF", "RTP/AVP")
NO_MUX = AUDIO.replace("a=rtcp-mux\n", "").replace("a=mid:0", "a=mid:7")


@pytest.mark.parametrize("unusable", [INACTIVE, G722, PLAIN.replace("a=mid:0", "a=mid:6"), NO_MUX])
def test_the_first_audio_section_that_can_be_used_is_meant(unusable: str) -> None:
    assert parse_offer(crlf(session("0") + unusable + AUDIO)).first.index == 1


def one_way(direction: str, mid: str) -> str:
    return AUDIO.replace("a=sendrecv", f"a={direction}").replace("a=mid:0", f"a=mid:{mid}")


@pytest.mark.parametrize(
    ("offered", "used"),
    [
        (("sendonly", "recvonly"), ["sendonly", "recvonly"]),
        (("recvonly", "sendonly"), ["recvonly", "sendonly"]),
        (("recvonly", "recvonly", "sendrecv"), ["recvonly", "sendonly"]),
        (("sendonly", "sendrecv"), ["sendonly", "recvonly"]),
        (("sendrecv", "sendonly"), ["sendrecv"]),
        (("sendonly", "sendonly"), ["sendonly"]),
        (("inactive", "recvonly"), ["recvonly"]),
    ],
)
def test_a_section_that_goes_one_way_is_joined_by_one_for_the_other(offered: tuple[str, ...], used: list[str]) -> None:
    mids = [str(number) for number in range(len(offered))]
    offer = parse_offer(crlf(session(*mids) + "".join(map(one_way, offered, mids))))
    assert [one.direction for one in offer.audio] == used
    assert (offer.sending is not None) == any(one in ("sendonly", "sendrecv") for one in used)
    assert (offer.receiving is not None) == any(one in ("recvonly", "sendrecv") for one in used)


@pytest.mark.parametrize("mids", [(), ("0",), ("1",)])
def test_two_sections_on_two_transports_are_not_half_accepted(mids: tuple[str, ...]) -> None:
    with pytest.raises(UnsupportedOffer, match="do not share a transport"):
        parse_offer(crlf(session(*mids) + one_way("sendonly", "0") + one_way("recvonly", "1")))


def test_transport_attributes_may_stand_for_the_whole_session() -> None:
    offer = parse_offer(crlf(session() + TRANSPORT + AUDIO.replace(TRANSPORT, "")))
    assert offer.transport.ufrag == "AbCd"
    assert offer.transport.fingerprints == (("sha-256", FINGERPRINT),)


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
    assert [one.address for one in offer.transport.candidates] == ["192.0.2.7", "2001:db8::7"]


def test_candidates_are_limited() -> None:
    many = "".join(f"a=candidate:{n} 1 udp {n} 192.0.2.7 {n + 1} typ host\n" for n in range(500))
    assert len(parse_offer(crlf(session("0") + AUDIO + many), max_candidates=20).transport.candidates) == 20


def test_opus_without_rtpmap_order_is_still_preferred() -> None:
    swapped = AUDIO.replace("111 63 9 0 8", "0 8 9 63 111")
    assert parse_offer(crlf(session("0") + swapped)).first.formats[0].codec == "opus"


def test_pcmu_needs_no_rtpmap() -> None:
    plain = re.sub(r"a=(rtpmap|fmtp|rtcp-fb).*\n", "", AUDIO).replace("111 63 9 0 8 13 110 126", "0")
    assert [one.codec for one in parse_offer(crlf(session("0") + plain)).first.formats] == ["PCMU"]


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
        (CHROMIUM.replace("s=-", "s=\0"), "NUL character"),
        (CHROMIUM.replace("s=-", "s=\rx"), "carriage return"),
        (CHROMIUM.replace("m=audio", "m=\x1b[2J"), "malformed media line"),
        (CHROMIUM + "a=x\r\n" * 3000, "more than 2000 lines"),
        (CHROMIUM + crlf(VIDEO) * 100, "more than 64 media sections"),
        (CHROMIUM + "a=" + "x" * 70_000, "longer than"),
    ],
)
def test_what_is_wrong_with_an_offer_is_said_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(OfferError, match=sentence) as raised:
        parse_offer(text)
    assert str(raised.value).endswith(".")


BASES = [
    CHROMIUM_EVERYTHING,
    crlf(session("0", "1") + one_way("recvonly", "0") + one_way("sendonly", "1")),
    crlf(session("2", "0") + DATA + AUDIO.replace(TRANSPORT, "a=bundle-only\n").replace("m=audio 9", "m=audio 0")),
]


@st.composite
def mutilated_offers(draw: st.DrawFn) -> str:
    lines = draw(st.sampled_from(BASES)).split("\r\n")
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
    ours = LocalDescription("server", "zyxwvutsrqponmlkjihgfe", FINGERPRINT, "active", 77, "us", "ours ourtrack")
    here = [Candidate("1", 2130706431, "198.51.100.4", 4000, "host")]
    written = build_answer(offer, ours, here, session_id=42, bitrate=48_000)
    assert all(line.isprintable() for line in written.split("\r\n"))
    answer = parse_offer(written)
    assert answer.first.index == offer.first.index
    assert answer.transport.ufrag == "server"
    assert [one.payload_type for one in answer.first.formats] == [one.payload_type for one in offer.first.formats]
