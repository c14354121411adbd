"""What many clients get, as a table: counts, loss, jitter and gaps from the headers of RTP packets. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from conference.load.batch.arrivals import SequenceCounts
from conference.load.batch.reports import Reception

CUSHION_NS: Final = 40_000_000
"""What a listener keeps in store: two packets. One that comes later than that after its time was not there when it was
to be heard."""

_NS_PER_SAMPLES: Final = (62_500, 3)  # ns in so many samples at 48 kHz
_DRIFT: Final = 10_000
"""A sender's clock may be slower than ours by one in so many, before its packets count as late."""

_ROW = np.dtype(
    [
        ("received", "i8"),
        ("first", "i8"),
        ("highest", "i8"),
        ("gaps", "i8"),
        ("timestamp", "u4"),
        ("due_ns", "i8"),
        ("late_ns", "i8"),
        ("jitter_ns", "f8"),
    ]
)


class ReceptionTable:
    """Counts the packets of many streams, one for each row."""

    def __init__(self) -> None:
        self._rows = np.zeros(0, _ROW)

    def enter(self, row: int, arrivals: SequenceCounts) -> None:
        """A stream begins, of which this has come before."""
        if row >= len(self._rows):
            self._rows = np.concatenate((self._rows, np.zeros(row + 1 + len(self._rows), _ROW)))
        self._rows[row] = (arrivals.received, arrivals.first, arrivals.highest, 0, 0, 0, 0, 0.0)

    def leave(self, row: int) -> SequenceCounts:
        """A stream goes on elsewhere."""
        mine = self._rows[row]
        return SequenceCounts(int(mine["received"]), int(mine["first"]), int(mine["highest"]))

    def received(self, row: int) -> int:
        """Packets that came."""
        return int(self._rows["received"][row])

    def gaps(self, row: int) -> int:
        """Times that a listener with a store of :data:`CUSHION_NS` had nothing to play; ten a second at most."""
        return int(self._rows["gaps"][row])

    def reception(self, row: int) -> Reception:
        """For a report."""
        mine = self._rows[row]
        highest = int(mine["highest"])
        expected = highest - int(mine["first"]) + 1 if mine["received"] else 0
        return Reception(int(mine["received"]), expected, max(0, highest), int(mine["jitter_ns"] * 48_000 / 1e9))

    def note(
        self,
        rows: NDArray[np.int64],
        sequences: NDArray[np.unsignedinteger],
        timestamps: NDArray[np.unsignedinteger],
        at_ns: NDArray[np.int64],
    ) -> None:
        """Packets came.

        Args:
            rows: whose they are; those of one stream stand together, in the order of their arrival.
            sequences: 16 bits each.
            timestamps: 32 bits each, at 48 kHz.
            at_ns: when each came.
        """
        if not rows.size:
            return
        starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
        ends = np.append(starts[1:], rows.size)
        who, counts = rows[starts], ends - starts
        table = self._rows
        mine = table[who]
        new = mine["highest"] < 0
        if new.any():
            begin = sequences[starts]
            mine["first"] = np.where(new, begin, mine["first"])
            mine["highest"] = np.where(new, begin, mine["highest"])
        unset = mine["due_ns"] == 0
        if unset.any():
            mine["timestamp"] = np.where(unset, timestamps[starts], mine["timestamp"])
            mine["due_ns"] = np.where(unset, at_ns[starts], mine["due_ns"])
        mine["received"] += counts
        self._number(mine, sequences, starts, counts)
        self._time(mine, timestamps, at_ns, starts, ends)
        table[who] = mine

    @staticmethod
    def _number(
        mine: NDArray[np.void],
        sequences: NDArray[np.unsignedinteger],
        starts: NDArray[np.int64],
        counts: NDArray[np.int64],
    ) -> None:
        """The highest sequence number. A packet from before it is one that was late, as in `SequenceCounts`."""
        highest = np.repeat(mine["highest"], counts)
        ahead = (sequences.astype(np.int64) - highest).astype(np.int16).astype(np.int64)
        mine["highest"] += np.maximum(0, np.maximum.reduceat(ahead, starts))

    @staticmethod
    def _time(
        mine: NDArray[np.void],
        timestamps: NDArray[np.unsignedinteger],
        at_ns: NDArray[np.int64],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
    ) -> None:
        """Who had to wait, and by how much the packets' delays differ.

        A stream has a timetable: that of its fastest packet so far. Who has waited plays on later by what was missing,
        until a faster packet comes.
        """
        counts = ends - starts
        elapsed = (timestamps.astype(np.uint32) - np.repeat(mine["timestamp"], counts)).astype(np.int32)
        elapsed_ns = elapsed.astype(np.int64) * _NS_PER_SAMPLES[0] // _NS_PER_SAMPLES[1]
        late = at_ns - np.repeat(mine["due_ns"], counts) - elapsed_ns
        worst, best = np.maximum.reduceat(late, starts), np.minimum.reduceat(late, starts)
        gap = worst > CUSHION_NS
        mine["gaps"] += gap
        differences = np.abs(np.diff(late, prepend=late[:1]))
        differences[starts] = np.abs(late[starts] - mine["late_ns"])
        # RFC 3550, section 6.4.1, for all packets at once: the mean of their differences, with the weight of so many.
        decay = (15 / 16) ** counts
        mine["jitter_ns"] *= decay
        mine["jitter_ns"] += np.add.reduceat(differences, starts) / counts * (1 - decay)
        last = ends - 1
        shift = np.where(gap, worst - CUSHION_NS, np.minimum(best, 0)) + np.abs(elapsed_ns[last]) // _DRIFT
        mine["timestamp"] = timestamps[last]
        mine["due_ns"] += elapsed_ns[last] + shift
        mine["late_ns"] = late[last] - shift
