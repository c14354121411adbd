"""An offer as we understand it: its first audio section, and what must be said about the others.

What is left out of it, and why:

* other sections: video and data channels are declined in the answer;
* ``.local`` candidates, which cost a second of mDNS each, and ``a=end-of-candidates``, after which ICE fails at once if
  there is no other candidate. The peer's own checks tell its address (peer-reflexive candidates);
* codecs, header extensions and feedback that we don't use.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from conference.webrtc.dtls.certificate import DIGEST_BYTES
from conference.webrtc.sdp.candidate import Candidate, parse_candidate
from conference.webrtc.sdp.grammar import Description, OfferError, Section, parse_description, parse_number

Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
Setup: TypeAlias = Literal["actpass", "active", "passive"]

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
"""The header extension of RFC 6464."""

STATIC_PAYLOAD_TYPES = {"0": "PCMU/8000", "8": "PCMA/8000"}
"""Formats that need no rtpmap (RFC 3551 section 6)."""

RTCP_CONFLICTS = range(64, 96)
"""Payload types that could not be told from RTCP on the same port (RFC 5761 section 4)."""

CLOCK_RATES = {"opus": 48_000, "PCMU": 8_000, "PCMA": 8_000}
"""The codecs we speak, best first, with the clock rates of their RTP timestamps in Hz."""

REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""What one side calls ``sendonly`` is ``recvonly`` to the other."""

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")
_RTPMAP = re.compile(r"([0-9]{1,3}) +([A-Za-z0-9._-]+)/([0-9]{1,6})(?:/([0-9]))?")


@dataclass(frozen=True, slots=True)
class Format:
    """An RTP payload type, and what it stands for."""

    payload_type: int
    codec: str
    """``opus``, ``PCMU`` or ``PCMA``."""

    parameters: tuple[tuple[str, str], ...] = ()
    """Of ``a=fmtp``."""

    @property
    def clock_rate(self) -> int:
        """Of the RTP timestamps, in Hz."""
        return CLOCK_RATES[self.codec]

    def number(self, parameter: str) -> int | None:
        """A parameter of ``a=fmtp`` that is a plain number; ``None`` if it is missing or something else."""
        return next((parse_number(value, 2**31) for name, value in self.parameters if name == parameter), None)


@dataclass(frozen=True, slots=True)
class AudioOffer:
    """The audio section of an offer (or of an answer: the two are written alike), and where it stands."""

    sections: tuple[Section, ...]
    index: int
    """Which of :attr:`sections` is ours."""

    bundle: tuple[str, ...]
    """The mids that share a transport, the tagged one first."""

    direction: Direction
    ufrag: str
    password: str
    ice_lite: bool
    setup: Setup
    fingerprints: tuple[tuple[str, str], ...]
    """Digest name and value, of digests that we can compute."""

    candidates: tuple[Candidate, ...]
    formats: tuple[Format, ...]
    """Those that we speak, best first; never empty."""

    red: int | None
    """Payload type of redundant audio (RFC 2198), if the peer speaks it for our first format."""

    level_id: int
    """Id of the header extension for audio levels; 0 if there is none."""

    ssrc: int | None
    """The first one that is signalled."""

    @property
    def section(self) -> Section:
        """Our m-section."""
        return self.sections[self.index]

    @property
    def mid(self) -> str | None:
        """Of our section."""
        return self.section.mid

    def attribute_of_ssrc(self, name: str) -> str | None:
        """``name`` among the ``a=ssrc`` attributes (RFC 5576), e.g. ``cname``."""
        for value in self.section.attributes.all("ssrc"):
            ssrc, _, attribute = value.partition(" ")
            if ssrc == str(self.ssrc) and attribute.startswith(name + ":"):
                return attribute[len(name) + 1 :]
        return None


def rtpmap(codec: str) -> str:
    """The encoding as ``a=rtpmap`` has it. Opus is always "/2", even if it is mono (RFC 7587 section 7)."""
    return f"{codec}/{CLOCK_RATES[codec]}" + ("/2" if codec == "opus" else "")


def parse_offer(text: str, *, max_bytes: int = 64 * 1024, max_candidates: int = 64) -> AudioOffer:
    """Read an offer.

    Args:
        text: the SDP.
        max_bytes: longer ones are refused.
        max_candidates: candidates beyond this many are ignored.

    Raises:
        OfferError: with a sentence that says why it cannot be accepted.
    """
    description = parse_description(text, max_bytes)
    index = next((i for i, one in enumerate(description.sections) if one.kind == "audio" and not one.rejected), None)
    if index is None:
        raise OfferError("The offer has no audio section: a participant must send or receive audio.")
    if any("mid" in one.attributes and one.mid is None for one in description.sections):
        raise OfferError("The offer has a malformed 'a=mid'.")
    section = description.sections[index]
    formats = _formats(section)
    reader = _TransportReader(description, section)
    ufrag, password = reader.credentials()
    return AudioOffer(
        sections=description.sections,
        index=index,
        bundle=description.bundle(),
        direction=_direction(description, section),
        ufrag=ufrag,
        password=password,
        ice_lite="ice-lite" in description.attributes,
        setup=reader.setup(),
        fingerprints=reader.fingerprints(),
        candidates=reader.candidates(max_candidates),
        formats=formats,
        red=_red(section, formats[0]),
        level_id=_level_id(description, section),
        ssrc=_ssrc(section),
    )


class _TransportReader:
    """ICE and DTLS attributes, from wherever the offer keeps them.

    They may stand in the section, for the whole session, or, for a bundled section, in the tagged one
    (RFC 8843 section 7.1.3: "attributes in the transport category ... only in the tagged m-section").
    """

    def __init__(self, description: Description, section: Section) -> None:
        bundle = description.bundle()
        self._levels = [section.attributes]
        if bundle and section.mid in bundle:
            self._levels += [one.attributes for one in description.sections if one.mid == bundle[0]]
        self._levels.append(description.attributes)
        if not any("rtcp-mux" in level for level in self._levels):
            raise OfferError("The offer does not multiplex RTP and RTCP: it needs 'a=rtcp-mux'.")

    def _all(self, name: str) -> list[str]:
        return next((values for level in self._levels if (values := level.all(name))), [])

    def credentials(self) -> tuple[str, str]:
        ufrag, password = self._all("ice-ufrag"), self._all("ice-pwd")
        if not ufrag or not password:
            raise OfferError("The offer has no ICE credentials ('a=ice-ufrag' and 'a=ice-pwd').")
        if not _UFRAG.fullmatch(ufrag[0]) or not _PASSWORD.fullmatch(password[0]):
            raise OfferError("The offer's ICE credentials are malformed (RFC 8839 section 5.4).")
        return ufrag[0], password[0]

    def setup(self) -> Setup:
        values = self._all("setup")
        value = values[0] if values else "actpass"
        if value not in ("actpass", "active", "passive"):
            raise OfferError(f"The offer's DTLS role 'a=setup:{value[:20]}' is not one to connect with.")
        return cast("Setup", value)

    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        values = self._all("fingerprint")
        if not values:
            raise OfferError("The offer has no DTLS fingerprint: media must be encrypted with DTLS-SRTP.")
        known = []
        for value in values:
            digest, _, text = value.partition(" ")
            pairs = text.strip().upper().split(":")
            if len(pairs) == DIGEST_BYTES.get(digest.lower()) and all(map(_is_octet, pairs)):
                known.append((digest.lower(), ":".join(pairs)))
        if not known:
            raise OfferError(
                "The offer's DTLS fingerprint is malformed, or of a digest that is not known here: use SHA-256."
            )
        return tuple(known)

    def candidates(self, maximum: int) -> tuple[Candidate, ...]:
        try:
            candidates = [parse_candidate(value) for value in self._all("candidate")[:maximum]]
        except ValueError as error:
            raise OfferError(f"The offer has a {error}.") from error
        return tuple(one for one in candidates if one is not None)


def _is_octet(text: str) -> bool:
    return re.fullmatch("[0-9A-F]{2}", text) is not None


def _direction(description: Description, section: Section) -> Direction:
    for attributes in (section.attributes, description.attributes):
        for name, _ in attributes.lines:
            if name == "inactive":
                raise OfferError("The offer's audio section is inactive: it neither sends nor receives.")
            if name in REVERSED:
                return name
    return "sendrecv"


def _maps(section: Section) -> dict[str, str]:
    """The encoding of each payload type."""
    maps = {text: STATIC_PAYLOAD_TYPES[text] for text in section.formats if text in STATIC_PAYLOAD_TYPES}
    for value in section.attributes.all("rtpmap"):
        maps[value.partition(" ")[0]] = value.partition(" ")[2]
    return maps


def _red(section: Section, format: Format) -> int | None:  # noqa: A002 - SDP's word for it
    """The payload type of RED whose blocks are all of a format: ``a=fmtp:63 111/111`` (RFC 2198 section 5)."""
    maps = _maps(section)
    for text in section.formats:
        payload_type = parse_number(text, 127)
        if payload_type is None or payload_type in RTCP_CONFLICTS:
            continue
        if maps.get(text, "").strip().lower() != f"red/{rtpmap(format.codec).partition('/')[2]}":
            continue
        blocks = next((rest for number, rest in _fmtps(section) if number == text), "")
        if blocks and set(blocks.strip().split("/")) == {str(format.payload_type)}:
            return payload_type
    return None


def _formats(section: Section) -> tuple[Format, ...]:
    maps = _maps(section)
    found: dict[str, Format] = {}
    for text in section.formats:
        match = _RTPMAP.match(f"{text} {maps.get(text, '')}")
        payload_type = parse_number(text, 127)
        if match is None or payload_type is None or payload_type in RTCP_CONFLICTS:
            continue
        for codec, clock_rate in CLOCK_RATES.items():
            if match[2].lower() == codec.lower() and match[3] == str(clock_rate):
                found.setdefault(codec, Format(payload_type, codec, _parameters(section, text)))
    if not found:
        raise OfferError("The offer has no codec in common with this server, which speaks Opus, PCMU and PCMA.")
    return tuple(found[codec] for codec in CLOCK_RATES if codec in found)


def _parameters(section: Section, payload_type: str) -> tuple[tuple[str, str], ...]:
    for number, text in _fmtps(section):
        if number == payload_type:
            pairs = [part.strip().partition("=") for part in text.split(";")]
            return tuple((name.lower(), number) for name, _, number in pairs)
    return ()


def _fmtps(section: Section) -> Iterator[tuple[str, str]]:
    """Payload type and text of each ``a=fmtp``."""
    for value in section.attributes.all("fmtp"):
        number, _, text = value.partition(" ")
        yield number, text


def _level_id(description: Description, section: Section) -> int:
    for value in section.attributes.all("extmap") + description.attributes.all("extmap"):
        number, _, rest = value.partition(" ")
        if rest.split(" ")[0] == AUDIO_LEVEL:
            return parse_number(number.partition("/")[0], 255) or 0
    return 0


def _ssrc(section: Section) -> int | None:
    value = section.attributes.first("ssrc")
    return parse_number(value.partition(" ")[0], 2**32 - 1) if value is not None else None
