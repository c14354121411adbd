"""Somebody without a browser in a room: what kind of peer they are, and how what they say is encoded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from conference.client.api import ServerAccess
from conference.codecs.base import Encoder
from conference.codecs.opus import OpusCodec
from conference.webrtc.client.peer import HeadlessPeer

BITRATE: Final = 64_000
"""Opus, of what is said: the server may code it once more, so this first time must not show."""

SILENCE_TIMEOUT: Final = 5.0
"""Seconds without anything from the server, which sends something at least twice a second, after which it is lost."""


def make_visitor(
    place: ServerAccess,
    room: str,
    name: str,
    proof: str | None,
    *,
    speaks: bool = True,
    on_event: Callable[[str, str], None] = lambda *_: None,
) -> HeadlessPeer:
    """A peer that is yet to be connected.

    Args:
        place: the server.
        room: to come into.
        name: what the others see.
        proof: of the seat to come back to; ``None`` for a new one.
        speaks: whether anything is ever said.
        on_event: is given the name and the data (JSON) of each event of the room.
    """
    return HeadlessPeer(
        place.url,
        room,
        name,
        speaks=speaks,
        bitrate=BITRATE,
        verify=place.verify,
        access_token=place.token,
        silence_timeout=SILENCE_TIMEOUT,
        proof=proof,
        watches=True,
        on_event=on_event,
    )


def encoder_of(peer: HeadlessPeer) -> Encoder:
    """For what a connected peer sends."""
    return (peer.codec or OpusCodec(bitrate=BITRATE)).make_encoder()
