"""What stands in a Redis may be anything: it is read, or left out with a line in the log, and nothing ends by it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from conference.cluster.commands import START, Command, Entry
from conference.cluster.redis_log import RedisLog, RedisMissing, connect

pytest.importorskip("redis")

ROOM = "tea"
COMMAND = Command("rename", {}, "a", 1, 1.0)


class Channels:
    """Tells of what a test has for it, and then of nothing."""

    subscribed = True

    def __init__(self, told: list[bytes]) -> None:
        self._told = told

    async def subscribe(self, *channels: bytes) -> None:
        pass

    async def get_message(self, **_: float) -> dict[str, Any] | None:
        if not self._told:
            await asyncio.Event().wait()
        return {"type": "message", "channel": b"conference:{tea}:log", "data": self._told.pop(0)}

    async def aclose(self) -> None:
        pass


class Client:
    """A Redis that knows what a test says it does."""

    def __init__(self, **known: Any) -> None:
        self.known = known

    def register_script(self, script: str) -> None:
        pass

    def pubsub(self, **options: Any) -> Channels:
        return Channels(self.known["told"])

    async def ping(self) -> None:
        pass

    async def xrange(self, stream: str, min: str) -> Any:  # noqa: A002 - the library's own word
        return self.known["entries"]

    async def smembers(self, key: str) -> Any:
        return self.known["nodes"]

    async def mget(self, keys: list[str]) -> Any:
        return [None if key in self.known.get("gone", ()) else b"about" for key in keys]

    async def srem(self, key: str, *names: str) -> None:
        self.known["nodes"] -= {name.encode() for name in names}

    async def hgetall(self, key: str) -> Any:
        return self.known["rooms"]

    async def aclose(self) -> None:
        pass


async def test_what_is_told_that_is_no_entry_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    garbage = [b"", b" ", b"x", b"a b c", b"1-1 2-2", b"\xff\xfe 2-2 []", b"1-1 " + b"9" * 30 + b"-1 []", b"0-0 1-1 {"]
    log = RedisLog(Client(told=[*garbage, b"1-1 2-0 " + COMMAND.encode()]), 60)
    taken: list[Entry] = []
    log.on_entry = lambda room, entry: taken.append(entry)
    await log.open()
    try:
        await log.follow(ROOM)
        async with asyncio.timeout(20):
            while not taken or taken[-1].command is None:  # noqa: ASYNC110 - a few turns of the loop
                await asyncio.sleep(0)
    finally:
        await log.close()
    assert taken == [Entry((1, 1), START, None), Entry((2, 0), (1, 1), COMMAND)]
    assert len(caplog.records) == len(garbage)


async def test_what_stands_in_a_stream_and_is_no_entry_counts_as_a_place() -> None:
    fields = [
        {}, {b"command": COMMAND.encode()}, {b"before": b"\xff", b"command": COMMAND.encode()}, {b"before": b"0-1"},
        {b"before": b"1-0", b"command": COMMAND.encode()},
    ]  # fmt: skip
    log = RedisLog(Client(entries=[(b"%d-0" % number, one) for number, one in enumerate(fields, 1)]), 60)
    entries = await log.read(ROOM, START)
    assert [one.command for one in entries] == [None, None, None, None, COMMAND]
    assert [one.position[0] for one in entries] == [1, 2, 3, 4, 5]
    assert [one.before for one in entries] == [START, START, START, START, (1, 0)]


async def test_names_that_nobody_can_read_are_left_out() -> None:
    log = RedisLog(Client(nodes={b"\xff", b"a"}, rooms={b"\xff": b"1", b"tea": b"2"}), 60)
    assert await log.nodes() == {"a": b"about"}
    assert await log.rooms("a") == {"tea": b"2"}


async def test_a_node_that_is_gone_does_not_stay_on_the_list() -> None:
    client = Client(nodes={b"a", b"b"}, gone={"conference:node:b"})
    assert await RedisLog(client, 60).nodes() == {"a": b"about"}
    assert client.known["nodes"] == {b"a"}


@pytest.mark.parametrize("asked", ["db=hush", "socket_timeout=hush", "hush=1", "protocol=hush"])
def test_what_an_address_asks_for_that_nobody_knows_is_refused_without_telling_it(asked: str) -> None:
    with pytest.raises(RedisMissing) as refused:
        connect(f"redis://:hush@127.0.0.1:1?{asked}", 1.0)
    assert "hush" not in str(refused.value)
