from __future__ import annotations

import asyncio
from fractions import Fraction

import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame
from av.packet import Packet

from conference.audio.frame import FRAME_SAMPLES, SILENCE
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.room.participant import Mix
from conference.webrtc.send.track import MAX_QUEUE, MixTrack


async def test_an_encoded_mix_comes_out_as_a_packet_with_its_time() -> None:
    track = MixTrack(OpusCodec())
    track.deliver(Mix(3, SILENCE, b"voice"))
    packet = await track.recv()
    assert isinstance(packet, Packet)
    assert (bytes(packet), packet.pts, packet.time_base) == (b"voice", 3 * 960, Fraction(1, 48_000))


async def test_everybody_who_hears_the_same_gets_the_same_packet() -> None:
    codec, mix = OpusCodec(), Mix(1, SILENCE, b"voice")
    one, other = MixTrack(codec), MixTrack(codec)
    one.deliver(mix)
    other.deliver(mix)
    other.deliver(Mix(1, SILENCE, b"another"))
    packet = await one.recv()
    assert await other.recv() is packet
    assert await other.recv() is not packet


async def test_g711_counts_in_its_own_clock() -> None:
    track = MixTrack(PcmuCodec())
    track.deliver(Mix(3, SILENCE, b"voice"))
    packet = await track.recv()
    assert (packet.pts, packet.time_base) == (480, Fraction(1, 8_000))


async def test_without_a_codec_it_gives_frames() -> None:
    track = MixTrack()
    samples = np.arange(FRAME_SAMPLES, dtype=np.int16)
    track.deliver(Mix(2, samples, None))
    frame = await track.recv()
    assert isinstance(frame, AudioFrame)
    assert (frame.sample_rate, frame.pts, frame.format.name, frame.layout.name) == (48_000, 1920, "s16", "mono")
    assert np.array_equal(frame.to_ndarray()[0], samples)


async def test_silence_is_left_out_and_leaves_a_gap() -> None:
    track = MixTrack(OpusCodec())
    for tick, payload in enumerate([b"a", None, None, b"b"]):
        track.deliver(Mix(tick, SILENCE, payload))
    assert [(await track.recv()).pts for _ in range(2)] == [0, 3 * 960]


async def test_a_slow_reader_loses_the_oldest() -> None:
    track = MixTrack(OpusCodec())
    for tick in range(100):
        track.deliver(Mix(tick, SILENCE, b"x"))
    assert [(await track.recv()).pts for _ in range(MAX_QUEUE)] == [n * 960 for n in range(100 - MAX_QUEUE, 100)]


async def test_it_waits_for_the_next_mix() -> None:
    track = MixTrack(OpusCodec())
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    assert not waiting.done()
    track.deliver(Mix(0, SILENCE, b"x"))
    assert bytes(await waiting) == b"x"  # type: ignore[arg-type]


async def test_stopping_ends_those_who_wait_and_those_who_come() -> None:
    track = MixTrack(OpusCodec())
    waiting = asyncio.create_task(track.recv())
    await asyncio.sleep(0)
    track.stop()
    track.deliver(Mix(0, SILENCE, b"x"))
    with pytest.raises(MediaStreamError):
        await waiting
    with pytest.raises(MediaStreamError):
        await track.recv()
