"""A recording as WAV files for an editor: one for each person and one of the mix, all of one length."""

from __future__ import annotations

import re
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import av
import numpy as np

from conference.audio.frame import SAMPLE_RATE, TICK_NS, Samples
from conference.capture.recipes import make_decoder
from conference.codecs.base import DecodeError, Decoder
from conference.recording.about import JOURNAL, MKA, About, load
from conference.recording.finish import Content, read
from conference.recording.ogg import PRE_SKIP

TOLERANCE: Final = SAMPLE_RATE // 100
"""Packets whose place is off by no more than this follow each other without a seam: it is the clock of a sender."""

CONCEALED: Final = SAMPLE_RATE * 120 // 1000
"""A gap in speech that is no longer than this is a loss, and is concealed; a longer one is silence."""

_CHUNK: Final = SAMPLE_RATE

_CODECS = {"opus": "opus", "libopus": "opus", "pcm_mulaw": "PCMU", "pcm_alaw": "PCMA"}
_LINEAR = {"pcm_s16be": "L16", "pcm_s16le": "L16LE"}
"""Names of codecs as FFmpeg has them, and as SDP does."""

Packet = tuple[int, str, bytes]
"""When it begins, in nanoseconds; its codec; its payload."""


class ExportError(Exception):
    """The recording cannot be exported; the text is a sentence for people."""


@dataclass(slots=True)
class ExportedVoice:
    """What becomes one file."""

    name: str | None
    """Of the person; ``None`` for the mix."""

    packets: list[Packet]


def export_wav(folder: Path, target: Path) -> list[Path]:
    """Write the WAV files of a recording: 48 kHz, 16 bits, mono.

    Args:
        folder: of the recording, which may be one that a crash cut short, or that still goes on: then it is exported as
            far as it is written.
        target: an existing folder; files of the same name in it are replaced.

    Returns:
        The files.

    Raises:
        ExportError: there is nothing to export.
        OSError: something cannot be read or written.
        JournalError, CaptureError: the recording is damaged.
    """
    about = load(folder)
    if about is None:
        raise ExportError(f"there is no recording in {folder}.")
    voices, seconds = _voices(folder, about)
    if not voices:
        raise ExportError("nothing was said in this recording.")
    length, written = round(seconds * SAMPLE_RATE), []
    for name, voice in zip(_file_names([one.name for one in voices]), voices, strict=True):
        path = target / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.setnframes(length)
            for chunk in render(voice.packets, length):
                file.writeframesraw(chunk.astype("<i2", copy=False).tobytes())
        written.append(path)
    return written


def _voices(folder: Path, about: About) -> tuple[list[ExportedVoice], float]:
    if about.status != "ready" and (folder / JOURNAL).exists():
        content = read(folder / JOURNAL, mix=about.mix)
        return _of_journal(content, about), content.duration_ns / 1e9
    if not (folder / MKA).exists():
        raise ExportError("there is nothing left of this recording.")
    return _of_file(folder / MKA, about), about.seconds


def _of_journal(content: Content, about: About) -> list[ExportedVoice]:
    voices: dict[str, ExportedVoice] = {}
    if about.mix:
        mix: list[Packet] = [(number * TICK_NS, "opus", packet) for number, packet in enumerate(content.mix)]
        voices[""] = ExportedVoice(None, mix)
    for leg in content.legs if about.people else ():
        voice = voices.setdefault(leg.participant, ExportedVoice(leg.name, []))
        voice.packets += [(at, leg.codec, payload) for at, _, payload in leg.packets]
    return _in_order(voices)


def _of_file(path: Path, about: About) -> list[ExportedVoice]:
    """The tracks of a file, those of one person together."""
    people = [""] * about.mix + [str(one["participant"]) for one in about.tracks if about.people]
    voices: dict[str, ExportedVoice] = {}
    with av.open(str(path)) as container:
        if len(people) != len(container.streams.audio):
            raise ExportError(f"{path} is not the file of this recording.")
        by_stream = {}
        for who, stream in zip(people, container.streams.audio, strict=True):
            voice = voices.setdefault(who, ExportedVoice(stream.metadata.get("title", "") if who else None, []))
            coding = stream.codec_context
            linear = _LINEAR.get(coding.name)
            codec = _CODECS[coding.name] if linear is None else f"{linear}/{coding.sample_rate}"
            by_stream[stream.index] = voice, codec
        for packet in container.demux():
            if packet.pts is None or not packet.size or packet.time_base is None:
                continue
            voice, codec = by_stream[packet.stream.index]
            voice.packets.append((round(packet.pts * packet.time_base * 1_000_000_000), codec, bytes(packet)))
    return _in_order(voices)


def _in_order(voices: dict[str, ExportedVoice]) -> list[ExportedVoice]:
    for voice in voices.values():
        voice.packets.sort(key=lambda one: one[0])
    return list(voices.values())


def render(packets: Iterable[Packet], length: int) -> Iterator[Samples]:
    """Decode packets, each at its place, with silence where there are none.

    Args:
        packets: in order of time.
        length: samples in all, at 48 kHz.

    Returns:
        Pieces of int16, 48 kHz, ``length`` samples together.
    """
    decoders: dict[str, Decoder] = {}
    position, last = 0, ""
    for at_ns, codec, payload in packets:
        decoder = decoders.get(codec)
        if decoder is None:
            decoder = decoders[codec] = make_decoder(codec)
        begins = at_ns * SAMPLE_RATE // 1_000_000_000 - (PRE_SKIP if codec == "opus" else 0)
        gap = begins - position
        if TOLERANCE < gap <= CONCEALED and last == codec:
            made = decoder.conceal(gap * decoder.clock_rate // SAMPLE_RATE, payload)[: length - position]
            yield made
            position += len(made)
        elif gap > TOLERANCE:
            for piece in _silence(min(gap, length - position)):
                yield piece
                position += len(piece)
        last = codec
        try:
            samples = decoder.decode(payload)
        except DecodeError:
            continue
        if begins < position - TOLERANCE:
            samples = samples[position - begins :]
        samples = samples[: max(0, length - position)]
        if len(samples):
            yield samples
            position += len(samples)
    yield from _silence(length - position)


def _silence(length: int) -> Iterator[Samples]:
    for begins in range(0, length, _CHUNK):
        yield np.zeros(min(_CHUNK, length - begins), dtype=np.int16)


def _file_names(names: list[str | None]) -> list[str]:
    """A name of a file for each: of people with a number, since two may have the same name."""
    found, people = [], count(1)
    for name in names:
        if name is None:
            found.append("mix.wav")
            continue
        plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:40]
        number = f"{next(people):02}"
        found.append(f"{number}-{plain}.wav" if plain else f"{number}.wav")
    return found
