"""What ``conference call`` makes of its command line, and what it says when it cannot."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.cli import call
from conference.cli.call import custom_parameters, phone_frames
from conference.cli.media import open_recorder
from conference.cli.stay.phone_call import PhoneCall, key_times
from conference.cli.streams import read_stream
from conference.client.endings import DONE
from conference.prompts.decode import MediaError, read_audio
from conference.telephony.twilio.messages import Media, ServerMedia, Stop, build, parse_client_message
from tests.tones import level_at, tone


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conference")
    call.add_parser(parser.add_subparsers())
    return parser.parse_args(["call", *arguments])


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ws://127.0.0.1:8080/twilio/stream/lobby", "ws://127.0.0.1:8080/twilio/stream/lobby"),
        ("wss://bot.example.org/media?x=1", "wss://bot.example.org/media?x=1"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/twilio/stream"),
        ("https://talk.example.org/", "wss://talk.example.org/twilio/stream"),
        ("127.0.0.1:8080", "ws://127.0.0.1:8080/twilio/stream"),
        ("localhost:8080/media", "ws://localhost:8080/media"),
    ],
)
def test_the_address_is_what_was_meant(given: str, meant: str) -> None:
    assert read_stream(given).url == meant


@pytest.mark.parametrize("given", ["", "ftp://example.org/x", "ws://", "ws:///path", "://", "ws://[::1"])
def test_what_is_no_address_is_one_sentence(given: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="not a WebSocket address"):
        read_stream(given)


def test_name_and_room_and_parameters_go_along() -> None:
    args = parse("ws://x", "--name", "Amy", "--room", "lobby", "--param", "team=blue=green", "--param", "empty=")
    assert custom_parameters(args, None) == {"name": "Amy", "room": "lobby", "team": "blue=green", "empty": ""}
    assert custom_parameters(parse("ws://x"), "t") == {"token": "t"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--duration", "0"),
        ("--duration", "soon"),
        ("--duration", "nan"),
        ("--dtmf", "9x"),
        ("--dtmf", ""),
        ("--param", "novalue"),
        ("--param", "=x"),
        ("--param", "long=" + "x" * 500),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(arguments: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        parse("ws://x", *arguments)
    assert f"argument {arguments[0]}: '" in capsys.readouterr().err


def test_keys_are_pressed_four_a_second_from_second_one_and_w_waits() -> None:
    assert key_times("12w#") == [(50, "1"), (62, "2"), (100, "#")]
    assert key_times("") == []


def test_a_file_becomes_frames_of_twenty_milliseconds_and_is_as_loud(tmp_path: Path) -> None:
    with open_recorder(tmp_path / "tone.wav") as recorder:
        recorder.write(tone(440, 1.01, dbfs=-12))
    frames = phone_frames(str(tmp_path / "tone.wav"))
    assert {len(frame) for frame in frames} == {160}
    assert 51 <= len(frames) <= 52
    samples = ulaw_decode(b"".join(frames))
    assert level_at(samples[800:7200], 8000, 440) == pytest.approx(-12, abs=0.5)
    assert not np.any(ulaw_decode(frames[-1])[-40:])


def test_the_call_lasts_as_long_as_the_file_or_the_keys_unless_told() -> None:
    speech = [b"\xff" * 160] * 100
    assert PhoneCall("ws://x", {}, speech).duration == 3.0
    assert PhoneCall("ws://x", {}, speech, duration=5.0).duration == 5.0
    assert PhoneCall("ws://x", {}, []).duration is None


def test_a_missing_file_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert call.run(parse("ws://127.0.0.1:1", "--play", "/nowhere/hello.wav")) == 1
    output = capsys.readouterr().err
    assert output.startswith("conference call: ")
    assert "/nowhere/hello.wav" in output
    assert output.count("\n") == 1


def test_a_recording_of_an_unknown_kind_is_one_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert call.run(parse("ws://127.0.0.1:1", "--record", str(tmp_path / "heard.mp3"))) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_wrong_address_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("ftp://x")
    assert "not a WebSocket address" in capsys.readouterr().err


def test_a_file_that_is_no_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("hello")
    with pytest.raises(MediaError):
        phone_frames(str(tmp_path / "x.wav"))


def test_help_says_what_a_newcomer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--help")
    text = capsys.readouterr().out
    assert "Example: conference call ws://" in text
    assert "--dtmf" in text


@pytest.mark.e2e
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_call_that_is_told_to_end_hangs_up_and_sums_up(number: int) -> None:
    said: list[object] = []
    started, over = asyncio.Event(), asyncio.Event()

    async def listen(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            said.append(parse_client_message(message.data))
            started.set()
        over.set()
        return socket

    app = web.Application()
    app.router.add_get("/twilio/stream", listen)
    async with TestServer(app) as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "conference.cli.main", "call", f"ws://127.0.0.1:{server.port}",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(60):
                await started.wait()
                process.send_signal(number)
                _, errors = await process.communicate()
                await over.wait()  # all that was sent has been read
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert (process.returncode, b"stopped: by Ctrl-C or SIGTERM" in errors) == (0, True)
    assert isinstance(said[-1], Stop)


@pytest.mark.e2e
@pytest.mark.alone
async def test_a_call_says_its_file_records_what_it_hears_and_sums_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def echo(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            heard = parse_client_message(message.data)
            if isinstance(heard, Media):
                await socket.send_str(build(ServerMedia(heard.stream_sid, heard.payload)))
        return socket

    app = web.Application()
    app.router.add_get("/twilio/stream", echo)
    speech = ulaw_encode(tone(440, 1.0, rate=8000)).tobytes()
    frames = [speech[start : start + 160] for start in range(0, len(speech), 160)]
    async with TestServer(app) as server:
        placed = PhoneCall(f"ws://127.0.0.1:{server.port}/twilio/stream", {}, frames, duration=1.2)
        with open_recorder(tmp_path / "heard.wav") as recorder:
            assert await placed.place(recorder) is DONE
    recorded = read_audio(tmp_path / "heard.wav")
    assert recorded.size == 60 * 960
    assert level_at(recorded[9600:43200], 48000, 440) == pytest.approx(-12, abs=0.5)
    output = capsys.readouterr().err
    assert "60 messages" in output
    assert "done: the time was up" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ws://127.0.0.1:8080", "--dialect", "audiosocket"], "plain TCP"),
        (["--dialect", "audiosocket"], "plain TCP"),
        (["tcp://127.0.0.1:9092", "--dialect", "audiosocket", "--room", "tea"], "nothing of a call but its UUID"),
        (["tcp://127.0.0.1:9092", "--dialect", "audiosocket", "--name", "Amy"], "nothing of a call but its UUID"),
        (["tcp://127.0.0.1:9092"], "is no WebSocket"),
        (["tcp://127.0.0.1"], "not the address of an AudioSocket"),
        (["tcp://127.0.0.1:9092/path"], "not the address of an AudioSocket"),
        (["tcp://[::1:9092"], "not the address of an AudioSocket"),
        (["ws://127.0.0.1/twilio/stream/tea", "--uuid", "0b1f6a52-5c0e-4d5e-9c3c-6f0c6f6c2f55"], "--uuid is for"),
        (["tcp://127.0.0.1:9092", "--dialect", "audiosocket", "--uuid", "five"], "is not a UUID"),
    ],
)
def test_what_is_not_as_audiosocket_is_gets_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def place() -> None:
        call.run(parse(*arguments))

    with pytest.raises(SystemExit):
        place()
    assert words in capsys.readouterr().err
