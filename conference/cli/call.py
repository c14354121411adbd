"""``conference call``: a phone call without a phone: plays Twilio, or another provider, towards a media WebSocket."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from conference.audio.frame import SAMPLE_RATE
from conference.audio.resample import Resampler
from conference.cli.addresses import (
    DEFAULT_URL,
    STREAM_PATH,
    URL_VARIABLE,
    any_room_name,
    default_address,
    one_room,
    or_a_room,
)
from conference.cli.media import open_recorder
from conference.cli.stay.phone_call import PhoneCall
from conference.cli.streams import TCP, Stream, of_address, one_stream, read_server, read_stream
from conference.cli.terminal.arguments import (
    Complain,
    add_parameter_option,
    add_reconnect_options,
    add_token_option,
    find_token,
    seconds,
    words,
)
from conference.cli.terminal.options import add_options
from conference.client.backoff import Backoff
from conference.codecs.waveform import WaveformCodec
from conference.options.declaration import SettingsError
from conference.options.option import options_of
from conference.options.sources import read_options
from conference.prompts.decode import MediaError, read_audio
from conference.telephony.connecting import CallError
from conference.telephony.dialect import CallIdentity, Dialect
from conference.telephony.dialects.audiosocket import AUDIOSOCKET, caller_identity
from conference.telephony.dialects.known import DIALECTS
from conference.telephony.fields import DIGITS
from conference.telephony.intake import MU_LAW
from conference.telephony.settings import CallerSettings
from conference.telephony.twilio.dialect import TWILIO

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


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
        "url", metavar="WS_URL", nargs="?", type=read_stream,
        help="the media stream, e.g. ws://127.0.0.1:8080/twilio/stream/lobby, or the room, e.g. "
        f"{DEFAULT_URL}/join/lobby; with only a host, /twilio/stream is added "
        f"(default: ${URL_VARIABLE}, else {DEFAULT_URL})",
    )  # fmt: skip
    parser.add_argument(
        "--url", metavar="URL", dest="url_option", type=read_server, help="the same, as other commands take it"
    )
    parser.add_argument(
        "--dialect", choices=(*DIALECTS, AUDIOSOCKET.name), default=TWILIO.name,
        help="whose stream it is that is played; the address of a room is then that of its /media/DIALECT, and with "
        "audiosocket that of a TCP port, e.g. tcp://127.0.0.1:9092 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--uuid", metavar="UUID", type=_uuid, help="by what the server knows the call, with --dialect audiosocket"
    )
    parser.add_argument("--play", metavar="FILE", help="what the caller says: any audio file; silence without it")
    parser.add_argument("--record", metavar="FILE", help="where to put what the caller hears: .wav, .ogg or .opus")
    parser.add_argument("--name", metavar="NAME", type=words, help="the caller's name in the room")
    parser.add_argument("--room", metavar="ROOM", type=any_room_name, help="the room, where the address names none")
    parser.add_argument(
        "--duration", metavar="SECONDS", type=seconds,
        help="how long the call lasts (default: as long as the file; without a file until Ctrl-C)",
    )  # fmt: skip
    parser.add_argument(
        "--dtmf", metavar="KEYS", type=_digits,
        help="keys to press, four a second from second one on, e.g. 12#; a w waits half a second",
    )  # fmt: skip
    add_parameter_option(parser)
    add_token_option(parser)
    add_reconnect_options(parser)
    add_options(parser, options_of(CallerSettings))
    parser.add_argument("--insecure", action="store_true", help="do not verify the certificate of a wss:// server")
    parser.set_defaults(run=run, complain=parser.error)


def run(args: argparse.Namespace) -> int:
    """Place the call.

    Returns:
        The status of how it ended (see :mod:`conference.client.endings`); 1 with a sentence on standard error if
        nobody wanted that, or it was never connected.
    """
    stream = find_stream(args, args.complain)
    token = find_token(args.token, stream.token, args.complain)
    settings = find_settings(args, args.complain)
    dialect = DIALECTS.get(args.dialect, AUDIOSOCKET)
    try:
        call = PhoneCall(
            url=stream.url,
            parameters=custom_parameters(args, token),
            speech=phone_frames(args.play, codec_of(dialect)) if args.play else [],
            dialect=dialect,
            identity=caller_identity(args.uuid) if args.uuid is not None else None,
            duration=args.duration,
            keys=args.dtmf or "",
            access_token=token,
            insecure=args.insecure,
            backoff=Backoff(args.reconnect_for) if args.reconnect else None,
            settings=settings,
        )
        with open_recorder(args.record) if args.record else contextlib.nullcontext() as recorder:
            ending = asyncio.run(call.place(recorder))
    except (CallError, MediaError) as error:
        hint = or_a_room(stream.word) if isinstance(error, CallError) else ""
        print(f"conference call: {error}{hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if ending.status:
        print(f"conference call: {ending.told}", file=sys.stderr)
    return ending.status


def find_settings(args: argparse.Namespace, complain: Complain) -> CallerSettings:
    """How much is read of the server.

    Args:
        args: of this command.
        complain: is told if it cannot be.
    """
    try:
        return read_options(CallerSettings, vars(args), os.environ)
    except SettingsError as error:
        complain(str(error))


def find_stream(args: argparse.Namespace, complain: Complain) -> Stream:
    """Where the call goes, in its dialect.

    Args:
        args: of this command.
        complain: is told if they contradict each other.
    """
    if args.dialect == AUDIOSOCKET.name:
        return _audiosocket(args, complain)
    stream = _named_stream(args, complain)
    if args.uuid is not None:
        complain("--uuid is for --dialect audiosocket")
    if stream.url.startswith(TCP):
        complain(f"{stream.url} is no WebSocket: give --dialect audiosocket, or an address like ws://HOST:PORT/PATH")
    if args.dialect == TWILIO.name:
        return stream
    return replace(stream, url=stream.url.replace(STREAM_PATH, f"/media/{args.dialect}", 1))


def _audiosocket(args: argparse.Namespace, complain: Complain) -> Stream:
    """Where a call on AudioSocket goes.

    Args:
        args: of this command.
        complain: is told if they make no sense for it.
    """
    stream = one_stream(args.url, args.url_option, complain)
    if stream is None or not stream.url.startswith(TCP):
        complain("AudioSocket is plain TCP: give the address of its port, e.g. tcp://127.0.0.1:9092")
    if args.room is not None or args.name is not None or args.param or args.token is not None:
        complain(
            "AudioSocket says nothing of a call but its UUID: announce the call at /rooms/ROOM/audiosocket-calls, and "
            "give --uuid"
        )
    return stream


def _named_stream(args: argparse.Namespace, complain: Complain) -> Stream:
    """Where the call goes.

    Args:
        args: of this command.
        complain: is told if they contradict each other.
    """
    stream = one_stream(args.url, args.url_option, complain)
    if stream is not None:
        one_room(stream.room, args.room, complain)
        return stream
    if args.room is None:
        complain("a room is missing: give --room, or an address that names one, like ws://HOST/twilio/stream/lobby")
    try:
        return of_address(default_address())
    except argparse.ArgumentTypeError as error:
        complain(str(error))


def custom_parameters(args: argparse.Namespace, token: str | None) -> dict[str, str]:
    """What the ``start`` message brings along."""
    parameters = dict(args.param)
    if args.name is not None:
        parameters["name"] = args.name
    if args.room is not None:
        parameters["room"] = args.room
    if token is not None:
        parameters["token"] = token
    return parameters


def codec_of(dialect: Dialect) -> WaveformCodec:
    """How a dialect's callers code what they say."""
    return dialect.provider_end(CallIdentity(), {}).codec


def phone_frames(path: str, codec: WaveformCodec = MU_LAW) -> list[bytes]:
    """A file as a phone says it: frames of 20 ms in its codec.

    Raises:
        MediaError: the file cannot be read.
    """
    samples = read_audio(path)
    resampler = Resampler(SAMPLE_RATE, codec.rate)
    encoded = codec.encode_samples(np.concatenate([resampler.process(samples), resampler.flush()]))
    size, silent = codec.frame_bytes, codec.silent_frame
    frames = [encoded[start : start + size] for start in range(0, len(encoded), size)]
    return [frame + silent[len(frame) :] for frame in frames]


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not a UUID") from None


def _digits(text: str) -> str:
    if not text or set(text) - DIGITS - {"w"}:
        raise argparse.ArgumentTypeError(f"'{text}' has something else than the keys 0-9, *, #, A-D and w for a pause")
    return text
