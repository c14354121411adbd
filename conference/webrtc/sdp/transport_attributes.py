"""The ICE and DTLS attributes of a section, from wherever a description keeps them."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from conference.webrtc.dtls.certificate import DIGEST_BYTES
from conference.webrtc.sdp.candidate import Candidate, parse_candidate
from conference.webrtc.sdp.grammar import Attributes, Description, OfferError, Section, shown

Setup: TypeAlias = Literal["actpass", "active", "passive"]

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")


@dataclass(frozen=True, slots=True)
class PeerTransport:
    """What a description says about the way to whoever wrote it, and how they prove that it is them."""

    ufrag: str
    password: str
    ice_lite: bool
    setup: Setup
    fingerprints: tuple[tuple[str, str], ...]
    """Digest name and value, of digests that we can compute."""

    candidates: tuple[Candidate, ...]


def parse_transport(
    description: Description, section: Section, tagged: Section | None, max_candidates: int
) -> PeerTransport:
    """Read what belongs to a section.

    For a section of a BUNDLE group it is that of its tagged one, for "attributes in the transport category ... only in
    the tagged m-section" count (RFC 9143 section 7.1.3); what is missing there may stand for the whole session.

    Args:
        description: all of it.
        section: the one that is used.
        tagged: the one that carries the transport for it; ``None`` if it is in no group.
        max_candidates: candidates beyond this many are ignored.

    Raises:
        OfferError: something that is needed is missing, or malformed.
    """
    first = section if tagged is None else tagged
    levels = [first.attributes, description.attributes, *([section.attributes] if first is not section else [])]
    if not any("rtcp-mux" in level for level in levels):
        raise OfferError("The offer does not multiplex RTP and RTCP: it needs 'a=rtcp-mux'.")
    ufrag, password = _credentials(levels)
    return PeerTransport(
        ufrag=ufrag,
        password=password,
        ice_lite="ice-lite" in description.attributes,
        setup=_setup(levels),
        fingerprints=_fingerprints(levels),
        candidates=_candidates(levels, max_candidates),
    )


def _all(levels: list[Attributes], name: str) -> list[str]:
    return next((values for level in levels if (values := level.all(name))), [])


def _credentials(levels: list[Attributes]) -> tuple[str, str]:
    ufrag, password = _all(levels, "ice-ufrag"), _all(levels, "ice-pwd")
    if not ufrag or not password:
        raise OfferError("The offer has no ICE credentials ('a=ice-ufrag' and 'a=ice-pwd').")
    if not _UFRAG.fullmatch(ufrag[0]) or not _PASSWORD.fullmatch(password[0]):
        raise OfferError("The offer's ICE credentials are malformed (RFC 8839 section 5.4).")
    return ufrag[0], password[0]


def _setup(levels: list[Attributes]) -> Setup:
    """Who may begin the DTLS handshake."""
    values = _all(levels, "setup")
    value = values[0].lower() if values else "actpass"
    if value not in ("actpass", "active", "passive"):
        raise OfferError(f"The offer's DTLS role 'a=setup:{shown(value)[:20]}' is not one to connect with.")
    return cast("Setup", value)


def _fingerprints(levels: list[Attributes]) -> tuple[tuple[str, str], ...]:
    values = _all(levels, "fingerprint")
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


def _candidates(levels: list[Attributes], maximum: int) -> tuple[Candidate, ...]:
    """The first ones, as far as they are of use. A malformed one costs itself, and nobody their call."""
    found: list[Candidate] = []
    for value in _all(levels, "candidate")[:maximum]:
        with contextlib.suppress(ValueError):
            candidate = parse_candidate(value)
            found += [] if candidate is None else [candidate]
    return tuple(found)


def _is_octet(text: str) -> bool:
    return re.fullmatch("[0-9A-F]{2}", text) is not None
