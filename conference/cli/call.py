"""``conference call``: a phone call without a phone: plays Twilio towards a media WebSocket."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import numpy as np

from conference.audio.frame import SAMPLE_RATE
from conference.audio.g711 import ulaw_decode, ulaw_encode
from conference.audio.resample import Resampler
from conference.cli.arguments import add_token_option, words
from conference.cli.media import Recorder, open_recorder
from conference.cli.progress import Meter, Progress, Snapshot, clock
from conference.cli.signals import end_on_sigterm
from conference.prompts.decode import MediaError, read_audio
from conference.telephony.caller import CallEnd, Caller, CallError, HungUp
from conference.telephony.phone import Phone
from conference.telephony.twilio.messages import DIGITS, FRAME_BYTES
from conference.telephony.twilio.messages import SAMPLE_RATE as PHONE_RATE
from conference.webrtc.client.whip import authorization

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

TICK_S = 0.02
TAIL_S = 1.0
"""How long the call goes on after the file, so that its end is heard and answered."""

DIGIT_EVERY_S = 0.25
FIRST_DIGIT_S = 1.0
PAUSE_S = 0.5
"""What a ``w`` among the digits waits, as in Twilio's ``sendDigits``."""


def add_parser(subparsers: Subparsers) -> None:
    """Add the command ``call``."""
    parser = subparsers.add_parser(
        "call",
        help="call a room, or any server that speaks Twilio Media Streams, as a phone would",
        description="Plays Twilio towards a media WebSocket: says a file in real time, records what it hears, presses "
        "keys. Works against this server and against any other that is written for Twilio Media Streams.",
        epilog="Example: conference call ws://127.0.0.1:8080/twilio/stream/lobby --play hello.wav --record heard.wav",
    )
    parser.add_argument(
        "url", metavar="WS_URL", help="the media stream, e.g. ws://127.0.0.1:8080/twilio/stream/lobby; "
        "with only a host, /twilio/stream is added",
    )  # fmt: skip
    parser.add_argument("--play", metavar="FILE", help="what the caller says: any audio file; silence without it")
    parser.add_argument("--record", metavar="FILE", help="where to put what the caller hears: .wav, .ogg or .opus")
    parser.add_argument("--name", metavar="NAME", type=words, help="the caller's name in the room")
    parser.add_argument("--room", metavar="ROOM", help="the room, where the address names none")
    parser.add_argument(
        "--duration", metavar="SECONDS", type=_seconds,
        help="how long the call lasts (default: as long as the file; without a file until Ctrl-C)",
    )  # fmt: skip
    parser.add_argument(
        "--dtmf", metavar="KEYS", type=_digits,
        help="keys to press, four a second from second one on, e.g. 12#; a w waits half a second",
    )  # fmt: skip
    parser.add_argument(
        "--param", metavar="NAME=VALUE", type=_parameter, action="append", default=[],
        help="a custom parameter of the stream; can be repeated",
    )  # fmt: skip
    add_token_option(parser)
    parser.add_argument("--insecure", action="store_true", help="do not verify the certificate of a wss:// server")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Place the call; 0 if it was connected and ended as it should, 1 if not, with a sentence on standard error."""
    try:
        call = Call(
            url=stream_address(args.url),
            parameters=custom_parameters(args),
            speech=phone_frames(args.play) if args.play else [],
            duration=args.duration,
            keys=args.dtmf or "",
            access_token=args.token,
            insecure=args.insecure,
        )
        with open_recorder(args.record) if args.record else contextlib.nullcontext() as recorder:
            end = asyncio.run(call.place(recorder))
    except (CallError, MediaError, ValueError) as error:
        print(f"conference call: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0 if end is None or not end.by_server or end.code in (1000, 1001) else 1


def stream_address(url: str) -> str:
    """The WebSocket address that was meant: ``http`` becomes ``ws``, and a bare host gets the usual path.

    Raises:
        ValueError: it is no such address.
    """
    try:
        parts = urlsplit(url if "://" in url else f"ws://{url}")
    except ValueError:  # a bracket that is not closed
        parts = urlsplit("")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"'{url}' is not a WebSocket address like ws://127.0.0.1:8080/twilio/stream/lobby.")
    path = parts.path if parts.path not in ("", "/") else "/twilio/stream"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))


def custom_parameters(args: argparse.Namespace) -> dict[str, str]:
    """What the ``start`` message brings along."""
    parameters = dict(args.param)
    if args.name is not None:
        parameters["name"] = args.name
    if args.room is not None:
        parameters["room"] = args.room
    if args.token is not None:
        parameters["token"] = args.token
    return parameters


def phone_frames(path: str) -> list[bytes]:
    """A file as a phone says it: frames of 160 bytes of mu-law.

    Raises:
        MediaError: the file cannot be read.
    """
    samples = read_audio(path)
    resampler = Resampler(SAMPLE_RATE, PHONE_RATE)
    narrow = np.concatenate([resampler.process(samples), resampler.flush()])
    encoded = ulaw_encode(narrow).tobytes()
    return [encoded[i : i + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff") for i in range(0, len(encoded), FRAME_BYTES)]


@dataclass
class Call:
    """One call from the command line, with what it shows while it runs."""

    url: str
    parameters: Mapping[str, str]
    speech: list[bytes]
    duration: float | None = None
    keys: str = ""
    insecure: bool = False
    access_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.phone = Phone(parameters=self.parameters)
        self.progress = Progress()
        self._ticks = 0
        self._level_in, self._level_out = Meter(), Meter()
        self._schedule = key_times(self.keys)
        if self.duration is None and self.speech:
            last_key = max((tick for tick, _ in self._schedule), default=0) * TICK_S
            self.duration = max(len(self.speech) * TICK_S, last_key) + TAIL_S

    async def place(self, recorder: Recorder | None) -> CallEnd | None:
        """The whole call; ``None`` if it was ended with Ctrl-C or SIGTERM.

        Raises:
            CallError: it could not be placed.
            MediaError: what is heard cannot be recorded.
        """
        caller = Caller(
            self.url,
            self.phone,
            speak=lambda: self._speak(caller),
            hear=self._hear(recorder),
            headers=authorization(self.access_token),
            ssl=_unverified() if self.insecure else True,
        )
        end = None
        end_on_sigterm()
        try:
            end = await caller.run()
        except asyncio.CancelledError:  # Ctrl-C, or SIGTERM: the call has been hung up on the way here
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
        self.progress.finish(self._summary(end))
        return end

    def _speak(self, caller: Caller) -> bytes | None:
        elapsed = self._ticks * TICK_S
        if self.duration is not None and elapsed >= self.duration:
            raise HungUp
        while self._schedule and self._schedule[0][0] <= self._ticks:
            caller.press(self._schedule.pop(0)[1])
        frame = self.speech[self._ticks] if self._ticks < len(self.speech) else None
        self._ticks += 1
        if frame is not None:
            self._level_out.add(ulaw_decode(frame))
        self._show(elapsed)
        return frame

    def _hear(self, recorder: Recorder | None) -> Callable[[bytes], None]:
        resampler = Resampler(PHONE_RATE, SAMPLE_RATE)

        def hear(payload: bytes) -> None:
            samples = ulaw_decode(payload)
            self._level_in.add(samples)
            if recorder is not None:
                recorder.write(resampler.process(samples))

        return hear

    def _show(self, elapsed: float) -> None:
        if not self.progress.due(elapsed):
            return
        snapshot = Snapshot(
            elapsed_s=elapsed,
            remaining_s=None if self.duration is None else max(0.0, self.duration - elapsed),
            level_in=self._level_in.read(),
            level_out=self._level_out.read(),
            packets_in=self.phone.media_received,
            packets_out=self.phone.media_sent,
            buffered_ms=self.phone.playout.buffered_bytes / 8,
        )
        self.progress.update(snapshot)

    def _summary(self, end: CallEnd | None) -> list[tuple[str, str]]:
        phone = self.phone
        rows = [
            ("Call", phone.identity.call_sid),
            ("Duration", clock(self._ticks * TICK_S)),
            ("Ended by", _ended_by(end)),
            ("Said", f"{phone.media_sent} messages"),
            ("Heard", f"{phone.media_received} messages, {phone.bytes_received / PHONE_RATE:.1f} s of sound"),
            ("Marks echoed", str(phone.marks_echoed)),
        ]
        if phone.clears_received:
            rows.append(("Cleared", str(phone.clears_received)))
        rows += [("Warning", warning) for warning in phone.warnings]
        return rows


def _ended_by(end: CallEnd | None) -> str:
    if end is None:
        return "Ctrl-C or SIGTERM"
    return f"the server: {end.reason}" if end.by_server else "the caller"


def key_times(keys: str) -> list[tuple[int, str]]:
    """When each key is pressed, in ticks from the start of the call."""
    times, at = [], FIRST_DIGIT_S
    for key in keys:
        if key == "w":
            at += PAUSE_S
            continue
        times.append((round(at / TICK_S), key))
        at += DIGIT_EVERY_S
    return times


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds between 0 and a day")
    return seconds


def _digits(text: str) -> str:
    if not text or set(text) - DIGITS - {"w"}:
        raise argparse.ArgumentTypeError(f"'{text}' has something else than the keys 0-9, *, #, A-D and w for a pause")
    return text


def _parameter(text: str) -> tuple[str, str]:
    name, separator, value = words(text).partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    if len(name) + len(value) >= 500:
        raise argparse.ArgumentTypeError(f"'{name}' and its value have 500 characters or more, which Twilio refuses")
    return name, value
