"""``conference join``: somebody without a browser comes into a room, says a file, and records what they hear."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import signal
import sys
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Final

from conference.cli.arguments import add_token_option, server_url, words
from conference.cli.headless import TICKS_PER_SECOND, Call, Voice, call_ticks
from conference.cli.media import Recorder, open_recorder
from conference.cli.progress import Progress, Snapshot, clock, percent
from conference.clock import Clock
from conference.codecs.libopus import LibraryNotFoundError
from conference.codecs.opus import OpusCodec
from conference.prompts.decode import MediaError, read_audio
from conference.room.conference import check_room_name
from conference.room.errors import InvalidRoomName
from conference.webrtc.client.peer import HeadlessPeer, JoinError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

BITRATE: Final = 64_000
"""Opus, of what is said: the server codes it once more, so this first time must not show."""

DESCRIPTION = """\
Come into a room without a browser: say an audio file in real time, and record what the others say.

  conference join http://127.0.0.1:8080 --room lobby --play hello.wav --record heard.wav
"""

EPILOG = """\
Ctrl-C leaves the room and finishes the recording.
"""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "join",
        help="come into a room without a browser: play a file, record what you hear",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", metavar="URL", type=server_url, help="the server, e.g. http://127.0.0.1:8080")
    parser.add_argument(
        "--room", metavar="ROOM", type=_room, required=True, help="the room; it is made if nobody is in it yet"
    )
    parser.add_argument(
        "--name", metavar="NAME", type=words, default="conference join", help="what the others see (%(default)s)"
    )
    parser.add_argument("--play", metavar="FILE", help="what to say: any audio file; without it, only listen")
    parser.add_argument("--record", metavar="FILE", help="where to put what is heard: .wav, .ogg or .opus")
    parser.add_argument(
        "--duration",
        metavar="SECONDS",
        type=_seconds,
        help="leave after that long (default: when the file ends; without a file, on Ctrl-C)",
    )
    add_token_option(parser)
    parser.add_argument("--loop", action="store_true", help="say the file over and over, until --duration or Ctrl-C")
    parser.add_argument(
        "--insecure", action="store_true", help="take any certificate of an https server, such as a self-signed one"
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Be in the room for as long as ``args`` say.

    Returns:
        0 if the call ended as it should, 1 if not, with a sentence on standard error.
    """
    try:
        voice = Voice(read_audio(args.play), loop=args.loop) if args.play else None
        with contextlib.ExitStack() as stack:
            recorder = stack.enter_context(open_recorder(args.record)) if args.record else None
            asyncio.run(_in_the_room(args, voice, recorder))
    except (JoinError, MediaError, LibraryNotFoundError) as error:
        print(f"conference join: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the call could take it, or a second time
        return 130
    return 0


async def _in_the_room(args: argparse.Namespace, voice: Voice | None, recorder: Recorder | None) -> None:
    """Connect, talk until the call is over, leave, and say how it went.

    Raises:
        JoinError: it could not be joined, or the connection ended too soon.
        MediaError: the recording can't be written.
    """
    progress = Progress()
    with _signals() as stop:
        peer = HeadlessPeer(
            args.url,
            args.room,
            args.name,
            speaks=voice is not None,
            bitrate=BITRATE,
            verify=not args.insecure,
            access_token=args.token,
        )
        try:
            if not await _unless(stop, peer.connect()):
                return
            progress.note(f"In room {args.room} as {args.name}; Ctrl-C leaves.")
            codec = peer.codec or OpusCodec(bitrate=BITRATE)
            call = Call(codec.make_encoder(), voice, recorder, call_ticks(voice, args.duration))
            await _talk(peer, call, stop, progress)
        finally:
            await peer.close()


async def _talk(peer: HeadlessPeer, call: Call, stop: asyncio.Event, progress: Progress) -> None:
    """Run the call, 20 ms at a time, until it is over, stopped, or lost."""
    lost: list[str] = []

    def end(reason: str) -> None:
        lost.append(reason)
        stop.set()

    def tick(number: int, now_ns: int) -> None:
        if stop.is_set():
            return
        heard = None if peer.source is None else peer.source.pull(now_ns)
        payload = call.tick(number, heard)
        if call.speaks:
            peer.send(payload, number)
            if number % TICKS_PER_SECOND == 0:
                call.expect_loss(peer.expected_loss)
        if progress.due(call.elapsed_s):
            progress.update(snapshot(peer, call))
        if call.over:
            stop.set()

    peer.on_end = end
    try:
        await _unless(stop, Clock(tick).run())
    finally:
        progress.finish(summary_rows(peer, call))
    if lost:
        raise JoinError(lost[0])


def snapshot(peer: HeadlessPeer, call: Call) -> Snapshot:
    """What the live line shows."""
    stats = peer.stats()
    return Snapshot(
        elapsed_s=call.elapsed_s,
        remaining_s=None if call.ticks is None else call.ticks / TICKS_PER_SECOND - call.elapsed_s,
        level_in=call.level_in.read(),
        level_out=call.level_out.read() if call.speaks else None,
        packets_in=stats.packets_in,
        packets_out=stats.packets_out,
        lost=stats.lost_in,
        buffered_ms=None if peer.source is None else peer.source.buffered_ms,
    )


def summary_rows(peer: HeadlessPeer, call: Call) -> list[tuple[str, str]]:
    """The table at the end."""
    stats = peer.stats()
    rows = [("in the room", clock(call.elapsed_s)), ("join answered in", f"{peer.answer_ms:.0f} ms")]
    if call.speaks:
        rows.append(("packets sent", str(stats.packets_out)))
    rows += [
        ("packets received", str(stats.packets_in)),
        ("lost", f"{stats.lost_in} ({percent(stats.lost_in, stats.packets_in + stats.lost_in)})"),
        ("jitter", f"{stats.jitter_ms:.1f} ms"),
        ("something to hear", clock(call.heard_ticks / TICKS_PER_SECOND)),
    ]
    if stats.round_trip_ms is not None:
        rows.append(("round trip", f"{stats.round_trip_ms:.0f} ms"))
    return rows


async def _unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Do some work unless ``stop`` is set before it is done; then it is cancelled. Returns whether it was done."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
            return True
        return False
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """An event that Ctrl-C and SIGTERM set. A second Ctrl-C ends the program as it does elsewhere."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)

    def release() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    def stopped() -> None:
        stop.set()
        release()

    try:
        for number in numbers:
            loop.add_signal_handler(number, stopped)
    except (NotImplementedError, ValueError, RuntimeError):  # Windows; or not the main thread
        yield stop
        return
    try:
        yield stop
    finally:
        release()


def _room(text: str) -> str:
    try:
        return check_room_name(text)
    except InvalidRoomName:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a room's name: 1 to 64 characters of A-Z a-z 0-9 . _ -"
        ) from None


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds: it must be more than 0")
    return value
