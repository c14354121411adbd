"""How a server logs: one line each, to standard error, with the time."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import HttpProcessingError

_NOISY = ("aioice", "aiortc", "asyncio")
"""Libraries that tell everything at INFO: heard only when something is wrong, or when asked for."""


def set_up_logging(level: str) -> None:
    """Log from ``level`` (one of :data:`conference.settings.program.LOG_LEVELS`) on."""
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(without_clients_faults)


def without_clients_faults(record: logging.LogRecord) -> bool:
    """Whether to log it: requests that are not HTTP are answered, and are no error of ours with a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)
