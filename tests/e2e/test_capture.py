"""A call through real sockets is captured, and its replay is identical."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from conference.cli.main import main
from conference.settings import Settings
from tests.capture.captured import replayed
from tests.e2e.people import twilio_person, webrtc_person
from tests.e2e.running import running_server
from tests.speech import spoken
from tests.web.process import Running

pytestmark = pytest.mark.e2e


async def test_a_call_is_replayed_bit_for_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with (
        running_server(Settings(port=0, capture=tmp_path)) as server,
        webrtc_person(server.url, "tea", "amy", spoken(4)) as amy,
        webrtc_person(server.url, "tea", "ben", spoken(4, seed=2), codec="PCMU") as ben,
        twilio_person(server.url, "tea", "phone", spoken(4, seed=3)) as phone,
    ):
        await asyncio.gather(amy.hear(3), ben.hear(3), phone.hear(3))
        room = server.live.conference.rooms["tea"]
        muted = next(one.id for one in room.participants.values() if one.name == "ben")
        room.set_muted(muted, True)
        await amy.hear(0.5)
    (path,) = tmp_path.iterdir()  # noqa: ASYNC240 - nothing else runs any more
    replay, heard = replayed(path)
    assert replay.identical, replay.differences
    assert replay.ended is not None
    assert sorted(one.name for one in replay.listeners.values()) == ["amy", "ben", "phone"]
    assert all(one.spurts for one in replay.listeners.values())
    assert all(len(one) > 150 for one in heard.values())
    assert main(["replay", str(path)]) == 0
    assert "identical" in capsys.readouterr().out


def test_the_server_says_that_it_writes_everything_down(tmp_path: Path) -> None:
    server = Running("--capture", str(tmp_path))
    try:
        assert "EVERYTHING THAT IS SAID" in server.said
        assert str(tmp_path) in server.said
    finally:
        server.kill()
