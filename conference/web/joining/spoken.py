"""People's names, spoken by a program of the operator's: off the event loop, a few at a time, and each once."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence

from conference.audio.frame import SAMPLE_RATE, Samples
from conference.prompts.decode import MediaError
from conference.prompts.speech import speak

KEPT = 200
"""So many names' sounds are kept: a second of sound takes 96 KB."""

AT_ONCE = 4
"""So many names may wait to be spoken. While as many wait, others are announced as somebody."""

TIMEOUT_S = 3.0
LONGEST_SAMPLES = 4 * SAMPLE_RATE

_log = logging.getLogger(__name__)


class Names:
    """Makes sounds of names.

    Args:
        command: see `speech.speak`.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)
        self._known: OrderedDict[str, Samples] = OrderedDict()
        self._speaking: set[asyncio.Task[None]] = set()

    def speak(self, name: str, then: Callable[[Samples | None], None]) -> None:
        """Have a name spoken. ``then`` is called with the sound, perhaps at once, or with ``None`` if there is none."""
        if name in self._known:
            self._known.move_to_end(name)
            then(self._known[name])
        elif len(self._speaking) >= AT_ONCE:
            then(None)
        else:
            task = asyncio.create_task(self._speak(name, then), name="speak a name")
            self._speaking.add(task)
            task.add_done_callback(self._speaking.discard)

    async def close(self) -> None:
        """Wait until the names are spoken that are just being spoken."""
        if self._speaking:
            await asyncio.wait(self._speaking)

    async def _speak(self, name: str, then: Callable[[Samples | None], None]) -> None:
        try:
            spoken = await asyncio.to_thread(speak, self._command, name, timeout=TIMEOUT_S)
        except MediaError as error:
            _log.warning("a name cannot be spoken: %s", error)
            then(None)
            return
        self._known[name] = spoken[:LONGEST_SAMPLES]
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        then(self._known[name])
