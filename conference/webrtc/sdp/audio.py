"""One audio section of an offer (or of an answer: the two are written alike), as we understand it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from conference.webrtc.sdp.formats import Format, find_formats, find_red
from conference.webrtc.sdp.grammar import Description, OfferError, Section, parse_number

Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
"""The header extension of RFC 6464."""

REVERSED: dict[Direction, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
"""What one side calls ``sendonly`` is ``recvonly`` to the other."""


@dataclass(frozen=True, slots=True)
class AudioSection:
    """An m-section whose sound is used."""

    index: int
    """Its place among all sections."""

    section: Section
    direction: Direction
    """What is used of it, in the words of whoever wrote it; never ``inactive``."""

    formats: tuple[Format, ...]
    """Those that we speak, best first; never empty."""

    red: int | None
    """Payload type of redundant audio (RFC 2198), if the peer speaks it for our first format."""

    level_id: int
    """Id of the header extension for audio levels that whoever wrote it sends; 0 if they send none."""

    wanted_level_id: int
    """Id of the header extension for audio levels that they want to get; 0 if they want none."""

    ssrc: int | None
    """The first one that is signalled."""

    @property
    def sends(self) -> bool:
        """Whether whoever wrote it sends."""
        return self.direction != "recvonly"

    @property
    def receives(self) -> bool:
        """Whether whoever wrote it receives."""
        return self.direction != "sendonly"

    def only(self, direction: Direction) -> AudioSection:
        """The same, of which no more is used than that."""
        return replace(self, direction=direction)

    def attribute_of_ssrc(self, name: str) -> str | None:
        """``name`` among the ``a=ssrc`` attributes (RFC 5576), e.g. ``cname``."""
        for value in self.section.attributes.all("ssrc"):
            ssrc, _, attribute = value.partition(" ")
            if ssrc == str(self.ssrc) and attribute.startswith(name + ":"):
                return attribute[len(name) + 1 :]
        return None


def parse_audio(description: Description, index: int) -> AudioSection:
    """Read an audio section.

    Args:
        description: that it is part of.
        index: of the section.

    Raises:
        OfferError: nothing of it can be used; the sentence says why.
    """
    section = description.sections[index]
    direction = _direction(description, section)
    if direction == "inactive":
        raise OfferError("The offer's audio section is inactive: it neither sends nor receives.")
    formats = find_formats(section)
    if not formats:
        raise OfferError("The offer has no codec in common with this server, which speaks Opus, PCMU and PCMA.")
    return AudioSection(
        index=index,
        section=section,
        direction=direction,
        formats=formats,
        red=find_red(section, formats[0]),
        level_id=_level_id(description, section, ("", "sendrecv", "sendonly")),
        wanted_level_id=_level_id(description, section, ("", "sendrecv", "recvonly")),
        ssrc=_ssrc(section),
    )


def _direction(description: Description, section: Section) -> Direction:
    for attributes in (section.attributes, description.attributes):
        for name, _ in attributes.lines:
            if name in REVERSED:
                return name
    return "sendrecv"


def _level_id(description: Description, section: Section, directions: Collection[str]) -> int:
    """Id of the header extension for audio levels, if it is used in one of these directions (RFC 8285 section 5)."""
    for value in section.attributes.all("extmap") + description.attributes.all("extmap"):
        number, _, rest = value.partition(" ")
        number, _, direction = number.partition("/")
        level_id = parse_number(number, 255)
        if rest.split(" ")[0] == AUDIO_LEVEL and level_id and direction in directions:
            return level_id
    return 0


def _ssrc(section: Section) -> int | None:
    value = section.attributes.first("ssrc")
    return parse_number(value.partition(" ")[0], 2**32 - 1) if value is not None else None
