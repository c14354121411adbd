"""Calls on AudioSocket that are expected: each has a UUID, known to whoever announced it alone, and good once."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from conference.access.grants import Grant


@dataclass(frozen=True, slots=True)
class ExpectedCall:
    """A call that has been announced."""

    uuid: UUID
    room: str
    name: str | None
    """What the others see; ``None`` for the UUID."""

    grant: Grant
    """What the caller may do in the room."""

    prompts: bool | None
    """Whether the caller is told what happens; ``None``: from the first key on."""

    until: float
    """When it is expected no more, in monotonic seconds."""


class TooManyExpected(Exception):
    """As many calls are expected as may be; the text is a sentence for people."""


class ExpectedCalls:
    """All of one server.

    Args:
        most: at one time.
        seconds: how long each is waited for.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._calls: OrderedDict[UUID, ExpectedCall] = OrderedDict()  # the first that is over first

    def __len__(self) -> int:
        return len(self._calls)

    def expect(self, room: str, name: str | None, grant: Grant, prompts: bool | None, now: float) -> ExpectedCall:
        """Expect a call from now on.

        Args:
            room: a valid name.
            name: see :class:`ExpectedCall`, as all else.
            grant: for that room.
            prompts: see there.
            now: monotonic time in seconds.

        Raises:
            TooManyExpected: there are as many as there may be.
        """
        self._forget(now)
        if len(self._calls) >= self._most:
            raise TooManyExpected(f"{self._most} calls are expected already, and have not come.")
        uuid = UUID(bytes=secrets.token_bytes(16), version=4)
        call = self._calls[uuid] = ExpectedCall(uuid, room, name, grant, prompts, now + self._seconds)
        return call

    def claim(self, uuid: UUID, now: float) -> ExpectedCall | None:
        """The call with this UUID, which is expected no more; ``None`` if there is none, or not any more."""
        self._forget(now)
        return self._calls.pop(uuid, None)

    def _forget(self, now: float) -> None:
        while self._calls and next(iter(self._calls.values())).until <= now:
            self._calls.popitem(last=False)
