"""Follows the events of a room at next to no cost: what comes is read when somebody looks for it, and counted."""

from __future__ import annotations

import asyncio
import socket
import ssl
from urllib.parse import quote, urlencode, urlsplit

from conference.load.client.phone import tls_context
from conference.load.client.websocket import MAX_HEAD, get_request
from conference.webrtc.client.whip import JoinError, authorization

OPEN_SECONDS = 15.0
_READ_BYTES = 1 << 16
_EVENT = b"event: "


class EventFollower:
    """One event stream, as the page reads it: events about many at once, and levels.

    Args:
        url: of the server, ``http`` or ``https``.
        room: to follow.
        seat: the proof of one's own; ``None`` for none.
        verify: whether an HTTPS server must have a certificate that this machine trusts.
        token: what lets it in, where the server asks for it.
    """

    def __init__(self, url: str, room: str, seat: str | None, *, verify: bool = True, token: str | None = None) -> None:
        self._parts = urlsplit(url)
        query = {"batch": "1"} | ({} if seat is None else {"seat": seat})
        self._target = f"{self._parts.path.rstrip('/')}/rooms/{quote(room, safe='')}/events?{urlencode(query)}"
        self._verify = verify
        self._headers = authorization(token)
        self._socket: socket.socket | None = None
        self._tail = b""
        self.events = 0
        """That have come."""

    @property
    def there(self) -> bool:
        """Whether the stream is open, as far as that has been looked at."""
        return self._socket is not None

    async def open(self) -> None:
        """Open the stream, and return when its first bytes are there.

        Raises:
            JoinError: it cannot be had.
        """
        try:
            self._socket = await asyncio.to_thread(self._open)
        except (OSError, ValueError) as error:
            why = str(error).rstrip(".") or "no answer in time"
            raise JoinError(f"The events cannot be followed: {why}.") from error

    def _open(self) -> socket.socket:
        host, secure = self._parts.hostname or "", self._parts.scheme == "https"
        opened = socket.create_connection((host, self._parts.port or (443 if secure else 80)), OPEN_SECONDS)
        try:
            if secure:
                opened = tls_context(self._verify).wrap_socket(opened, server_hostname=host)
            headers = {"Accept": "text/event-stream", **self._headers}
            opened.sendall(get_request(self._parts.netloc.rpartition("@")[2], self._target, headers))
            self._take(_body(opened))
            opened.setblocking(False)
        except BaseException:
            opened.close()
            raise
        return opened

    def drain(self) -> None:
        """Read what has arrived since the last time."""
        if self._socket is None:
            return
        try:
            while data := self._socket.recv(_READ_BYTES):
                self._take(data)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        except OSError:
            pass
        self.close()  # the server has ended it

    def _take(self, data: bytes) -> None:
        data = self._tail + data
        self.events += data.count(_EVENT)
        self._tail = data[1 - len(_EVENT) :]

    def close(self) -> None:
        """Follow no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _body(opened: socket.socket) -> bytes:
    """The first bytes behind the head of an answer.

    Raises:
        ValueError: it is not the answer that was asked for; with a sentence.
    """
    head = b""
    while b"\r\n\r\n" not in head:
        data = opened.recv(_READ_BYTES)
        if not data or len(head) > MAX_HEAD:
            raise ValueError("The server does not answer in HTTP")
        head += data
    status = head.split(b" ", 2)[1:2]
    if not head.startswith(b"HTTP/1.") or status != [b"200"]:
        said = b"".join(status)[:3].decode(errors="replace")
        more = ": start the server with --max-event-streams-per-address 0" if said in ("429", "503") else ""
        raise ValueError(f"HTTP status {said}{more}")
    return head.partition(b"\r\n\r\n")[2]
