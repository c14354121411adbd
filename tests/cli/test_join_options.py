from __future__ import annotations

import argparse
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.audio.frame import FRAME_SAMPLES, Samples
from conference.cli import join
from conference.cli.main import main
from conference.cli.media import open_recorder
from conference.cli.stay.headless import TAIL_TICKS, HeadlessCall, RecordedVoice, call_ticks
from conference.codecs.base import Encoder
from conference.codecs.opus import OpusCodec
from conference.prompts.decode import read_audio


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conference")
    join.add_parser(parser.add_subparsers())
    return parser.parse_args(["join", *arguments])


def encoder() -> Encoder:
    return OpusCodec(bitrate=64_000).make_encoder()


def ramp(size: int) -> Samples:
    return (np.arange(size) % 20_000 + 1).astype(np.int16)


def test_a_server_and_a_room_are_enough() -> None:
    args = parse("http://127.0.0.1:8080", "--room", "lobby")
    assert (args.address.server, args.room, args.name) == ("http://127.0.0.1:8080", "lobby", "conference join")
    assert (args.play, args.record, args.duration, args.loop) == (None, None, None, False)


def test_an_address_without_a_scheme_is_taken_for_http_and_a_slash_at_its_end_does_no_harm() -> None:
    assert parse("127.0.0.1:8080/", "--room", "lobby").address.server == "http://127.0.0.1:8080"
    assert parse("https://talk.example.org/conf/", "--room", "lobby").address.server == "https://talk.example.org/conf"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "a room is missing"),
        (["http://127.0.0.1:8080"], "--room"),
        (["ftp://127.0.0.1:8080", "--room", "a"], "http://"),
        (["lobby"], "'lobby' was taken for a server: if it is the room, say --room lobby"),
        (
            ["http://127.0.0.1:8080", "--room", "http://h/join/tea"],
            "the name of a room is asked for",
        ),
        (["http://127.0.0.1:8080/join/tea", "--room", "b"], "is of room tea, and --room says b"),
        (["http://127.0.0.1:8080/join/tea", "--url", "http://h"], "two addresses"),
        (["http://127.0.0.1:8080/join/a%20b"], "1 to 64"),
        (["http://", "--room", "a"], "http://"),
        (["http://127.0.0.1:99999", "--room", "a"], "http://"),
        (["http://127.0.0.1:8080", "--room", "a b"], "1 to 64"),
        (["http://127.0.0.1:8080", "--room", "a/b"], "1 to 64"),
        (["http://127.0.0.1:8080", "--room", "a" * 65], "1 to 64"),
        (["http://127.0.0.1:8080", "--room", "a", "--duration", "0"], "more than 0"),
        (["http://127.0.0.1:8080", "--room", "a", "--duration", "nan"], "more than 0"),
        (["http://127.0.0.1:8080", "--room", "a", "--duration", "inf"], "more than 0"),
        (["http://127.0.0.1:8080", "--room", "a", "--duration", "soon"], "more than 0"),
    ],
)
def test_options_that_make_no_sense_are_explained(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["join", *arguments])
    assert left.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = parse("http://127.0.0.1:9", "--room", "a", "--play", str(tmp_path / "missing.wav"))
    assert args.run(args) == 1
    assert capsys.readouterr().err == f"conference join: There is no file {tmp_path / 'missing.wav'}.\n"


def test_a_recording_of_an_unknown_kind_is_refused_before_anybody_is_called(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = parse("http://127.0.0.1:9", "--room", "a", "--record", str(tmp_path / "heard.mp3"))
    assert args.run(args) == 1
    assert ".wav, .ogg or .opus" in capsys.readouterr().err


@given(size=st.integers(1, 5000))
def test_a_voice_gives_the_whole_file_and_pads_its_end(size: int) -> None:
    voice = RecordedVoice(ramp(size))
    assert voice.ticks is not None
    frames = [voice.frame(tick) for tick in range(voice.ticks)]
    whole = np.concatenate([frame for frame in frames if frame is not None])
    assert whole.size == voice.ticks * FRAME_SAMPLES
    assert np.array_equal(whole[:size], ramp(size))
    assert not whole[size:].any()
    assert voice.frame(voice.ticks) is None


@given(size=st.integers(1, 5000), tick=st.integers(0, 10_000))
def test_a_looped_voice_goes_on_with_its_first_sample_after_its_last(size: int, tick: int) -> None:
    voice = RecordedVoice(ramp(size), loop=True)
    frame = voice.frame(tick)
    assert voice.ticks is None
    assert frame is not None
    assert np.array_equal(frame, ramp(size)[(tick * FRAME_SAMPLES + np.arange(FRAME_SAMPLES)) % size])


def test_a_call_ends_after_its_file_with_time_for_the_last_words_to_arrive() -> None:
    voice = RecordedVoice(ramp(FRAME_SAMPLES * 10))
    assert call_ticks(voice, None) == 10 + TAIL_TICKS
    assert call_ticks(voice, 3.0) == 150
    assert call_ticks(RecordedVoice(ramp(960), loop=True), None) is None
    assert call_ticks(None, None) is None
    assert call_ticks(None, 0.001) == 1


def test_what_is_said_decodes_to_the_file_and_is_quiet_afterwards() -> None:
    time = np.arange(48_000) / 48_000
    sound = np.rint(8000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16)
    call = HeadlessCall(encoder(), RecordedVoice(sound), None, ticks=None)
    decoder = OpusCodec().make_decoder()

    packets = [call.tick(number, None) for number in range(150)]

    said = np.concatenate([decoder.decode(packet) for packet in packets[:50] if packet is not None])
    assert said.size == 48_000
    spectrum = np.abs(np.fft.rfft(said[:48_000]))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert np.std(said[9600:38_400]) == pytest.approx(8000 / np.sqrt(2), rel=0.05)
    assert sum(packet is not None for packet in packets[100:]) <= 5, "silence costs a packet every 400 ms"


def test_a_recording_has_20_ms_for_every_tick_whatever_was_heard(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    with open_recorder(path) as recorder:
        call = HeadlessCall(encoder(), None, recorder, ticks=6)
        for number, heard in [(0, None), (1, ramp(960)), (4, ramp(960)), (5, None)]:
            assert not call.over
            call.tick(number, heard)
        assert call.over

    sound = read_audio(path).reshape(6, 960)
    assert [bool(frame.any()) for frame in sound] == [False, True, False, False, True, False]
    assert np.array_equal(sound[4], ramp(960))
    assert call.heard_ticks == 2


def test_the_wav_of_a_call_is_48_khz_mono(tmp_path: Path) -> None:
    path = tmp_path / "heard.wav"
    with open_recorder(path) as recorder:
        HeadlessCall(encoder(), None, recorder, ticks=None).tick(0, ramp(960))
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
