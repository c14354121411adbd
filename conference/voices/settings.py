"""The limits of an audio socket, each a setting."""

from __future__ import annotations

from dataclasses import dataclass

from conference.options.declaration import seconds, whole
from conference.options.groups import VOICES


@dataclass(frozen=True)
class VoicesSettings:
    """What is kept for a client of an audio socket, and what is read of it."""

    max_audio_outgoing_ms: int = whole(
        2_000, VOICES, "sound kept for a client who does not take it", (100, 60_000), metavar="MS",
        beyond="the oldest is dropped, and told",
    )  # fmt: skip
    max_audio_ahead_ms: int = whole(
        120_000, VOICES, "sound kept of a client who sends it faster than it is played", (100, 600_000), metavar="MS",
        beyond="dropped, and told",
    )  # fmt: skip
    """At 48 kHz, a minute has 5.8 MB."""

    max_audio_frames_per_second: int = whole(
        1_000, VOICES, "WebSocket frames of any kind that are read of one client; two seconds' worth may come at once",
        (60, 1_000_000), beyond="wait, unread",
    )  # fmt: skip
    max_audio_bytes_per_second: int = whole(
        2_000_000, VOICES, "bytes of any kind that are read of one client; two seconds' worth may come at once",
        (20_000, 1_000_000_000), metavar="BYTES", beyond="wait, unread",
    )  # fmt: skip
    """Sound of 48 kHz has 96,000."""

    max_audio_message_bytes: int = whole(
        1 << 20, VOICES, "size of a client's message", (4096, 64 << 20), metavar="BYTES", beyond="close 1009",
    )  # fmt: skip
    audio_flood_timeout: float = seconds(
        30.0, VOICES, "how long a client may go on sending more than is read until it is shut out",
        (1, 3600), beyond="close 1008",
    )  # fmt: skip
    max_audio_mistakes: int = whole(
        50, VOICES, "messages of a client that make no sense; one more is forgiven every second", (1, 1_000_000),
        beyond="close 1008",
    )  # fmt: skip
