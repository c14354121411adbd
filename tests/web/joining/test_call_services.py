"""What begins with a server for its callers, and ends with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from conference.engine.connections import ConnectionRegistry
from conference.prompts.library import Library
from conference.room.conference import Conference
from conference.settings import Settings
from conference.web.joining.call_services import CallServices


def services(settings: Settings | None = None) -> CallServices:
    return CallServices(settings or Settings(), Conference(), ConnectionRegistry())


async def test_a_server_that_stops_decodes_no_more_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, wanted = threading.Event(), list[bool]()

    def load(self: Library, go_on: Callable[[], bool] = lambda: True) -> None:
        wanted.append(go_on())
        begun.set()
        for _ in range(10_000_000):
            if not go_on():
                break
        wanted.append(go_on())

    monkeypatch.setattr(Library, "load", load)
    opened = services()
    await opened.open()
    await asyncio.to_thread(begun.wait, 10)
    async with asyncio.timeout(30):
        await opened.close()
    assert wanted == [True, False]


async def test_what_is_decoded_behind_the_start_can_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    done = list[str]()
    monkeypatch.setattr(Library, "load_files", lambda _: done.append("files"))
    monkeypatch.setattr(Library, "load", lambda *_: done.append("all"))
    opened = services()
    await opened.loaded()  # nothing yet
    await opened.open()
    assert done[0] == "files"
    await opened.loaded()
    assert done == ["files", "all"]
    await opened.loaded()
    await opened.close()
