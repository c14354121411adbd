"""The live objects of one server, which the handlers of requests work with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web

from conference.access.grants import Grant
from conference.access.tokens import TokenError, pin_mark, verify
from conference.captions.captions import Captions
from conference.capture.files import Captures
from conference.cluster.cluster import Cluster
from conference.cluster.grants import read_grant
from conference.cluster.log import LogUnavailable
from conference.cluster.replica import ConferenceOver
from conference.engine.connections import ConnectionRegistry
from conference.engine.engine import Engine
from conference.recording.recordings import Recordings
from conference.room.conference import Conference
from conference.room.room import Room
from conference.settings import Settings
from conference.web.drain import Drain
from conference.web.events.feeds import Feeds
from conference.web.events.webhooks import Webhooks
from conference.web.http.limits.concurrency import ConcurrencyLimit
from conference.web.http.limits.rate_limit import RateLimit
from conference.web.http.limits.tcp_connections import TcpConnections
from conference.web.http.origin import client_address, rate_key
from conference.web.http.problems import Problem, check_wait
from conference.web.joining.call import Call
from conference.web.joining.call_services import CallServices
from conference.web.joining.dialing import Dialing
from conference.web.joining.expected_calls import ExpectedCalls
from conference.web.joining.pin_limit import Guesses
from conference.web.joining.seats import Seats
from conference.web.joining.sessions import Sessions, WebRtcLike
from conference.web.joining.signatures import TwilioSignatures
from conference.web.passing_on import PassingOn
from conference.web.sidebars import Sidebars
from conference.web.transfers import Transfers


class PinChanged(TokenError):
    """A token that was given for a PIN which its room does not have.

    Args:
        grant: what it would grant.
    """

    def __init__(self, grant: Grant) -> None:
        super().__init__("This token was given for a PIN that the room does not have any more: enter the one it has.")
        self.grant = grant


_Decided = TypeVar("_Decided")


@dataclass(slots=True)
class Server:
    """The live objects of one running server."""

    settings: Settings
    conference: Conference
    webrtc: WebRtcLike
    registry: ConnectionRegistry
    """Every participant's connection, and those of callers who are not in a room yet."""

    sessions: Sessions
    feeds: Feeds
    webhooks: Webhooks
    seats: Seats
    joins: RateLimit
    messages: RateLimit
    """How often each participant may write to the others."""

    guesses: Guesses
    connections: TcpConnections
    """Every open TCP connection."""

    event_streams: ConcurrencyLimit
    """How many event streams each address may have. `Feeds` limits how many there are in all."""

    calls_in_rooms: ConcurrencyLimit
    token_keys: tuple[str, ...]
    """Keys that tokens may be signed with; new ones with the first. A server without a secret makes one for itself."""

    engine: Engine
    call_services: CallServices
    dialing: Dialing
    expected_calls: ExpectedCalls
    """Calls on AudioSocket that were announced, and have not come yet."""

    audiosocket: tuple[str, int] | None = None
    """Where AudioSocket is listened for: an address and a port."""

    signatures: TwilioSignatures | None = None
    """Checks the signatures of requests that say they come from Twilio; ``None`` if none are checked."""

    captures: Captures | None = None
    """The captures of rooms, if rooms are captured."""

    recordings: Recordings | None = None
    """What is kept of the rooms, if anything may be."""

    captions: Captions | None = None
    """What is said in words, if anything recognises it."""

    cluster: Cluster | None = None
    """The other processes that are one conference with this one, if there are any."""

    passing_on: PassingOn | None = None
    """Passes on to these what only they can do."""

    sidebars: Sidebars = field(default_factory=Sidebars)
    """The sidebars of all rooms."""

    transfers: Transfers = field(init=False)
    """The warm transfers of all rooms."""

    drain: Drain = field(init=False)
    """Whether newcomers are taken."""

    stopping: bool = False
    """Set when the server is told to stop: from then on every request is answered with 503."""

    def __post_init__(self) -> None:
        self.transfers = Transfers(self.conference, self.sidebars)
        self.drain = Drain(self.conference, time.time)

    @property
    def calls(self) -> list[Call]:
        """Every open media stream."""
        return self.registry.of_kind(Call)

    def pin_of(self, room: str) -> str | None:
        """The PIN of a room: the one that its hosts have set, or the one that a new room begins with."""
        there = self.conference.get(room)
        return dict(self.settings.pins).get(room) if there is None else there.policy.pin

    def verify(self, token: str) -> Grant:
        """The grant that a token carries. A PIN's token opens what the PIN opens.

        A room that is made anew, by whomever, is another room: with another PIN, or with none, the tokens of the one
        before it open it no more than its PIN would.

        Raises:
            PinChanged: it was given for a PIN that its room does not have, or not any more.
            TokenError: see `access.tokens.verify`.
        """
        grant = verify(token, self.token_keys, time.time())
        if grant.pin is None or grant.room is None:
            return grant
        pin = self.pin_of(grant.room)
        if pin is None or all(grant.pin != pin_mark(grant.room, pin, key) for key in self.token_keys):
            raise PinChanged(grant)
        return grant

    def token_needed(self, room: str | None) -> bool:
        """Whether a token is needed for a room; with ``None``, for the server as a whole."""
        return self.settings.secret is not None or (room is not None and self.pin_of(room) is not None)

    def grant_of(self, room: str, participant_id: str) -> Grant | None:
        """What a participant was granted on joining; ``None`` if nobody of that id joined through HTTP or a call."""
        connection = self.registry.find(room, participant_id)
        if connection is None and self.cluster is not None:
            return read_grant(self.cluster.node.grant_of(room, participant_id))
        return None if connection is None else connection.grant

    async def decide(self, room: Room, decision: Callable[[Room], _Decided]) -> _Decided:
        """Have something decided about a room: at once, or where it is on several nodes, once that is written down.

        Args:
            room: which.
            decision: calls the room's methods.

        Returns:
            What the last of these gives.

        Raises:
            Problem: it cannot be written down now (503); it is about somebody who is gone (404).
        """
        if self.cluster is None:
            return decision(room)
        try:
            return await self.cluster.node.decide(room, decision)
        except LogUnavailable as error:
            raise Problem(503, str(error), headers={"Retry-After": "2"}) from None
        except ConferenceOver:
            raise Problem(404, "There is no such room: nobody is in it any more.") from None
        except KeyError:
            raise Problem(404, "There is no such participant: they have left.") from None

    def room(self, name: str) -> Room:
        """Find a room by its name.

        Raises:
            Problem: there is no such room (404).
        """
        room = self.conference.get(name)
        if room is None:
            raise Problem(404, "There is no such room: nobody is in it. It is made when somebody joins.")
        return room


def limit_joins(server: Server, request: web.Request) -> None:
    """Count a join of the client that makes a request.

    Raises:
        Problem: they join too often (429).
    """
    check_wait(server.joins.take(address_key(server, request), time.monotonic()), "Too many joins from your address")


def address_key(server: Server, request: web.Request) -> str:
    """The key by which requests from one address are counted."""
    return rate_key(client_address(request, server.settings))


SERVER: web.AppKey[Server] = web.AppKey("server")
"""Where an application keeps its :class:`Server`."""
