"""The files of a recording are what others take them for: FFmpeg reads back what was written, at its time."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE
from conference.codecs.opus import OpusCodec
from conference.recording.matroska import MatroskaTrack, write_matroska
from conference.recording.ogg import PRE_SKIP, write_opus
from tests.recording.recorded import loudness, tone

OPUS, MULAW, ALAW = MatroskaTrack("Amy ☕", "opus"), MatroskaTrack("Ben", "PCMU"), MatroskaTrack("Charlie", "PCMA")
BIG, LITTLE = MatroskaTrack("Dan", "L16/16000"), MatroskaTrack("Eve", "L16LE/24000")


def read_back(file: io.BytesIO) -> tuple[Any, list[tuple[int, int, bytes]]]:
    file.seek(0)
    container = av.open(file, mode="r")
    blocks = []
    for packet in container.demux():
        if packet.pts is not None and packet.size:
            at = Fraction(packet.pts) * (packet.time_base or 0)
            blocks.append((round(at * 1000), packet.stream.index, bytes(packet)))
    return container, blocks


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4 * 3_600_000), st.integers(0, 4), st.binary(min_size=3, max_size=399)), max_size=40
    )
)
def test_every_packet_is_found_in_its_track_at_its_millisecond(blocks: list[tuple[int, int, bytes]]) -> None:
    whole = {(at, track): (at, track, (b"\xf8" + data)[: (len(data) + 1) // 2 * 2]) for at, track, data in blocks}
    blocks = sorted(whole.values())
    file = io.BytesIO()
    write_matroska(
        file,
        [OPUS, MULAW, ALAW, BIG, LITTLE],
        [(at * 1_000_000, track, data) for at, track, data in blocks],
        "tea",
        10**9,
    )
    container, found = read_back(file)
    assert found == blocks
    assert [one.metadata.get("title") for one in container.streams] == ["Amy ☕", "Ben", "Charlie", "Dan", "Eve"]
    names = [one.codec_context.name for one in container.streams]
    assert names[1:] == ["pcm_mulaw", "pcm_alaw", "pcm_s16be", "pcm_s16le"]
    assert [one.codec_context.sample_rate for one in container.streams][1:] == [8_000, 8_000, 16_000, 24_000]
    assert "opus" in container.streams[0].codec_context.name
    assert container.metadata["title"] == "tea"


def test_a_player_can_go_to_any_place_of_a_long_file() -> None:
    file = io.BytesIO()
    blocks = [(n * 20_000_000, 0, b"\xf8\xff\xfe") for n in range(50 * 60)]
    write_matroska(file, [OPUS], blocks, "tea", 60 * 10**9)
    file.seek(0)
    with av.open(file, mode="r") as container:
        assert container.duration == 60_000_000
        container.seek(42_000_000)
        packet = next(container.demux(container.streams[0]))
        assert packet.pts is not None
        assert 36_000 <= packet.pts <= 42_000


def test_a_mix_plays_from_its_first_sample_to_its_last() -> None:
    encoder = OpusCodec(fec=False, expected_loss=0).make_encoder()
    packets = [encoder.encode(tone(440, n)) for n in range(150)]
    file = io.BytesIO()
    write_opus(file, packets, FRAME_SAMPLES, {"TITLE": "tea"})
    file.seek(0)
    with av.open(file, mode="r") as container:
        assert container.streams[0].metadata["TITLE"] == "tea"
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        pieces = [piece.to_ndarray()[0] for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    heard = np.concatenate(pieces)
    assert len(heard) == 150 * FRAME_SAMPLES - PRE_SKIP
    assert loudness(heard[48_000:96_000], 440) > 0.9
