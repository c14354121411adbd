"""Writes an event stream to the connection that a request came by, without a task switch for each event."""

from __future__ import annotations

import asyncio
import math

from aiohttp import HttpVersion11, web

HEARTBEAT = b": still here\n\n"
"""A comment: ignored by readers, noticed by proxies."""


class Chunks:
    """Puts pieces into chunks (RFC 9112, section 7.1): once, if the same is written to many one after the other."""

    def __init__(self) -> None:
        self._piece = self._chunk = b""

    def of(self, piece: bytes) -> bytes:
        """A piece of a body as a chunk."""
        if piece is not self._piece:
            self._piece, self._chunk = piece, b"%x\r\n%b\r\n" % (len(piece), piece)
        return self._chunk


class StreamOutput:
    """The body of one answer that goes on. Satisfies `channel.ViewerConnection`.

    Args:
        request: with its answer's head written.
        chunks: shared by all outputs.
        heartbeat: seconds of silence after which a comment is sent.
    """

    def __init__(self, request: web.Request, chunks: Chunks, heartbeat: float) -> None:
        self._request = request
        self._chunks = chunks if request.version >= HttpVersion11 else None
        self._heartbeat = heartbeat
        self._loop = asyncio.get_running_loop()
        self._written_at = self._loop.time()
        self._wanted = asyncio.Event()
        self._full = False

    def write(self, data: bytes) -> bool:
        """See `channel.ViewerConnection`. What is written to a connection that is gone is lost."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            self._wanted.set()
            return False
        transport.write(data if self._chunks is None else self._chunks.of(data))
        self._written_at = self._loop.time()
        self._full = self._request.protocol.writing_paused
        if self._full:
            self._wanted.set()
        return not self._full

    def ended(self) -> None:
        """See `channel.ViewerConnection`."""
        self._wanted.set()

    @property
    def gone(self) -> bool:
        """The connection is closed."""
        return self._request.transport is None or self._request.transport.is_closing()

    async def wait(self, patience: float) -> bool:
        """Wait for the stream's end, or until more may be written after a time in which the connection took nothing.

        Meanwhile, break each silence with a comment.

        Args:
            patience: seconds after which it returns in any case.

        Returns:
            Whether more may be written.

        Raises:
            ConnectionError: the connection is gone.
        """
        until = self._loop.time() + patience
        while (now := self._loop.time()) < until:
            if now >= self._written_at + self._heartbeat:
                if self.gone:  # nobody tells us: this is how it is noticed
                    raise ConnectionResetError("the viewer is gone")
                self.write(HEARTBEAT)
            try:
                async with asyncio.timeout_at(min(until, self._written_at + self._heartbeat)):
                    await self._wanted.wait()
            except TimeoutError:
                continue
            self._wanted.clear()
            return not self._full or await self._drained(until)
        return False

    async def _drained(self, until: float) -> bool:
        """Wait until the connection takes more. Returns whether it does."""
        try:
            async with asyncio.timeout_at(until if math.isfinite(until) else None):
                await self._request.writer.drain()
        except TimeoutError:
            return False
        self._full = False
        return True
