"""How often a PIN may be guessed."""

from __future__ import annotations

from conference.web.http.limits.rate_limit import RateLimit
from conference.web.http.origin import rate_key


class Guesses:
    """Counts wrong PINs: from one address, and for one room from all addresses together.

    Args:
        per_address: wrong PINs a minute, all at once or spread; 0 for no limit.
        per_room: the same for one room, from all addresses together.
    """

    def __init__(self, per_address: int, per_room: int) -> None:
        self._addresses = RateLimit(per_address)
        self._rooms = RateLimit(per_room)

    def wait(self, room: str, address: str, now: float) -> float:
        """Seconds until the next PIN is checked; 0 if it is checked now."""
        return max(self._addresses.wait(rate_key(address), now), self._rooms.wait(room, now))

    def wrong(self, room: str, address: str, now: float) -> None:
        """Count a wrong PIN."""
        self._addresses.take(rate_key(address), now)
        self._rooms.take(room, now)
