"""An object storage that others wrote (moto), which speaks S3 over HTTP; and a way to it on which things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from conference.recording.storage.address import ObjectAddress
from conference.recording.storage.objects import ObjectStorage

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_SECRET_ACCESS_KEY": "a secret of the tests",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


_SERVE = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()  # it ends with whoever started it
from moto.server import main
main(["-H", "127.0.0.1", "-p", "0"])
"""


class ObjectStore:
    """The server, in a process of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVE],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=os.environ | ENVIRONMENT,
        )  # fmt: skip
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:([0-9]+)", line):
                self.port = int(found[1])
                break
        else:
            raise RuntimeError("the object storage did not start")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def let_in(self, everybody: bool) -> None:
        """Whether it takes any credentials, or none."""
        free, plain = b"inf" if everybody else b"0", {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", free, plain, method="POST")
        urllib.request.urlopen(request, timeout=30).close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@dataclass
class Bucket:
    """A new bucket in it."""

    store: ObjectStore
    address: ObjectAddress

    def storage(self, endpoint: str | None = None) -> ObjectStorage:
        return ObjectStorage(self.address, endpoint or self.store.url)

    @property
    def client(self) -> Any:
        return self.storage()._client

    def listing(self) -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.address.bucket)
        return [one["Key"] for one in found.get("Contents", ())]

    def unfinished(self) -> list[str]:
        found = self.client.list_multipart_uploads(Bucket=self.address.bucket)
        return [one["Key"] for one in found.get("Uploads", ())]


Mode = Literal["through", "down", "500", "403", "cut", "hold"]


@dataclass
class Way:
    """A way to the storage: a TCP proxy.

    Its mode is of requests that begin from now on: they go through; no connection is taken; they are answered with an
    error; what is sent is cut off after some bytes, or held back there.
    """

    port: int
    mode: Mode = "through"
    after: int = 3000
    seen: int = 0
    """Connections so far that something went wrong with."""

    stuck: asyncio.Event = field(default_factory=asyncio.Event)
    _server: Any = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "down":
            self._went_wrong()
            writer.transport.abort()
            return
        if self.mode in ("500", "403"):
            await reader.readuntil(b"\r\n\r\n")
            self._went_wrong()
            status, code = ("500 Oh", "InternalError") if self.mode == "500" else ("403 No", "SignatureDoesNotMatch")
            body = f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode()
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
            return
        back, forth = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            answers = asyncio.create_task(_copy(back, writer))
            self._tasks.add(answers)
            await self._send(reader, forth, writer)
            await answers
        finally:
            forth.close()

    async def _send(
        self, reader: asyncio.StreamReader, forth: asyncio.StreamWriter, writer: asyncio.StreamWriter
    ) -> None:
        sent = 0
        while data := await reader.read(1000):
            sent += len(data)
            if self.mode in ("cut", "hold") and sent > self.after:
                self._went_wrong()
                if self.mode == "cut":
                    writer.transport.abort()
                    return
                await asyncio.Event().wait()
            forth.write(data)
            await forth.drain()
        forth.write_eof()

    def _went_wrong(self) -> None:
        self.seen += 1
        self.stuck.set()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
