"""The pictures of `bench.sound`: delay over time, a perceptual score per condition, and the beginnings of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.server import BenchError
from bench.sound_onsets import GOAL_MS, LEVELS, Example, Onset
from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE

OURS, TEXTBOOK = "#0b6e4f", "#c1666b"
DRAWN = {
    "textbook": ("stock aiortc", TEXTBOOK),
    "mixed": ("conference, mixed", "#7fb69f"),
    "forwarded": ("conference, forwarded", OURS),
}
"""What is drawn of each server, one over the other: its name and colour."""

NOISES = ("#7f5539", "#e07a9f", "#7a8b99")
"""Brown, pink, white."""

EXAMPLES_DRAWN = 4
CEILING_MOS = 4.64
"""The best score that PESQ-WB gives."""


def draw_delay(path: Path, delays: Mapping[str, Sequence[Sequence[float]]], storm: Sequence[float]) -> None:
    """Delay over time.

    Args:
        path: where to.
        delays: by server, seconds and milliseconds.
        storm: seconds at which the network begins and stops to shake.

    Raises:
        BenchError: matplotlib is missing.
    """
    figure, axes = _figure(9.0, 3.8)
    axes.axvspan(*storm, color="#f2e8cf", label="jitter of 0 to 100 ms")
    for server, (name, color) in DRAWN.items():
        track = delays.get(server, ())
        axes.plot([at for at, _ in track], [ms for _, ms in track], ".", color=color, markersize=3, label=name)
    axes.set(xlabel="seconds", ylabel="added delay in ms", ylim=(0, None))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, ncols=4, markerscale=4)
    _save(figure, path)


def draw_scores(path: Path, names: Sequence[str], scores: Mapping[str, Sequence[float]]) -> None:
    """PESQ-WB per condition, side by side.

    Raises:
        BenchError: matplotlib is missing.
    """
    figure, axes = _figure(9.0, 0.75 * len(names) + 1.2)
    for place, server in enumerate(reversed([one for one in DRAWN if one in scores])):
        name, color = DRAWN[server]
        offset = 0.27 * (place - (len(scores) - 1) / 2)
        bars = axes.barh([at + offset for at in range(len(names))], scores[server], 0.25, color=color, label=name)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set(xlim=(1, CEILING_MOS), xlabel="PESQ-WB (1 to 4.64)", yticks=range(len(names)))
    axes.set_yticklabels(names)
    axes.invert_yaxis()
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False, ncols=3)
    _save(figure, path)


def draw_onsets(path: Path, words: Sequence[Onset], examples: Sequence[Example]) -> None:
    """What is lost of the beginnings of words, and what some of these look like.

    Args:
        path: where to.
        words: all that were measured.
        examples: four at most.

    Raises:
        BenchError: matplotlib is missing.
    """
    figure, axes = _figure(9.0, 6.0, ["all"] * EXAMPLES_DRAWN, [str(one) for one in range(EXAMPLES_DRAWN)])
    lost = axes["all"]
    chance = np.random.default_rng(1)
    for number, colour in enumerate(sorted({one.colour for one in words})):
        some = [one for one in words if one.colour == colour]
        places = [LEVELS.index((one.speech_dbov, one.noise_dbov)) + 0.25 * (number - 1) for one in some]
        spread = chance.uniform(-0.08, 0.08, len(some))
        lost.plot(places + spread, [one.lost_ms for one in some], ".", color=NOISES[number], markersize=4,
                  label=f"in {colour} noise")  # fmt: skip
    lost.axhline(GOAL_MS, color="gray", linewidth=0.8, linestyle="--", label="goal")
    lost.set(xlabel="speech / noise, dBov", ylabel="lost of a word's first 100 ms", ylim=(-3, 103))
    lost.set_xticks(range(len(LEVELS)), [f"{speech:.0f} / {noise:.0f}" for speech, noise in LEVELS])
    lost.legend(loc="upper right", frameon=False, ncols=4, markerscale=3)
    for number in range(EXAMPLES_DRAWN):
        axes[str(number)].set_visible(number < len(examples))
    for number, one in enumerate(examples[:EXAMPLES_DRAWN]):
        _draw_example(axes[str(number)], one)
    axes["0"].set_ylabel("kHz")
    _save(figure, path)


def _draw_example(axes: Any, one: Example) -> None:
    """A spectrogram, with the word's beginning and the ticks in which the gate is shut."""
    axes.specgram(
        one.came.astype(float), NFFT=480, noverlap=360, Fs=SAMPLE_RATE / 1000, vmin=-20, vmax=50, cmap="Greys"
    )
    tick_ms = 1000 * FRAME_SAMPLES / SAMPLE_RATE
    for tick in one.shut:
        axes.axvspan(tick * tick_ms, (tick + 1) * tick_ms, color=TEXTBOOK, alpha=0.25, linewidth=0)
    axes.axvline(1000 * one.onset / SAMPLE_RATE, color=OURS)
    axes.set(title=f"“{one.word}”", xlabel="ms; red: the gate is shut", ylim=(0, 10))
    axes.title.set_fontsize(10)


def _figure(width: float, height: float, *rows: Sequence[str]) -> tuple[Any, Any]:
    """A figure, and its axes: those that are named, in rows, or only one."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BenchError("matplotlib is missing: pip install 'conference[bench]', or leave out --pictures") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplot_mosaic([list(row) for row in rows] or [[""]])
    for one in axes.values():
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes if rows else axes[""]


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
