"""The answer to an offer.

What is in it:

* every other section of the offer, declined at its place: port 0 (RFC 3264 section 6), outside the BUNDLE group;
* Opus as we want it from the peer (RFC 7587 section 6.1): in-band FEC and DTX, mono, a bit rate;
* redundant audio (RFC 2198), if it is offered;
* all addresses that we announce, complete, so that nobody waits for more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.grammar import Section
from conference.webrtc.sdp.offer import AUDIO_LEVEL, REVERSED, AudioOffer, Format, rtpmap


@dataclass(frozen=True, slots=True)
class Ours:
    """What the answer says about our side."""

    ufrag: str
    password: str
    fingerprint: str
    """SHA-256."""

    setup: Literal["active", "passive"]
    ssrc: int
    cname: str
    stream: str
    """The ids of our stream and track, with a blank in between (``a=msid``)."""


def build_answer(
    offer: AudioOffer,
    ours: Ours,
    candidates: list[Candidate],
    *,
    session_id: int,
    bitrate: int,
    ask_for_red: bool = False,
) -> str:
    """Write the answer.

    Args:
        offer: what is answered.
        ours: our side.
        candidates: where we can be reached; not empty.
        session_id: for the ``o=`` line.
        bitrate: of Opus, in bits per second, as asked of the peer.
        ask_for_red: whether the peer should send redundant audio, if it can.
    """
    host = _connection_address(candidates[0].address)
    lines = ["v=0", f"o=- {session_id} 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if offer.mid is not None and offer.mid in offer.bundle:
        lines.append(f"a=group:BUNDLE {offer.mid}")
    lines.append("a=msid-semantic: WMS *")
    for index, section in enumerate(offer.sections):
        if index == offer.index:
            lines += _accepted(offer, ours, candidates, host, bitrate, _payload_types(offer, ask_for_red))
        else:
            lines += _declined(section)
    return "\r\n".join(lines) + "\r\n"


def _declined(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0", "a=inactive"]
    if section.mid is not None:
        lines.append(f"a=mid:{section.mid}")
    return lines


def _accepted(
    offer: AudioOffer,
    ours: Ours,
    candidates: list[Candidate],
    host: str,
    bitrate: int,
    payload_types: list[int],
) -> list[str]:
    direction = REVERSED[offer.direction]
    lines = [
        f"m=audio {candidates[0].port} {offer.section.protocol} {' '.join(map(str, payload_types))}",
        f"c={host}",
        f"a=rtcp:{candidates[0].port} {host}",
        *(f"a=candidate:{one}" for one in candidates),
        "a=end-of-candidates",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {ours.fingerprint}",
        f"a=setup:{ours.setup}",
    ]
    if offer.mid is not None:
        lines.append(f"a=mid:{offer.mid}")
    if offer.level_id:
        lines.append(f"a=extmap:{offer.level_id} {AUDIO_LEVEL}")
    lines.append(f"a={direction}")
    if direction != "recvonly":
        lines.append(f"a=msid:{ours.stream}")
    lines += ["a=rtcp-mux"]
    for one in offer.formats:
        lines += _format(one, bitrate)
    lines += _red(offer)
    lines.append("a=ptime:20")
    if direction != "recvonly":
        lines.append(f"a=ssrc:{ours.ssrc} cname:{ours.cname}")
    return lines


def _format(one: Format, bitrate: int) -> list[str]:
    lines = [f"a=rtpmap:{one.payload_type} {rtpmap(one.codec)}"]
    if one.codec == "opus":
        parameters = f"minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate={bitrate};stereo=0"
        lines.append(f"a=fmtp:{one.payload_type} {parameters}")
    return lines


def _payload_types(offer: AudioOffer, ask_for_red: bool) -> list[int]:
    """In our order of preference.

    libwebrtc sends RED if it stands before what it repeats, and then always, loss or not: twice the bitrate (measured:
    48 and 99 kbit/s). Standing behind, it is taken from us, and not sent.
    """
    first, *others = (one.payload_type for one in offer.formats)
    if offer.red is None:
        return [first, *others]
    return [offer.red, first, *others] if ask_for_red else [first, offer.red, *others]


def _red(offer: AudioOffer) -> list[str]:
    if offer.red is None:
        return []
    best = offer.formats[0]
    clock_rate = rtpmap(best.codec).partition("/")[2]
    blocks = f"{best.payload_type}/{best.payload_type}"
    return [f"a=rtpmap:{offer.red} red/{clock_rate}", f"a=fmtp:{offer.red} {blocks}"]


def _connection_address(address: str) -> str:
    return f"IN IP{6 if ':' in address else 4} {address}"
