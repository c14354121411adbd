"""What can be set about the WebRTC side."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from conference.options.declaration import SettingsError, choice, percent, seconds, several, switch, value, whole
from conference.options.groups import LIMITS, MEDIA
from conference.options.readers import read_port


def check_address(text: str) -> None:
    """Refuse what peers cannot send sound to.

    Raises:
        SettingsError: it is no address of a host.
    """
    try:
        address = ipaddress.ip_address(text)
        reachable = not address.is_unspecified and not address.is_multicast
    except ValueError:
        reachable = False
    if not reachable:
        raise SettingsError(f"announce-ip must be an IP address that peers can reach, not '{text}'.")


ENGINES = ("tables", "aiortc")


@dataclass(frozen=True)
class WebRtcOptions:
    """What an operator sets about the WebRTC side. Times are in seconds, rates in bits per second."""

    engine: str = choice(
        "tables", MEDIA, "what WebRTC connections are made of: tables for all of them, or an aiortc connection each: "
        "the reference, which costs as much as a textbook's and has no port of its own", ENGINES, "ENGINE",
    )  # fmt: skip

    udp_port: int = value(
        0, MEDIA, "the one UDP port that carries all sound: open it in the firewall; 0 takes a free one",
        "PORT", read_port, within=(0, 65535),
    )  # fmt: skip
    announce_ips: tuple[str, ...] = several(
        MEDIA, "the IP address that peers send sound to, when it is not this machine's own: the public one behind NAT; "
        "can be repeated", "ADDRESS", "announce-ip", str, check=check_address,
    )  # fmt: skip
    bitrate: int = whole(
        56_000, MEDIA, "bits per second of what each listener gets, at most",
        (6_000, 510_000), metavar="BITS",  # what Opus can do: RFC 6716, section 2.1.1
    )  # fmt: skip
    """It is also what we ask of the peer."""

    ask_for_red: bool = switch(
        False, MEDIA, "ask browsers to send each packet twice (RED), so that what gets lost comes with the next one, "
        "at twice the bitrate",
    )  # fmt: skip
    """Those who do so (RFC 2198) unasked are understood."""

    connect_timeout: float = seconds(
        15.0, MEDIA, "how long a browser may take to connect its sound before it is taken out of the room",
        (0.1, 600), beyond="leaves; a call that says no `start` is closed with 1008",
    )  # fmt: skip
    silence_timeout: float = seconds(
        8.0, MEDIA, "how long nothing at all may come from a browser before it counts as gone",
        (0.1, 600), beyond="leaves",
    )  # fmt: skip
    """No RTP, no RTCP, no STUN."""

    max_sdp_bytes: int = whole(
        64 * 1024, LIMITS, "size of an offer", (1024, 1024 * 1024), metavar="BYTES", beyond="413, as for any other body"
    )
    max_candidates: int = whole(
        64, LIMITS, "candidates that one browser may name, in its offer and trickled later together",
        (1, 10_000), beyond="ignored",
    )  # fmt: skip
    max_streams: int = whole(
        256, LIMITS, "streams (SSRCs) that one browser may begin in the life of a connection", (1, 65536),
        beyond="not heard",
    )  # fmt: skip
    """SRTP keeps a state for each, a few hundred bytes."""

    max_unproven_datagrams: int = whole(
        1000, LIMITS, "datagrams a second that are looked at of one IP address, of those that no participant's "
        "connection vouches for; 0 for no limit", (0, 1_000_000), beyond="dropped",
    )  # fmt: skip
    max_unproven_percent: float = percent(
        15.0, LIMITS, "how much of the server's time all of those may take together; 100 for no limit",
        (1, 100), beyond="dropped",
    )  # fmt: skip
    max_datagrams: int = whole(
        5000, LIMITS, "datagrams a second of STUN, and of extraordinary packets of sound, from one participant, a "
        "tenth of it of DTLS, and a twentieth of authentic checks; 0 for no limit", (0, 1_000_000), beyond="dropped",
    )  # fmt: skip
    max_read_time: float = seconds(
        0.005, LIMITS, "how long datagrams are read before other work has its turn",
        (0.0005, 1), beyond="goes on a little later",
    )  # fmt: skip
    max_checks_per_connection: int = whole(
        16, LIMITS, "ICE connectivity checks to addresses that an offer names and that have not answered; with 0 only "
        "peers get in that check by themselves, as all but ICE-lite ones do",
        (0, 1000), beyond="we wait for the peer's",
    )  # fmt: skip
    max_checks_per_candidate: int = whole(
        4, LIMITS, "of those, to one of the addresses; more for ICE-lite peers",
        (1, 1000), beyond="we wait for the peer's",
    )  # fmt: skip
    max_checks_per_address: int = whole(
        20, LIMITS, "of those, a second to one IP address, of all offers", (1, 1_000_000), beyond="sent later"
    )
    max_checks_per_second: int = whole(
        500, LIMITS, "of those, a second in total", (1, 1_000_000), beyond="sent later"
    )  # fmt: skip
    receive_buffer_bytes: int = whole(
        4 * 1024 * 1024, LIMITS, "size of the system's buffer for datagrams that have come and are not read yet; the "
        "system may grant less", (4096, 1 << 30), metavar="BYTES", beyond="dropped by the system",
    )  # fmt: skip


@dataclass(frozen=True)
class WebRtcSettings(WebRtcOptions):
    """Settings of a `server.WebRtc`."""

    loopback: bool = False
    """Announce 127.0.0.1 as well as the machine's own addresses. Without meaning when `announce_ips` is given."""

    close_timeout: float = 1.0
    """Closing takes no longer than this; what hangs is abandoned and cleaned up behind."""
