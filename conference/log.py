"""How a server logs: one line each, to standard error, with the time; for people, or as JSON for programs.

A line tells which room and which participant it is about, if it is about any. That is found where it is known already:

* in a message that names them as all of ours do: ``log.warning("room %s: …", name)``, ``participant %s``;
* in the attributes ``room`` and ``participant`` of a record: ``log.info(text, extra={"room": name})``;
* in the request that is being answered, and in what that has begun (:func:`concerning`).
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from aiohttp.http_exceptions import HttpProcessingError

_NOISY = ("aioice", "aiortc", "asyncio")
"""Libraries that tell everything at INFO: heard only when something is wrong, or when asked for."""

SUBJECTS = ("room", "participant")
"""What a line can be about."""

_subjects: ContextVar[Mapping[str, str]] = ContextVar("subjects", default={})  # noqa: B039 - nobody writes into it

_PLACEHOLDER = re.compile(r"%%|(?:\b(room|participant) )?%(?:\.\d+)?[a-z]")
_PHRASE = re.compile(r"(room|participant) (\S+)")

_log = logging.getLogger(__name__)


@contextmanager
def concerning(*, room: str | None = None, participant: str | None = None) -> Iterator[None]:
    """Whatever is logged within, and by tasks that begin within, is about this room and participant."""
    told = {name: value for name, value in (("room", room), ("participant", participant)) if value}
    token = _subjects.set({**_subjects.get(), **told})
    try:
        yield
    finally:
        _subjects.reset(token)


def set_up_logging(level: str, log_format: str = "text") -> None:
    """Log from ``level`` (one of :data:`conference.settings.program.LOG_LEVELS`) on.

    Args:
        level: of the least that is logged.
        log_format: one of :data:`conference.settings.program.LOG_FORMATS`. With ``json``, what nobody has caught is
            logged so, too, and so are Python's warnings.
    """
    logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    logging.getLogger("aiohttp.server").addFilter(without_clients_faults)
    if log_format == "json":
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonFormatter())
        logging.captureWarnings(True)
        sys.excepthook = _uncaught
        threading.excepthook = _uncaught_in_thread


def without_clients_faults(record: logging.LogRecord) -> bool:
    """Whether to log it: requests that are not HTTP are answered, and are no error of ours with a traceback."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


class JsonFormatter(logging.Formatter):
    """A line of JSON for each record: ``time``, ``level``, ``logger`` and ``message``, and what else there is of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **subjects_of(record),
        }
        audit = getattr(record, "audit", None)
        if audit is not None:
            told["audit"] = audit
        if record.exc_info and record.exc_info[0] is not None:
            told["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        return json.dumps(told, default=str)


def subjects_of(record: logging.LogRecord) -> dict[str, str]:
    """The room and the participant that a record is about, as far as it is about any."""
    found = {**_subjects.get(), **_named(record)}
    for name in SUBJECTS:
        value = getattr(record, name, None)
        if value is not None:
            found[name] = str(value)
    return found


def _named(record: logging.LogRecord) -> dict[str, str]:
    """Those that the message names."""
    if not isinstance(record.args, tuple) or not isinstance(record.msg, str):
        return {}
    found = {}
    places = [one for one in _PLACEHOLDER.finditer(record.msg) if one[0] != "%%"]
    for place, value in zip(places, record.args, strict=False):
        phrase = _PHRASE.fullmatch(value) if isinstance(value, str) else None
        if place[1]:
            found[place[1]] = str(value)
        elif phrase is not None and place.start() == 0:
            found[phrase[1]] = phrase[2]
    return found


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        _log.critical("nobody has caught this", exc_info=(kind, error, trace))


def _uncaught_in_thread(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None and told.exc_type is not SystemExit:
        name = "?" if told.thread is None else told.thread.name
        _log.critical("thread %s ends by this", name, exc_info=(told.exc_type, told.exc_value, told.exc_traceback))
