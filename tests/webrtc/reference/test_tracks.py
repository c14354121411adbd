"""A mix as a track of aiortc's, and a track as somebody's voice: times, lengths, formats, and nothing that piles up."""

from __future__ import annotations

import ast
import asyncio
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

import conference.webrtc.reference
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, Samples
from conference.room.participant import Mix
from conference.webrtc.reference.tracks import LEAD_FRAMES, MOST_MIXES, MOST_SAMPLES, MixTrack, TrackSource
from tests.tones import level_at, tone

FOLDER = Path(conference.webrtc.reference.__path__[0])


def mix(tick: int, value: int = 0) -> Mix:
    samples = np.full(FRAME_SAMPLES, value, np.int16)
    samples.setflags(write=False)
    return Mix(tick, samples, None)


async def test_frames_have_the_times_of_their_ticks() -> None:
    track = MixTrack()
    for tick, pts in ((100, 0), (101, 960), (104, 3840)):  # two ticks were left out
        reading = asyncio.ensure_future(track.recv())
        await asyncio.sleep(0)
        track.deliver(mix(tick, tick))
        frame = await reading
        assert (frame.pts, frame.time_base, frame.sample_rate) == (pts, Fraction(1, SAMPLE_RATE), SAMPLE_RATE)
        assert frame.samples == FRAME_SAMPLES
        assert frame.to_ndarray().tolist() == [[tick] * 2 * FRAME_SAMPLES]  # stereo, both sides alike


async def test_nothing_waits_before_anybody_reads_and_little_for_one_who_is_slow() -> None:
    track = MixTrack()
    for tick in range(50):
        track.deliver(mix(tick))
    reading = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0)
    for tick in range(50, 100):
        track.deliver(mix(tick))
    await reading
    late = [await track.recv() for _ in range(MOST_MIXES - 1)]
    assert late[-1].pts is not None
    assert late[0].pts is not None
    assert late[-1].pts - late[0].pts == (MOST_MIXES - 2) * FRAME_SAMPLES


async def test_a_track_that_is_stopped_lets_nobody_wait() -> None:
    track = MixTrack()
    reading = asyncio.ensure_future(track.recv())
    await asyncio.sleep(0)
    track.stop()
    track.stop()
    track.deliver(mix(0))
    for waiting in (reading, track.recv()):
        with pytest.raises(MediaStreamError):
            await waiting


class Given(MediaStreamTrack):
    """A track that gives frames as fast as they are read, and then ends or waits."""

    kind = "audio"

    def __init__(self, frames: list[AudioFrame], *, ends: bool = True) -> None:
        super().__init__()
        self._frames = frames
        self._ends = ends

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0)
        if self._frames:
            return self._frames.pop(0)
        if self._ends:
            raise MediaStreamError
        await asyncio.Event().wait()
        raise AssertionError


def cut(samples: Samples, rate: int, layout: str, size: int) -> list[AudioFrame]:
    frames = []
    channels = 1 if layout == "mono" else 2
    for start in range(0, len(samples) - size + 1, size):
        interleaved = np.repeat(samples[start : start + size], channels).reshape(1, -1)
        frame = AudioFrame.from_ndarray(interleaved, "s16", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        frames.append(frame)
    return frames


async def said(source: TrackSource, ticks: int) -> Samples:
    heard = []
    for tick in range(ticks):
        for _ in range(20):
            await asyncio.sleep(0)
        frame = source.pull(tick * 20_000_000)
        if frame is not None:
            heard.append(frame)
    return np.concatenate(heard) if heard else np.zeros(0, np.int16)


@pytest.mark.parametrize("layout", ["mono", "stereo"])
@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
async def test_a_voice_of_any_format_is_as_loud_as_it_was(rate: int, layout: str) -> None:
    voice = tone(440.0, 0.3, -20.0, fade=0, rate=rate)
    source = TrackSource()
    source.follow(Given(cut(voice, rate, layout, rate // 100)))
    heard = []
    for tick in range(40):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        frame = source.pull(tick)
        if frame is not None:
            heard.append(frame)
    samples = np.concatenate(heard)
    assert abs(level_at(samples[4800:-4800], SAMPLE_RATE, 440.0) + 20.0) < 0.5


async def test_a_format_that_changes_in_the_middle_is_followed() -> None:
    frames = cut(tone(440.0, 0.1, -20.0, rate=8_000), 8_000, "mono", 160)
    frames += cut(tone(440.0, 0.1, -20.0), SAMPLE_RATE, "stereo", 960)
    source = TrackSource()
    source.follow(Given(frames))
    assert len(await said(source, 30)) >= 8 * FRAME_SAMPLES


async def test_what_comes_all_at_once_is_cut_to_what_is_new() -> None:
    source = TrackSource()
    source.follow(Given(cut(tone(440.0, 2.0, -20.0), SAMPLE_RATE, "mono", 960), ends=False))
    for _ in range(300):
        await asyncio.sleep(0)
    assert LEAD_FRAMES * FRAME_SAMPLES <= source.waiting <= MOST_SAMPLES
    source.stop()


async def test_a_source_that_is_stopped_reads_no_more_and_leaves_no_task() -> None:
    tasks = len(asyncio.all_tasks())
    source = TrackSource()
    source.follow(Given([], ends=False))
    source.follow(Given([], ends=False))
    await asyncio.sleep(0)
    source.stop()
    source.stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == tasks


def private_names(text: str) -> list[str]:
    """Attributes with an underscore of anything but oneself, and modules that are aiortc's own or aioice's."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            own = (isinstance(node.value, ast.Name) and node.value.id == "self") or node.attr == "__init__"
            found += [] if own else [node.attr]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("aiortc", "aioice")):
            found += [one.name for one in node.names if one.name.startswith("_") or "aioice" in str(node.module)]
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names if one.name.startswith("aioice")]
    return found


def test_the_reference_is_short_and_takes_nothing_of_aiortc_that_is_not_public() -> None:
    texts = [one.read_text(encoding="utf-8") for one in sorted(FOLDER.glob("*.py"))]
    assert sum(text.count("\n") for text in texts) < 300
    assert not [name for text in texts for name in private_names(text)]
    assert not [text for text in texts if "getattr(" in text or "__dict__" in text or "aiortc_internals" in text]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("self._pc.close()", []),
        ("pc._connection.close()", ["_connection"]),
        ("from aiortc import _x\nimport aioice", ["_x", "aioice"]),
        ("from aioice import Connection", ["Connection"]),
    ],
)
def test_a_private_name_is_found(text: str, found: list[str]) -> None:
    assert private_names(text) == found
