"""How a command that runs for a while is ended from outside."""

from __future__ import annotations

import asyncio
import contextlib
import signal


def end_on_sigterm() -> None:
    """Let SIGTERM cancel the task that calls this, as Ctrl-C does under ``asyncio.run``."""
    task = asyncio.current_task()
    with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):  # Windows; or not the main thread
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
