"""Trickled candidates: a PATCH body of type ``application/trickle-ice-sdpfrag`` (RFC 8840, RFC 9725 section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from conference.webrtc.sdp.candidate import Candidate, parse_candidate
from conference.webrtc.sdp.grammar import parse_attribute, split_lines


@dataclass(frozen=True, slots=True)
class TrickleFragment:
    """What one fragment says."""

    ufrag: str | None
    """The ICE generation that the candidates belong to, if it is named."""

    password: str | None
    candidates: tuple[tuple[str | None, Candidate], ...]
    """Each with the mid it stands under, if any. Candidates of no use to us are left out."""

    complete: bool
    """Whether there will be no more."""


def parse_trickle_fragment(text: str, max_bytes: int = 64 * 1024) -> TrickleFragment:
    """Read a fragment.

    Raises:
        ValueError: with a sentence that says what is malformed.
    """
    if len(text) > max_bytes:
        raise ValueError(f"The fragment is longer than {max_bytes} bytes.")
    mid: str | None = None
    found: dict[str, str] = {}
    candidates: list[tuple[str | None, Candidate]] = []
    for line in split_lines(text):
        if line.startswith("m="):
            mid = None
            continue
        if not line.startswith("a="):
            raise ValueError(f"The fragment has a line that is neither 'a=' nor 'm=': '{line[:80]}'.")
        name, value = parse_attribute(line)
        if name == "mid":
            mid = value
        elif name != "candidate":
            found.setdefault(name, value)
        elif (candidate := parse_candidate(value)) is not None:
            candidates.append((mid, candidate))
    return TrickleFragment(
        found.get("ice-ufrag"), found.get("ice-pwd"), tuple(candidates), "end-of-candidates" in found
    )
