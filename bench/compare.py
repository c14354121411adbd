"""Three servers in one run: this one, this one with sharing switched off, and the textbook's on stock aiortc.

    python -m bench.compare                          # about four minutes
    python -m bench.compare --chart costs.svg --json costs.json

In each, three people talk, everybody sends and gets 50 packets a second, and packets say how loud they are (RFC 6464).
A fresh server is started for every row. What one participant more costs is the slope between the fewest and the most
people; the servers that cost more get fewer, or they would not keep up.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import aiohttp

from bench.cost import Row, codec_speed, measure
from bench.server import BenchError, Server, need_linux
from conference.load.report.chart import Line, Panel, svg
from conference.webrtc.client.whip import JoinError

SERVERS: dict[str, tuple[Callable[[], Server], tuple[int, ...]]] = {
    "this server": (Server, (20, 60, 120)),
    "without sharing": (partial(Server, unshared=True), (10, 20, 40)),
    "textbook": (partial(Server, textbook=True), (4, 6, 8)),
}

TALKERS = 3


def slope(rows: Sequence[Row]) -> float:
    """Milliseconds of CPU per second that one participant more costs."""
    first, last = rows[0], rows[-1]
    return (last.core_share - first.core_share) * 1000 / (last.participants - first.participants)


def table(results: dict[str, list[Row]]) -> str:
    """The rows as text."""
    lines = [
        f"{TALKERS} talking, everybody sending and getting 50 packets a second. CPU of the server, on one core.",
        codec_speed(),
        "",
        f"{'server':<16}  people  ms per person-second  of a core  KiB per person  packets/s each got",
    ]
    for name, rows in results.items():
        for row in rows:
            late = "" if row.late_share < 0.02 else f"   clients late {row.late_share:.0%} of the time"
            lines.append(
                f"{name:<16}  {row.participants:>6}  {row.cpu_ms_per_participant_second:>20.2f}"
                f"  {row.core_share:>9.0%}  {row.mib_per_participant * 1024:>14.0f}"
                f"  {row.packets_per_second:>18.1f}{late}"
            )
    lines.append("")
    ours = slope(next(iter(results.values())))
    for name, rows in results.items():
        lines.append(f"{name:<16}  one participant more: {slope(rows):6.2f} ms per second, {slope(rows) / ours:5.1f} x")
    return "\n".join(lines)


def draw(results: dict[str, list[Row]]) -> str:
    """The chart, as SVG."""

    def lines(value: Callable[[Row], float]) -> list[Line]:
        return [
            Line(name, [(row.participants, round(value(row), 2)) for row in rows]) for name, rows in results.items()
        ]

    panels = [
        Panel("CPU of the server, ms per participant and second", lines(lambda row: row.cpu_ms_per_participant_second)),
        Panel("CPU of the server, percent of a core", lines(lambda row: 100 * row.core_share)),
    ]
    return svg(panels, title="What a participant costs, in three servers")


def run(seconds: float) -> dict[str, list[Row]]:
    """All measurements."""
    results: dict[str, list[Row]] = {}
    for name, (make_server, crowds) in SERVERS.items():
        for people in crowds:
            work = measure(people, TALKERS, "levels", seconds, make_server)
            row = asyncio.run(asyncio.wait_for(work, 60 + people + seconds))
            results.setdefault(name, []).append(row)
            print(f"measured {people} in {name}", file=sys.stderr)
    return results


def main() -> int:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.compare", description="What a participant costs here, without sharing, and elsewhere."
    )
    parser.add_argument("--seconds", type=float, default=8.0, metavar="S", help="how long each row is measured (8)")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draw the rows, as SVG")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    args = parser.parse_args()
    if not 1 <= args.seconds <= 600:
        parser.error("each row takes 1 to 600 seconds")
    try:
        need_linux()
        results = run(args.seconds)
    except (BenchError, JoinError, TimeoutError, aiohttp.ClientError) as error:
        print(f"bench.compare: {error or 'it took too long'}", file=sys.stderr)
        return 1
    print(table(results))
    if args.chart:
        args.chart.write_text(draw(results), encoding="utf-8")
    if args.json:
        rows = [{"server": name, **asdict(row)} for name, found in results.items() for row in found]
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
