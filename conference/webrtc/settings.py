"""What can be set about the WebRTC side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebRtcSettings:
    """Settings of a `server.WebRtc`. Times are in seconds, rates in bits per second."""

    udp_port: int = 0
    """The one UDP port that carries all media; 0 takes a free one."""

    announce_ips: tuple[str, ...] = ()
    """Addresses for ICE candidates: a public address behind NAT, say. Empty: the machine's own."""

    loopback: bool = False
    """Announce 127.0.0.1 as well as the machine's own addresses. Without meaning when `announce_ips` is given."""

    connect_timeout: float = 15.0
    """A peer that has not connected by then is given up."""

    silence_timeout: float = 8.0
    """A connected peer that nothing has come from for so long (no RTP, no RTCP, no STUN) has vanished."""

    close_timeout: float = 1.0
    """Closing takes no longer than this; what hangs is abandoned and cleaned up behind."""

    bitrate: int = 48_000
    """Opus, in both directions: what we send at most, and what we ask of the peer."""

    ask_for_red: bool = False
    """Ask peers to send each packet twice (RFC 2198), at twice the bitrate. Those who do so unasked are understood."""

    max_sdp_bytes: int = 64 * 1024
    """An offer or a trickle fragment that is longer is refused."""

    max_candidates: int = 64
    """Remote candidates that one peer may name, in its offer and trickled later together."""

    max_unproven_datagrams: int = 1000
    """A second, from one IP address, that are not from anybody's connection; 0 for no limit."""

    max_unproven_percent: float = 15.0
    """Part of the time that all of those together may take; 100 for no limit."""

    max_datagrams: int = 5000
    """A second, from one connection, of STUN, and of media that is out of the ordinary; a tenth of it of DTLS, and a
    twentieth of checks that are authentic. 0 for no limit."""

    max_read_time: float = 0.005
    """After so long, reading what has come is interrupted for other work."""

    max_checks_per_connection: int = 16
    """Connectivity checks to addresses that an offer names, and from which nothing has come yet; 0: we wait for the
    peer's, which ICE-lite peers do not send."""

    max_checks_per_candidate: int = 4
    """Of those, to one address; more for ICE-lite peers."""

    max_checks_per_address: int = 20
    """Of those, a second to one IP address, over all connections."""

    max_checks_per_second: int = 500
    """Of those, over all connections and addresses."""

    receive_buffer: int = 4 * 1024 * 1024
    """Wanted size of the sockets' buffers in bytes; the system may grant less."""
