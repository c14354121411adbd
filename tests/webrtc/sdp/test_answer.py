from __future__ import annotations

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.sdp.answer import LocalDescription, build_answer
from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.offer import parse_offer
from tests.webrtc.offers import AUDIO, CHROMIUM, DATA, FINGERPRINT, TRANSPORT, VIDEO, crlf, session

OURS = LocalDescription("server", "zyxwvutsrqponmlkjihgfe", FINGERPRINT, "active", 77, "us", "ours ourtrack")

HERE = [
    Candidate("1", 2130706431, "198.51.100.4", 4000, "host"),
    Candidate("2", 2130706175, "2001:db8::4", 4000, "host"),
]


def answer(offer: str, *, ask_for_red: bool = False) -> str:
    return build_answer(parse_offer(offer), OURS, HERE, session_id=42, bitrate=48_000, ask_for_red=ask_for_red)


def test_the_answer_has_all_that_a_browser_needs() -> None:
    lines = answer(CHROMIUM).split("\r\n")
    for line in (
        "a=group:BUNDLE 0",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 63 0 8",
        "c=IN IP4 198.51.100.4",
        "a=mid:0",
        "a=sendrecv",
        "a=setup:active",
        "a=rtcp-mux",
        "a=msid:ours ourtrack",
        "a=ssrc:77 cname:us",
        "a=ice-ufrag:server",
        "a=ice-pwd:zyxwvutsrqponmlkjihgfe",
        f"a=fingerprint:sha-256 {FINGERPRINT}",
        "a=candidate:1 1 udp 2130706431 198.51.100.4 4000 typ host",
        "a=candidate:2 1 udp 2130706175 2001:db8::4 4000 typ host",
        "a=end-of-candidates",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    ):
        assert line in lines


def test_opus_is_asked_for_with_fec_and_dtx_and_mono() -> None:
    text = answer(CHROMIUM)
    assert "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate=48000;stereo=0\r\n" in text
    assert "a=ptime:20\r\n" in text


@pytest.mark.parametrize(("asked", "order"), [(False, "111 63 0 8"), (True, "63 111 0 8")])
def test_redundancy_is_accepted_and_comes_first_only_if_it_is_asked_for(asked: bool, order: str) -> None:
    text = answer(CHROMIUM, ask_for_red=asked)
    assert f"m=audio 4000 UDP/TLS/RTP/SAVPF {order}\r\n" in text
    assert "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" in text


@pytest.mark.parametrize("asked", [False, True])
def test_redundancy_that_was_not_offered_is_not_answered(asked: bool) -> None:
    text = answer(CHROMIUM.replace("red/48000/2", "other/48000/2"), ask_for_red=asked)
    assert "m=audio 4000 UDP/TLS/RTP/SAVPF 111 0 8\r\n" in text
    assert ":63 " not in text


def outline(text: str) -> list[str]:
    """What an answer says of each section at a glance."""
    shown = ("m=", "a=mid", "a=group", "a=inactive", "a=sendrecv", "a=sendonly", "a=recvonly", "a=candidate:1 ")
    return [line for line in text.split("\r\n") if line.startswith(shown)]


CANDIDATE = "a=candidate:1 1 udp 2130706431 198.51.100.4 4000 typ host"


def test_other_sections_are_declined_at_their_place() -> None:
    assert outline(answer(crlf(session("0", "1", "2") + AUDIO + VIDEO + DATA))) == [
        "a=group:BUNDLE 0",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 63 0 8",
        CANDIDATE,
        "a=mid:0",
        "a=sendrecv",
        "m=video 0 UDP/TLS/RTP/SAVPF 96 97",
        "a=inactive",
        "a=mid:1",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "a=inactive",
        "a=mid:2",
    ]


BUNDLED_AUDIO = AUDIO.replace(TRANSPORT, "a=bundle-only\n").replace("m=audio 9", "m=audio 0")


@pytest.mark.parametrize("audio", [AUDIO, BUNDLED_AUDIO], ids=["as it stands", "bundle-only"])
def test_the_section_that_carries_the_transport_is_kept_and_inactive(audio: str) -> None:
    text = answer(crlf(session("1", "0", "2") + VIDEO + audio + DATA))
    assert outline(text) == [
        "a=group:BUNDLE 1 0",
        "m=video 4000 UDP/TLS/RTP/SAVPF 96 97",
        CANDIDATE,
        "a=mid:1",
        "a=inactive",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 63 0 8",
        "a=mid:0",
        "a=sendrecv",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "a=inactive",
        "a=mid:2",
    ]
    video = text.partition("m=video")[2].partition("m=audio")[0]
    for line in ("a=rtcp-mux", "a=ice-ufrag:server", "a=setup:active", "a=rtpmap:96 VP8/90000", "a=fmtp:97 apt=96"):
        assert f"{line}\r\n" in video


def test_a_data_channel_is_kept_only_if_the_audio_has_no_transport_of_its_own() -> None:
    for offer in (DATA + AUDIO, TRANSPORT + DATA.replace(TRANSPORT, "") + AUDIO.replace(TRANSPORT, "")):
        alone = outline(answer(crlf(session("2", "0") + offer)))
        assert alone[:2] == ["a=group:BUNDLE 0", "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"]
    text = answer(crlf(session("2", "0") + DATA + BUNDLED_AUDIO))
    assert outline(text) == [
        "a=group:BUNDLE 2 0",
        "m=application 4000 UDP/DTLS/SCTP webrtc-datachannel",
        CANDIDATE,
        "a=mid:2",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 63 0 8",
        "a=mid:0",
        "a=sendrecv",
    ]
    assert "a=sctp-port:5000\r\n" in text


def test_two_sections_that_go_one_way_each_are_both_used() -> None:
    here = AUDIO.replace("a=sendrecv", "a=recvonly")
    there = AUDIO.replace("a=sendrecv", "a=sendonly").replace("a=mid:0", "a=mid:3")
    text = answer(crlf(session("0", "3") + here + there))
    assert outline(text) == [
        "a=group:BUNDLE 0 3",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 63 0 8",
        CANDIDATE,
        "a=mid:0",
        "a=sendonly",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 111 63 0 8",
        "a=mid:3",
        "a=recvonly",
    ]
    assert text.count("a=ssrc:77 cname:us") == 1


@pytest.mark.parametrize(("offered", "answered"), [("sendonly", "recvonly"), ("recvonly", "sendonly")])
def test_the_direction_is_answered_from_the_other_side(offered: str, answered: str) -> None:
    text = answer(CHROMIUM.replace("a=sendrecv", f"a={offered}"))
    assert f"a={answered}\r\n" in text
    assert ("a=msid:" in text) == (answered == "sendonly")
    assert ("a=ssrc:" in text) == (answered == "sendonly")


def test_who_offers_no_mid_and_no_bundle_gets_none() -> None:
    text = answer(crlf(session() + AUDIO.replace("a=mid:0\n", "")))
    assert "a=mid" not in text
    assert "a=group" not in text


@given(
    st.permutations(["audio", "video", "application"]),
    st.sampled_from(["sendrecv", "sendonly", "recvonly"]),
)
def test_an_answer_has_the_sections_of_its_offer_in_their_order(order: list[str], direction: str) -> None:
    parts = {"audio": AUDIO, "video": "m=video 9 X/Y 96\na=mid:v\n", "application": "m=application 9 X/Y q\n"}
    offer = session("0") + "".join(parts[kind] for kind in order)
    parsed = SessionDescription.parse(answer(crlf(offer.replace("a=sendrecv", f"a={direction}"))))
    assert [media.kind for media in parsed.media] == order
    assert [media.port != 0 for media in parsed.media] == [kind == "audio" for kind in order]
