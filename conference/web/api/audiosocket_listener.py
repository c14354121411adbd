"""Calls on Asterisk's AudioSocket: listens for them, and serves each from its UUID to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from uuid import UUID

from conference.access.grants import Grant
from conference.options.declaration import part_of
from conference.telephony.audiosocket_frames import SOUND, audiosocket_frame
from conference.telephony.dialects.audiosocket import make_audiosocket
from conference.telephony.leg import Leg
from conference.telephony.settings import LegSettings
from conference.unreachable import cannot_listen
from conference.web.access.callers import admit_caller, caller_with_pin
from conference.web.api.streams import read_limits, take_place
from conference.web.http.limits.tcp_connections import TcpConnection
from conference.web.http.origin import rate_key
from conference.web.joining.admitted import PinNeeded
from conference.web.joining.audiosocket_connection import AudioSocketConnection
from conference.web.joining.call import PROMPTS_PARAMETER, Call
from conference.web.joining.expected_calls import ExpectedCall
from conference.web.live import Server

SOUND_WAIT_S = 0.5
"""The rate of a call's sound is that of what comes first; with nothing for so long, the call hears 8 kHz."""

_log = logging.getLogger(__name__)


class AudioSocketUnavailable(Exception):
    """Nobody can call in on AudioSocket; the text is a sentence for people."""


class AudioSocketListener:
    """Takes the connections of one server.

    Args:
        server: whose rooms they are for.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._listening: asyncio.Server | None = None
        self._calls: dict[AudioSocketConnection, tuple[TcpConnection, asyncio.Task[None]]] = {}

    async def bind(self, host: str, port: int) -> None:
        """Have an address, at which nobody is taken yet.

        Args:
            host: a name or an address.
            port: 0 for one that is free.

        Raises:
            AudioSocketUnavailable: the address cannot be had.
        """
        limits = read_limits(self._server)
        try:
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: AudioSocketConnection.make_protocol(limits, self._opened, self._closed),
                host,
                port,
                start_serving=False,
            )
        except (OSError, UnicodeError) as error:  # UnicodeError: a name that cannot be looked up
            why = cannot_listen(error) if isinstance(error, OSError) else "this cannot be the name of a host"
            raise AudioSocketUnavailable(f"Cannot listen for AudioSocket on {host}, port {port}: {why}.") from None
        address = self._listening.sockets[0].getsockname()
        self._server.audiosocket = (address[0], address[1])

    async def start(self) -> None:
        """Take connections from now on, if there is an address."""
        if self._listening is not None:
            await self._listening.start_serving()

    async def close(self) -> None:
        """Take no more connections, and wait for those that are ending. Ending them is for `streams.close_all`."""
        if self._listening is None:
            return
        self._listening.close()
        tasks = [task for _, task in self._calls.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._server.settings.shutdown_timeout)
            for task in late:
                task.cancel()

    def _opened(self, connection: AudioSocketConnection) -> None:
        server, now = self._server, time.monotonic()
        address = rate_key(connection.peer_address)
        if server.stopping or server.drain.begun or server.joins.take(address, now) > 0:
            connection.abort()
            return
        place = server.connections.open(address, connection.abort, now)
        if place is None:
            connection.abort()
            return
        serving = AudioSocketCall(server, connection, place)
        self._calls[connection] = place, asyncio.create_task(serving.run(), name="AudioSocket call")

    def _closed(self, connection: AudioSocketConnection) -> None:
        if connection in self._calls:
            place, task = self._calls[connection]
            self._server.connections.closed(place)
            task.add_done_callback(lambda _: self._calls.pop(connection, None))


class AudioSocketCall:
    """One caller.

    Args:
        server: whose rooms there are.
        connection: open.
        place: of the connection, among all.
    """

    def __init__(self, server: Server, connection: AudioSocketConnection, place: TcpConnection) -> None:
        self._server = server
        self._connection = connection
        self._place = place
        self._expected: ExpectedCall | None = None
        self._address = rate_key(connection.peer_address)
        self._places: list[str] = []
        self._call = self._make_call()
        self._waiting: asyncio.TimerHandle | None = None  # for the first sound

    async def run(self) -> None:
        """Serve the call to its end."""
        server, call = self._server, self._call
        server.registry.opened(call)
        try:
            await call.run()
        except Exception:
            _log.exception("a call failed")
            self._connection.abort()
        finally:
            if self._waiting is not None:
                self._waiting.cancel()
            for address in self._places:
                server.calls_in_rooms.leave(address)
            server.registry.closed(call)

    def _make_call(self) -> Call:
        server = self._server
        leg = Leg(make_audiosocket(self._find), None, part_of(server.settings, LegSettings))
        return Call(
            self._connection,
            leg,
            server.conference,
            self._admit,
            lambda room, pin, _: caller_with_pin(server, room, pin, self._connection.peer_address),
            server.call_services.make_pin_prompt,
            self._let_in,
            lambda room, secret: None,
            server.registry,
            attendant=server.call_services.settings,
            start_timeout=server.settings.connect_timeout,
            close_timeout=server.settings.shutdown_timeout / 2,
            abort=self._connection.abort,
            reading=self._connection.reading,
        )

    def _find(self, uuid: UUID) -> Mapping[str, str] | None:
        """The parameters of the call that a UUID is of; see `FindCall`."""
        expected = self._expected = self._server.expected_calls.claim(uuid, time.monotonic())
        if expected is None and self._server.settings.audiosocket_room is None:
            return None
        loop = asyncio.get_running_loop()
        self._waiting = loop.call_later(SOUND_WAIT_S, self._call.take, audiosocket_frame(SOUND))
        if expected is None:
            return {"room": self._server.settings.audiosocket_room or ""}
        parameters = {"room": expected.room}
        if expected.name is not None:
            parameters["name"] = expected.name
        if expected.prompts is not None:
            parameters[PROMPTS_PARAMETER] = "on" if expected.prompts else "off"
        return parameters

    def _admit(self, room: str, parameters: Mapping[str, str]) -> Grant | PinNeeded:
        """What the caller may do: as was announced, or as anybody without a token."""
        if self._expected is not None:
            return self._expected.grant
        return admit_caller(self._server, room, parameters, None)

    def _let_in(self) -> None:
        take_place(self._server, self._address, self._places)
        self._server.connections.stays(self._place)
