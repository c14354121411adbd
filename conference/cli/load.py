"""``conference load``: a crowd joins a server, and it is seen what that costs and how it sounds."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import secrets
import sys
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from conference.cli.addresses import add_place, find_place, one_address, or_a_room
from conference.cli.terminal.arguments import add_token_option, find_token
from conference.cli.terminal.signals import end_on_sigterm
from conference.codecs.libopus import LibraryNotFoundError
from conference.load.load_test import LoadError, LoadTest, Plan
from conference.load.plan import LoadProfile
from conference.load.report.chart import Line, Panel, svg
from conference.load.report.figures import Sample, StepFigures
from conference.load.report.summary import LIVE_HEADER, live_line, summary
from conference.load.signal.scripts import HUM_DBOV
from conference.load.worker import LoadSetup
from conference.prompts.decode import reason

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

MAX_PARTICIPANTS = 20_000
HEADER_EVERY = 20
PER_PROCESS = 1000

DESCRIPTION = """\
Let a crowd join a server, and see what it costs and how it sounds. Start the server without limits for it:

  conference serve --max-joins-per-minute 0 --max-participants-per-room 5000
  conference load http://127.0.0.1:8080 --steps 20,60,120 --chart load.svg
"""

EPILOG = """\
The crowd needs a processor of its own; on one machine, --pin sees to that.
Ctrl-C ends the test, lets everybody leave, and shows what was measured so far.
"""


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add the command to a parser."""
    parser = subparsers.add_parser(
        "load",
        help="try what a server holds: a crowd joins it, and its cost, delay and loss are measured",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_place(parser, "the one room that all come into (default: rooms of the test's own)")
    who = parser.add_argument_group("Who joins")
    who.add_argument("--participants", metavar="N", type=_count, help="WebRTC participants (20)")
    who.add_argument("--steps", metavar="N,N,...", type=_steps, help="so many of them, one after the other")
    who.add_argument(
        "--talkers", metavar="T", type=_talkers, default=3,
        help="how many of them talk; all: everybody, callers too (%(default)s)",
    )  # fmt: skip
    who.add_argument(
        "--turns",
        action="store_true",
        help="with --talkers all: in each room one talks at a time, and they take turns",
    )
    who.add_argument(
        "--callers", "--twilio", metavar="M", dest="twilio", type=_count, default=0,
        help="Twilio-compatible callers besides (0)",
    )  # fmt: skip
    who.add_argument("--rooms", metavar="R", type=_count, help="rooms they are spread over (1)")
    who.add_argument(
        "--dtx", action=argparse.BooleanOptionalAction, default=True,
        help="the silent send a packet every 400 ms, as with Opus DTX; or 50 a second (default: --dtx)",
    )  # fmt: skip
    who.add_argument(
        "--levels", action=argparse.BooleanOptionalAction, default=True,
        help="packets say how loud they are (RFC 6464), as those of browsers do (default: --levels)",
    )  # fmt: skip
    who.add_argument(
        "--page", action="store_true",
        help="WebRTC participants do what the page does: they ask what it asks, and follow the room's events",
    )  # fmt: skip
    who.add_argument(
        "--noise", metavar="DBOV", type=_level, default=None,
        help=f"with --no-dtx, how loud the rooms of the silent are, -100 to -30 ({HUM_DBOV}, which is silence;"
        " -60: microphones without any processing)",
    )  # fmt: skip
    how = parser.add_argument_group("How")
    how.add_argument("--join-rate", metavar="J", type=_positive, default=20.0, help="joins per second (%(default)g)")
    how.add_argument(
        "--duration", metavar="SECONDS", type=_positive, default=20.0, help="how long each step lasts (%(default)g)"
    )
    how.add_argument("--processes", metavar="P", type=_count, help="that play the crowd (default: as many as it takes)")
    how.add_argument(
        "--pid", metavar="PID", type=_pid, default=None,
        help="the server's process on this machine, or auto: find it, or take what its /metrics say (auto)",
    )  # fmt: skip
    how.add_argument(
        "--pin", action="store_true",
        help="give the server, if it is on this machine, a processor of its own, and the crowd the others",
    )  # fmt: skip
    add_token_option(how)
    how.add_argument("--insecure", action="store_true", help="take any certificate of an https server")
    out = parser.add_argument_group("What is kept")
    out.add_argument("--chart", metavar="FILE.svg", type=_svg, help="draw CPU and late ticks against participants")
    out.add_argument("--json", metavar="FILE", type=_writable, help="write the figures there, too")
    parser.set_defaults(run=run, complain=parser.error)
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the test; 0 if all was measured, or somebody ended it; 1 if not, with a sentence on standard error."""
    try:
        plan = make_plan(args)
    except ValueError as error:
        args.complain(str(error))
    show = Screen()
    status = 0
    try:
        load_test = LoadTest(plan, show.line, show.note)
        status = asyncio.run(_run(load_test, hint_of(args)))
        _keep(args, load_test.steps)
    except BrokenPipeError:  # whoever reads what is printed has gone
        raise
    except (LibraryNotFoundError, OSError) as error:
        print(f"conference load: {reason(error)}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def hint_of(args: argparse.Namespace) -> str:
    """What is added if there is no server, and a room may have been meant."""
    address = one_address(args, args.complain)
    return "" if address is None or args.room is not None else or_a_room(address.word)


async def _run(load_test: LoadTest, hint: str) -> int:
    """All of the test; ``hint`` is added to what keeps it from beginning."""
    status = 0
    task = asyncio.current_task()
    end_on_sigterm()
    try:
        await load_test.run()
    except asyncio.CancelledError:  # Ctrl-C, or SIGTERM: everybody has left on the way here
        if task is not None:
            task.uncancel()
    except LoadError as error:
        print(f"conference load: {error}{'' if load_test.steps else hint}", file=sys.stderr)
        status = 1
    if load_test.steps:
        print("\n" + summary(load_test.steps), flush=True)
    return status


def make_plan(args: argparse.Namespace) -> Plan:
    """What was asked for.

    Raises:
        ValueError: it makes no sense; with a sentence.
    """
    if args.steps is not None and args.participants is not None:
        raise ValueError("give --participants or --steps, not both")
    steps = args.steps or ((20 if args.participants is None else args.participants),)
    if max(steps) + args.twilio > MAX_PARTICIPANTS:
        raise ValueError(f"more than {MAX_PARTICIPANTS} are too many for one load test")
    if args.twilio and steps == (0,) and args.talkers == 3:
        args.talkers = 0  # nobody could: the usual number is not meant
    if args.noise is not None and args.dtx:
        raise ValueError("--noise is of microphones that send all the time: give --no-dtx, too")
    address, room = find_place(args, args.complain)
    if room is not None and args.rooms is not None:
        raise ValueError("give --room or --rooms, not both")
    rooms = 1 if args.rooms is None else args.rooms
    prefix = f"load-{secrets.token_hex(3)}"
    profile = LoadProfile(steps, args.talkers, args.twilio, rooms, prefix=prefix, room=room, turns=args.turns)
    processes = args.processes or usual_processes(max(steps) + args.twilio, os.cpu_count() or 1)
    token = find_token(args.token, address.token, args.complain)
    setup = LoadSetup(
        address.server, not args.insecure, dtx=args.dtx, levels=args.levels,
        noise=HUM_DBOV if args.noise is None else args.noise, quiet=False, page=args.page, token=token,
    )  # fmt: skip
    return Plan(profile, setup, processes, args.join_rate, args.duration, pid=args.pid, pin=args.pin)


def usual_processes(participants: int, processors: int) -> int:
    """One for those who make sound, and more for the others: not too many each, and no more than processors."""
    return 1 + min(math.ceil(participants / PER_PROCESS), max(1, processors - 1))


class Screen:
    """Prints what happens."""

    def __init__(self) -> None:
        self._lines = 0

    def line(self, before: Sample, now: Sample, delay_ms: float | None) -> None:
        """A second of the test."""
        if self._lines % HEADER_EVERY == 0:
            print(LIVE_HEADER)
        self._lines += 1
        print(live_line(before, now, delay_ms), flush=True)

    def note(self, sentence: str) -> None:
        """What comes now."""
        print(sentence, flush=True)


def draw(steps: list[StepFigures]) -> str:
    """The chart, as SVG."""

    def line(name: str, field: str) -> Line:
        values = [(float(one.participants), getattr(one, field)) for one in steps]
        return Line(name, [(people, round(float(value), 3)) for people, value in values if value is not None])

    panels = [
        Panel("CPU of the server, ms per participant and second", [line("CPU", "cpu_ms_per_participant_second")]),
        Panel("Late ticks", [line("5 ms or more", "ticks_late"), line("more than 20 ms", "ticks_very_late")]),
        Panel("Added delay, ms", [line("median", "delay_median_ms"), line("95 %", "delay_95_ms")]),
        Panel("Memory of the server, KiB per participant", [line("memory", "kib_per_participant")]),
    ]
    return svg(panels, title="What a participant costs")


def _keep(args: argparse.Namespace, steps: list[StepFigures]) -> None:
    if not steps:
        return
    if args.chart is not None:
        args.chart.write_text(draw(steps), encoding="utf-8")
        print(f"The chart is in {args.chart}.")
    if args.json is not None:
        args.json.write_text(json.dumps([asdict(one) for one in steps], indent=1) + "\n", encoding="utf-8")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > MAX_PARTICIPANTS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from 0 to {MAX_PARTICIPANTS}")
    return int(text)


def _talkers(text: str) -> int | None:
    return None if text == "all" else _count(text)


def _steps(text: str) -> tuple[int, ...]:
    steps = tuple(_count(part.strip()) for part in text.split(","))
    if any(low >= high for low, high in pairwise(steps)):
        raise argparse.ArgumentTypeError("the steps must rise, as in 20,60,120: nobody leaves between them")
    return steps


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number above 0 and up to 86400")
    return value


def _level(text: str) -> int:
    if text not in map(str, range(-100, -29)):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number from -100 to -30")
    return int(text)


def _pid(text: str) -> int | None:
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 2**31:
        raise argparse.ArgumentTypeError(f"'{text}' is neither the number of a process nor auto")
    return int(text)


def _writable(text: str) -> Path:
    path = Path(text).expanduser()
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"'{text}' cannot be written: there is no such folder, or it is one")
    return path


def _svg(text: str) -> Path:
    if not text.lower().endswith(".svg"):
        raise argparse.ArgumentTypeError(f"'{text}': the chart is written as SVG, so give a name that ends in .svg")
    return _writable(text)
