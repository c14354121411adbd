"""A telephone call from the first prompt to the last, with the command that anybody can use to try it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import numpy as np
import pytest

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.audio.resample import Resampler
from conference.prompts.decode import read_audio
from conference.prompts.library import Library
from conference.settings import Settings
from tests.e2e.running import eventually, running_server
from tests.e2e.seats import seat_local

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

RATE = 8000
BEGINNING_S = 0.5


def narrow(samples: Samples) -> np.ndarray:
    """As a telephone has it."""
    resampler = Resampler(SAMPLE_RATE, RATE)
    return np.concatenate([resampler.process(samples), resampler.flush()]).astype(float)


def place_of(prompt: str, heard: Samples) -> tuple[float, float]:
    """When the beginning of a prompt was heard, in seconds, and how much it resembles it: 1 is exactly."""
    wanted = narrow(Library().samples(prompt)[: round(BEGINNING_S * SAMPLE_RATE)])
    there = narrow(heard)
    size = 1 << (len(there) + len(wanted)).bit_length()
    products = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(wanted, size)), size)[: len(there)]
    energy = np.cumsum(np.concatenate([[0.0], there**2]))
    ends = np.minimum(np.arange(len(there)) + len(wanted), len(there))
    around = np.sqrt((energy[ends] - energy[: len(there)]) * np.sum(wanted**2)) + 1e6
    likeness = products / around
    best = int(np.argmax(likeness))
    return best / RATE, float(likeness[best])


async def test_a_caller_keys_in_the_pin_is_welcomed_mutes_and_unmutes(tmp_path: Path) -> None:
    heard_file = tmp_path / "heard.wav"
    async with running_server(Settings(port=0, pins=(("tea", "1234"),))) as server:
        url = server.url.replace("http", "ws") + "/twilio/stream/tea"
        keys = "wwww1234#" + "w" * 5 + "*6" + "w" * 4 + "*6"
        command = [sys.executable, "-m", "conference.cli.main", "call", url, "--name", "Amy", "--dtmf", keys]
        process = await asyncio.create_subprocess_exec(
            *command, "--duration", "12", "--record", str(heard_file),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            await eventually(lambda: server.live.conference.rooms, "the caller is in the room", within=30)
            [caller] = server.live.conference.rooms["tea"].participants.values()
            ear = seat_local(server, "tea", "ben")
            for wanted in (True, False):
                await eventually(lambda wanted=wanted: caller.muted == wanted, f"muted is {wanted}", within=20)  # type: ignore[misc]
            others = await ear.listen(0.5)
            async with asyncio.timeout(40):
                _, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert process.returncode == 0, errors.decode()
    assert not others.any()  # what one caller is told, nobody else hears
    heard = read_audio(heard_file)
    places = [place_of(prompt, heard) for prompt in ("enter-pin", "welcome", "muted", "unmuted")]
    assert all(likeness > 0.6 for _, likeness in places), places
    times = [time for time, _ in places]
    assert times == sorted(times), places
    assert place_of("wrong-pin", heard)[1] < 0.5
