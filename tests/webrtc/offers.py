"""Offers as real peers write them, for tests."""

from __future__ import annotations

FINGERPRINT = ":".join(f"{number:02X}" for number in range(32))

TRANSPORT = f"""\
a=ice-ufrag:AbCd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=ice-options:trickle
a=fingerprint:sha-256 {FINGERPRINT}
a=setup:actpass
"""

AUDIO = f"""\
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
{TRANSPORT}a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=sendrecv
a=msid:stream track
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:13 CN/8000
a=rtpmap:110 telephone-event/48000
a=rtpmap:126 telephone-event/8000
a=ssrc:1234567890 cname:someone
a=ssrc:1234567890 msid:stream track
"""

VIDEO = f"""\
m=video 9 UDP/TLS/RTP/SAVPF 96 97
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:1
a=sendrecv
a=rtcp-mux
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
"""

DATA = f"""\
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:2
a=sctp-port:5000
"""


def session(*mids: str) -> str:
    """The session's part of an offer, with a BUNDLE group if there are mids."""
    group = f"a=group:BUNDLE {' '.join(mids)}\n" if mids else ""
    return f"v=0\no=- 4611731400430051336 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n{group}a=msid-semantic: WMS stream\n"


def crlf(text: str) -> str:
    """With the line ends of the wire."""
    return text.replace("\n", "\r\n")


CHROMIUM = crlf(session("0") + AUDIO)
"""Audio alone, before any candidate."""

CHROMIUM_EVERYTHING = crlf(session("1", "0", "2") + VIDEO + AUDIO + DATA)
"""Video first, then audio and a data channel."""
