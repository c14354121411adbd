"""What is logged, and what is not worth a line."""

from __future__ import annotations

import ast
import asyncio
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.http_exceptions import BadStatusLine
from hypothesis import given
from hypothesis import strategies as st

import conference
from conference.log import JsonFormatter, concerning, set_up_logging, without_clients_faults

LOGGING = frozenset(
    f"{logger}.{level}"
    for logger in ("log", "_log", "logger")
    for level in ("debug", "info", "warning", "error", "exception")
)


def record_of(error: Exception) -> logging.LogRecord:
    return logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "Error", None, (type(error), error, None))


def test_a_request_that_is_no_http_is_not_logged_as_an_error_of_ours() -> None:
    assert not without_clients_faults(record_of(BadStatusLine("\x16\x03\x01")))


def test_errors_of_our_own_are_logged() -> None:
    assert without_clients_faults(record_of(RuntimeError("boom")))


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.fixture(autouse=True)
def hooks_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (sys, threading):
        monkeypatch.setattr(module, "excepthook", module.excepthook)
    yield
    logging.captureWarnings(False)


def json_logger() -> logging.Logger:
    set_up_logging("info", "json")
    return logging.getLogger("conference.tests")


def test_a_line_of_json_tells_the_time_and_what_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logger()
    log.warning("room %s: the connection of participant %s failed: %d%%\n…", "tea", "a1", 7)
    [line] = lines_of(capsys)
    assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    assert line == {
        "level": "warning",
        "logger": "conference.tests",
        "message": "room tea: the connection of participant a1 failed: 7%\n…",
        "room": "tea",
        "participant": "a1",
    }


def test_a_room_and_a_participant_are_told_however_they_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logger()
    log.info("nothing is known")
    log.info("%s failed", "participant a1")
    log.info("somebody says %s", "participant a1")  # what people choose themselves names nobody
    log.info("done", extra={"room": "milk", "participant": None})
    with concerning(room="tea"):
        log.info("in a request")
        with concerning(participant="a2"):
            log.info("of somebody, %d, in room %s", 1, "cake")
    log.info("nothing any more")
    assert [(line.get("room"), line.get("participant")) for line in lines_of(capsys)] == [
        (None, None), (None, "a1"), (None, None), ("milk", None), ("tea", None), ("cake", "a2"), (None, None),
    ]  # fmt: skip


async def test_what_a_task_logs_is_about_what_it_was_begun_for(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logger()

    async def work() -> None:
        log.info("at work")

    with concerning(room="tea", participant="a1"):
        task = asyncio.create_task(work())
    await task
    [line] = lines_of(capsys)
    assert (line["room"], line["participant"]) == ("tea", "a1")


def test_what_nobody_catches_is_a_line_of_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    log = json_logger()

    def fail() -> None:
        raise RuntimeError("boom\nin two lines")

    thread = threading.Thread(target=fail, name="worker")
    thread.start()
    thread.join()
    try:
        fail()
    except RuntimeError as error:
        sys.excepthook(RuntimeError, error, error.__traceback__)
        log.exception("caught")
    warnings.showwarning("old", DeprecationWarning, "file.py", 1)
    lines = lines_of(capsys)
    assert [line["level"] for line in lines] == ["critical", "critical", "error", "warning"]
    assert all("RuntimeError: boom\nin two lines" in line["exception"] for line in lines[:3])
    assert "DeprecationWarning: old" in lines[3]["message"]


@given(st.text(), st.lists(st.text() | st.integers() | st.none() | st.binary()), st.text())
def test_any_message_is_one_line_of_json(message: str, arguments: list[object], room: str) -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, message, None, None)
    record.args = tuple(arguments) if message.count("%") == 0 and not arguments else ()
    record.room = room
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["room"] == room


def test_rooms_and_participants_are_named_so_that_a_line_of_json_tells_them() -> None:
    """A value that names one stands after the word, or is given as an attribute of the record."""
    package = Path(conference.__file__).parent
    found = 0
    for path in sorted(package.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or ast.unparse(call.func) not in LOGGING:
                continue
            texts = [ast.unparse(one) for one in call.args[1:]]
            told = any(one.arg == "extra" for one in call.keywords)
            message = call.args[0].value if isinstance(call.args[0], ast.Constant) else ""
            assert isinstance(message, str)
            for kind, endings in (
                ("room", ("room.name", "room_name", "event.room")),
                ("participant", ("participant_id",)),
            ):
                if any(one.endswith(endings) for one in texts):
                    assert f"{kind} %s" in message or told, f"{path}, line {call.lineno}"
                    found += 1
    assert found > 10
