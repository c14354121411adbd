"""A Twilio-compatible caller that costs next to nothing: messages from a pattern, and a socket that is seldom read."""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import ssl
import time
from urllib.parse import quote, urlsplit

from conference.load.client.websocket import (
    CLOSE,
    MAX_HEAD,
    PING,
    PONG,
    TEXT,
    FrameReader,
    WebSocketError,
    build_frame,
    read_upgrade,
    upgrade_request,
)
from conference.telephony.dialect import CallIdentity
from conference.telephony.fields import to_base64
from conference.telephony.twilio.messages import Connected, Mark, Start, Stop, build
from conference.webrtc.client.whip import JoinError, authorization

CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 2.0
MAX_UNSENT = 64 * 1024
"""Bytes that wait for a server that takes nothing; then a caller falls silent."""

_MEDIA = b'{"event":"media"'
_MARK = re.compile(rb'^\{"event":\s*"mark".*"name":\s*"([^"\\]*)"')


class FastPhone(asyncio.Protocol):
    """One caller.

    Args:
        url: of the server, ``http`` or ``https``.
        room: to call.
        name: to be seen as.
        verify: whether an HTTPS server must have a certificate that this machine trusts.
        token: what lets it in, where the server asks for it.
    """

    def __init__(self, url: str, room: str, name: str, *, verify: bool = True, token: str | None = None) -> None:
        self._parts = urlsplit(url)
        self._room, self._name, self._verify = room, name, verify
        self._token = token
        self._identity = CallIdentity()
        self._key = secrets.token_bytes(16)
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._lost = asyncio.Event()
        self._head = bytearray()
        self._frames = FrameReader()
        self._seldom = False
        self._sequence = self._chunk = 0
        self.sent = 0
        self.received = 0
        self.lost = 0
        """Nothing is lost on TCP."""
        self.gaps = 0
        """Not looked for."""
        self.answer_ms = 0.0
        self.connected_ms = 0.0

    @property
    def there(self) -> bool:
        """Whether the connection is up."""
        return self._transport is not None

    async def connect(self) -> None:
        """Call, and return when messages can flow.

        Raises:
            JoinError: refused, or not connected in time.
        """
        began_ns = time.monotonic_ns()
        secure = self._parts.scheme == "https"
        port = self._parts.port or (443 if secure else 80)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().create_connection(
                    lambda: self, self._parts.hostname or "", port, ssl=tls_context(self._verify) if secure else None
                )
                status = await self._answered
        except (OSError, TimeoutError, WebSocketError) as error:
            reason = str(error).rstrip(".") or "no answer in time"
            raise JoinError(f"The call could not be placed: {reason}.") from error
        if status != 101:
            raise JoinError(f"The server does not take the call: HTTP status {status}.", status)
        self.answer_ms = self.connected_ms = (time.monotonic_ns() - began_ns) / 1e6
        one = self._identity
        parameters = {"name": self._name, "prompts": "off"}  # who measures wants to hear nothing but the others
        if self._token is not None:
            parameters["token"] = self._token
        self._write(build(Connected()).encode())
        start = Start(
            stream_sid=one.stream_sid,
            call_sid=one.call_sid,
            account_sid=one.account_sid,
            custom_parameters=parameters,
            sequence_number=self._next(),
        )
        self._write(build(start).encode())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of a TCP connection
        self._transport = transport
        target = f"{self._parts.path.rstrip('/')}/twilio/stream/{quote(self._room)}"
        transport.write(
            upgrade_request(self._parts.netloc.rpartition("@")[2], target, self._key, authorization(self._token))
        )

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        try:
            if not self._answered.done():
                data = self._read_head(data)
            for opcode, payload in self._frames.feed(data):
                self._take(opcode, payload)
        except WebSocketError as error:
            self._fail(error)
        if self._seldom and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _read_head(self, data: bytes) -> bytes:
        self._head += data
        head, end, rest = bytes(self._head).partition(b"\r\n\r\n")
        if not end:
            if len(head) > MAX_HEAD:
                raise WebSocketError("The server does not answer in HTTP.")
            return b""
        self._answered.set_result(read_upgrade(head, self._key))
        return rest

    def _take(self, opcode: int, payload: bytes) -> None:
        if payload.startswith(_MEDIA):
            self.received += 1
        elif opcode == TEXT:
            mark = _MARK.match(payload)
            if mark is not None:  # played as soon as it comes: there is no ear to this phone
                name = mark[1].decode(errors="replace")
                self._write(build(Mark(self._identity.stream_sid, name, self._next())).encode())
        elif opcode == PING:
            self._write(payload, PONG)
        elif opcode == CLOSE and self._transport is not None:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has hung up."""
        self._lost.set()
        self._transport = None
        self._fail(exc or WebSocketError("The server closed the connection."))

    def _fail(self, error: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(error)
        if self._transport is not None:
            self._transport.abort()

    def stop_waking(self, *, stamped: bool = False) -> None:
        """From now on nothing is read unless :meth:`drain` is called."""
        del stamped
        self._seldom = True

    def drain(self) -> None:
        """Read what has arrived, as soon as the loop is back."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def send(self, payload: bytes, timestamp: int, level: int | None = None) -> None:
        """Send 20 ms of mu-law.

        Args:
            payload: 160 bytes.
            timestamp: of the media at 48 kHz; a call's own begins at 0.
            level: not told.
        """
        del timestamp, level
        if self._transport is None or self._transport.get_write_buffer_size() > MAX_UNSENT:
            return
        self._write(self._media(payload).encode())
        self.sent += 1

    def _media(self, payload: bytes) -> str:
        """As `telephony.twilio.messages.build` writes it, at a tenth of the price."""
        self._chunk += 1
        return (
            f'{{"event":"media","sequenceNumber":"{self._next()}","streamSid":"{self._identity.stream_sid}",'
            f'"media":{{"track":"inbound","chunk":"{self._chunk}","timestamp":"{(self._chunk - 1) * 20}",'
            f'"payload":"{to_base64(payload)}"}}}}'
        )

    def _write(self, payload: bytes, opcode: int = TEXT) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(build_frame(opcode, payload))

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    async def close(self) -> None:
        """Hang up. Never raises, and takes a few seconds at most."""
        if self._transport is None:
            return
        one = self._identity
        self._seldom = False
        self.drain()
        self._write(build(Stop(one.stream_sid, one.call_sid, one.account_sid, self._next())).encode())
        self._write((1000).to_bytes(2, "big"), CLOSE)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._lost.wait()
        if self._transport is not None:
            self._transport.abort()


def tls_context(verify: bool) -> ssl.SSLContext:
    """For a connection to a server whose certificate need not be trusted if it is not to be verified."""
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
