"""Offers that are legal (RFC 8866, 8839, 8285) and that no browser writes: each is understood as a browser's is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.sdp.grammar import OfferError
from conference.webrtc.sdp.offer import AudioOffer, parse_offer
from tests.webrtc.offers import AUDIO, CHROMIUM, FINGERPRINT, VIDEO, crlf, session

CANDIDATE = "a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host\r\n"
LONG = "a=fmtp:111 minptime=10;useinbandfec=1;" + ";".join(f"x-{number}=1" for number in range(1500))


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(offer: str) -> str:
        assert old in offer
        return offer.replace(old, new)

    return change


def behind_session(lines: str) -> Callable[[str], str]:
    return swap("t=0 0\r\n", f"t=0 0\r\n{lines}")


SAME = {
    "lines that end in LF": swap("\r\n", "\n"),
    "blanks at the ends of lines": swap("\r\n", "  \r\n"),
    "a tab in an fmtp": swap("minptime=10;useinbandfec=1", "minptime=10;\tuseinbandfec=1"),
    "a tab in an attribute that nobody reads": swap("a=rtcp-rsize", "a=x-note:a\tb"),
    "a blank of CJK in the session's name": swap("s=-", "s=会議\u3000室"),
    "a no-break space, and a zero-width one": swap("s=-", "s=La\u00a0salle\u200b 2"),
    "a control character in a line that nobody reads": swap("s=-", "s=\x1b[1mbold"),
    "a name that was no UTF-8": swap("s=-", "s=Caf\ufffd"),
    "lines of other types": behind_session(
        "i=what\r\nu=http://x\r\ne=a@b.c\r\np=+1\r\nb=CT:64\r\nr=1 2\r\nk=prompt\r\n"
    ),
    "bandwidth of a section": swap("a=rtcp-mux", "b=AS:40\r\nb=TIAS:40000\r\na=rtcp-mux"),
    "unknown attributes": swap("a=rtcp-mux", "a=x-y-z\r\na=unknown:1:2:3 4\r\na=rtcp-mux"),
    "encodings in capitals": swap("opus/48000/2", "OPUS/48000/2"),
    "an rtpmap with two blanks": swap("a=rtpmap:111 opus", "a=rtpmap:111  opus"),
    "one channel, said aloud": swap("PCMU/8000", "PCMU/8000/1"),
    "no rtpmap for what needs none": swap("a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n", ""),
    "packet times": swap("a=rtcp-mux", "a=ptime:60\r\na=maxptime:120\r\na=minptime:10\r\na=rtcp-mux"),
    "the direction, for the whole session": lambda offer: behind_session("a=sendrecv\r\n")(
        offer.replace("a=sendrecv\r\n", "")
    ),
    "no direction at all": swap("a=sendrecv\r\n", ""),
    "extensions that may be mixed": behind_session("a=extmap-allow-mixed\r\n"),
    "an extension with a direction": swap("a=extmap:1 urn", "a=extmap:1/sendrecv urn"),
    "an extension with attributes of its own": swap("ssrc-audio-level\r\n", "ssrc-audio-level vad=on\r\n"),
    "an extension that is offered by a number for later": swap(
        "a=extmap:1 urn", "a=extmap:4097 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:1 urn"
    ),
    "an SSRC without a word": swap("a=ssrc:1234567890 cname:someone", "a=ssrc:1234567890"),
    "simulcast": swap("a=rtcp-mux", "a=rid:hi send\r\na=rid:lo send\r\na=simulcast:send hi;lo\r\na=rtcp-mux"),
    "a DTLS role in capitals": swap("a=setup:actpass", "a=setup:ActPass"),
    "a fingerprint in small letters": swap(f"sha-256 {FINGERPRINT}", f"SHA-256 {FINGERPRINT.lower()}"),
    "another fingerprint, of a digest that nobody knows": swap(
        "a=fingerprint:sha-256", "a=fingerprint:sha3-256 AB:CD\r\na=fingerprint:sha-256"
    ),
    "a long line": swap("a=fmtp:111 minptime=10;useinbandfec=1", LONG),
    "sections of media that nobody knows": lambda offer: (
        offer + "m=X-3d.model 9/2 TCP/X/Y 1 *\r\na=mid:9\r\nm=text 0 RTP/AVP 98\r\n"
    ),
    "two blanks in a media line": swap("m=audio 9 UDP", "m=audio  9  UDP"),
    "SDES besides": swap("a=rtcp-mux", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\na=rtcp-mux"),
}


def understood(offer: AudioOffer) -> tuple[object, ...]:
    """What counts of an offer."""
    one = offer.first
    return (
        one.index, one.section.mid, one.direction, one.red, one.level_id, one.ssrc, offer.transport, offer.tagged,
        [(each.codec, each.payload_type) for each in one.formats],
        one.formats[0].number("useinbandfec"), one.formats[0].number("minptime"),
    )  # fmt: skip


@pytest.mark.parametrize("difference", SAME)
def test_what_makes_no_difference_makes_none(difference: str) -> None:
    assert understood(parse_offer(SAME[difference](CHROMIUM))) == understood(parse_offer(CHROMIUM))


USELESS = {
    "TCP": "a=candidate:2 1 TCP 1518280447 192.0.2.7 9 typ host tcptype active generation 0",
    "IPv6 with a zone": "a=candidate:2 1 udp 1 fe80::1%eth0 5000 typ host",
    "a name": "a=candidate:2 1 udp 1 host.example.org 5000 typ host",
    "RTCP": "a=candidate:2 2 udp 1 192.0.2.7 5001 typ host",
    "a type to come": "a=candidate:2 1 udp 1 192.0.2.7 5001 typ teleport",
    "cut": "a=candidate:2 1 udp",
    "empty": "a=candidate:",
    "no number": "a=candidate:2 1 udp high 192.0.2.7 5001 typ host",
    "no port": "a=candidate:2 1 udp 1 192.0.2.7 70000 typ host",
    "strange foundation": "a=candidate:\u3000 1 udp 1 192.0.2.7 5001 typ host",
}


@pytest.mark.parametrize("kind", USELESS)
def test_a_candidate_that_is_of_no_use_costs_that_candidate(kind: str) -> None:
    offer = parse_offer(CHROMIUM + USELESS[kind] + "\r\n" + CANDIDATE)
    assert [(one.address, one.port) for one in offer.transport.candidates] == [("192.0.2.7", 50000)]


def test_a_candidate_may_be_written_in_capitals() -> None:
    offer = parse_offer(CHROMIUM + CANDIDATE.replace("udp", "UDP").replace("typ host", "TYP HOST"))
    assert [one.type for one in offer.transport.candidates] == ["host"]


def test_stereo_in_mu_law_is_another_format() -> None:
    offer = parse_offer(CHROMIUM.replace("PCMU/8000", "PCMU/8000/2"))
    assert [one.codec for one in offer.first.formats] == ["opus", "PCMA"]


@pytest.mark.parametrize(("direction", "level_id"), [("sendonly", 1), ("recvonly", 0), ("inactive", 0)])
def test_levels_come_only_from_who_sends_them(direction: str, level_id: int) -> None:
    assert parse_offer(CHROMIUM.replace("a=extmap:1 ", f"a=extmap:1/{direction} ")).first.level_id == level_id


def test_sections_with_and_without_a_mid_may_stand_together() -> None:
    offer = parse_offer(crlf(session("1") + VIDEO + AUDIO.replace("a=mid:0\n", "")))
    assert (offer.first.index, offer.tagged) == (1, None)


@given(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])))
def test_any_text_may_stand_in_a_line_that_nobody_reads(text: str) -> None:
    offer = CHROMIUM.replace("s=-", f"s={text}").replace("a=rtcp-rsize", f"a=x-note:{text}")
    assert understood(parse_offer(offer)) == understood(parse_offer(CHROMIUM))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_is_said_of_a_malformed_line_can_be_shown_anywhere(text: str) -> None:
    for line in (f"m={text}", f"a=mid:{text}", f"a=setup:{text}"):
        assert complaint(CHROMIUM.replace("a=setup:actpass", line)).isprintable()


def complaint(offer: str) -> str:
    """What is wrong with an offer, in a sentence; empty if nothing is."""
    try:
        parse_offer(offer)
    except OfferError as error:
        return str(error)
    return ""
