"""ICE over the shared port: aioice's connection with sockets that are not its own.

aioice has no public way to share a port. What is needed for it is gathered here, each private name once; `missing` says
at start-up which of them have moved.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable
from typing import Any, Protocol, cast

from aioice import Candidate as IceCandidate
from aioice import Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, StunProtocol

from conference.webrtc.ice.check_pacing import CheckPacer
from conference.webrtc.ice.stun import (
    CHECK_PRIORITY,
    Class,
    StunMessage,
    build_request,
    build_response,
    new_transaction_id,
)
from conference.webrtc.sdp.candidate import Candidate, can_be_reached
from conference.webrtc.sdp.transport_attributes import PeerTransport
from conference.webrtc.udp.sockets import Address, SharedSocket

CONSENT_NS = 5_000_000_000
"""Time between two consent checks, on average: 0.8 to 1.2 times that, drawn anew each time (RFC 7675 section 5.1)."""

CONSENT_EXPIRES_NS = 30_000_000_000
"""Without the response to one for so long, nothing may be sent any more."""

MAX_REQUESTS = 64
"""Of the peer, that are remembered to know a copy of one."""

_COMPONENT = 1
_STUN_BINDING_REQUEST = b"\x00\x01"


def missing() -> list[str]:
    """What this module relies on and aioice does not have."""
    connection = Connection(ice_controlling=False)
    protocol = StunProtocol(connection)
    names = (
        "_local_username",
        "_local_candidates",
        "_local_candidates_end",
        "_protocols",
        "_nominated",
        "_tie_breaker",
    )
    calls = ("check_complete", "query_consent", "request_received", "ice_controlling", "remote_is_lite")
    return [
        f"{type(thing).__name__}.{name}"
        for thing, wanted in ((connection, (*names, *calls)), (protocol, ("transactions", "local_candidate")))
        for name in wanted
        if not hasattr(thing, name) and name not in getattr(type(thing), "__annotations__", {})
    ]


class SharedPort(Protocol):
    """What ICE needs of the port that all connections share: `webrtc.mux.UdpMux`."""

    checks: CheckPacer
    """Paces the connectivity checks of all connections."""

    @property
    def port(self) -> int:
        """The UDP port."""
        ...

    def announced(self) -> list[tuple[SharedSocket, tuple[str, ...]]]:
        """Give each socket with the addresses at which peers can reach it."""
        ...

    def add(self, endpoint: MuxedIce) -> None:
        """Hand a connection what comes for it, from now on."""
        ...

    def remove(self, endpoint: MuxedIce) -> None:
        """Hand it nothing any more."""
        ...

    def expect(self, transaction_id: bytes, endpoint: MuxedIce) -> None:
        """Hand a connection the response to a STUN request of its own, from wherever it comes."""
        ...


class _ProtocolTransport:
    """What aioice takes for the transport of its own socket: a view of a shared one."""

    def __init__(self, endpoint: MuxedIce, shared: SharedSocket, protocol: StunProtocol) -> None:
        self._endpoint = endpoint
        self.shared = shared
        self._protocol = protocol
        self._closed = False
        self._checks: dict[Address, bytes] = {}  # the last one for each address, whether it went out or not

    def sendto(self, data: bytes, address: Address) -> bool:
        if self._closed:
            return False
        if data[:2] == _STUN_BINDING_REQUEST:
            self._checks[address] = data
            if not self._endpoint.checks.admits(address):
                return False
            self._endpoint.expect(data[8:20])
        return self.shared.sendto(data, address)

    def repeat_check(self, address: Address) -> None:
        """Send the check that is under way to an address once more, without waiting for its timer."""
        check = self._checks.get(address)
        if check is not None and check[8:20] in self._protocol.transactions:
            self.sendto(check, address)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._protocol.connection_lost(None)

    def forget(self) -> None:
        """Once closed: nobody is told of anything any more."""
        vars(self).pop("_endpoint", None)
        vars(self).pop("_protocol", None)

    def is_closing(self) -> bool:
        return self._closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.shared.binding.bind, self.shared.port) if name == "sockname" else default


class MuxedIce:
    """An ICE connection whose datagrams go through the shared port. Satisfies `webrtc.endpoints.Endpoint`.

    Args:
        mux: the shared port.
        theirs: the peer's credentials.
        routed: called when there is a path to the peer, and whenever there is another one.
        dtls: takes DTLS datagrams.

    Attributes:
        media: takes SRTP and SRTCP packets, with the time of their arrival.
        route: the way to the peer; ``None`` while there is none.
        candidates: where we can be reached, for the answer.
        checks: says which connectivity checks may go out.
        heard_ns: when something authentic last came.
        ask_ns: when :meth:`consents` has something to do again; 0 before the first time.
    """

    def __init__(
        self, mux: SharedPort, theirs: PeerTransport, *, routed: Callable[[], object], dtls: Callable[[bytes], object]
    ) -> None:
        # aioice draws four characters, which is too few to tell thousands of connections apart.
        self.ufrag = secrets.token_hex(8)
        # "The full agent MUST take on the controlling role, and the lite agent ... the controlled role" (RFC 8445
        # section 6.1.1): nobody else would nominate. Of two full agents it is the one who offered.
        self._connection = connection = Connection(ice_controlling=theirs.ice_lite, local_username=self.ufrag)
        connection.remote_is_lite = theirs.ice_lite
        connection.remote_username, connection.remote_password = theirs.ufrag, theirs.password
        self._remote_key = theirs.password.encode()
        self._key = connection.local_password.encode()
        self._username = f"{self.ufrag}:{theirs.ufrag}"  # of the peer's requests, and of ours
        self._asking = f"{theirs.ufrag}:{self.ufrag}"
        self._mux = mux
        self.checks = mux.checks.budget(ice_lite=theirs.ice_lite)
        self._routed = routed
        self._protocols: dict[SharedSocket, StunProtocol] = {}
        self._checking: asyncio.Task[None] | None = None
        self._consent_ns = 0
        self._senders: dict[bytes, Address] = {}  # of the last authentic requests, by transaction id
        self.ask_ns = 0
        self.dtls = dtls
        self.media: Callable[[bytes, int], object] = _nothing
        self.route: tuple[SharedSocket, Address] | None = None
        self.heard_ns = 0
        self.candidates: list[Candidate] = []
        self._complete: Callable[[CandidatePair], object] = connection.check_complete
        connection.check_complete = self._check_complete  # type: ignore[method-assign]
        connection.query_consent = _nothing_later  # type: ignore[method-assign]
        mux.add(self)

    @property
    def password(self) -> str:
        """Ours."""
        return self._connection.local_password

    async def start(self, candidates: tuple[Candidate, ...]) -> None:
        """Say where we can be reached, and begin to look for a path to the peer."""
        found: list[IceCandidate] = []
        for shared, announced in self._mux.announced():
            first = len(found)
            for address in announced:
                found.append(_host_candidate(address, shared.port, len(found)))
            protocol = StunProtocol(self._connection)
            transport = _ProtocolTransport(self, shared, protocol)
            protocol.connection_made(cast("asyncio.DatagramTransport", transport))
            protocol.local_candidate = found[first]
            self._protocols[shared] = protocol
            self._connection._protocols.append(protocol)
        self._connection._local_candidates = found
        self._connection._local_candidates_end = True
        self.candidates = [Candidate(one.foundation, one.priority, one.host, one.port, one.type) for one in found]
        for one in candidates:
            await self.add_candidate(one)
        self._checking = asyncio.create_task(self._check())

    async def add_candidate(self, candidate: Candidate) -> None:
        """Try to reach the peer there, too, if it is somewhere that a peer of ours can be."""
        ours = [one.address for one in self.candidates]
        if not can_be_reached(candidate, ours) or (candidate.address in ours and candidate.port == self._mux.port):
            return
        await self._connection.add_remote_candidate(
            IceCandidate(
                foundation=candidate.foundation,
                component=_COMPONENT,
                transport="udp",
                priority=candidate.priority,
                host=candidate.address,
                port=candidate.port,
                type=candidate.type,
            )
        )

    async def _check(self) -> None:
        with contextlib.suppress(ConnectionError):  # closed before there was a path
            await self._connection.connect()

    def _check_complete(self, pair: CandidatePair) -> None:
        self._complete(pair)
        nominated = self._connection._nominated.get(_COMPONENT)
        if nominated is None:
            return
        transport = cast("_ProtocolTransport", nominated.protocol.transport)
        route = (transport.shared, nominated.remote_addr)
        if route != self.route:
            self.route = route
            self._routed()

    def detach(self) -> None:
        """Leave the mux: from now on, nothing comes and nothing goes."""
        self._mux.remove(self)
        self.route = None
        if self._checking is not None:
            self._checking.cancel()
        for protocol in self._protocols.values():
            protocol.transport.close()

    def send(self, datagram: bytes) -> bool:
        """Send a datagram to the peer. Returns whether it went out."""
        route = self.route
        return route is not None and route[0].sendto(datagram, route[1])

    def expect(self, transaction_id: bytes) -> None:
        """A STUN request of ours is about to be sent."""
        self._mux.expect(transaction_id, self)

    def authenticates(self, message: StunMessage, address: Address) -> bool:
        """Whether a request was made for us, with our password, or a response by the peer, with theirs.

        A request is not if it came from another address before: whoever sees one can send it once more.
        """
        if message.message_class != Class.REQUEST:
            return message.check_message_integrity(self._remote_key)
        if not message.check_message_integrity(self._key):
            return False
        senders = self._senders
        if len(senders) >= MAX_REQUESTS and message.transaction_id not in senders:
            del senders[next(iter(senders))]
        return senders.setdefault(message.transaction_id, address) == address

    def stun_request(self, request: StunMessage, address: Address, via: SharedSocket) -> None:
        """Answer an authentic connectivity check, and do what it brings about."""
        if self._changes_nothing(request, address, via):
            via.sendto(build_response(request.transaction_id, address, self._key), address)
            return
        protocol, message = self._protocols.get(via), request.message()
        if protocol is not None and message is not None:
            self.checks.note_request(address)
            self._connection.request_received(message, address, protocol)
            # "If the state of that pair is In-Progress", a check goes out at once all the same (RFC 8445 section
            # 7.3.1.4): ours, which the peer may not have got, else waits for its timer.
            cast("_ProtocolTransport", protocol.transport).repeat_check(address)

    def _changes_nothing(self, request: StunMessage, address: Address, via: SharedSocket) -> bool:
        """Whether a check is of the path that is in use, and all there is to do about it is to answer.

        The pair is valid and nominated already; a controlling peer and a controlled one are in no conflict (RFC 8445
        sections 7.3.1.1, 7.3.1.4 and 7.3.1.5).
        """
        return (
            request.usual
            and (via, address) == self.route
            and request.username == self._username
            and not self._connection.ice_controlling
        )

    def stun_response(self, response: StunMessage, address: Address, via: SharedSocket, now_ns: int) -> None:
        """Take the authentic response to a request of ours."""
        self.heard_ns = self._consent_ns = now_ns
        self.checks.note_response(address)
        protocol = self._protocols.get(via)
        transaction = protocol.transactions.get(response.transaction_id) if protocol is not None else None
        if transaction is not None and (message := response.message()) is not None:
            transaction.response_received(message, address)

    def consents(self, now_ns: int) -> bool:
        """Ask now and then whether the peer still wants to hear from us, and say whether it does (RFC 7675).

        Call it once there is a path, and again as soon as :attr:`ask_ns` has come.
        """
        if not self.ask_ns:
            self._consent_ns = now_ns
        elif now_ns >= self.ask_ns:
            self.probe()
        else:
            return True
        self.ask_ns = now_ns + int(CONSENT_NS * random.uniform(0.8, 1.2))  # noqa: S311 - not a secret
        return now_ns - self._consent_ns < CONSENT_EXPIRES_NS

    def probe(self) -> None:
        """Ask the peer for a sign of life: a consent check out of turn."""
        route, connection = self.route, self._connection
        if route is None:
            return
        transaction_id = new_transaction_id()
        self.expect(transaction_id)
        request = build_request(
            transaction_id,
            self._asking,
            CHECK_PRIORITY,
            connection._tie_breaker,
            self._remote_key,
            controlling=connection.ice_controlling,
        )
        route[0].sendto(request, route[1])

    async def close(self) -> None:
        """End it: every task of it is over when this returns."""
        await self._connection.close()
        if self._checking is not None:
            await asyncio.wait([self._checking])

    def release(self) -> None:
        """Let go of everybody else, so that nothing has to wait for the garbage collector."""
        self.dtls = self.media = self._routed = self._complete = _nothing
        for protocol in self._protocols.values():
            cast("_ProtocolTransport", protocol.transport).forget()
        self._connection._check_list.clear()
        vars(self._connection).pop("check_complete", None)
        self._protocols.clear()


def _host_candidate(address: str, port: int, index: int) -> IceCandidate:
    return IceCandidate(
        foundation=candidate_foundation("host", "udp", address),
        component=_COMPONENT,
        transport="udp",
        priority=candidate_priority(_COMPONENT, "host", 65_535 - index),
        host=address,
        port=port,
        type="host",
    )


def _nothing(*_: object) -> None:
    """Media that comes before anybody could listen."""


async def _nothing_later() -> None:
    """Aioice's own consent checks have a task for each connection; ours go with the other housekeeping."""
