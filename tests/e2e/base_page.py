"""What a page can do in every browser: the journeys of a person are told with it."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.e2e.devtools import DevToolsError

WATCH_CLICK = """
function() {
  let went = '';
  const watch = (event) => { went = went === 'here' || event.composedPath().includes(this) ? 'here' : 'elsewhere'; };
  window.addEventListener('click', watch, true);
  this.clickWent = () => { window.removeEventListener('click', watch, true); return went; };
}
"""
"""Has an element tell afterwards where a click went. One on a label is one on what it labels, too."""

CLICK_WENT = "function() { return this.clickWent(); }"


class PageError(AssertionError):
    """The page threw, or never came to what was waited for."""


class BasePage(ABC):
    """One page of some browser, seen and used as a person does."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        """Every warning and error on the console, and every exception nobody caught."""

        self.said: Callable[[str], str] = lambda english: english
        """What the page says for what is written in English, where it speaks another language."""

    @abstractmethod
    async def goto(self, address: str) -> None:
        """Open an address, and wait for its modules to run."""

    # Looking ----------------------------------------------------------------------------------------------

    @abstractmethod
    async def evaluate(self, expression: str, within: float = 20) -> Any:
        """The value of a JavaScript expression, as JSON; a promise is awaited.

        Raises:
            PageError: it threw.
        """

    @abstractmethod
    async def accessible(self, role: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
        """What a screen reader finds under this role and name."""

    async def wait_for(self, expression: str, within: float = 10) -> None:
        """Wait until a JavaScript expression is true.

        Raises:
            PageError: it never was.
        """
        try:
            async with asyncio.timeout(within):
                while not await self._is_true(expression):  # noqa: ASYNC110 - the page calls nobody
                    await asyncio.sleep(0.03)
        except TimeoutError:
            text = await self.evaluate("document.body?.innerText")
            raise PageError(
                f"never true: {expression}\nthe page says: {text}\nits console: {self.complaints}"
            ) from None

    async def wait_for_text(self, text: str, within: float = 10) -> None:
        """Wait until the page shows this text."""
        await self.wait_for(f"document.body.innerText.includes({json.dumps(self.said(text))})", within)

    async def _is_true(self, expression: str) -> bool:
        try:
            return bool(await self.evaluate(f"Boolean({expression})"))
        except (PageError, DevToolsError):
            return False  # the page is just being opened

    # Doing ------------------------------------------------------------------------------------------------

    @abstractmethod
    async def click(self, role: str, name: str, within: float = 10) -> None:
        """Click the middle of what has this role and accessible name, with the mouse."""

    @abstractmethod
    async def fill(self, name: str, text: str) -> None:
        """Replace what is in the text box with this accessible name."""

    @abstractmethod
    async def key_down(self, key: str) -> None:
        """Press a key and keep it pressed."""

    @abstractmethod
    async def key_up(self, key: str) -> None:
        """Let go of a key."""

    async def press(self, key: str) -> None:
        """Press a key and let go of it."""
        await self.key_down(key)
        await self.key_up(key)

    # Hearing ----------------------------------------------------------------------------------------------

    @abstractmethod
    async def record_remote_audio(self, seconds: float) -> tuple[int, NDArray[np.float32]]:
        """What the page hears from now on.

        Returns:
            The rate in Hz, and mono samples from -1 to 1.
        """
