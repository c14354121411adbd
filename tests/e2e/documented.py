"""What docs/interfaces.md says, and a client that can hold it to its word."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.running import RunningServer

DOCUMENT = (Path(__file__).parents[2] / "docs" / "interfaces.md").read_text(encoding="utf-8")
SDP = {"Content-Type": "application/sdp"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
PARTICIPANT = {
    "id", "name", "transport", "muted", "talking", "level", "joined_at",
    "role", "identity", "muted_by", "held", "deafened", "waiting", "hand_raised_at",
}  # fmt: skip
OFFER = "\r\n".join(
    [
        "v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=group:BUNDLE 0", "m=audio 9 UDP/TLS/RTP/SAVPF 96",
        "c=IN IP4 0.0.0.0", "a=recvonly", "a=mid:0", "a=rtcp-mux", "a=rtpmap:96 opus/48000/2", "a=ice-ufrag:Sw72",
        "a=ice-pwd:iNeD0B5IU9VdtRL1Q9Q9EU", "a=fingerprint:sha-256 " + ":".join(["9B"] * 32), "a=setup:actpass", "",
    ]
)  # fmt: skip
"""Of somebody who will never connect."""


def section(title: str) -> str:
    """A chapter of the document."""
    found = re.search(rf"^##+ {re.escape(title)}\n(.*?)(?=^## |\Z)", DOCUMENT, re.DOTALL | re.MULTILINE)
    assert found, f"the document has no section {title}"
    return found[1]


def column(text: str, number: int = 1) -> list[str]:
    """What stands in backticks in a column of the tables of a text."""
    rows = [line.split("|") for line in text.splitlines() if line.startswith("|")]
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row[number])]


def documented_messages(speaker: str) -> dict[str, str]:
    """The media WebSocket's example messages by event: ``From the client`` or ``From the server``."""
    found = re.search(rf"{speaker}:\n\n```json\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    return {json.loads(line)["event"]: line for line in found[1].splitlines()}


def call_start(**changes: Any) -> str:
    """The document's ``start``, with other contents."""
    message = json.loads(documented_messages("From the client")["start"])
    message["start"] |= changes
    return json.dumps(message)


@asynccontextmanager
async def client(server: RunningServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


class Reader:
    """Reads an event stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._lines = response.content

    async def next(self) -> tuple[str, dict[str, Any]]:
        name = ""
        async for line in self._lines:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                return name, json.loads(value)
        raise AssertionError("the stream has ended")

    async def until(self, last: str) -> list[tuple[str, dict[str, Any]]]:
        """All events up to the first one named ``last``."""
        events: list[tuple[str, dict[str, Any]]] = []
        async with asyncio.timeout(20):
            while not events or events[-1][0] != last:
                events.append(await self.next())
        return events
