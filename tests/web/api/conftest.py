"""What tests of running a room are given."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.web.api.moderated import Scene
from tests.web.doubles import Site
from tests.web.passes import as_role, guarded


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with Site(guarded()) as site:
        scene = Scene(site)
        await scene.come("Hana", **scene.host)
        for name in ("Amy", "Ben"):
            await scene.come(name, **as_role("speaker"))
        scene.events.clear()
        yield scene
