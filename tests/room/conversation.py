"""People who talk as people do, in turns, at once and with pauses; and what of it a listener hears."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, TICK_NS, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.opus_decoder import OpusDecoder
from tests.room.meeting import Meeting, Person
from tests.speech import spoken

BAND_HZ = 7_000
"""Voices have nothing above: what is heard there is in none of them."""

SPLATTER_HZ = 10_000
"""Clicks are looked for from here on."""

FLOOR_DBOV = -75.0
"""What is quieter is not heard."""

NOISE_DBOV = -70.0
"""What is no louder may be the noise of a microphone."""

ACTIVE_DBOV = -45.0
"""A frame of a voice that is louder has to be heard."""

STEP = SAMPLE_RATE // 100
REACH = 9
"""So many steps after it was said, a sound may still be heard: the longest lag, and the look-ahead of two codecs."""

BAND_BINS = 4
"""Of 50 Hz each, in a band of the spectra that are compared."""

MADE_UP_TICKS = 20
"""A decoder makes up for what is not sent, for so long."""


@dataclass(frozen=True)
class Turn:
    """Somebody talks for a while."""

    name: str
    begin: int
    """The tick of the first frame."""

    end: int
    interrupts: bool
    """Somebody else talked on the tick before it began."""


@dataclass
class Conversation:
    """What everybody says, frame by frame, and whose turn it was when."""

    frames: dict[str, NDArray[np.int16]]
    """By name, shape ``(ticks, 960)``."""

    turns: list[Turn]

    @property
    def ticks(self) -> int:
        """How long it is."""
        return len(next(iter(self.frames.values())))

    def voice(self, name: str) -> Callable[[int], Samples]:
        """What somebody says on a tick; the first is 1."""
        frames = self.frames[name]
        return lambda tick: frames[tick - 1] if tick <= len(frames) else SILENCE


def band_limited(sound: Samples) -> Samples:
    """A voice without what is above `BAND_HZ`."""
    return np.rint(_below(sound.astype(np.float64))).clip(-32768, 32767).astype(np.int16)


def _below(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(sound)
    spectrum[round(BAND_HZ * len(sound) / SAMPLE_RATE) :] = 0
    return np.fft.irfft(spectrum, len(sound))


def converse(voices: Mapping[str, Samples], turns: int, seed: int, *, noise_dbov: float = -127.0) -> Conversation:
    """Have people talk in turns that may overlap.

    Args:
        voices: what each has to say, with its pauses: shape ``(n,)``, said again from the start when it is over.
        turns: how many.
        seed: of what is chance.
        noise_dbov: of the noise that each microphone adds; -127 for none.
    """
    chance, names = random.Random(seed), list(voices)
    places = dict.fromkeys(names, 0)
    plan: list[tuple[str, int, Samples]] = []
    ends, at = dict.fromkeys(names, 0), 40
    name = names[0]
    for _ in range(turns):
        name = chance.choice([one for one in names if one != name] or names)
        begin = max(at, ends[name] + 8)
        ticks = chance.randrange(15, 70)
        piece, places[name] = _piece(voices[name], places[name], ticks)
        plan.append((name, begin, piece))
        ends[name] = begin + len(piece) // FRAME_SAMPLES
        at = max(begin + 5, ends[name] + chance.choice((-30, -12, -4, 2, 5, 9, 16, 30, 60)))
    total = max(ends.values()) + 60
    noise = np.random.default_rng(seed)
    frames = {}
    for one in names:
        strength = 32768 * 10 ** (noise_dbov / 20) if noise_dbov > -127 else 0.0
        frames[one] = _below(noise.normal(0, 1, total * FRAME_SAMPLES) * strength)
    for one, begin, piece in plan:
        frames[one][begin * FRAME_SAMPLES : begin * FRAME_SAMPLES + len(piece)] += piece
    cut = {
        one: np.rint(sound).clip(-32768, 32767).astype(np.int16).reshape(-1, FRAME_SAMPLES)
        for one, sound in frames.items()
    }
    return Conversation(cut, list(_turns(plan)))


def _piece(voice: Samples, place: int, ticks: int) -> tuple[Samples, int]:
    """The next words of a voice, from where it sounds on; faded where it is cut."""
    length = ticks * FRAME_SAMPLES
    turned = np.roll(voice, -place)
    start = max(0, int(np.argmax(np.abs(turned) > 300)) - 100)
    piece = turned[start : start + length].astype(np.float64)
    fade = np.linspace(0, 1, 240)
    piece[:240] *= fade
    piece[-480:] *= np.linspace(1, 0, 480)
    return np.rint(piece).astype(np.int16), (place + start + length) % len(voice)


def _turns(plan: Sequence[tuple[str, int, Samples]]) -> Iterator[Turn]:
    for name, begin, piece in plan:
        end = begin + len(piece) // FRAME_SAMPLES
        others = any(one != name and first < begin < first + len(sound) // FRAME_SAMPLES for one, first, sound in plan)
        yield Turn(name, begin + 1, end + 1, others)


def synthetic(names: Sequence[str], seed: int, seconds: float = 30.0) -> dict[str, Samples]:
    """A voice for each, made here."""
    return {name: band_limited(spoken(seconds, seed=seed * 10 + number)) for number, name in enumerate(names)}


@dataclass
class Heard:
    """What a listener heard of a conversation, judged."""

    changes: int = 0
    """Between forwarding and mixing."""

    splatter: list[float] = field(default_factory=list)
    """Of each stretch of 10 ms, what is heard above `SPLATTER_HZ`, in dB of the stretch's own level."""

    strange: list[float] = field(default_factory=list)
    """Of each stretch of 10 ms, what is in neither voice, in dB of the stretch's own level: in a band of 200 Hz, more
    than twice as much as there or in the bands beside it was in the voices at any time in the `REACH` before. -120
    where it is below `FLOOR_DBOV`."""

    errors: list[float] = field(default_factory=list)
    """Of each forwarded packet that sounds, by how much the listener's decoder is off from one that has followed the
    talker from the beginning, and made up for the talker's own pauses (DTX), in dB of the frame's own level."""

    lags_ms: list[float] = field(default_factory=list)
    """Of each turn, how much later it is heard than it was said."""

    onsets: list[tuple[Turn, float]] = field(default_factory=list)
    """Of each turn, how much of its first 60 ms is heard: 1 is all of it, as loud as it was said."""


def listen(
    conversation: Conversation,
    people: Mapping[str, Person],
    listener: Person,
    *,
    forwarding: bool = True,
) -> Heard:
    """Let people say what they have to say, and judge what one of them hears, who says nothing.

    Args:
        conversation: what they say; each person's voice is to be its own.
        people: who speaks.
        listener: who hears.
        forwarding: whether the room forwards.
    """
    meeting = Meeting(*people.values(), listener, forwarding=forwarding)
    heard = Heard()
    before = None
    for _ in range(conversation.ticks):
        meeting.go_on(1)
        now = meeting.room.forwarded.get(listener.name)
        heard.changes += (now is None) != (before is None)
        before = now
    sound, begin = playback(listener)
    heard.splatter = list(_splatter(sound))
    voices = [followed(one, conversation.ticks) for one in people.values()]
    heard.strange = list(_strange(sound, begin, [one.sound for one in voices]))
    heard.errors = list(_errors({payload: one for voice in voices for payload, one in voice.frames.items()}, listener))
    for turn in conversation.turns:
        _judge_turn(turn, conversation.frames[turn.name], sound, begin, heard)
    return heard


def playback(person: Person) -> tuple[NDArray[np.float64], int]:
    """What somebody hears, as a decoder plays it that makes up what is not sent, and the time of its first sample.

    Returns:
        Samples, and when the first is spoken, in samples since tick 0.
    """
    decoder = OpusDecoder()
    packets = sorted(person.received, key=lambda one: one[1].sequence)
    origin, at = packets[0][1].timestamp, 0
    pieces: list[NDArray[np.int16]] = []
    for _, packet in packets:
        begin = (packet.timestamp - origin) & 0xFFFFFFFF
        while at + FRAME_SAMPLES <= begin:
            made = decoder._decode(None, FRAME_SAMPLES, fec=False)
            pieces.append(SILENCE if made is None else made)
            at += FRAME_SAMPLES
        if begin > at:
            pieces.append(np.zeros(begin - at, np.int16))
        samples = decoder._decode(packet.payload, decoder.duration(packet.payload), fec=False)
        assert samples is not None
        pieces.append(samples)
        at = begin + len(samples)
    return np.concatenate(pieces).astype(np.float64), round(packets[0][0] / TICK_NS * FRAME_SAMPLES)


def _splatter(sound: NDArray[np.float64]) -> Iterator[float]:
    step = SAMPLE_RATE // 100
    windows = np.lib.stride_tricks.sliding_window_view(sound, 2 * step)[::step]
    power = np.abs(np.fft.rfft(windows * np.hanning(2 * step))) ** 2
    edge = SPLATTER_HZ * 2 * step // SAMPLE_RATE
    scale = 2 * step * (np.hanning(2 * step) ** 2).sum() / 2 * 32768.0**2
    whole, above = power.sum(axis=1) / scale, power[:, edge:].sum(axis=1) / scale
    for one, high in zip(whole, above, strict=True):
        if high > 10 ** (FLOOR_DBOV / 10):
            yield 10 * math.log10(high / one)


def _strange(heard: NDArray[np.float64], begin: int, voices: Iterable[NDArray[np.float64]]) -> Iterator[float]:
    """Of each stretch, what is in none of the voices, which begin at 0; what is heard begins at ``begin``."""
    allowed = np.zeros(1)
    for voice in voices:
        there = np.concatenate([np.zeros(REACH * STEP), voice, np.zeros(begin + len(heard))])
        allowed = allowed + _bands(there[begin : begin + len(heard) + REACH * STEP])
    allowed = np.lib.stride_tricks.sliding_window_view(allowed, REACH + 1, axis=0).max(axis=-1)
    beside = np.pad(allowed, ((0, 0), (1, 1)))
    allowed = np.maximum.reduce([allowed, beside[:, :-2], beside[:, 2:]])
    power = _bands(heard)
    whole, more = power.sum(axis=1), np.maximum(0, power - 2 * allowed).sum(axis=1)
    scale = 2 * STEP * (np.hanning(2 * STEP) ** 2).sum() / 2 * 32768.0**2
    for one, strange in zip(whole, more, strict=True):
        if one > 10 ** (NOISE_DBOV / 10) * scale:
            heard_at_all = strange > 10 ** (FLOOR_DBOV / 10) * scale
            yield 10 * math.log10(strange / one) if heard_at_all else -120.0


def _bands(sound: NDArray[np.float64]) -> NDArray[np.float64]:
    """By steps, the power in each band."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, 2 * STEP)[::STEP]
    power = np.abs(np.fft.rfft(windows * np.hanning(2 * STEP)))[:, :STEP] ** 2
    bands: NDArray[np.float64] = power.reshape(len(power), -1, BAND_BINS).sum(axis=2)
    return bands


@dataclass(frozen=True)
class Followed:
    """What somebody hears who has followed a talker from the beginning."""

    sound: NDArray[np.float64]
    """Without a delay: from tick 1 on."""

    frames: dict[bytes, Samples]
    """By payload; those that say that there is a pause are left out."""


def followed(talker: Person, ticks: int) -> Followed:
    """Decode all that somebody sends, and make up for what they do not send."""
    decoder, frames, last = OpusDecoder(), {}, 0
    sound = np.zeros(ticks * FRAME_SAMPLES)
    for sent in talker.sent:
        for tick in range(last + 1, min(sent.tick, last + 1 + MADE_UP_TICKS)) if last else ():
            made = decoder._decode(None, FRAME_SAMPLES, fec=False)
            sound[(tick - 1) * FRAME_SAMPLES : tick * FRAME_SAMPLES] = SILENCE if made is None else made
        last = sent.tick
        samples = decoder._decode(sent.payload, decoder.duration(sent.payload), fec=False)
        assert samples is not None
        sound[(last - 1) * FRAME_SAMPLES : last * FRAME_SAMPLES] = samples
        if len(sent.payload) > 8:
            frames[sent.payload] = samples
    return Followed(sound, frames)


def _errors(true: Mapping[bytes, Samples], listener: Person) -> Iterator[float]:
    """Of each packet that is a talker's own, how far the listener is off from one who has followed the talker."""
    decoder, before = OpusDecoder(), None
    for _, packet in sorted(listener.received, key=lambda one: one[1].sequence):
        if before is not None:
            for _ in range(min(MADE_UP_TICKS, ((packet.timestamp - before) & 0xFFFFFFFF) // FRAME_SAMPLES - 1)):
                decoder._decode(None, FRAME_SAMPLES, fec=False)
        before = packet.timestamp
        samples = decoder._decode(packet.payload, decoder.duration(packet.payload), fec=False)
        right = true.get(packet.payload)
        if right is not None and samples is not None and level_of(right) > ACTIVE_DBOV:
            off = level_of(np.rint(samples.astype(np.float64) - right).clip(-32768, 32767).astype(np.int16))
            yield off - level_of(right)


def _judge_turn(turn: Turn, frames: NDArray[np.int16], sound: NDArray[np.float64], begin: int, heard: Heard) -> None:
    said = frames[turn.begin - 1 : turn.end - 1].ravel().astype(np.float64)
    first = (turn.begin - 1) * FRAME_SAMPLES - begin
    window = sound[max(0, first) : first + len(said) + 8 * FRAME_SAMPLES]
    if len(window) < len(said) + FRAME_SAMPLES:
        return
    heard.lags_ms.append(_found(said, window)[0] * 1000 / SAMPLE_RATE)
    onset = said[: 5 * FRAME_SAMPLES]
    if level_of(onset[: 3 * FRAME_SAMPLES].astype(np.int16)) > ACTIVE_DBOV:
        lag, _ = _found(onset, window[: 13 * FRAME_SAMPLES])
        onset = onset[: 3 * FRAME_SAMPLES]
        got = window[lag : lag + len(onset)]
        heard.onsets.append((turn, float((got * onset).sum() / (onset**2).sum())))


def _found(wanted: NDArray[np.float64], window: NDArray[np.float64]) -> tuple[int, float]:
    """Where something is in a window, and how much of it."""
    size = 1 << (len(window) + len(wanted)).bit_length()
    products = np.fft.irfft(np.fft.rfft(window, size) * np.conj(np.fft.rfft(wanted, size)), size)
    lag = int(products[: len(window) - len(wanted) + 1].argmax())
    return lag, float(products[lag] / (wanted**2).sum())
