"""The examples of audio sockets, run as a reader of the documents would run them."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.e2e.running import eventually, running_server
from tests.examples.program import running_example
from tests.tones import level_at
from tests.web.joining.humming import Hummer


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["audio_socket.py", "audio_socket.mjs"])
async def test_an_example_knows_who_talks_answers_and_can_be_interrupted(name: str) -> None:
    async with running_server() as server:
        amy = Hummer(server.live, "Amy", 440)
        url = server.url.replace("http", "ws") + "/rooms/tea/audio"
        async with running_example(name, url) as lines:
            people = server.live.conference.rooms["tea"].participants
            await eventually(lambda: len(people) == 2, "the example joins", within=60)
            amy.on = True
            await eventually(lambda: "Amy begins" in lines, "she is heard", within=60)
            ticks = len(amy.heard)
            await eventually(lambda: len(amy.heard) > ticks + 25, "she goes on", within=60)
            amy.on = False
            await eventually(lambda: amy.level(600) > -20, "she is answered", within=60)
            amy.on = True  # before the answer is over
            await eventually(lambda: any("interrupted" in line for line in lines), "she interrupts", within=60)
            begun = len(amy.heard)
            await eventually(lambda: len(amy.heard) > begun + 25, "she goes on", within=60)
            amy.on = False
            await eventually(lambda: "the reply was heard" in lines, "she hears all of it", within=60)
        talked = [float(one[1]) for line in lines if (one := re.match(r"Amy has talked for ([\d.]+) s", line))]
        assert len(talked) == 2
        assert all(seconds > 0 for seconds in talked)
        interrupted = next(float(one[1]) for line in lines if (one := re.match(r"interrupted after ([\d.]+)", line)))
        assert 0 < interrupted < 3
        assert level_at(np.concatenate(amy.heard), 48_000, 440) < -60  # nobody hears themselves
