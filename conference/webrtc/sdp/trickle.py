"""Trickled candidates: a PATCH body of type ``application/trickle-ice-sdpfrag`` (RFC 8840, RFC 9725 section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from conference.webrtc.sdp.candidate import Candidate, parse_candidate
from conference.webrtc.sdp.grammar import parse_attribute, shown, split_lines


class IceRestartError(ValueError):
    """The fragment begins another ICE session. The text is a sentence for people."""


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

    A malformed candidate costs itself: those beside it are taken.

    Raises:
        ValueError: with a sentence that says what is malformed, if that leaves nothing.
    """
    if len(text) > max_bytes:
        raise ValueError(f"The fragment is longer than {max_bytes} bytes.")
    mid: str | None = None
    found: dict[str, str] = {}
    candidates: list[tuple[str | None, str]] = []
    for line in split_lines(text):
        if line.startswith("m="):
            mid = None
        elif line.startswith("a="):
            name, value = parse_attribute(line)
            if name == "mid":
                mid = value
            elif name == "candidate":
                candidates.append((mid, value))
            else:
                found.setdefault(name, value)
        elif line[1:2] != "=":
            raise ValueError(f"The fragment has a line that is none: '{shown(line)}'.")
    return TrickleFragment(
        found.get("ice-ufrag"), found.get("ice-pwd"), _read_all(candidates), "end-of-candidates" in found
    )


def _read_all(candidates: list[tuple[str | None, str]]) -> tuple[tuple[str | None, Candidate], ...]:
    read: list[tuple[str | None, Candidate | None]] = []
    malformed: list[ValueError] = []
    for mid, value in candidates:
        try:
            read.append((mid, parse_candidate(value)))
        except ValueError as error:
            malformed.append(error)
    if malformed and not read:
        raise ValueError(f"The fragment has a {malformed[0]}.")
    return tuple((mid, one) for mid, one in read if one is not None)
