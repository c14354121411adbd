"""A room with a host and two speakers, to be run over HTTP."""

from __future__ import annotations

from typing import Any

from conference.room.events import RoomEvent
from conference.room.participant import Participant
from conference.room.room import Room
from tests.web.doubles import MERGE_PATCH, Site
from tests.web.passes import as_role, seat_of


class Scene:
    """A room with a host, Hana, who comes with a token, and two speakers who have a seat only."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client = site.client
        self.host = as_role("host", identity="hana", name="Hana")
        self.seats: dict[str, dict[str, str]] = {}
        self.paths: dict[str, str] = {}
        self.events: list[RoomEvent] = []
        site.server.conference.subscribe("tea", self.events.append)

    async def come(self, name: str, **headers: str) -> Any:
        joined = await self.site.join(name=name, **headers)
        if joined.status == 201:
            self.seats[name] = seat_of(joined)
            self.paths[name] = joined.headers["Location"]
        return joined

    def id(self, name: str) -> str:
        return self.paths[name].rpartition("/")[2]

    @property
    def room(self) -> Room:
        return self.site.server.conference.rooms["tea"]

    def person(self, name: str) -> Participant:
        return self.room.participants[self.id(name)]

    async def patch(self, name: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Any:
        headers = self.seats[name] if headers is None else headers
        return await self.client.patch(self.paths[name], json=body, headers=headers | MERGE_PATCH)

    async def policy(self, **body: Any) -> Any:
        return await self.client.patch("/rooms/tea", json=body, headers=self.host | MERGE_PATCH)

    async def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        return await self.client.post(path, json=body, headers=self.host if headers is None else headers)

    async def put(self, path: str, body: Any) -> Any:
        return await self.client.put(path, json=body, headers=self.host)

    async def delete(self, path: str) -> Any:
        return await self.client.delete(path, headers=self.host)

    def told(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def lose(self, name: str, reason: str = "The connection failed.") -> None:
        """Their line breaks."""
        [peer] = [one for one in self.site.webrtc.peers if one.source is self.person(name).source]
        assert peer.on_end is not None
        peer.on_end(reason)


def site_is_empty(scene: Scene) -> bool:
    """Whether there is no room any more."""
    return not scene.site.server.conference.rooms
