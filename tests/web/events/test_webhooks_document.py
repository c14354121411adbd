"""docs/webhooks.md, held to its word: its receiver runs, and its example is signed as it says."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conference.access.webhook_signature import read_key, sign_webhook
from conference.options.option import options_of
from conference.settings import Settings
from conference.web.events.webhook_queue import FIRST_DELAY, LONGEST_DELAY
from tests.web.doubles import Site
from tests.web.events.test_webhooks import SECRET
from tests.web.joining.test_calling import until

DOCUMENT = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], str]]:
    """What the document's program defines, and the address where it receives."""
    monkeypatch.setenv("CONFERENCE_WEBHOOK_SECRET", SECRET)
    found = re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    program: dict[str, Any] = {"__name__": "receiver"}
    exec(found[1], program)
    with ThreadingHTTPServer(("127.0.0.1", 0), program["Receiver"]) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield program, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join(5)


async def test_the_documents_receiver_takes_what_the_server_sends(
    receiver: tuple[dict[str, Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, url = receiver
    async with Site(Settings(webhooks=(url,), webhook_secret=SECRET, shutdown_timeout=20)) as site:
        await site.join(name="Amy")
        await site.client.post("/rooms/tea/messages", json={"text": "Hello"})
    told: list[str] = []

    def all_told() -> bool:  # the receiver answers first, and tells then
        told.extend(capsys.readouterr().out.splitlines())
        return len(told) >= 3

    await until(all_told)
    assert told == ["tea participant.joined", "tea message", "tea participant.left"]


async def test_the_documents_receiver_refuses_what_is_forged_or_old_and_tells_nothing_twice(
    receiver: tuple[dict[str, Any], str], capsys: pytest.CaptureFixture[str]
) -> None:
    program, url = receiver
    now = int(program["time"].time())
    body = b'{"type":"message","data":{"room":"tea"}}'

    def headers(timestamp: int, key: bytes = read_key(SECRET), signed: bytes = body) -> dict[str, str]:
        signature = sign_webhook([bytes(24), key], "1", timestamp, signed)
        return {"webhook-id": "1", "webhook-timestamp": str(timestamp), "webhook-signature": signature}

    async with aiohttp.ClientSession() as session:

        async def post(given: dict[str, str]) -> int:
            async with session.post(url, data=body, headers=given) as response:
                return response.status

        assert [await post(headers(now)), await post(headers(now))] == [204, 204]
        for bad in (
            headers(now - 400),
            headers(now, key=bytes(32)),
            headers(now, signed=b"{}"),
            headers(now) | {"webhook-timestamp": str(now + 1)},
            headers(now) | {"webhook-signature": "v1,é"},
            {},
        ):
            assert await post(bad) == 401
    assert capsys.readouterr().out == "tea message\n"


def test_the_documents_example_is_signed_with_its_secret() -> None:
    found = re.search(r"webhook-id: (\S+)\nwebhook-timestamp: (\d+)\nwebhook-signature: (\S+)\n\n(.*)\n", DOCUMENT)
    assert found
    assert SECRET in DOCUMENT
    assert found[3] == sign_webhook([read_key(SECRET)], found[1], int(found[2]), found[4].encode())


def test_the_documents_options_are_those_there_are_with_their_defaults() -> None:
    rows = dict(re.findall(r"^\| `(--webhook[a-z-]*) [A-Z]+` \| (\d*)", DOCUMENT, re.MULTILINE))
    options = {one.flag: one.field for one in options_of(Settings) if one.flag.startswith("--webhook")}
    assert rows.keys() == options.keys()
    for flag, default in rows.items():
        if default:
            assert getattr(Settings(), options[flag]) == float(default)
    assert f"{LONGEST_DELAY:g} s" in DOCUMENT
    assert f"after {FIRST_DELAY:g} s" in DOCUMENT
