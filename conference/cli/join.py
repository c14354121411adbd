"""``conference join``: somebody without a browser comes into a room, says a file, and records what they hear."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conference.cli.addresses import add_place, find_place, need_room
from conference.cli.media import Recorder, open_recorder
from conference.cli.stay.headless import HeadlessCall, RecordedVoice, call_ticks
from conference.cli.stay.stay import Stay
from conference.cli.terminal.arguments import add_reconnect_options, add_token_option, find_token, seconds, words
from conference.cli.terminal.progress import Progress
from conference.client.api import ServerAccess
from conference.client.backoff import Backoff
from conference.client.endings import STOPPED, Ending
from conference.client.held_seat import unless
from conference.client.visitor import encoder_of, make_visitor
from conference.codecs.libopus import LibraryNotFoundError
from conference.prompts.decode import MediaError, read_audio
from conference.webrtc.client.peer import HeadlessPeer, JoinError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

DESCRIPTION = """\
Come into a room without a browser: say an audio file in real time, and record what the others say.

  conference join http://127.0.0.1:8080/join/lobby --play hello.wav --record heard.wav
  conference join --url http://127.0.0.1:8080 --room lobby
"""

EPILOG = """\
Ctrl-C leaves the room and finishes the recording. A lost connection comes back by itself; until then the recording
holds silence. The status is 0 if somebody wanted the end, and 1 if nobody did.
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
    add_place(parser, "the room, if the address names none; it is made if nobody is in it yet")
    parser.add_argument(
        "--name", metavar="NAME", type=words, default="conference join", help="what the others see (%(default)s)"
    )
    parser.add_argument("--play", metavar="FILE", help="what to say: any audio file; without it, only listen")
    parser.add_argument("--record", metavar="FILE", help="where to put what is heard: .wav, .ogg or .opus")
    parser.add_argument(
        "--duration",
        metavar="SECONDS",
        type=seconds,
        help="leave after that long (default: when the file ends; without a file, on Ctrl-C)",
    )
    add_token_option(parser)
    parser.add_argument("--loop", action="store_true", help="say the file over and over, until --duration or Ctrl-C")
    parser.add_argument(
        "--insecure", action="store_true", help="take any certificate of an https server, such as a self-signed one"
    )
    add_reconnect_options(parser)
    parser.set_defaults(run=run, complain=parser.error)
    return parser


@dataclass(frozen=True, slots=True)
class Visit:
    """Who comes where."""

    place: ServerAccess
    room: str
    name: str
    speaks: bool

    def make_peer(self, proof: str | None) -> HeadlessPeer:
        """A peer that is yet to be connected.

        Args:
            proof: of the seat to come back to; ``None`` for a new one.
        """
        return make_visitor(self.place, self.room, self.name, proof, speaks=self.speaks)


def run(args: argparse.Namespace) -> int:
    """Be in the room for as long as ``args`` say.

    Returns:
        The status of how it ended (see :mod:`conference.client.endings`); 1 with a sentence on standard error if
        nobody wanted that, or it never began.
    """
    address, named = find_place(args, args.complain)
    room = need_room(address, named, args.complain)
    token = find_token(args.token, address.token, args.complain)
    try:
        voice = RecordedVoice(read_audio(args.play), loop=args.loop) if args.play else None
        visit = Visit(ServerAccess(address.server, token, not args.insecure), room, args.name, voice is not None)
        backoff = Backoff(args.reconnect_for) if args.reconnect else None
        with contextlib.ExitStack() as stack:
            recorder = stack.enter_context(open_recorder(args.record)) if args.record else None
            ending = asyncio.run(_in_the_room(visit, voice, recorder, args.duration, backoff))
    except (JoinError, MediaError, LibraryNotFoundError) as error:
        print(f"conference join: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the call could take it, or a second time
        return 130
    if ending.status:
        print(f"conference join: {ending.told}", file=sys.stderr)
    return ending.status


async def _in_the_room(
    visit: Visit,
    voice: RecordedVoice | None,
    recorder: Recorder | None,
    duration: float | None,
    backoff: Backoff | None,
) -> Ending:
    """Connect, talk until the call is over, leave, and say how it went.

    Raises:
        JoinError: it could not be joined.
        MediaError: the recording can't be written.
    """
    progress = Progress()
    with _signals() as stop:
        peer = visit.make_peer(None)
        try:
            if not await unless(stop, peer.connect()):
                return STOPPED
        finally:
            if stop.is_set() or peer.location is None:
                await peer.close()
        progress.note(f"In room {visit.room} as {visit.name}; Ctrl-C leaves.")
        call = HeadlessCall(encoder_of(peer), voice, recorder, call_ticks(voice, duration))
        stay = Stay(peer, call, visit.make_peer, encoder_of, progress, backoff, stop)
        ending: Ending | None = None
        try:
            ending = await stay.run()
        finally:
            progress.finish(stay.summary(ending))
            await stay.close()
    return ending


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
