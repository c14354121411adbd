"""Whose stream comes from which address, looked up for many datagrams at once."""

from __future__ import annotations

import secrets
from typing import Final

import numpy as np
from numpy.typing import NDArray

from conference.webrtc.udp.datagrams import NAME_BYTES

NOBODY: Final = -1
"""In place of a row number, for an address that is not in the directory."""

_WORDS: Final = NAME_BYTES // 8


class Directory:
    """Row numbers of the receive table, by address: a ``sockaddr`` of :data:`NAME_BYTES`, as the kernel writes it.

    For a look-up there is a sorted table of keys, one for each address: a linear combination of its words, with factors
    that nobody knows. Two addresses with the same key are so unlikely that the second may go without a look-up; but
    none is taken for another.
    """

    def __init__(self) -> None:
        self._indices: dict[bytes, int] = {}
        self._factors = np.frombuffer(secrets.token_bytes(NAME_BYTES), np.int64) | 1
        self._changed = True
        self._keys = self._sorted_indices = np.empty(0, np.int64)
        self._words = np.empty((0, _WORDS), np.int64)

    def __len__(self) -> int:
        """How many addresses there are."""
        return len(self._indices)

    def aim(self, name: bytes, index: int | None) -> None:
        """What comes from an address is for this row; ``None``: for none any more."""
        self._changed = True
        if index is None:
            self._indices.pop(name, None)
        else:
            self._indices[name] = index

    def clear(self) -> None:
        """Forget all addresses."""
        self._changed = True
        self._indices.clear()

    def get(self, name: bytes) -> int:
        """The row number of one address, or :data:`NOBODY`."""
        return self._indices.get(name, NOBODY)

    def find(self, names: NDArray[np.int64]) -> NDArray[np.int64]:
        """The row numbers of many addresses.

        Args:
            names: words of the addresses, shape ``(addresses, NAME_BYTES / 8)``.

        Returns:
            Shape ``(addresses,)``; :data:`NOBODY` where there is none.
        """
        if self._changed:
            self._sort()
        places = self._keys.searchsorted(names @ self._factors)
        different = names ^ self._words.take(places, axis=0)
        return np.where(np.bitwise_or.reduce(different, axis=1) == 0, self._sorted_indices.take(places), NOBODY)

    def _sort(self) -> None:
        packed = b"".join(self._indices) + bytes(NAME_BYTES)  # the last one is nobody's
        words = np.frombuffer(packed, np.int64).reshape(-1, _WORDS)
        indices = np.array([*self._indices.values(), NOBODY], np.int64)
        keys = words[:-1] @ self._factors
        order = np.append(keys.argsort(), len(keys))  # a search for a key beyond all others ends at the last place
        self._keys, self._words, self._sorted_indices = keys[order[:-1]], words[order], indices[order]
        self._changed = False
