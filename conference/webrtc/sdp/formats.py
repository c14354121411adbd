"""The payload types of an m-section that we can read or write, and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from conference.webrtc.sdp.grammar import Section, parse_number

STATIC_PAYLOAD_TYPES = {"0": "PCMU/8000", "8": "PCMA/8000"}
"""Formats that need no rtpmap (RFC 3551 section 6)."""

RTCP_CONFLICTS = range(64, 96)
"""Payload types that could not be told from RTCP on the same port (RFC 5761 section 4)."""

CLOCK_RATES = {"opus": 48_000, "PCMU": 8_000, "PCMA": 8_000}
"""The codecs we speak, best first, with the clock rates of their RTP timestamps in Hz."""

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


def rtpmap(codec: str) -> str:
    """The encoding as ``a=rtpmap`` has it. Opus is always "/2", even if it is mono (RFC 7587 section 7)."""
    return f"{codec}/{CLOCK_RATES[codec]}" + ("/2" if codec == "opus" else "")


def find_formats(section: Section) -> tuple[Format, ...]:
    """Those of an m-section that we speak, best first."""
    maps = _maps(section)
    found: dict[str, Format] = {}
    for text in section.formats:
        match = _RTPMAP.match(f"{text} {maps.get(text, '')}")
        payload_type = parse_number(text, 127)
        if match is None or payload_type is None or payload_type in RTCP_CONFLICTS:
            continue
        for codec, clock_rate in CLOCK_RATES.items():
            channels = match[4] in (None, "1") or codec == "opus"
            if match[2].lower() == codec.lower() and match[3] == str(clock_rate) and channels:
                found.setdefault(codec, Format(payload_type, codec, _parameters(section, text)))
    return tuple(found[codec] for codec in CLOCK_RATES if codec in found)


def find_red(section: Section, format: Format) -> int | None:  # noqa: A002 - SDP's word for it
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


def _maps(section: Section) -> dict[str, str]:
    """The encoding of each payload type."""
    maps = {text: STATIC_PAYLOAD_TYPES[text] for text in section.formats if text in STATIC_PAYLOAD_TYPES}
    for value in section.attributes.all("rtpmap"):
        maps[value.partition(" ")[0]] = value.partition(" ")[2]
    return maps


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
