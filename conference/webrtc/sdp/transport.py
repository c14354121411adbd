"""The ICE and DTLS attributes of a section, from wherever a description keeps them."""

from __future__ import annotations

import contextlib
import re
from typing import Literal, TypeAlias, cast

from conference.webrtc.dtls.certificate import DIGEST_BYTES
from conference.webrtc.sdp.candidate import Candidate, parse_candidate
from conference.webrtc.sdp.grammar import Attributes, Description, OfferError, Section, shown

Setup: TypeAlias = Literal["actpass", "active", "passive"]

_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}")
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}")


def levels_of(description: Description, section: Section, tagged: Section | None) -> list[Attributes]:
    """Where to look for them, one place after the other.

    For a section of a BUNDLE group they are those of its tagged one, for "attributes in the transport category ... only
    in the tagged m-section" count (RFC 9143 section 7.1.3); what is missing there may stand for the whole session.
    """
    first = section if tagged is None else tagged
    return [first.attributes, description.attributes, *([section.attributes] if first is not section else [])]


class TransportReader:
    """Reads them.

    Args:
        levels: as :func:`levels_of` gives them.

    Raises:
        OfferError: RTP and RTCP are not multiplexed.
    """

    def __init__(self, levels: list[Attributes]) -> None:
        self._levels = levels
        if not any("rtcp-mux" in level for level in self._levels):
            raise OfferError("The offer does not multiplex RTP and RTCP: it needs 'a=rtcp-mux'.")

    def _all(self, name: str) -> list[str]:
        return next((values for level in self._levels if (values := level.all(name))), [])

    def credentials(self) -> tuple[str, str]:
        """ICE's user name fragment and password."""
        ufrag, password = self._all("ice-ufrag"), self._all("ice-pwd")
        if not ufrag or not password:
            raise OfferError("The offer has no ICE credentials ('a=ice-ufrag' and 'a=ice-pwd').")
        if not _UFRAG.fullmatch(ufrag[0]) or not _PASSWORD.fullmatch(password[0]):
            raise OfferError("The offer's ICE credentials are malformed (RFC 8839 section 5.4).")
        return ufrag[0], password[0]

    def setup(self) -> Setup:
        """Who may begin the DTLS handshake."""
        values = self._all("setup")
        value = values[0].lower() if values else "actpass"
        if value not in ("actpass", "active", "passive"):
            raise OfferError(f"The offer's DTLS role 'a=setup:{shown(value)[:20]}' is not one to connect with.")
        return cast("Setup", value)

    def fingerprints(self) -> tuple[tuple[str, str], ...]:
        """Digest name and value, of digests that we can compute."""
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
        """Those of the first ones that are of use. A malformed one costs itself, and nobody their call."""
        found: list[Candidate] = []
        for value in self._all("candidate")[:maximum]:
            with contextlib.suppress(ValueError):
                candidate = parse_candidate(value)
                found += [] if candidate is None else [candidate]
        return tuple(found)


def _is_octet(text: str) -> bool:
    return re.fullmatch("[0-9A-F]{2}", text) is not None
