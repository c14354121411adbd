"""A participant as the page makes one: its requests in their order, its media, and the room's events."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import aiohttp

from conference.load.client.event_follower import EventFollower
from conference.load.client.peer import FastPeer
from conference.load.signal.arrived import Arrived
from conference.unreachable import reason
from conference.webrtc.client.whip import JoinError


class FastPage(FastPeer):
    """One page.

    Args:
        session: to make requests with.
        url: of the server.
        room: to join.
        name: to be seen as.
        on_rtp: as for `FastPeer`.
        verify: as for `EventFollower`.
        token: as for `EventFollower`.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        room: str,
        name: str,
        on_rtp: Callable[[Arrived], None] | None = None,
        *,
        verify: bool = True,
        token: str | None = None,
    ) -> None:
        super().__init__(session, url, room, name, on_rtp)
        self._http = session
        self._place = f"{url}/rooms/{quote(room, safe='')}"
        self._make_follower = partial(EventFollower, url, room, verify=verify, token=token)
        self._follower: EventFollower | None = None

    @property
    def events(self) -> int:
        """Events that have come."""
        return 0 if self._follower is None else self._follower.events

    @property
    def follows(self) -> bool:
        """Whether the event stream is open."""
        return self._follower is not None and self._follower.there

    def drain_events(self) -> None:
        """Read the events that have come since the last time."""
        if self._follower is not None:
            self._follower.drain()

    async def connect(self) -> None:
        """Join as the page does, and return when packets flow and the room has been shown.

        Raises:
            JoinError: refused, or not connected in time.
        """
        for address in (f"{self._place}/access", f"{self._url}/config"):
            await self._ask("GET", address)
        await super().connect()
        if self.seat is None:
            raise JoinError("There is no seat.")
        proof = {} if self.seat.token is None else {"Conference-Seat": self.seat.token}
        trickle = {"Content-Type": "application/trickle-ice-sdpfrag"}
        await self._ask("PATCH", self.seat.location, proof | trickle, trickle_fragment(self.offer))
        self._follower = self._make_follower(self.seat.token)
        await self._follower.open()
        await self._ask("GET", f"{self.seat.location}/volumes", proof)

    async def _ask(self, method: str, address: str, headers: dict[str, str] | None = None, body: str = "") -> None:
        try:
            async with self._http.request(method, address, headers=headers, data=body or None) as response:
                await response.read()
                if response.status >= 400:
                    what = address.removeprefix(self._url)
                    raise JoinError(
                        f"The server refuses {method} {what}: HTTP status {response.status}.", response.status
                    )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise JoinError(f"The server at {self._url} cannot be reached: {reason(error)}.") from error

    async def close(self) -> None:
        """Leave. Never raises, and takes a few seconds at most."""
        if self._follower is not None:
            self._follower.close()
        await super().close()


def trickle_fragment(offer: str) -> str:
    """The candidates of an offer as the body that trickles them (RFC 8840)."""
    wanted = ("a=ice-ufrag:", "a=ice-pwd:", "m=", "a=mid:", "a=candidate:")
    lines = [line for line in offer.splitlines() if line.startswith(wanted)]
    lines.sort(key=lambda line: next(place for place, start in enumerate(wanted) if line.startswith(start)))
    return "".join(f"{line}\r\n" for line in [*lines, "a=end-of-candidates"])
