"""The logs in a Redis: a stream a room, and a channel that tells of each entry at once."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from conference.cluster.commands import (
    START,
    Command,
    Entry,
    MalformedEntry,
    Position,
    decode,
    read_position,
    write_position,
)
from conference.cluster.log import AFRESH, LogUnavailable

_log = logging.getLogger(__name__)

PREFIX = "conference"

_APPEND = """
local before = redis.call('GET', KEYS[2]) or '0-0'
local id = redis.call('XADD', KEYS[1], '*', 'before', before, 'command', ARGV[1])
redis.call('SET', KEYS[2], id, 'EX', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[2])
redis.call('PUBLISH', KEYS[1], before .. ' ' .. id .. ' ' .. ARGV[1])
return id
"""

_SNAPSHOT = """
local function parts(id) local a, b = string.match(id, '(%d+)-(%d+)'); return tonumber(a), tonumber(b) end
local kept = redis.call('HGET', KEYS[2], 'position')
if kept then
  local a, b = parts(kept)
  local c, d = parts(ARGV[1])
  if c < a or (c == a and d <= b) then return 0 end
end
redis.call('HSET', KEYS[2], 'position', ARGV[1], 'data', ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[4])
return 1
"""

_RESTORE = """
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
redis.call('HSET', KEYS[2], 'position', ARGV[1], 'data', ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return 1
"""

AGAIN = 0.25
"""Seconds after which a connection that was lost is tried again."""

_PATIENCE = 1.0  # for one message; then it is looked whether anything else is to be done


class RedisMissing(Exception):
    """The library is not there, or can do nothing with the address; the text is a sentence for people."""


def connect(url: str, timeout: float) -> Any:
    """A client for a Redis; it connects when it is needed.

    Args:
        url: see `cluster.settings`.
        timeout: seconds that anything may take.

    Raises:
        RedisMissing: the library is not there, or the address asks for what it does not know.
    """
    try:
        from redis.asyncio import Redis  # an extra, which nobody needs who runs one process
    except ImportError:
        raise RedisMissing(
            "Being one of several nodes takes a library: pip install 'conference[cluster]', or leave --redis out."
        ) from None
    try:
        client = Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout, decode_responses=False)
        client.connection_pool.make_connection()  # else what the address asks for is looked at when it is too late
    except (ValueError, TypeError, AttributeError):  # whose text may have a part of the password
        raise RedisMissing(
            "--redis: the library for Redis does not know what is behind the ? of its address."
        ) from None
    return client


def _errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    return (RedisError, OSError, TimeoutError)


class RedisLog:
    """The logs of all rooms, in a Redis; see `log.Log` and `log.Directory`.

    Args:
        client: of :func:`connect`.
        ttl: seconds for which the log of a room is kept to which nothing more is written.
    """

    def __init__(self, client: Any, ttl: float) -> None:
        self._client = client
        self._ttl = max(1, round(ttl))
        self._errors = _errors()
        self._append = client.register_script(_APPEND)
        self._begin = client.register_script(_RESTORE)
        self._keep = client.register_script(_SNAPSHOT)
        self._followed: dict[bytes, str] = {}
        self._channels: Any = None
        self._reading: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()  # there is a channel to be read
        self.on_entry: Callable[[str, Entry], None] = lambda room, entry: None
        self.on_missed: Callable[[], None] = lambda: None
        self.on_unavailable: Callable[[], None] = lambda: None

    async def open(self) -> None:
        """Make sure that a Redis is there, and begin to follow.

        Raises:
            LogUnavailable: none is.
        """
        async with self._asked():
            await self._client.ping()
        self._reading = asyncio.create_task(self._read_channels(), name="cluster log")

    async def close(self) -> None:
        """End all connections. Doing it twice does no harm."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait([reading])
        await self._drop_channels()
        await self._client.aclose()

    @asynccontextmanager
    async def _asked(self) -> AsyncIterator[None]:
        try:
            yield
        except self._errors as error:
            raise LogUnavailable(f"Redis cannot be reached ({type(error).__name__}).") from None

    # See `Log`

    async def append(self, commands: list[tuple[str, Command]]) -> None:
        """See `Log.append`."""
        async with self._asked():
            pipe = self._client.pipeline(transaction=False)
            for room, command in commands:
                await self._append(keys=_keys(room), args=[command.encode(), self._ttl], client=pipe)
            await pipe.execute()

    async def read(self, room: str, after: Position) -> list[Entry]:
        """See `Log.read`."""
        stream, *_ = _keys(room)
        async with self._asked():
            found = await self._client.xrange(stream, min="(" + write_position(after))
        return [_entry(position, fields.get(b"before", b""), fields.get(b"command", b"")) for position, fields in found]

    async def snapshot(self, room: str) -> bytes | None:
        """See `Log.snapshot`."""
        async with self._asked():
            data: bytes | None = await self._client.hget(_keys(room)[2], "data")
        return data

    async def keep_snapshot(self, room: str, position: Position, data: bytes) -> None:
        """See `Log.keep_snapshot`."""
        stream, _, snapshot = _keys(room)
        after = write_position((position[0], position[1] + 1))
        async with self._asked():
            await self._keep(keys=[stream, snapshot], args=[write_position(position), data, self._ttl, after])

    async def restore(self, room: str, data: bytes) -> None:
        """Begin a log that is lost with what a replica is, unless another node was first."""
        _, last, snapshot = _keys(room)
        async with self._asked():
            await self._begin(keys=[last, snapshot], args=[write_position(AFRESH), data, self._ttl])

    async def refresh(self, rooms: list[str]) -> None:
        """Keep the logs of these rooms, to which nothing is written though there are people in them."""
        async with self._asked():
            pipe = self._client.pipeline(transaction=False)
            for room in rooms:
                for key in _keys(room):
                    pipe.expire(key, self._ttl)
            await pipe.execute()

    async def follow(self, room: str) -> None:
        """See `Log.follow`."""
        channel = _keys(room)[0].encode()
        self._followed[channel] = room
        async with self._asked():
            if self._channels is None:
                self._channels = self._client.pubsub(ignore_subscribe_messages=True)
            await self._channels.subscribe(channel)
        self._wake.set()

    async def unfollow(self, room: str) -> None:
        """See `Log.unfollow`."""
        channel = _keys(room)[0].encode()
        if self._followed.pop(channel, None) is not None and self._channels is not None:
            async with self._asked():
                await self._channels.unsubscribe(channel)

    async def _read_channels(self) -> None:
        while True:
            await self._wake.wait()
            try:
                await self._read_some()
            except self._errors:
                self.on_unavailable()
                await self._subscribe_again()
                self.on_missed()

    async def _read_some(self) -> None:
        channels = self._channels
        if not channels.subscribed:
            self._wake.clear()
            return
        message = await channels.get_message(timeout=_PATIENCE)
        if message is None or message.get("type") != "message":
            return
        room, told = self._followed.get(message["channel"]), _TOLD.fullmatch(message["data"])
        if told is None:
            _log.warning("something that is no entry was told of a log: it is left out")
        elif room is not None:
            self.on_entry(room, _entry(told[2], told[1], told[3]))

    async def _subscribe_again(self) -> None:
        while True:
            await self._drop_channels()
            await asyncio.sleep(AGAIN)
            try:
                await self._client.ping()
                self._channels = self._client.pubsub(ignore_subscribe_messages=True)
                if self._followed:
                    await self._channels.subscribe(*self._followed)
            except self._errors:
                continue
            return

    async def _drop_channels(self) -> None:
        channels, self._channels = self._channels, None
        if channels is not None:
            try:
                await channels.aclose()
            except self._errors:
                _log.debug("a connection to Redis could not be closed cleanly")

    # See `Directory`

    async def announce(self, node: str, about: bytes, rooms: Mapping[str, bytes | None], seconds: float) -> None:
        """See `Directory.announce`."""
        milliseconds = max(1, round(seconds * 1000))
        own, parts = f"{PREFIX}:node:{node}", f"{PREFIX}:node:{node}:rooms"
        async with self._asked():
            pipe = self._client.pipeline(transaction=True)
            pipe.set(own, about, px=milliseconds)
            pipe.sadd(f"{PREFIX}:nodes", node)
            for room, part in rooms.items():
                if part is None:
                    pipe.hdel(parts, room)
                else:
                    pipe.hset(parts, room, part)
            pipe.pexpire(parts, milliseconds)
            await pipe.execute()

    async def withdraw(self, node: str) -> None:
        """See `Directory.withdraw`."""
        async with self._asked():
            await self._client.delete(f"{PREFIX}:node:{node}", f"{PREFIX}:node:{node}:rooms")
            await self._client.srem(f"{PREFIX}:nodes", node)

    async def nodes(self) -> dict[str, bytes]:
        """See `Directory.nodes`."""
        async with self._asked():
            ids = sorted(filter(None, map(_text, await self._client.smembers(f"{PREFIX}:nodes"))))
            told = await self._client.mget([f"{PREFIX}:node:{one}" for one in ids]) if ids else []
            found = {one: about for one, about in zip(ids, told, strict=True) if about is not None}
            gone = [one for one in ids if one not in found]
            if gone:  # one that is only late is on the list again when it says that it is there
                await self._client.srem(f"{PREFIX}:nodes", *gone)
        return found

    async def rooms(self, node: str) -> dict[str, bytes]:
        """See `Directory.rooms`."""
        async with self._asked():
            found = await self._client.hgetall(f"{PREFIX}:node:{node}:rooms")
        return {room: part for name, part in found.items() if (room := _text(name)) is not None}

    async def secret(self, name: str, known: bytes | None = None) -> bytes:
        """See `Directory.secret`."""
        key = f"{PREFIX}:secret:{name}"
        async with self._asked():
            await self._client.set(key, known or secrets.token_bytes(32), nx=True)
            found: bytes = await self._client.get(key)
        return found


def _text(name: bytes) -> str | None:
    """A name; ``None`` if it is none that a node writes."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return None


def _keys(room: str) -> tuple[str, str, str]:
    """A room's log, the place of its last entry, and what a replica begins with: together in one part of a cluster."""
    return f"{PREFIX}:{{{room}}}:log", f"{PREFIX}:{{{room}}}:last", f"{PREFIX}:{{{room}}}:snapshot"


_PLACE = rb"([0-9]{1,20}-[0-9]{1,20})"
_TOLD = re.compile(_PLACE + b" " + _PLACE + b" (.*)", re.DOTALL)


def _entry(position: bytes, before: bytes, command: bytes) -> Entry:
    """What stands at a place of a log; whatever nobody can read counts as a place all the same."""
    try:
        read, after = decode(command), read_position(before.decode("ascii", "replace"))
    except MalformedEntry as error:
        _log.warning("an entry of a log is left out: %s", error)
        read, after = None, START
    return Entry(read_position(position.decode()), after, read)
