"""The answer to an offer.

What is in it:

* every section that is not used, declined at its place: port 0 (RFC 3264 section 6), outside the BUNDLE group;
* but for the one that carries the transport of the group: "the answerer cannot reject the m= section" (RFC 9143 section
  7.3.3), so it stays, and is inactive;
* Opus as we want it from the peer (RFC 7587 section 6.1): in-band FEC and DTX, mono, a bit rate;
* redundant audio (RFC 2198), if it is offered;
* all addresses that we announce, complete, so that nobody waits for more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from conference.webrtc.sdp.audio import AUDIO_LEVEL, REVERSED, AudioSection
from conference.webrtc.sdp.candidate import Candidate
from conference.webrtc.sdp.formats import Format, rtpmap
from conference.webrtc.sdp.grammar import Section
from conference.webrtc.sdp.offer import AudioOffer

_OF_FORMATS = ("rtpmap", "fmtp", "sctp-port", "sctpmap")


@dataclass(frozen=True, slots=True)
class LocalDescription:
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
    ours: LocalDescription,
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
    used = {one.index: one for one in offer.audio}
    lines = ["v=0", f"o=- {session_id} 2 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    if offer.tagged is not None:
        bundled = dict.fromkeys([offer.tagged, *used])  # the tagged one first
        lines.append(f"a=group:BUNDLE {' '.join(offer.sections[index].mid or '' for index in bundled)}")
    lines.append("a=msid-semantic: WMS *")
    for index, section in enumerate(offer.sections):
        if index in used:
            lines += _opened(section, candidates, _payload_types(used[index], ask_for_red))
            lines += _transport(ours, candidates if index == offer.carrier else [])
            lines += _accepted(used[index], ours, bitrate)
        elif index == offer.carrier:
            lines += _carrying(section, ours, candidates)
        else:
            lines += _declined(section, ours)
    return "\r\n".join(lines) + "\r\n"


def _declined(section: Section, ours: LocalDescription) -> list[str]:
    """A section that is not used. It has a transport and names its formats all the same: aiortc looks for them."""
    lines = [f"m={section.kind} 0 {section.protocol} {' '.join(section.formats)}", "c=IN IP4 0.0.0.0", "a=inactive"]
    if section.mid is not None:
        lines.append(f"a=mid:{section.mid}")
    return [*lines, *_transport(ours, []), "a=rtcp-mux", *_formats(section)]


def _formats(section: Section) -> list[str]:
    """What a section that is not heard says of its formats: the same as in the offer, if it is plain text."""
    own = [one for one in section.attributes.lines if one[0] in _OF_FORMATS and one[1].isprintable()]
    return [f"a={name}:{value}" for name, value in own]


def _carrying(section: Section, ours: LocalDescription, candidates: list[Candidate]) -> list[str]:
    """A section of which nothing but the transport is used."""
    media = ["a=inactive", "a=rtcp-mux"] if section.kind != "application" else []
    return [
        *_opened(section, candidates, section.formats),
        *_transport(ours, candidates),
        f"a=mid:{section.mid}",
        *media,
        *_formats(section),
    ]


def _opened(section: Section, candidates: list[Candidate], formats: Iterable[object]) -> list[str]:
    """How a section begins that is not declined."""
    here = candidates[0]
    host = f"IN IP{6 if ':' in here.address else 4} {here.address}"
    lines = [f"m={section.kind} {here.port} {section.protocol} {' '.join(map(str, formats))}", f"c={host}"]
    return lines if section.kind == "application" else [*lines, f"a=rtcp:{here.port} {host}"]


def _transport(ours: LocalDescription, candidates: list[Candidate]) -> list[str]:
    """Our side of the transport; with candidates where it is carried, once for all bundled sections."""
    complete = ["a=end-of-candidates"] if candidates else []
    return [
        *(f"a=candidate:{one}" for one in candidates),
        *complete,
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {ours.fingerprint}",
        f"a=setup:{ours.setup}",
    ]


def _accepted(audio: AudioSection, ours: LocalDescription, bitrate: int) -> list[str]:
    """What there is to be said about a section whose sound is used."""
    direction = REVERSED[audio.direction]
    lines: list[str] = []
    if audio.section.mid is not None:
        lines.append(f"a=mid:{audio.section.mid}")
    lines += _levels(audio)
    lines.append(f"a={direction}")
    if direction != "recvonly":
        lines.append(f"a=msid:{ours.stream}")
    lines += ["a=rtcp-mux"]
    for one in audio.formats:
        lines += _format(one, bitrate)
    lines += _red(audio)
    lines.append("a=ptime:20")
    if direction != "recvonly":
        lines.append(f"a=ssrc:{ours.ssrc} cname:{ours.cname}")
    return lines


def _levels(audio: AudioSection) -> list[str]:
    """In which directions levels are sent: as they are offered, seen from here."""
    sent, wanted = audio.level_id, audio.wanted_level_id
    if not sent and not wanted:
        return []
    direction = "" if sent == wanted else "/recvonly" if sent else "/sendonly"
    return [f"a=extmap:{sent or wanted}{direction} {AUDIO_LEVEL}"]


def _format(one: Format, bitrate: int) -> list[str]:
    lines = [f"a=rtpmap:{one.payload_type} {rtpmap(one.codec)}"]
    if one.codec == "opus":
        parameters = f"minptime=10;useinbandfec=1;usedtx=1;maxaveragebitrate={bitrate};stereo=0"
        lines.append(f"a=fmtp:{one.payload_type} {parameters}")
    return lines


def _payload_types(audio: AudioSection, ask_for_red: bool) -> list[int]:
    """In our order of preference.

    libwebrtc sends RED if it stands before what it repeats, and then always, loss or not: twice the bitrate (measured:
    48 and 99 kbit/s). Standing behind, it is taken from us, and not sent.
    """
    first, *others = (one.payload_type for one in audio.formats)
    if audio.red is None:
        return [first, *others]
    return [audio.red, first, *others] if ask_for_red else [first, audio.red, *others]


def _red(audio: AudioSection) -> list[str]:
    if audio.red is None:
        return []
    best = audio.formats[0]
    clock_rate = rtpmap(best.codec).partition("/")[2]
    blocks = f"{best.payload_type}/{best.payload_type}"
    return [f"a=rtpmap:{audio.red} red/{clock_rate}", f"a=fmtp:{audio.red} {blocks}"]
