"""Webhooks: what happens in the rooms, sent to other servers as it happens (https://www.standardwebhooks.com).

Each receiver has a :class:`~conference.web.events.webhook_queue.WebhookQueue` and one task, which sends its events
one by one, so that they arrive in order. A receiver that cannot be reached costs the others nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import random
from urllib.parse import urlsplit

import aiohttp

from conference import __version__
from conference.access.webhook_signature import sign_webhook
from conference.room.events import Captioned, RoomEvent
from conference.settings import Settings
from conference.web.events.event_json import BATCH_NAMES, EVENT_NAMES, event_json
from conference.web.events.journal_entry import JournalEntry
from conference.web.events.webhook_queue import Message, WebhookQueue

_log = logging.getLogger(__name__)

UNASKED = ("talking.started", "talking.stopped", "talking.interrupted")
"""Events that are sent only to those who name them. Levels never are."""

_GONE = 410  # "the endpoint is gone and should not be sent to any more"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What is sent, and how."""

    urls: tuple[str, ...]
    keys: tuple[bytes, ...]
    """What it is signed with."""

    events: tuple[str, ...] = ()
    """Names of the events that are sent; none for all but :data:`UNASKED`. Where one that
    tells of many participants is among them, those are not told of one by one."""

    timeout: float = Settings.webhook_timeout
    """Seconds for one attempt."""

    give_up: float = Settings.webhook_give_up
    """Seconds after which an event is not tried again."""

    queue: int = Settings.webhook_queue
    """Events that may wait for one receiver."""


async def pause(stop: asyncio.Event, seconds: float) -> None:
    """Wait that long, or until stopped."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        pass


class Webhooks:
    """All receivers.

    Args:
        settings: what is sent, and how.
        clock: monotonic time in seconds.
        wallclock: unix time in seconds.
        jitter: a fresh random number from 0 to 1.
        pause: how to wait between attempts.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        wallclock: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random,
        pause: Callable[[asyncio.Event, float], Awaitable[None]] = pause,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._wallclock = wallclock
        self._session: aiohttp.ClientSession | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.receivers = [
            Receiver(url, settings, WebhookQueue(settings.queue, jitter), clock=clock, wallclock=wallclock, pause=pause)
            for url in settings.urls
        ]

    def take(self, entry: JournalEntry) -> None:
        """Send an event to everybody, in the background."""
        if not self.receivers or not entry.ours:
            return
        batches = [kind for kind, name in BATCH_NAMES.items() if name in self._settings.events]
        for number, name, data in entry.told(batches):
            if self._is_wanted(name):
                self._put(entry.event_id(number), webhook_body(name, entry.at, {"room": entry.room, **data}))

    def take_caption(self, event: RoomEvent) -> None:
        """Send what somebody said, if it was understood for good and everybody may hear it; nothing else."""
        if not self.receivers or not isinstance(event, Captioned):
            return
        caption = event.caption
        if caption.final and caption.audience.is_everybody and self._is_wanted(EVENT_NAMES[Captioned]):
            name, data = event_json(event)
            body = webhook_body(name, self._wallclock(), {"room": event.room, **data})
            self._put(f"{name}-{caption.id}", body)

    def _is_wanted(self, name: str) -> bool:
        return name in self._settings.events if self._settings.events else name not in UNASKED

    def _put(self, message_id: str, body: bytes) -> None:
        message = Message(message_id, body, self._clock() + self._settings.give_up)
        for receiver in self.receivers:
            receiver.put(message)

    async def start(self) -> None:
        """Begin to send."""
        if not self.receivers:
            return
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"conference/{__version__}"},
        )
        for receiver in self.receivers:
            self._tasks.append(asyncio.create_task(receiver.run(self._session), name="webhook"))

    async def close(self, patience: float) -> None:
        """Send what waits, for at most ``patience`` seconds, trying nothing twice; then end."""
        for receiver in self.receivers:
            receiver.stop()
        tasks, self._tasks = self._tasks, []
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        if self._session is not None:
            session, self._session = self._session, None
            await session.close()


class Receiver:
    """One server that is told.

    Args:
        url: where it takes them.
        settings: how they are sent.
        queue: what it is still to be told.
        clock: monotonic time in seconds.
        wallclock: unix time in seconds.
        pause: how to wait between attempts.
    """

    def __init__(
        self,
        url: str,
        settings: WebhookSettings,
        queue: WebhookQueue,
        *,
        clock: Callable[[], float],
        wallclock: Callable[[], float],
        pause: Callable[[asyncio.Event, float], Awaitable[None]],
    ) -> None:
        self.name = webhook_name(url)
        """For people: the address without what may be secret about it."""

        self.queue = queue
        self._url = url
        self._settings = settings
        self._clock = clock
        self._wallclock = wallclock
        self._pause = pause
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self._in_trouble = False

    def put(self, message: Message) -> None:
        """Send one when its turn comes."""
        if not self.queue.put(message):
            self._trouble("too many events wait for it: the oldest are dropped")
        self._news.set()

    def stop(self) -> None:
        """End :meth:`run` when nothing waits, or at the next failure."""
        self._stop.set()
        self._news.set()

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Send what there is to be sent, one after the other, until stopped."""
        try:
            while True:
                message = self.queue.take()
                if message is not None:
                    if not await self._send(session, message):
                        return
                elif self._stop.is_set():
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            lost = self.queue.give_up()
            if lost:
                _log.warning("webhook %s: %d events could not be delivered before the server stopped", self.name, lost)

    async def _send(self, session: aiohttp.ClientSession, message: Message) -> bool:
        """Send one once; wait after a failure, or (``False``) be done, if it was the last try."""
        stopping = self._stop.is_set()
        trouble, delay = await self._attempt(session, message)
        if trouble is None:
            self.queue.delivered()
            self._works()
            return True
        self._trouble(trouble)
        if delay is None:
            self.queue.refused()
            return True
        seconds = self.queue.failed(self._clock(), delay)
        if not stopping:
            await self._pause(self._stop, seconds)
        return not stopping

    async def _attempt(self, session: aiohttp.ClientSession, message: Message) -> tuple[str | None, float | None]:
        """Send one once. What was the trouble, and the least time to wait; ``None`` for never to try it again."""
        timestamp = int(self._wallclock())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign_webhook(self._settings.keys, message.id, timestamp, message.body),
        }
        try:
            async with session.post(self._url, data=message.body, headers=headers, allow_redirects=False) as response:
                if response.status // 100 == 2:
                    return None, 0.0
                trouble = f"it answers with {response.status}"
                return trouble, None if response.status == _GONE else retry_after(response.headers.get("Retry-After"))
        except TimeoutError:
            return f"it does not answer within {self._settings.timeout:g} s", 0.0
        except (aiohttp.ClientError, OSError) as error:
            return f"it cannot be reached ({type(error).__name__})", 0.0

    def _trouble(self, sentence: str) -> None:
        """Say so once, until it works again."""
        if not self._in_trouble:
            self._in_trouble = True
            _log.warning("webhook %s: %s", self.name, sentence)

    def _works(self) -> None:
        """Say so, once it has been told all that waited."""
        if self._in_trouble and not len(self.queue):
            self._in_trouble = False
            _log.info("webhook %s: it works again; %d events were lost so far", self.name, self.queue.stats.dropped)


def webhook_body(name: str, at: float, data: dict[str, object]) -> bytes:
    """The body of a webhook: ``type``, ``timestamp`` (ISO 8601, of the event) and ``data``."""
    timestamp = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": name, "timestamp": timestamp, "data": data}, separators=(",", ":")).encode()


def webhook_name(url: str) -> str:
    """What people may see of a receiver's address: not its path and query, and no password."""
    parts = urlsplit(url)
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def retry_after(text: str | None) -> float:
    """A ``Retry-After`` in seconds (RFC 9110, section 10.2.3); 0 for none, and for a date."""
    return float(text) if text is not None and text.isascii() and text.isdecimal() and len(text) < 10 else 0.0
