"""Proof that somebody sat in a seat, so that after a lost connection they can take it again."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from aiohttp import web

HEADER = "Conference-Seat"
"""The header field that carries the proof, from us and back to us."""

QUERY = "seat"
"""The query parameter that may carry it back, for ``EventSource``, which can set no header."""


def shown_seat(request: web.BaseRequest) -> str | None:
    """The proof that came with a request, if any did; an empty one is none."""
    return request.headers.get(HEADER) or request.query.get(QUERY) or None


class Seats:
    """Makes and checks proofs of a seat: ``<participant id>.<mac>``.

    The MAC is HMAC-SHA256 over room and participant under a key of this process, so that only who joined can come
    back as the same participant, and nothing has to be stored for it.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def issue(self, room: str, participant_id: str) -> str:
        """The proof for one participant of one room."""
        return f"{participant_id}.{self._mac(room, participant_id)}"

    def check(self, room: str, proof: str) -> str | None:
        """The participant that ``proof`` speaks for in ``room``; ``None`` if we never issued it."""
        match = re.fullmatch(r"([A-Za-z0-9_-]{1,64})\.([0-9a-f]{64})", proof)
        if match is None or not hmac.compare_digest(match[2], self._mac(room, match[1])):
            return None
        return match[1]

    def _mac(self, room: str, participant_id: str) -> str:
        return hmac.new(self._key, f"{room}/{participant_id}".encode(), hashlib.sha256).hexdigest()
