"""All that anybody says, encoded, as a table: packets are made by choosing rows of it. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from conference.load.signal.scripts import Script


class Pool:
    """Payloads, with the header extensions that stand before them.

    Args:
        longest: of both together, in bytes.

    Attributes:
        data: shape ``(payloads, width)``, uint8.
        lengths: of each; 0: nothing is sent.
        bursts: place of a burst's first sample in each; -1: there is none.
    """

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self.data: NDArray[np.uint8] = np.zeros((0, 0), np.uint8)
        self.lengths: NDArray[np.int64] = np.zeros(0, np.int64)
        self.bursts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._places: dict[tuple[int, int], tuple[int, Script]] = {}

    def place(self, script: Script, level_id: int) -> int:
        """Where a script begins; it is taken in if it is new.

        Args:
            script: what is said.
            level_id: id of the header extension for levels (RFC 6464); 0: there is none.

        Raises:
            ValueError: a payload is too long.
        """
        known = self._places.get((id(script), level_id))
        if known is not None:
            return known[0]
        said = [_extended(script, index, level_id) for index in range(len(script.payloads))]
        width = max(self.data.shape[1], max(map(len, said), default=0))
        if width > self._longest:
            raise ValueError(f"a payload of more than {self._longest} bytes")
        first = len(self.lengths)
        data = np.zeros((first + len(said), width), np.uint8)
        data[:first, : self.data.shape[1]] = self.data
        for row, payload in enumerate(said, first):
            data[row, : len(payload)] = np.frombuffer(payload, np.uint8)
        self.data = data
        self.lengths = np.append(self.lengths, [len(one) for one in said])
        self.bursts = np.append(self.bursts, [script.bursts.get(index, -1) for index in range(len(said))])
        self._places[id(script), level_id] = first, script  # which keeps it alive, and so its id its own
        return first


def extension(level: int, level_id: int) -> bytes:
    """The header extension that says how loud a packet is.

    RFC 8285, section 4.2: one-byte headers; ID and length less one, then V and the level, then padding.
    """
    return bytes((0xBE, 0xDE, 0, 1, level_id << 4, -level & 0x7F, 0, 0))


def _extended(script: Script, index: int, level_id: int) -> bytes:
    payload = script.payloads[index]
    if payload is None:
        return b""
    if script.levels is None or not level_id:
        return payload
    return extension(script.levels[index], level_id) + payload
