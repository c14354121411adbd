"""``conference record`` and ``conference recordings``, against a server."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from conference.cli.main import main
from tests.web.doubles import Site
from tests.web.passes import as_role, guarded, token


async def test_a_room_is_recorded_paused_resumed_and_stopped_and_all_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Site(guarded(recordings=tmp_path)) as site:
        await site.join(name="Amy", **as_role("host"))

        async def typed(*arguments: str) -> tuple[int, str]:
            server = ["--url", str(site.client.make_url("/")), "--token", token("host", None)]
            status = await asyncio.to_thread(main, [*arguments, *server])
            shown = capsys.readouterr()
            return status, shown.out + shown.err

        assert await typed("recordings") == (0, "Nothing.\n")
        assert await typed("record", "tea", "--stop") == (1, "conference record: room tea is not being recorded.\n")
        status, said = await typed("record", "tea")
        recording_id = said.rpartition(" ")[2].strip(".\n")
        assert (status, said) == (0, f"Room tea is being recorded: {recording_id}.\n")
        for option, state in (("--pause", "paused"), ("--resume", "recording"), ("--stop", "finishing")):
            assert (await typed("record", "tea", option))[0] == 0
            _, listed = await typed("recordings", "--json")
            assert json.loads(listed)["recordings"][0]["state"] == state
        _, table = await typed("recordings")
        assert table.splitlines()[0].split() == ["ID", "ROOM", "STATE", "BEGAN", "LENGTH", "SIZE"]
        assert recording_id in table
