"""The grammar of a session description (RFC 8866) as far as it concerns us, and the errors people see.

Pure text. Everything that came from outside is checked here once, so that what is put into an answer, or handed on to
aiortc, has been read and written again by us.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_LINES = 2000
"""Lines in one description; Chromium's longest offers have a few hundred."""

MAX_SECTIONS = 64
"""m-sections in one description."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`{|}~A-Za-z0-9]{1,256}")
_NUMBER = re.compile(r"[0-9]{1,10}")
_MEDIA_LINE = re.compile(
    r"m=([A-Za-z0-9._-]{1,32}) +([0-9]{1,5})(?:/[0-9]{1,5})? +([A-Za-z0-9/._-]{1,64})((?: +[!-~]{1,64})+)"
)
_SHOWN_CHARS = 80


class OfferError(ValueError):
    """An offer that cannot be accepted. The text is a sentence for people."""


class UnsupportedOffer(OfferError):
    """An offer that is as it should be, and asks for something that there is not here."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The ``a=`` lines of a session or of one of its m-sections, in order."""

    lines: tuple[tuple[str, str], ...] = ()
    """Name and value; an attribute without value has an empty one."""

    def all(self, name: str) -> list[str]:
        """The values of every ``a=name:value``."""
        return [value for key, value in self.lines if key == name]

    def first(self, name: str) -> str | None:
        """The value of the first ``a=name:value``; ``None`` if there is none."""
        return next((value for key, value in self.lines if key == name), None)

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self.lines)


@dataclass(frozen=True, slots=True)
class Section:
    """One m-section."""

    kind: str
    """The media type: ``audio``, ``video``, ``application`` ..."""

    port: int
    protocol: str
    formats: tuple[str, ...]
    attributes: Attributes

    @property
    def mid(self) -> str | None:
        """``a=mid`` (RFC 5888), if it is there and a token."""
        value = self.attributes.first("mid")
        return value if value is not None and is_token(value) else None

    @property
    def rejected(self) -> bool:
        """Port 0 takes a section out of the session, unless it is ``a=bundle-only`` (RFC 9143 section 6)."""
        return self.port == 0 and "bundle-only" not in self.attributes


@dataclass(frozen=True, slots=True)
class Description:
    """A whole description."""

    attributes: Attributes
    sections: tuple[Section, ...]

    def bundle_of(self, mid: str | None) -> tuple[str, ...]:
        """The mids of the BUNDLE group (RFC 9143) that a section is in, the tagged one first; empty if in none."""
        for value in self.attributes.all("group"):
            semantics, *mids = value.split() or [""]
            if semantics == "BUNDLE" and mid in mids:
                return tuple(mids)
        return ()


def parse_description(text: str, max_bytes: int) -> Description:
    """Read a description.

    Args:
        text: lines ended by CRLF or LF. Blanks at their ends are left out.
        max_bytes: longest text that is looked at.

    Raises:
        OfferError: too long, no SDP at all, or an m-line that is none.
    """
    if len(text) > max_bytes:
        raise OfferError(f"The session description is longer than {max_bytes} bytes.")
    lines = split_lines(text)
    if not lines or lines[0] != "v=0":
        raise OfferError("This is not a session description (SDP): it must start with the line 'v=0'.")
    session: list[tuple[str, str]] = []
    attributes = session
    opened: list[tuple[str, list[tuple[str, str]]]] = []
    for line in lines[1:]:
        if line.startswith("m="):
            attributes = []
            opened.append((line, attributes))
        elif line.startswith("a="):
            attributes.append(parse_attribute(line))
    if len(opened) > MAX_SECTIONS:
        raise OfferError(f"The session description has more than {MAX_SECTIONS} media sections.")
    sections = [_section(line, Attributes(tuple(own))) for line, own in opened]
    return Description(Attributes(tuple(session)), tuple(sections))


def split_lines(text: str) -> list[str]:
    """The lines of a description or fragment; blank ones, and blanks at the ends, left out.

    They may hold whatever a ``byte-string`` may (RFC 8866 section 9). What is read of them is checked where it is read.

    Raises:
        OfferError: too many lines, or a character that no line may hold.
    """
    lines = [line for one in text.replace("\r\n", "\n").split("\n") if (line := one.rstrip(" \t"))]
    if len(lines) > MAX_LINES:
        raise OfferError(f"The session description has more than {MAX_LINES} lines.")
    if "\0" in text or any("\r" in line for line in lines):
        raise OfferError("The session description contains a NUL character, or a carriage return within a line.")
    return lines


def parse_attribute(line: str) -> tuple[str, str]:
    """``a=name:value`` or ``a=name`` as name and value."""
    name, _, value = line[2:].partition(":")
    return name, value.strip()


def shown(text: str) -> str:
    """A text from outside as a sentence about it may quote it: not too long, and on one line."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text[:_SHOWN_CHARS])


def is_token(text: str) -> bool:
    """Whether a text is a ``token`` (RFC 8866 section 9) of reasonable length."""
    return _TOKEN.fullmatch(text) is not None


def parse_number(text: str, maximum: int) -> int | None:
    """A decimal number from 0 to ``maximum``; ``None`` if it is none."""
    if not _NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if number <= maximum else None


def _section(line: str, attributes: Attributes) -> Section:
    match = _MEDIA_LINE.fullmatch(line)
    port = parse_number(match[2], 65535) if match else None
    if match is None or port is None:
        raise OfferError(f"The session description has a malformed media line: '{shown(line)}'.")
    return Section(match[1], port, match[3], tuple(match[4].split()), attributes)
