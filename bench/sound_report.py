"""The figures of `bench.sound`, as a table and as pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.sound_conditions import CALM_SECONDS
from bench.sound_onsets import Onsets, examples
from bench.sound_parts import onset_lines
from bench.sound_pictures import DRAWN, draw_delay, draw_onsets, draw_scores
from bench.sound_special import Drift, Tones, Turn
from bench.sound_voices import VoiceScores
from bench.sound_words import find_voices

LATE_SHARE = 0.02
"""More late packets than that, and the figures say more about this machine than about the server."""


@dataclass(slots=True)
class Row:
    """One condition, measured."""

    key: str
    title: str
    server: str
    """See `bench.sound_call.SERVERS`; or ``before``, that of another checkout."""

    delays: list[tuple[float, float]]
    """Seconds from the beginning of the speech, and milliseconds."""

    found: float
    """Share of the stretches looked for that were found again."""

    pesq: list[float]
    gap_ms: float
    gap_share: float
    stall_ms: float
    level_db: float
    lost: int
    concealed: int | None
    late_share: float
    settled_seconds: float | None = None
    """After the storm: when the delay was back for good within 10 ms of what it was before."""

    def delay(self, percentile: float) -> float:
        """In milliseconds."""
        return float(np.percentile([ms for _, ms in self.delays], percentile)) if self.delays else float("nan")

    @property
    def mean_pesq(self) -> float:
        """Over all times that the speech was said."""
        return float(np.mean(self.pesq)) if self.pesq else float("nan")


@dataclass(slots=True)
class Report:
    """Everything measured."""

    speech: str
    codec_ms: float
    storm_seconds: float
    rows: list[Row] = field(default_factory=list)
    voices: list[VoiceScores] = field(default_factory=list)
    tones: dict[str, Tones] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    drifts: list[Drift] = field(default_factory=list)
    onsets: Onsets | None = None
    """What a mix leaves of the beginnings of words."""

    parts: dict[str, list[str]] = field(default_factory=dict)
    """What a mix does to voices, by part: lines of Markdown."""


def table(report: Report) -> str:
    """The figures as Markdown."""
    order = {key: place for place, key in reversed(list(enumerate(row.key for row in report.rows)))}
    lines = [
        f"Speech: {report.speech}. Not in the delays: {report.codec_ms:.1f} ms of look-ahead of two Opus encoders.",
        "",
        "| condition | server | delay (95 %) | lost / concealed | longest gap (all), stall | PESQ-WB | level | found |",
        "|---|---|---|---|---|---|---|---|",
        *(_line(row) for row in sorted(report.rows, key=lambda row: order[row.key])),
        "",
        *_voice_lines(report.voices),
        *(
            f"Two tones at -3 dBFS, {server}: signal to distortion {tones.signal_to_distortion_db:.0f} dB, "
            f"largest sample {tones.peak}."
            for server, tones in report.tones.items()
        ),
        *(
            f"A talker at {turn.said_dbov:.0f} dBov: heard at {turn.heard_dbov:.1f}, "
            f"noise {turn.noise_raised_db:+.1f} dB."
            for turn in report.turns
        ),
        *(_drift_line(one) for one in report.drifts),
        *(["", "### onsets", "", *onset_lines(report.onsets)] if report.onsets else ()),
        *(line for name, lines in report.parts.items() for line in ("", f"### {name}", "", *lines)),
    ]
    return "\n".join(lines)


def _line(row: Row) -> str:
    concealed = "–" if row.concealed is None else str(row.concealed)
    gap = f"{row.gap_ms:.0f} ms ({row.gap_share:.1%}), {row.stall_ms:.0f} ms" if row.gap_ms else "none"
    note = f"; back {row.settled_seconds:.1f} s after" if row.settled_seconds is not None else ""
    late = _busy(row.late_share)
    return (
        f"| {row.title}{note}{late} | {row.server} | {row.delay(50):.0f} ({row.delay(95):.0f}) ms |"
        f" {row.lost} / {concealed} | {gap} | {row.mean_pesq:.2f} | {row.level_db:+.1f} dB | {row.found:.0%} |"
    )


def _busy(late_share: float) -> str:
    return "; **this machine was too busy**" if late_share > LATE_SHARE else ""


def _voice_lines(voices: list[VoiceScores]) -> list[str]:
    """A table, with the mean and the worst of all."""
    if not voices:
        return []
    columns = [[one.sent for one in voices], [one.forwarded for one in voices], [one.mixed for one in voices]]
    return [
        "| voice alone, PESQ-WB | as sent | forwarded | mixed |",
        "|---|---|---|---|",
        *(
            f"| {one.name}{_busy(one.late_share)} | {one.sent:.2f} | {one.forwarded:.2f} | {one.mixed:.2f} |"
            for one in voices
        ),
        "| mean | " + " | ".join(f"{np.mean(column):.2f}" for column in columns) + " |",
        "| least | " + " | ".join(f"{min(column):.2f}" for column in columns) + " |",
        "",
    ]


def _drift_line(one: Drift) -> str:
    low, middle, high = np.percentile(one.delays_ms, [0, 50, 100]) if one.delays_ms else [float("nan")] * 3
    return (
        f"Clock {one.ppm:+.0f} ppm for {one.minutes:g} min: delay {low:.0f} to {high:.0f} ms (median {middle:.0f}), "
        f"level within {one.level_change_db:.2f} dB, sharpest edge {one.sharpest:.2f} of the original's, "
        f"{one.concealed} concealed."
    )


def draw(report: Report, folder: Path) -> None:
    """All pictures there is data for.

    Raises:
        BenchError: matplotlib is missing.
    """
    rows = {(row.key, row.server): row for row in report.rows}
    storms = {server: rows["storm", server].delays for server in DRAWN if ("storm", server) in rows}
    if storms:
        shaken = (CALM_SECONDS, CALM_SECONDS + report.storm_seconds)
        draw_delay(folder / "sound-delay.png", storms, shaken)
    scored = {row.key: row.title for row in report.rows if row.key not in ("storm", "phone")}
    scores = {
        server: [rows[key, server].mean_pesq for key in scored]
        for server in DRAWN
        if all((key, server) in rows for key in scored)
    }
    if scored and scores:
        draw_scores(folder / "sound-pesq.png", list(scored.values()), scores)
    if report.onsets is not None:
        draw_onsets(folder / "sound-onsets.png", report.onsets.words, examples(find_voices()))
