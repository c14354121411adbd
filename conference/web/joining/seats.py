"""Proves that somebody had a seat in a room, so that after a lost connection they can take it again."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

from aiohttp import web

HEADER = "Conference-Seat"
"""The header field that carries the proof, in the answer to a join and in later requests."""

QUERY = "seat"
"""The query parameter that may carry the proof instead: ``EventSource`` can set no header."""


def shown_seat(request: web.BaseRequest) -> str | None:
    """The proof that a request carries; ``None`` if there is none, or it is empty."""
    return request.headers.get(HEADER) or request.query.get(QUERY) or None


class Seats:
    """Makes and checks proofs of a seat: ``<participant id>.<mac>``.

    The MAC is HMAC-SHA256 over room and participant under a key of this process, or of all those that are one
    conference. So only whoever joined can come back as the same participant, and the server stores nothing for that.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)

    def share(self, key: bytes) -> None:
        """Make and check proofs with a key that other processes have, too. To be called before any is made."""
        self._key = key

    def issue(self, room: str, participant_id: str) -> str:
        """Make the proof for one participant of one room."""
        return f"{participant_id}.{self._mac(room, participant_id)}"

    def check(self, room: str, proof: str) -> str | None:
        """The id of the participant whom ``proof`` is for in ``room``; ``None`` if the proof was not issued here."""
        match = re.fullmatch(r"([A-Za-z0-9_-]{1,64})\.([0-9a-f]{64})", proof)
        if match is None or not hmac.compare_digest(match[2], self._mac(room, match[1])):
            return None
        return match[1]

    def _mac(self, room: str, participant_id: str) -> str:
        return hmac.new(self._key, f"{room}/{participant_id}".encode(), hashlib.sha256).hexdigest()
