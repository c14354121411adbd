"""The fast path of one peer's packets to those who get them as they came: from row to row of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conference.playout.fast_path import NO_LEVEL, FastPackets, FastPathTerms
from conference.webrtc.forward.table import MOST_LISTENERS, ForwardTable
from conference.webrtc.send.table_stream import TableStream


class ReceivedFastPath:
    """Where packets of one stream in the receive table are handed on. Satisfies `playout.fast_path.FastPath`.

    Attributes:
        is_open: see `FastPath.is_open`.
    """

    __slots__ = ("_account", "_index", "_streams", "_table", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._table: ForwardTable | None = None
        self._index = -1
        self._streams: tuple[TableStream, ...] = ()
        self._account: FastPackets | None = None  # of the packets before its stream left the table

    def enter(self, table: ForwardTable, index: int) -> None:
        """The stream has this row of the receive table from now on."""
        self._table, self._index = table, index

    def leave(self) -> None:
        """It has none any more."""
        self._account = self._close()
        self._table = None

    @property
    def is_worth_while(self) -> bool:
        """See `FastPath.is_worth_while`."""
        return self._table is not None and self._table.crowded

    @property
    def bitrate(self) -> float | None:
        """See `FastPath.bitrate`."""
        return self._table.bitrate(self._index) if self.is_open and self._table is not None else None

    def open(self, outlets: Sequence[Any], terms: FastPathTerms) -> None:
        """See `FastPath.open`."""
        table = self._table
        if table is None or not 0 < len(outlets) <= MOST_LISTENERS:
            return
        found = (getattr(one, "fast_stream", None) for one in outlets)
        streams: list[TableStream] = [one for one in found if one is not None]
        if len(streams) < len(outlets):
            return
        rows = [one.begin_fast_path(self._shut) for one in streams]
        self._streams = tuple(streams)
        places = [row for row in rows if row is not None]
        if len(places) == len(outlets) and len({id(where) for where, _ in places}) == 1:
            table.open(self._index, places[0][0], [row for _, row in places], terms)
            self.is_open = True
        else:
            self._shut()

    def close(self) -> FastPackets | None:
        """See `FastPath.close`."""
        account, self._account = self._account, None
        self.is_open = False
        return self._close() if account is None else account

    def take_loudest(self) -> int:
        """See `FastPath.take_loudest`."""
        if self._table is None or not self.is_open:
            return NO_LEVEL
        return self._table.take_loudest(self._index)

    def _close(self) -> FastPackets | None:
        self._shut()
        return None if self._table is None else self._table.close(self._index)

    def _shut(self) -> None:
        """Let no packet go this way any more. What went is still to be accounted for."""
        streams, self._streams = self._streams, ()
        if self._table is not None:
            self._table.shut(self._index)
        for one in streams:
            one.end_fast_path()
