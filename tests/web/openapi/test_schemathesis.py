"""A client that read the description of the API sends what it can think of: no 500, and nothing undocumented."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

from conference.settings import Settings
from tests.web.doubles import Site
from tests.web.passes import as_role, guarded

ENDLESS = {"/rooms/{room}/events"}
"""What never ends where the room is there."""

WEBSOCKETS = {
    "/twilio/stream",
    "/twilio/stream/{room}",
    "/media/{dialect}",
    "/media/{dialect}/{room}",
    "/rooms/{room}/audio",
}
"""What cannot be asked for over plain HTTP."""

MORE_THAN_JSON = {"application/sdp", "application/trickle-ice-sdpfrag"}
"""Bodies of which the description says only that they are text."""

EXAMPLES = 10
"""Of each operation."""


@schemathesis.serializer("application/sdp", "application/trickle-ice-sdpfrag")
def _text(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    del ctx
    return str(value).encode(errors="replace")


async def gather(site: Site, headers: dict[str, str]) -> list[str]:
    """See to it that people are in room ``tea``, whatever was done to it; gives their ids."""
    room = site.server.conference.get("tea")
    if room is not None and len(room.participants) > 5:
        site.server.conference.end("tea", "There are enough of you.")
    while (room := site.server.conference.get("tea")) is None or len(room.participants) < 3:
        if (await site.join(**headers)).status != 201:  # it is locked, or full, or has a PIN
            site.server.conference.end("tea", "Begin anew.")
    return list(room.participants)


@pytest.mark.parametrize("asks", [False, True], ids=["open", "token"])
async def test_nothing_that_the_description_allows_is_a_surprise(asks: bool) -> None:
    options: dict[str, Any] = {"max_joins_per_minute": 0, "max_messages_per_minute": 0, "max_pin_guesses_per_minute": 0}
    async with Site(guarded(**options) if asks else Settings(**options)) as site:
        description = await (await site.client.get("/openapi.json")).json()
        headers = as_role("host", None) if asks else {}
        loop = asyncio.get_running_loop()
        operations = []
        for result in schemathesis.openapi.from_dict(description).get_all_operations():
            assert isinstance(result, Ok)
            operations.append(result.ok())
        for operation in sorted(operations, key=lambda one: one.path == "/drain"):  # after which nobody joins
            await asyncio.to_thread(_try, operation, site, headers, loop)


def _try(operation: Any, site: Site, headers: dict[str, str], loop: asyncio.AbstractEventLoop) -> None:
    url = str(site.client.make_url("/")).rstrip("/")
    refusable = CHECKS.get_by_names(["positive_data_acceptance"])
    steady = random.Random(1)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), real=st.booleans())
    def send(case: Any, real: bool) -> None:
        if real and operation.path not in ENDLESS:
            ids = asyncio.run_coroutine_threadsafe(gather(site, headers), loop).result(10)
            case.path_parameters |= {
                name: "tea" if name == "room" else steady.choice(ids) for name in case.path_parameters
            }
        refused = operation.path in WEBSOCKETS or case.media_type in MORE_THAN_JSON
        case.call_and_validate(base_url=url, headers=headers, timeout=10, excluded_checks=refusable if refused else [])

    send()
