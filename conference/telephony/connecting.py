"""Opens a stream's WebSocket, and reads no more of it than the limits allow; says in a sentence why it cannot."""

from __future__ import annotations

import asyncio
import os
import socket as sockets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from ssl import SSLContext
from types import SimpleNamespace
from typing import Any, Literal, Protocol, cast

import aiohttp
from yarl import URL

from conference.errors import ConferenceError
from conference.telephony.backpressure import LimitedReading, ReadLimits, limit_reading
from conference.telephony.destinations import Destinations
from conference.telephony.dialect import Message
from conference.telephony.websocket_frames import TextMessages, client_frame, kind_and_payload
from conference.unreachable import reason


class CallError(ConferenceError):
    """A call cannot be placed; the text is a sentence for people.

    Args:
        text: the sentence.
        status: of the HTTP response that refused it; 0 if there was none.
        retry_after: seconds after which the server wants to be asked again; 0 if it does not say.
    """

    __module__ = "conference"

    def __init__(self, text: str, status: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after

    @property
    def passing(self) -> bool:
        """Whether the same call may well be taken later."""
        return self.status in (0, 408, 429) or self.status >= 500


class NotAllowed(CallError):
    """Nobody may call there from here."""

    @property
    def passing(self) -> bool:
        """Whether the same call may well be taken later: no."""
        return False


class StreamSocket(aiohttp.ClientWebSocketResponse[Literal[True]]):
    """Reads no more than :attr:`limits` of what the other end sends, whatever it is."""

    limits: ReadLimits
    keeps_bytes: int = 0
    """Text messages of so many bytes at most are kept for whoever takes them from :attr:`reading`; 0: none."""

    reading: LimitedReading | None = None
    """What is read; ``None`` if the connection was lost at once."""

    def __init__(
        self, reader: Any, writer: Any, protocol: str | None, response: aiohttp.ClientResponse, *args: Any, **more: Any
    ) -> None:
        super().__init__(reader, writer, protocol, response, *args, **more)
        self._lower_transport = None if response.connection is None else response.connection.transport
        if self._lower_transport is not None:
            self.reading = limit_reading(self._lower_transport, self.limits)
            if self.keeps_bytes:
                self.reading.keep_messages(TextMessages(self.keeps_bytes, masked=False))

    @property
    def takes_all(self) -> bool:
        """All that was sent has been taken, so that what comes next can be written at once."""
        transport = self._lower_transport
        return (
            transport is not None
            and not (self.closed or transport.is_closing())
            and not transport.get_write_buffer_size()
        )

    def write(self, messages: Sequence[Message]) -> None:
        """Send messages at once, without a wait: to be asked only while the other end :attr:`takes_all`."""
        if self._lower_transport is not None:
            frames = [client_frame(*kind_and_payload(message), os.urandom(4)) for message in messages]
            self._lower_transport.write(b"".join(frames))

    async def send(self, message: Message) -> None:
        """Send a message, and wait until the other end takes it.

        Raises:
            ConnectionError, aiohttp.ClientError: the connection is lost.
        """
        await send_message(self, message)

    refusal: str | None = None
    """Why a call was hung up on at once, as far as the protocol has no words for it; see `caller.CallConnection`."""

    closing_words = ""
    """What the other end has said as it closed."""

    async def receive_message(self) -> Message | None:
        """The next message; ``None`` once there are no more.

        Raises:
            ConnectionError, aiohttp.ClientError: the connection breaks just now.
        """
        message = await self.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return cast("Message", message.data)
        if message.type is aiohttp.WSMsgType.CLOSE and isinstance(message.extra, str):
            self.closing_words = message.extra
        return None

    def abort(self) -> None:
        """Drop the connection, with what was not sent yet."""
        if self._lower_transport is not None:
            self._lower_transport.abort()


@dataclass(frozen=True)
class Connecting:
    """How streams are opened.

    Args:
        limits: how much is read of each.
        max_message_bytes: size of a message that is taken.
        handshake_seconds: how long one may take to be opened.
        ssl: how to verify a ``wss`` server; ``False`` for not at all.
        allowed: where it may lead; ``None`` for anywhere, and whatever redirects say.
        heartbeat: seconds between two pings; who answers none is lost. ``None`` for no pings.
    """

    limits: ReadLimits
    max_message_bytes: int
    handshake_seconds: float = 20.0
    ssl: SSLContext | bool = True
    allowed: Destinations | None = None
    heartbeat: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    protocols: tuple[str, ...] = ()
    keeps_bytes: int = 0
    """See `StreamSocket.keeps_bytes`."""

    def session(self, url: str) -> aiohttp.ClientSession:
        """A session that opens a stream at this address.

        Raises:
            NotAllowed: nobody may call there.
        """
        # aiohttp makes the socket, and begins to read at once: so its class has the limits.
        kind = type("StreamSocket", (StreamSocket,), {"limits": self.limits, "keeps_bytes": self.keeps_bytes})
        if self.allowed is None:
            return aiohttp.ClientSession(ws_response_class=kind)
        return guarded_session(url, self.allowed, ws_response_class=kind)

    async def open(self, session: aiohttp.ClientSession, url: str) -> StreamSocket:
        """Open a stream in its session.

        Raises:
            CallError: there is no such server, or it does not take the call.
        """
        shown = url if self.allowed is None else shown_address(url)
        try:
            async with asyncio.timeout(self.handshake_seconds):
                socket = await session.ws_connect(
                    url,
                    headers=self.headers,
                    protocols=self.protocols,
                    ssl=self.ssl,
                    max_msg_size=self.max_message_bytes,
                    compress=0,
                    heartbeat=self.heartbeat,
                )
        except TimeoutError:
            raise CallError(f"{shown} did not answer within {self.handshake_seconds:g} s.") from None
        except aiohttp.WSServerHandshakeError as error:
            after = error.headers.get("Retry-After", "") if error.headers else ""
            seconds = float(after) if after.isascii() and after.isdigit() and len(after) < 6 else 0.0
            raise CallError(_handshake_sentence(shown, error), error.status, seconds) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _no_stream(shown, error) from None
        assert isinstance(socket, StreamSocket)  # noqa: S101 - the session's class
        return socket


def guarded_session(url: str, allowed: Destinations, **given: Any) -> aiohttp.ClientSession:
    """A session for requests to one address: it connects to what is allowed alone, and follows no redirects.

    Args:
        url: the address.
        allowed: where it may lead.
        given: for `aiohttp.ClientSession`.

    Raises:
        NotAllowed: nobody may call there.
    """
    host, port = host_and_port(url)
    if not allowed.may_have(host, port):
        raise NotAllowed(f"{host} may not be called from this server: its operator allows that with --dial-allow.")

    def make_socket(found: Any) -> sockets.socket:
        family, kind, protocol, _, address = found
        if not allowed.permit(host, ip_address(str(address[0]).partition("%")[0]), int(address[1])):
            raise NotAllowedAddress(f"{host} is at an address that may not be called from this server")
        made = sockets.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    connector = aiohttp.TCPConnector(socket_factory=make_socket, use_dns_cache=False, force_close=True)
    return aiohttp.ClientSession(connector=connector, trace_configs=[trace], **given)


class NotAllowedAddress(OSError):
    """A name has led to where nobody may call."""


async def _refuse_redirect(_: aiohttp.ClientSession, __: SimpleNamespace, redirect: Any) -> None:
    raise CallError("The call is redirected elsewhere, which is not followed.", redirect.response.status)


def host_and_port(url: str) -> tuple[str, int]:
    """Where an address leads.

    Raises:
        CallError: it is none.
    """
    try:  # as aiohttp reads it: nobody may make two things of one address
        parts = URL(url)
        host, port = parts.raw_host, parts.port
        if host:
            host.encode("idna")  # as it is looked up: each part of a name has 1 to 63 characters
    except ValueError:
        host, port = None, None
    if not host or not port:
        raise CallError(f"{url!r} is not an address that can be called.")
    return host.lower(), port


def shown_address(url: str) -> str:
    """An address as all in a room may see it: its path, its query and its password may let somebody in elsewhere."""
    try:
        return str(URL(url).origin())
    except ValueError:
        return "the address"


class Sending(Protocol):
    """A WebSocket of a client or a server."""

    async def send_str(self, data: str, compress: int | None = None) -> None: ...

    async def send_bytes(self, data: bytes, compress: int | None = None) -> None: ...


async def send_message(socket: Sending, message: Message) -> None:
    """Send a message of a stream, text or binary.

    Raises:
        ConnectionError, aiohttp.ClientError: the connection is lost.
    """
    if isinstance(message, str):
        await socket.send_str(message)
    else:
        await socket.send_bytes(message)


def _no_stream(shown: str, error: Exception) -> CallError:
    """Why an address has led to no stream."""
    cause = getattr(error, "os_error", error)
    if isinstance(cause, NotAllowedAddress):
        return NotAllowed(f"{cause}.")
    is_value_error = isinstance(error, ValueError) and not isinstance(error, OSError)  # certificates' errors are both
    if is_value_error or isinstance(error, aiohttp.NonHttpUrlClientError):  # no address, or a name that cannot be
        return CallError(f"{shown!r} is not a WebSocket address like ws://host:8080/twilio/stream.")
    return CallError(f"{shown} cannot be reached: {reason(error)}.")


def _handshake_sentence(url: str, error: aiohttp.WSServerHandshakeError) -> str:
    if error.status == 101 or error.status == 200:
        return f"{url} is there, but no WebSocket."
    reason = f" ({error.headers['Retry-After']} s)" if error.headers and "Retry-After" in error.headers else ""
    known = {401: "asks for a login", 403: "forbids this call", 404: "has no such stream", 429: "is called too often"}
    known |= {503: "takes no calls at the moment", 508: "is where this call comes from"}
    return f"{url} {known.get(error.status, 'does not take the call')}: HTTP status {error.status}{reason}."
