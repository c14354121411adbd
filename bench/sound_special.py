"""What `bench.sound` measures besides one voice over a network.

Two loud tones, quiet and loud talkers, a telephone whose TCP connection stalls, and senders whose clock is off, for
hours that pass in seconds.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass

import aiohttp
import numpy as np
from numpy.typing import NDArray

from bench.server import Server
from bench.sound_call import LEAD_SECONDS, PERFECT, Call, Heard, Script, StartServer, decoded, encoded, meet
from bench.sound_speech import at_level, powers, speech_level
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.audio.resample import Resampler
from conference.codecs.opus import OpusCodec
from conference.load.client.peer import FastPeer
from conference.load.signal.voice import find, hum, in_frames
from conference.playout.source import PacketSource
from conference.room.local import LocalSink
from conference.room.participant import Mix, Participant
from conference.room.room import Room
from conference.telephony.connecting import send_message
from conference.telephony.phone import Phone
from tests.netem import Network, every_20_ms

TONES_HZ = (440.0, 1000.0)
TONES_DBFS = -3.0
TURN_SECONDS = 6
LEARN_SECONDS = 3
"""Levels are compared from then on in each turn."""

NOISE_DBFS = -70.0
LEVELS_DBOV = (-45.0, -36.0, -26.0, -18.0, -12.0)
TICK_PHASE_NS = 7_000_000
STALLS = Network(seed=8, stall_every_ms=3000, stall_ms=200)


@dataclass(frozen=True, slots=True)
class Tones:
    """Two tones at once, as heard."""

    signal_to_distortion_db: float
    peak: int
    """Largest sample."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One talker among others of another loudness."""

    said_dbov: float
    heard_dbov: float
    noise_raised_db: float
    """By how much the quietest moments of the turn became louder; less than 0 if quieter."""


@dataclass(frozen=True, slots=True)
class Drift:
    """An hour with a sender whose clock is off."""

    ppm: float
    minutes: float
    delays_ms: list[float]
    level_change_db: float
    """The greatest, of any loop of the speech, either way."""

    sharpest: float
    """The greatest jump in slope between neighbouring samples, compared with the greatest in what was said: a click
    would be many times as sharp."""

    concealed: int


async def two_tones(start: StartServer) -> Tones:
    """Two people hum at -3 dBFS at once; a third one listens."""
    seconds = 5
    moments = np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE
    swell = np.minimum(1.0, moments / 0.05) * 32767 * 10 ** (TONES_DBFS / 20)
    scripts = []
    for frequency in TONES_HZ:
        tone = np.rint(swell * np.sin(2 * math.pi * frequency * moments)).astype(np.int16)
        encoder = OpusCodec(bitrate=128_000, fec=False).make_encoder()
        payloads = [encoder.encode(frame) for frame in in_frames(tone)]
        scripts.append(Script(payloads, PERFECT.deliver(every_20_ms(len(payloads)))))
    heard = (await meet(scripts, start)).heard.samples
    return Tones(
        distortion(heard[-3 * SAMPLE_RATE : -SAMPLE_RATE], TONES_HZ), int(np.abs(heard.astype(int)).max(initial=0))
    )


def distortion(samples: Samples, frequencies: tuple[float, ...]) -> float:
    """Signal to distortion in dB: what the tones explain of each 100 ms, against what they don't; the median."""
    size = SAMPLE_RATE // 10
    moments = np.arange(size) / SAMPLE_RATE
    waves = [f(2 * math.pi * hz * moments) for hz in frequencies for f in (np.sin, np.cos)]
    basis: NDArray[np.float64] = np.stack(waves, axis=1)
    ratios = []
    for piece in samples[: samples.size // size * size].reshape(-1, size).astype(np.float64):
        explained = basis @ np.linalg.lstsq(basis, piece, rcond=None)[0]
        ratios.append(10 * math.log10((explained**2).sum() / max(1e-9, ((piece - explained) ** 2).sum())))
    return float(np.median(ratios)) if ratios else float("nan")


async def turns(speech: Samples) -> list[Turn]:
    """People of very different loudness speak in turn, each with the noise of their room."""
    turn = np.resize(speech, TURN_SECONDS * SAMPLE_RATE)
    count = len(LEVELS_DBOV)
    scripts, said = [], []
    for number, level in enumerate(LEVELS_DBOV):
        sound = hum(TURN_SECONDS * count + 1.0, seed=number, dbfs=NOISE_DBFS)
        begin = number * turn.size
        sound[begin : begin + turn.size] += at_level(turn, level)
        payloads = await asyncio.to_thread(encoded, sound, 0)
        scripts.append(Script(payloads, PERFECT.deliver(every_20_ms(len(payloads)))))
        said.append(sound)
    meeting = await meet(scripts)
    found = []
    for number, (level, start) in enumerate(zip(LEVELS_DBOV, meeting.starts, strict=True)):
        begin = number * turn.size + LEARN_SECONDS * SAMPLE_RATE
        end = (number + 1) * turn.size
        shift = meeting.heard.at(start - TICK_NS)
        heard = meeting.heard.samples[max(0, shift + begin) : shift + end]
        noise = quietest(heard) - quietest(said[number][begin:end])
        found.append(Turn(level, speech_level(heard), noise))
    return found


def quietest(samples: Samples) -> float:
    """The level of the quietest tenth of all 20 ms, in dBov."""
    power = powers(samples, FRAME_SAMPLES)
    return 10 * math.log10(max(float(np.percentile(power, 10)), 0.1)) - 20 * math.log10(32768)


async def stalling_phone(speech: Samples, loops: int) -> Call:
    """A caller's media messages come over TCP that stalls for 200 ms every 3 s; a browser listens."""
    lead = np.zeros(round(LEAD_SECONDS * SAMPLE_RATE), np.int16)
    at_8k = Resampler(SAMPLE_RATE, 8_000).process(np.concatenate([lead, np.tile(speech, loops), lead]))
    frames = ulaw_encode(at_8k).reshape(-1, 160)
    arrivals = STALLS.deliver(every_20_ms(len(frames)))
    heard, phone, late = Heard(), Phone(parameters={"name": "caller", "prompts": "off"}), 0
    server = Server()
    try:
        await asyncio.to_thread(server.wait)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
            ear = FastPeer(session, server.url, "sound", "ear", heard.packets.append)
            await ear.connect()
            async with session.ws_connect(f"{server.url}/twilio/stream/sound") as socket:
                for message in phone.opening():
                    await send_message(socket, message)
                start = time.monotonic_ns() + TICK_NS + time.time_ns() % TICK_NS
                for at_ns, index in arrivals:
                    await asyncio.sleep(max(0, start + at_ns - time.monotonic_ns()) / 1e9)
                    late += time.monotonic_ns() - (start + at_ns) > 5_000_000
                    for message in phone.tick(frames[index].tobytes()).messages:
                        await send_message(socket, message)
                await asyncio.sleep(0.5)
            await ear.close()
    finally:
        await asyncio.to_thread(server.stop)
    await asyncio.to_thread(heard.play)
    said = Resampler(8_000, SAMPLE_RATE).process(ulaw_decode(frames.tobytes()))
    return Call(said, start - TICK_NS, heard, 0, None, late, len(arrivals))


def drift(speech: Samples, ppm: float, minutes: float) -> Drift:
    """Run a room for an hour, without sockets or waiting, with a sender whose clock is off by ``ppm``."""
    loop = encoded(speech, 0)
    packets = round(minutes * 60 * 50)
    arrivals = Network(seed=9, delay_ms=10, jitter_ms=5, drift_ppm=ppm).deliver(every_20_ms(packets))
    pieces: list[Samples] = []

    def keep(mix: Mix) -> None:
        pieces.append(mix.samples)

    source = PacketSource(OpusCodec().make_decoder())
    room = Room("drift", 0.0, lambda _: None)
    room.add(Participant(id="mouth", name="mouth", transport="local", joined_at=0, source=source))
    room.add(Participant(id="ear", name="ear", transport="local", joined_at=0, sink=LocalSink(keep)))
    coming = iter(arrivals)
    arrival = next(coming, None)
    for tick in range(round(arrivals[-1][0] / TICK_NS)):
        now_ns = tick * TICK_NS + TICK_PHASE_NS
        while arrival is not None and arrival[0] <= now_ns:
            source.push(arrival[1] & 0xFFFF, arrival[1] * 960 & 0xFFFF_FFFF, loop[arrival[1] % len(loop)], arrival[0])
            arrival = next(coming, None)
        room.tick(tick, now_ns)
    return _judge_drift(speech, ppm, np.concatenate(pieces), source.stats.concealed)


def _judge_drift(speech: Samples, ppm: float, heard: Samples, concealed: int) -> Drift:
    speed = 1 + ppm * 1e-6
    loop = decoded(encoded(speech, 0))  # what a perfect buffer gives
    loudest = _loudest_stretch(loop)
    pattern = loop[loudest : loudest + SAMPLE_RATE // 4]
    delays, changes, sharpest = [], [], 0.0
    for start in range(loop.size, round((heard.size - loop.size) * speed), loop.size):
        # Without any delay, a packet that comes with a tick is heard in that tick.
        expected = round((start + loudest) / speed - TICK_PHASE_NS * SAMPLE_RATE / 1e9)
        at = find(pattern, heard[expected : expected + SAMPLE_RATE // 2])
        if at is not None:
            delays.append(at * 1000 / SAMPLE_RATE)
        piece = heard[round(start / speed) : round((start + loop.size) / speed)]
        changes.append(speech_level(piece) - speech_level(loop))
        sharpest = max(sharpest, _sharpest(piece) / _sharpest(loop))
    changes = changes[1:]  # levelling takes one loop to learn
    change = max(changes) - min(changes) if changes else float("nan")
    return Drift(ppm, round(heard.size / SAMPLE_RATE / 60), delays, change, sharpest, concealed)


def _loudest_stretch(samples: Samples) -> int:
    return int(np.convolve(powers(samples, FRAME_SAMPLES), np.ones(12), "valid").argmax()) * FRAME_SAMPLES


def _sharpest(samples: Samples) -> float:
    return float(np.abs(np.diff(samples.astype(np.float64), 2)).max(initial=1.0))
