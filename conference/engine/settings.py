"""What can be set about how a conference is run in real time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from conference.options.declaration import percent, seconds, value, whole
from conference.options.groups import MEDIA
from conference.options.readers import read_whole

Complexity: TypeAlias = int | Literal["auto"]
"""How much work an encoder takes: 0 to 10, or what there is time for."""


def read_complexity(text: str) -> Complexity:
    """``auto``, or a whole number; raises ValueError with a sentence that says what would be right."""
    if text == "auto":
        return "auto"
    try:
        complexity = read_whole(text)
    except ValueError:
        complexity = -1
    if not 0 <= complexity <= 10:
        raise ValueError(f"'{text}' is no complexity: give a number from 0 to 10, or auto.")
    return complexity


@dataclass(frozen=True)
class EngineSettings:
    """How well mixes are encoded, by how much there is to do. Times are in seconds."""

    opus_complexity: Complexity = value(
        "auto", MEDIA, "how much work is put into each packet of a mix, from 0 to 10; auto for as much as there is "
        "time for", "N", read_complexity,
    )  # fmt: skip
    opus_min_complexity: int = whole(5, MEDIA, "with auto: how little it may become", (0, 10))
    opus_max_complexity: int = whole(10, MEDIA, "with auto: how much it is while there is time", (0, 10))
    opus_full_load: float = percent(
        80.0, MEDIA, "with auto: how much of a processor the server takes when it begins to put less work into packets",
        (1, 100),
    )  # fmt: skip
    opus_spare_load: float = percent(
        65.0, MEDIA, "with auto: how much of a processor it may take with more work in each packet, or else it stays "
        "with less", (1, 100),
    )  # fmt: skip
    opus_late_ticks: float = percent(
        10.0, MEDIA, "with auto: how many ticks of a second may begin 5 ms late, or else less work is put into packets",
        (1, 100),
    )  # fmt: skip
    opus_raise_after: float = seconds(
        5.0, MEDIA, "with auto: how long there must have been time for more work, before more is taken", (0.1, 3_600)
    )  # fmt: skip


DEFAULT_ENGINE = EngineSettings()
