"""Who is heard by whom, and how loud: each person hums a tone of their own, and is looked for at every ear."""

from __future__ import annotations

from typing import TypeAlias

from conference.audio.frame import Samples
from tests.e2e.running import RunningServer
from tests.tones import levels_at, own_level_at, tone

TONES = {"amy": 440.0, "ben": 1000.0, "phone": 1553.0, "page": 2250.0}
"""No tone is a harmonic, or a sum or difference, of others. The phone's has no short period at 8 kHz, or the noise of
mu-law would stand on a grid of lines, others' tones among them."""

Matrix: TypeAlias = dict[str, dict[str, float]]
"""Level of each mouth (second key) at each ear (first key), in dBFS."""

DBFS = -23.0
"""As loud as speech should be, which is -26 dBov: the server's levelling has nothing to do, even where a busy machine
tears a tone so that it looks like speech."""


def tolerance(server: RunningServer) -> float:
    """By how many dB somebody may be heard louder or quieter than they spoke.

    aiortc's own connections encode for everybody, so where others want the processor, too, they tear tones.
    """
    return 3 if server.settings.engine == "tables" else 6


def voice(name: str) -> Samples:
    return tone(TONES[name], 2.0, DBFS, fade=0)  # whole periods: it loops without a click


def talking(server: RunningServer, room: str) -> set[str]:
    there = server.live.conference.get(room)
    return {one.name for one in there.participants.values() if one.talking} if there else set()


def table(heard: Matrix) -> str:
    """The matrix as a person reads it: a row per ear, a column per mouth, in dB."""
    names = list(heard)
    head = "ear \\ mouth".ljust(12) + "".join(name.rjust(10) for name in names)
    rows = [ear.ljust(12) + "".join(f"{heard[ear][name]:10.1f}" for name in names) for ear in names]
    return "\n".join(["", head, *rows])


def row(ear: str, samples: Samples, rate: int) -> dict[str, float]:
    """How loud each is at one ear."""
    return levels_at(samples, rate, TONES) | {ear: own_level_at(samples, rate, TONES[ear])}
