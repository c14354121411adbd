"""The UDP port of a trunk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast


class TrunkUnavailable(Exception):
    """The port of a trunk cannot be had.

    Args:
        reason: what the system says.
    """

    def __init__(self, reason: OSError) -> None:
        super().__init__(str(reason))
        self.reason = reason


class TrunkSocket(asyncio.DatagramProtocol):
    """Sends and receives datagrams.

    Args:
        receive: takes each that comes.
    """

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._transport: asyncio.DatagramTransport | None = None
        self._full = False  # the system takes nothing more for a while

    async def open(self, host: str, port: int) -> None:
        """Take datagrams at an address; port 0 is any free one.

        Raises:
            TrunkUnavailable: it cannot be had.
        """
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        except OSError as error:
            raise TrunkUnavailable(error) from None

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it takes datagrams, as numbers, whatever name it was opened with; ``None`` while it does not."""
        name = None if self._transport is None else self._transport.get_extra_info("sockname")
        return None if name is None else (str(name[0]), int(name[1]))

    def send(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Send a datagram; what the system does not take is lost, as on the way."""
        if self._transport is not None and not self._full:
            self._transport.sendto(datagram, address)

    def close(self) -> None:
        """Take no more. Doing it twice does no harm."""
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    # See `asyncio.DatagramProtocol`

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # which Python 3.11's is not by its class

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """One has come."""
        del addr  # what it was sealed with says who sent it
        self._receive(data)

    def pause_writing(self) -> None:
        """What is sent waits: it is better lost than late."""
        self._full = True

    def resume_writing(self) -> None:
        """The system takes more."""
        self._full = False

    def error_received(self, exc: Exception) -> None:
        """Somebody cannot be reached: presence finds out whether they are gone."""
        del exc
