"""The pictures of `bench.sound`: delay over time, and a perceptual score per condition."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.server import BenchError

OURS, TEXTBOOK = "#0b6e4f", "#c1666b"
CEILING_MOS = 4.64
"""The best score that PESQ-WB gives."""


def draw_delay(
    path: Path, ours: Sequence[Sequence[float]], textbook: Sequence[Sequence[float]], storm: Sequence[float]
) -> None:
    """Delay over time.

    Args:
        path: where to.
        ours: seconds and milliseconds.
        textbook: the same of the baseline.
        storm: seconds at which the network begins and stops to shake.

    Raises:
        BenchError: matplotlib is missing.
    """
    figure, axes = _figure(9.0, 3.8)
    axes.axvspan(*storm, color="#f2e8cf", label="jitter of 0 to 100 ms")
    for track, color, name in ((textbook, TEXTBOOK, "stock aiortc"), (ours, OURS, "conference")):
        axes.plot([at for at, _ in track], [ms for _, ms in track], ".", color=color, markersize=3, label=name)
    axes.set(xlabel="seconds", ylabel="added delay in ms", ylim=(0, None))
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False, ncols=3, markerscale=4)
    _save(figure, path)


def draw_scores(path: Path, names: Sequence[str], ours: Sequence[float], textbook: Sequence[float]) -> None:
    """PESQ-WB per condition, side by side.

    Raises:
        BenchError: matplotlib is missing.
    """
    figure, axes = _figure(9.0, 0.55 * len(names) + 1.2)
    for offset, scores, color, name in ((-0.2, ours, OURS, "conference"), (0.2, textbook, TEXTBOOK, "stock aiortc")):
        if not scores:
            continue
        bars = axes.barh([at + offset for at in range(len(names))], scores, 0.38, color=color, label=name)
        axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
    axes.set(xlim=(1, CEILING_MOS), xlabel="PESQ-WB (1 to 4.64)", yticks=range(len(names)))
    axes.set_yticklabels(names)
    axes.invert_yaxis()
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), frameon=False, ncols=2)
    _save(figure, path)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise BenchError("matplotlib is missing: pip install 'conference[bench]', or leave out --pictures") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
