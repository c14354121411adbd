"""An offer as we understand it: whose sound comes and goes in which section, and what must be said about the others.

What is left out of it, and why:

* other sections: video and data channels are declined in the answer, but for one that carries the transport;
* ``.local`` candidates, which cost a second of mDNS each, and ``a=end-of-candidates``, after which ICE fails at once if
  there is no other candidate. The peer's own checks tell its address (peer-reflexive candidates);
* codecs, header extensions and feedback that we don't use.
"""

from __future__ import annotations

from dataclasses import dataclass

from conference.webrtc.sdp.audio import AudioSection, parse_audio
from conference.webrtc.sdp.grammar import Description, OfferError, Section, UnsupportedOffer, parse_description
from conference.webrtc.sdp.transport_attributes import PeerTransport, parse_transport
from conference.webrtc.settings import WebRtcSettings


@dataclass(frozen=True, slots=True)
class AudioOffer:
    """What of an offer (or of an answer: the two are written alike) is used, and where it stands."""

    sections: tuple[Section, ...]
    audio: tuple[AudioSection, ...]
    """The sections whose sound is used: one; or two, of which one sends and the other receives."""

    tagged: int | None
    """Which of :attr:`sections` carries the transport for the whole BUNDLE group; ``None`` if there is no group."""

    transport: PeerTransport

    @property
    def first(self) -> AudioSection:
        """The first audio section that is used."""
        return self.audio[0]

    @property
    def sending(self) -> AudioSection | None:
        """Where whoever wrote it sends; ``None`` if nowhere."""
        return next((one for one in self.audio if one.sends), None)

    @property
    def receiving(self) -> AudioSection | None:
        """Where whoever wrote it receives; ``None`` if nowhere."""
        return next((one for one in self.audio if one.receives), None)

    @property
    def carrier(self) -> int:
        """Which of :attr:`sections` has the transport's attributes."""
        return self.first.index if self.tagged is None else self.tagged


def parse_offer(
    text: str, *, max_bytes: int = WebRtcSettings.max_sdp_bytes, max_candidates: int = WebRtcSettings.max_candidates
) -> AudioOffer:
    """Read an offer.

    Args:
        text: the SDP.
        max_bytes: longer ones are refused.
        max_candidates: candidates beyond this many are ignored.

    Raises:
        OfferError: with a sentence that says why it cannot be accepted.
    """
    description = parse_description(text, max_bytes)
    if any("mid" in one.attributes and one.mid is None for one in description.sections):
        raise OfferError("The offer has a malformed 'a=mid'.")
    audio = _used(description, max_candidates)
    group, *other = (description.bundle_of(one.section.mid) for one in audio)
    if other and other != [group or None]:
        raise UnsupportedOffer(
            "The offer sends and receives in two audio sections that do not share a transport: "
            "put both into one BUNDLE group, or offer one section that does both."
        )
    return AudioOffer(
        sections=description.sections,
        audio=audio,
        tagged=_tagged(description, audio[0]),
        transport=_transport(description, audio[0], max_candidates),
    )


def _transport(description: Description, audio: AudioSection, max_candidates: int) -> PeerTransport:
    tagged = _tagged(description, audio)
    carrier = None if tagged is None else description.sections[tagged]
    return parse_transport(description, audio.section, carrier, max_candidates)


def _used(description: Description, max_candidates: int) -> tuple[AudioSection, ...]:
    """The first section that can be used; and if its sound goes one way only, the first one for the other way."""
    usable: list[AudioSection] = []
    refusals: list[OfferError] = []
    for index, section in enumerate(description.sections):
        if section.kind == "audio" and not section.rejected:
            try:
                audio = parse_audio(description, index)
                _transport(description, audio, max_candidates)
                usable.append(audio)
            except OfferError as error:
                refusals.append(error)
    if not usable:
        none = OfferError("The offer has no audio section: a participant must send or receive audio.")
        raise next(iter(refusals), none)
    first, *others = usable
    if not first.sends:
        others = [one.only("sendonly") for one in others if one.sends]
    elif not first.receives:
        others = [one.only("recvonly") for one in others if one.receives]
    else:
        others = []
    return (first, *others[:1])


def _tagged(description: Description, audio: AudioSection) -> int | None:
    """Which section carries the transport of an audio section's BUNDLE group: of those that there are, the first.

    A data channel cannot be kept without its association, so it carries nothing for audio that has a transport of its
    own: then that is used, and the data channel declined like any other.
    """
    group = description.bundle_of(audio.section.mid)
    by_mid = {one.mid: index for index, one in reversed(list(enumerate(description.sections))) if not one.rejected}
    tagged = next((by_mid[mid] for mid in group if mid in by_mid), None)
    if tagged is None or description.sections[tagged].kind != "application":
        return tagged
    own = audio.section.attributes
    alone = "bundle-only" not in own and ("ice-ufrag" in own or "ice-ufrag" in description.attributes)
    return audio.index if alone else tagged
