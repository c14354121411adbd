"""SRTP (RFC 3711) for one packet after the other, as cheap as libsrtp itself.

pylibsrtp gives every session a buffer of its own, and makes two objects per packet. With a thousand sessions those
buffers are never in the processor's cache. Here all sessions work in one buffer, which is: packets are protected one
at a time, on the event loop's thread. The sessions stay pylibsrtp's; only its call is replaced.
"""

from __future__ import annotations

from typing import Any

import pylibsrtp
from pylibsrtp._binding import ffi, lib

MAX_PACKET_BYTES = 2048
TRAILER_BYTES = 144
"""Most that SRTP adds to a packet (SRTP_MAX_TRAILER_LEN)."""

_INDEX_BYTES = 4
"""What SRTCP adds besides (RFC 3711 section 3.4)."""

_PROTECT: Any = lib.srtp_protect
_UNPROTECT: Any = lib.srtp_unprotect

_memory = ffi.new("char[]", MAX_PACKET_BYTES + TRAILER_BYTES + _INDEX_BYTES)
_buffer = ffi.buffer(_memory)
_length = ffi.new("int *")


class SrtpSession:
    """One direction of one connection.

    Args:
        session: with its keys; kept alive by this.
    """

    __slots__ = ("_session", "handle")

    def __init__(self, session: pylibsrtp.Session) -> None:
        self._session = session
        self.handle = session._srtp[0]
        """libsrtp's own."""

    def protect(self, packet: bytes) -> bytes | None:
        """Protect an RTP packet; ``None`` if libsrtp refuses."""
        return self._process(lib.srtp_protect, packet)

    def protect_rtcp(self, packet: bytes) -> bytes | None:
        """Protect an RTCP packet."""
        return self._process(lib.srtp_protect_rtcp, packet)

    def unprotect(self, packet: bytes) -> bytes | None:
        """Take the SRTP off an RTP packet; ``None`` if it is forged, replayed or malformed."""
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return None
        _buffer[0:size] = packet
        _length[0] = size
        if _UNPROTECT(self.handle, _memory, _length):
            return None
        done: bytes = _buffer[0 : _length[0]]  # as `_process`, and without it: this is done for every packet
        return done

    def unprotect_rtcp(self, packet: bytes) -> bytes | None:
        """The same for RTCP."""
        return self._process(lib.srtp_unprotect_rtcp, packet)

    def _process(self, function: Any, packet: bytes) -> bytes | None:
        size = len(packet)
        if size > MAX_PACKET_BYTES:
            return None
        _buffer[0:size] = packet
        _length[0] = size
        if function(self.handle, _memory, _length):
            return None
        done: bytes = _buffer[0 : _length[0]]
        return done


def protect_in_place(handles: list[Any], packets: list[Any], lengths: list[Any]) -> list[int]:
    """Protect RTP packets where they are, one of each session.

    Args:
        handles: of the sessions.
        packets: pointers to as many packets or more, each with room for SRTP's trailer.
        lengths: pointers to their lengths, which grow.

    Returns:
        The places of those that libsrtp refused, which must not be sent.
    """
    codes = list(map(_PROTECT, handles, packets, lengths))
    return [place for place, code in enumerate(codes) if code] if any(codes) else []


def unprotect_in_place(handles: list[Any], packets: list[Any], lengths: list[Any]) -> list[int]:
    """Take the SRTP off packets where they are.

    Args:
        handles: of the session that each belongs to; packets of one session in the order in which they came.
        packets: pointers to them.
        lengths: pointers to their lengths, which shrink.

    Returns:
        The places of those that are forged, replayed or malformed.
    """
    codes = list(map(_UNPROTECT, handles, packets, lengths))
    return [place for place, code in enumerate(codes) if code] if any(codes) else []
