"""How many of something may be open at one time: in all, and by one address."""

from __future__ import annotations

from collections import Counter


class TooManyAtOnce(Exception):
    """There is no place for another one.

    Args:
        of_address: whether it is their own address that has too many.
    """

    def __init__(self, of_address: bool) -> None:
        super().__init__("Too many are open from your address." if of_address else "Too many are open.")
        self.of_address = of_address


class ConcurrencyLimit:
    """Counts what is open, in all and for each address.

    Args:
        most: open at one time; 0 for no limit.
        most_per_address: the same, of one address.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._of_address: Counter[str] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enter(self, address: str) -> None:
        """Count one more.

        Args:
            address: whose it is: the part that one person cannot change at will, see `origin.rate_key`.

        Raises:
            TooManyAtOnce: there are as many as there may be.
        """
        if self._most and self._count >= self._most:
            raise TooManyAtOnce(of_address=False)
        if self._most_per_address and self._of_address[address] >= self._most_per_address:
            raise TooManyAtOnce(of_address=True)
        self._count += 1
        self._of_address[address] += 1

    def leave(self, address: str) -> None:
        """Count one less: it is open no more. Arguments as for :meth:`enter`."""
        self._count -= 1
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
