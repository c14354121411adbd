"""The offer of a client that sends and hears Opus, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conference.webrtc.sdp.audio import AUDIO_LEVEL

PAYLOAD_TYPE = 111
LEVEL_ID = 1

_HOST_PRIORITY = 126 << 24 | 255
"""RFC 8445, section 5.1.2.1; between the type and the component stands which of our addresses is better."""


@dataclass(frozen=True, slots=True)
class LocalParameters:
    """What an offer says of us."""

    ufrag: str
    password: str
    fingerprint: str
    """SHA-256 of the DTLS certificate."""
    ssrc: int
    cname: str
    addresses: Sequence[tuple[str, int]]
    """Where we can be reached, the best first."""


def build_offer(ours: LocalParameters) -> str:
    """Write the offer, with all candidates: nothing trickles."""
    host, port = ours.addresses[0]
    version = 6 if ":" in host else 4
    lines = [
        "v=0",
        f"o=- {ours.ssrc} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "a=msid-semantic: WMS *",
        f"m=audio {port} UDP/TLS/RTP/SAVPF {PAYLOAD_TYPE}",
        f"c=IN IP{version} {host}",
        f"a=rtcp:{port} IN IP{version} {host}",
        *(
            f"a=candidate:{number} 1 udp {_HOST_PRIORITY | (65_535 - number) << 8} {host} {port} typ host"
            for number, (host, port) in enumerate(ours.addresses)
        ),
        "a=end-of-candidates",
        f"a=ice-ufrag:{ours.ufrag}",
        f"a=ice-pwd:{ours.password}",
        f"a=fingerprint:sha-256 {ours.fingerprint}",
        "a=setup:actpass",
        "a=mid:0",
        f"a=extmap:{LEVEL_ID} {AUDIO_LEVEL}",
        "a=sendrecv",
        f"a=msid:{ours.cname} voice",
        "a=rtcp-mux",
        f"a=rtpmap:{PAYLOAD_TYPE} opus/48000/2",
        f"a=ssrc:{ours.ssrc} cname:{ours.cname}",
    ]
    return "\r\n".join(lines) + "\r\n"
