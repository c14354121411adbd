"""Hands on all packets of one read together that are only forwarded: from the batch that was read to the send table.

What has to be known of a source for that is one row of a table here, and every packet of a read is one row of columns:
whether it may go this way at all, what its listeners' lines make of its sequence number and timestamp
(`webrtc.send.continuity`), and the account of it that its source takes in later (`playout.fast_path`). All that is out
of the ordinary (reordered packets, jumps, pauses that the sender announces, long packets, other packet lengths) is left
to be handled one by one. Both ways do the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from conference.codecs.opus_decoder import single_frame_samples
from conference.playout.fast_path import CATCH_UP_PACKETS, MOST_PACKETS, NO_LEVEL, FastPackets, FastPathTerms
from conference.playout.sequence import MAX_DROPOUT
from conference.playout.silence import DTX_BYTES
from conference.webrtc.rtp.ordinary import (
    ARRIVAL,
    INDEX,
    LENGTH,
    LEVEL,
    ORDINARY_BYTES,
    ORDINARY_RATE,
    PLACE,
    SEQUENCE,
    TIMESTAMP,
)
from conference.webrtc.rtp.statistics import Column, within
from conference.webrtc.send.continuity import follow
from conference.webrtc.send.table import SendTable
from conference.webrtc.udp.datagrams import DatagramBatch

MOST_LISTENERS: Final = 16
"""Of one source; with more, its packets are handled one by one."""

_KEPT_WORDS: Final = 40
_BEFORE_BYTES: Final = 4
MOST_BYTES: Final = 8 * _KEPT_WORDS - _BEFORE_BYTES
"""A longer payload is handled by itself. What is kept of a packet begins with the word that its payload begins in."""

_FIRST_WORD: Final = (ORDINARY_BYTES - _BEFORE_BYTES) // 8

_LEFT: Final = 0  # so many packets may still go this way
_COUNT: Final = 1  # so many have, since it was opened
_LISTENERS: Final = 2
_TABLE: Final = 3  # number of the send table that they are in
_DURATION: Final = 4
_ABOVE: Final = 5
_UP_TO: Final = 6
_QUIET_DBOV: Final = 7
_OMITTED: Final = 8
_SEQUENCE: Final = 9  # of the last packet, as are the next two
_LEVEL: Final = 10
_ARRIVAL: Final = 11
_QUIET_SINCE: Final = 12  # -1: it is not quiet
_LOUDEST: Final = 13
_BITRATE: Final = 14  # a number of floating point
_COLUMNS: Final = 16

_SAMPLES: Final = np.array([single_frame_samples(toc) or -1 for toc in range(256)], np.int64)
"""How long a packet is that begins with a byte; -1: that depends on what follows."""


class ForwardTable:
    """The sources whose packets are forwarded, and nothing else.

    Args:
        rows: how many there may be: as many as in the receive table, each with the same number.

    Attributes:
        crowded: enough packets come together for this to be worth while.
    """

    def __init__(self, rows: int) -> None:
        self.crowded = False
        self._open: set[int] = set()
        self._rows: Column = np.zeros((rows, _COLUMNS), np.int64)
        self._targets: Column = np.zeros((rows, MOST_LISTENERS), np.int64)
        self._payloads: Column = np.zeros((rows, CATCH_UP_PACKETS, _KEPT_WORDS), np.int64)
        self._sizes = np.zeros((rows, CATCH_UP_PACKETS), np.int64)
        self._arrivals: Column = np.zeros((rows, MOST_PACKETS, 2), np.int64)  # sequence number and timestamp; when
        self._tables: list[SendTable] = []

    @property
    def in_use(self) -> bool:
        """There are such sources."""
        return bool(self._open)

    def open(self, index: int, table: SendTable, targets: Sequence[int], terms: FastPathTerms) -> None:
        """Have packets of a source handed on here.

        Args:
            index: number of the source's row.
            table: sends to all listeners.
            targets: their rows in it, whose lines are in it, too; :data:`MOST_LISTENERS` at most.
            terms: which packets.
        """
        if table not in self._tables:
            self._tables.append(table)
        row = self._rows[index]
        row[:] = (
            min(terms.packets, MOST_PACKETS), 0, len(targets), self._tables.index(table), terms.duration, terms.above,
            terms.up_to, terms.quiet_dbov, terms.omitted, terms.sequence, 0, 0,
            -1 if terms.quiet_since_ns is None else terms.quiet_since_ns, NO_LEVEL, 0, 0,
        )  # fmt: skip
        row.view(np.float64)[_BITRATE] = terms.bitrate
        self._targets[index, : len(targets)] = targets
        self._open.add(index)

    def shut(self, index: int) -> None:
        """Have packets of a source handed on here no more; the account of those that were stays."""
        self._rows[index, _LEFT] = 0
        self._open.discard(index)

    def close(self, index: int) -> FastPackets | None:
        """The same, and give the account of those that were handed on here; ``None``: there were none."""
        self.shut(index)
        row = self._rows[index]
        numbers = row.tolist()
        count = numbers[_COUNT]
        if not count:
            return None
        bitrate = float(row.view(np.float64)[_BITRATE])
        row[_COUNT] = 0
        arrivals = self._arrivals[index, :count].tolist()
        slots = [number % CATCH_UP_PACKETS for number in range(max(0, count - CATCH_UP_PACKETS), count)]
        kept, sizes = self._payloads[index].view(np.uint8), self._sizes[index].tolist()
        return FastPackets(
            sequence=numbers[_SEQUENCE],
            arrival_ns=numbers[_ARRIVAL],
            level=numbers[_LEVEL],
            loudest=numbers[_LOUDEST],
            quiet_since_ns=None if numbers[_QUIET_SINCE] < 0 else numbers[_QUIET_SINCE],
            bitrate=bitrate,
            arrivals=[(place >> 32, place & 0xFFFFFFFF, arrival_ns) for place, arrival_ns in arrivals],
            payloads=[
                (kept[slot, _BEFORE_BYTES : _BEFORE_BYTES + sizes[slot]].tobytes(), -int(kept[slot, 1] & 0x7F))
                for slot in slots
            ],
        )

    def bitrate(self, index: int) -> float:
        """Bits per second of a source, over the last second."""
        return float(self._rows[index].view(np.float64)[_BITRATE])

    def take_loudest(self, index: int) -> int:
        """See `FastPath.take_loudest`."""
        loudest = int(self._rows[index, _LOUDEST])
        self._rows[index, _LOUDEST] = NO_LEVEL
        return loudest

    def take(self, batch: DatagramBatch, packets: Column) -> Column:
        """Hand on what may go this way.

        Args:
            batch: where the packets are, without SRTP.
            packets: one of each stream at most, in order; see `webrtc.rtp.ordinary`.

        Returns:
            Those that have to be handled one by one.
        """
        if not self._open:
            return packets
        rows = self._rows.take(packets[INDEX], axis=0)
        fits = rows[:, _LEFT] > 0
        if not fits.any():
            return packets
        fits &= _fit(batch, packets, rows)
        if len(self._tables) == 1:
            self._take(self._tables[0], batch, packets, rows, fits)
            return packets if not fits.any() else packets.compress(~fits, axis=1)
        left = np.ones(len(fits), np.bool_)
        for number, table in enumerate(self._tables):
            ours = fits & (rows[:, _TABLE] == number)
            self._take(table, batch, packets, rows, ours)
            left &= ~ours
        return packets.compress(left, axis=1)

    def _take(
        self, table: SendTable, batch: DatagramBatch, packets: Column, rows: Column, fits: NDArray[np.bool_]
    ) -> None:
        """Hand on what fits, by one send table. What turns out not to fit is taken out of ``fits``."""
        owners, targets = self._listeners(packets[INDEX], rows, fits)
        numbers = (packets[SEQUENCE] - rows[:, _OMITTED]) & 0xFFFF
        placed = numbers[owners], packets[TIMESTAMP, owners], packets[ARRIVAL, owners]
        lines = table.lines.take(targets, axis=0)
        in_order = follow(lines, *placed, ORDINARY_RATE)
        if not in_order.all():
            owners = np.arange(len(fits))[owners]
            fits[owners[~in_order]] = False
            still = fits[owners]
            owners, targets, lines = owners[still], targets[still], lines[still]
            placed = numbers[owners], packets[TIMESTAMP, owners], packets[ARRIVAL, owners]
        if not len(targets):
            return
        if not isinstance(owners, slice) and not fits.all():
            behind = fits.cumsum() - 1
            owners = behind[owners]
            packets, rows = packets.compress(fits, axis=1), rows.compress(fits, axis=0)
        words = -(-(int(packets[LENGTH].max()) + _BEFORE_BYTES) // 8)
        payloads = batch.raw_words[packets[PLACE], _FIRST_WORD : _FIRST_WORD + words]
        self._note(packets, rows, payloads)
        payloads, of_each = payloads[owners], packets[:, owners]
        table.forward_all(targets, lines, payloads, of_each[LENGTH], of_each[LEVEL], *placed, rows[owners, _DURATION])

    def _listeners(self, indices: Column, rows: Column, fits: NDArray[np.bool_]) -> tuple[slice | Column, Column]:
        """Whose packet each listener gets, and the listener's row in the send table."""
        counts = rows[:, _LISTENERS]
        if (fits & (counts == 1)).all():  # a slice of all, so that nothing is copied
            return slice(None), self._targets[indices, 0]
        which = np.flatnonzero(fits)
        counts = counts[which]
        owners = which.repeat(counts)
        offsets = np.arange(len(owners)) - (counts.cumsum() - counts).repeat(counts)
        return owners, self._targets[indices[owners], offsets]

    def _note(self, packets: Column, rows: Column, payloads: Column) -> None:
        """Take packets into the account."""
        indices, levels, arrivals_ns, sizes = packets[INDEX], -packets[LEVEL], packets[ARRIVAL], packets[LENGTH]
        counts = rows[:, _COUNT]
        slots = counts % CATCH_UP_PACKETS
        self._payloads[indices, slots, : payloads.shape[1]] = payloads
        self._sizes[indices, slots] = sizes
        places = packets[SEQUENCE] << 32 | packets[TIMESTAMP]
        self._arrivals.reshape(-1, 2)[indices * MOST_PACKETS + counts] = np.array((places, arrivals_ns)).T
        since = rows[:, _QUIET_SINCE]
        rows[:, _QUIET_SINCE] = np.where(levels > rows[:, _QUIET_DBOV], -1, np.where(since < 0, arrivals_ns, since))
        seconds = rows[:, _DURATION] / ORDINARY_RATE
        bitrates = rows.view(np.float64)[:, _BITRATE]
        bitrates += (8 * sizes / seconds - bitrates) * np.minimum(1.0, seconds)
        np.maximum(rows[:, _LOUDEST], levels, out=rows[:, _LOUDEST])
        rows[:, _SEQUENCE], rows[:, _LEVEL], rows[:, _ARRIVAL] = packets[SEQUENCE], levels, arrivals_ns
        counts += 1
        rows[:, _LEFT] -= 1
        self._rows[indices] = rows


def _fit(batch: DatagramBatch, packets: Column, rows: Column) -> NDArray[np.bool_]:
    """Which packets are as those before them."""
    levels = -packets[LEVEL]
    fits: NDArray[np.bool_] = (levels > rows[:, _ABOVE]) & (levels <= rows[:, _UP_TO])
    fits &= (packets[LENGTH] > DTX_BYTES) & (packets[LENGTH] <= MOST_BYTES)
    fits &= _SAMPLES[batch.data[packets[PLACE], ORDINARY_BYTES]] == rows[:, _DURATION]
    fits &= within(packets[SEQUENCE] - rows[:, _SEQUENCE] & 0xFFFF, MAX_DROPOUT - 1)
    return fits
