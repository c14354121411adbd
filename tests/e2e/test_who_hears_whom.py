"""Four people, each with a tone of their own, through every pair of ways in: who hears whom, and how loud."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.settings import Settings
from tests.e2e.browser import open_page
from tests.e2e.matrix import DBFS, TONES, Matrix, row, table, talking, tolerance, voice
from tests.e2e.people import WebRtcPerson, twilio_person, webrtc_person
from tests.e2e.running import RunningServer, eventually, running_server
from tests.tones import levels_at, tone

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

SECONDS = 2.0
TAKES = 3
"""One of them has to be right. Five processes share this machine's processors, and a microphone or a player that stalls
for a moment tears its tone; a leak or a wrong level is there every time."""


SERVERS = {
    "forwarding": Settings(port=0),
    "mixes": Settings(port=0, forwarding=False),
    "aiortc": Settings(port=0, engine="aiortc"),
}


@pytest.fixture(params=SERVERS)
async def server(request: pytest.FixtureRequest) -> AsyncIterator[RunningServer]:
    """A server that forwards where one voice is to be heard; one that always mixes; and the reference."""
    async with running_server(SERVERS[request.param]) as running:
        yield running


async def test_everybody_hears_all_the_others_as_loud_as_they_spoke_and_never_themselves(
    server: RunningServer, page_browser: str
) -> None:
    async with (
        webrtc_person(server.url, "matrix", "amy", voice("amy")) as amy,
        webrtc_person(server.url, "matrix", "ben", voice("ben")) as ben,
        twilio_person(server.url, "matrix", "phone", voice("phone")) as phone,
        open_page(page_browser) as page,
    ):
        await page.goto(f"{server.url}/join/matrix?name=page&processing=off")
        await page.click("button", "Join")
        await eventually(lambda: talking(server, "matrix") == set(TONES), "all four talk", within=20)
        matrices: list[Matrix] = []
        near = tolerance(server)
        while not any(failures(one, near) == [] for one in matrices) and len(matrices) < TAKES:
            await asyncio.sleep(1.0)  # the limiter and the page's own buffer settle, and what the last look held up
            at_amy, at_ben, at_phone, (rate, at_page) = await asyncio.gather(
                amy.hear(SECONDS), ben.hear(SECONDS), phone.hear(SECONDS), page.record_remote_audio(SECONDS)
            )
            matrices.append(
                {
                    "amy": row("amy", at_amy, SAMPLE_RATE),
                    "ben": row("ben", at_ben, SAMPLE_RATE),
                    "phone": row("phone", at_phone, phone.rate),
                    "page": row("page", np.rint(at_page * 32767).astype(np.int16), rate),
                }
            )
        await page.click("button", "Leave")
    heard = min(matrices, key=lambda one: len(failures(one, near)))
    print(*map(table, matrices))
    assert failures(heard, near) == [], "".join(map(table, matrices))


def failures(heard: Matrix, near: float) -> list[str]:
    """What is not as it should be, where each is to be heard as loud as they spoke, within ``near`` dB."""
    wrong = []
    for ear, levels in heard.items():
        others = {mouth: level for mouth, level in levels.items() if mouth != ear}
        wrong += [f"{ear} hears {mouth} at {level:.1f}" for mouth, level in others.items() if abs(level - DBFS) > near]
        apart = min(others.values()) - levels[ear]
        if apart < (50 if ear == "phone" else 60) - (near - 3):
            wrong.append(f"{ear} hears their own voice, {apart:.1f} dB below the others")
    return wrong


async def until_heard(mouth: str, ear: WebRtcPerson, near: float) -> None:
    """Wait until somebody hears somebody as loud as they speak: the limiter has settled, and so have the buffers."""
    async with asyncio.timeout(20):
        while abs(levels_at(await ear.hear(0.2), SAMPLE_RATE, TONES)[mouth] - DBFS) > near:
            pass


async def test_a_peer_without_opus_talks_and_hears_in_pcmu(server: RunningServer) -> None:
    async with (
        webrtc_person(server.url, "old", "amy", voice("amy"), codec="PCMU") as amy,
        webrtc_person(server.url, "old", "ben", voice("ben")) as ben,
    ):
        await eventually(lambda: talking(server, "old") == {"amy", "ben"}, "both talk")
        near = tolerance(server)
        await until_heard("ben", amy, near)
        await until_heard("amy", ben, near)
        at_amy, at_ben = await asyncio.gather(amy.hear(1.0), ben.hear(1.0))
    for samples, own, other in ((at_amy, "amy", "ben"), (at_ben, "ben", "amy")):
        levels = levels_at(samples, SAMPLE_RATE, TONES)
        assert abs(levels[other] - DBFS) <= near
        assert levels[other] - levels[own] >= 50 - (near - 3)


async def test_the_worked_example_amy_ben_and_charlie(server: RunningServer) -> None:
    """Amy says "Hi!" and Ben, 10 ms later, "Hey!"; Charlie is silent. Law 5, through real sockets."""
    hi = np.concatenate([np.zeros(SAMPLE_RATE, np.int16), tone(TONES["amy"], 0.6, DBFS)])
    hey = np.concatenate([np.zeros(SAMPLE_RATE + SAMPLE_RATE // 100, np.int16), tone(TONES["ben"], 0.6, DBFS)])
    async with (
        webrtc_person(server.url, "words", "charlie", None) as charlie,
        webrtc_person(server.url, "words", "amy", hi, loop=False) as amy,
        webrtc_person(server.url, "words", "ben", hey, loop=False) as ben,
    ):
        heard = await asyncio.gather(amy.hear(3.0), ben.hear(3.0), charlie.hear(3.0))
    words = [presence(samples) for samples in heard]
    assert words == [{"ben"}, {"amy"}, {"amy", "ben"}]
    spoken = {name: start_of(heard[2], TONES[name]) for name in ("amy", "ben")}
    assert abs(spoken["ben"] - spoken["amy"]) < 0.35, "Charlie hears both words at once, as they were said"


def presence(samples: Samples) -> set[str]:
    """Whose tone is in it, anywhere."""
    blocks = [samples[start : start + SAMPLE_RATE // 2] for start in range(0, len(samples), SAMPLE_RATE // 4)]
    return {
        name
        for name in ("amy", "ben")
        if max(levels_at(one, SAMPLE_RATE, TONES)[name] for one in blocks if len(one) == SAMPLE_RATE // 2) > DBFS - 40
    }


def start_of(samples: Samples, frequency: float) -> float:
    """Seconds until a tone is first heard."""
    size = SAMPLE_RATE // 20
    phase = np.exp(-2j * np.pi * frequency * np.arange(size) / SAMPLE_RATE) * np.hanning(size)
    for start in range(0, len(samples) - size, size // 5):
        if abs(np.dot(samples[start : start + size], phase)) * 4 / size > 32768 * 10 ** (DBFS / 20) / 4:
            return start / SAMPLE_RATE
    raise AssertionError(f"{frequency} Hz is not heard")
