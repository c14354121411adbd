"""What is logged, and what is not worth a line."""

from __future__ import annotations

import logging

from aiohttp.http_exceptions import BadStatusLine

from conference.log import without_clients_faults


def record_of(error: Exception) -> logging.LogRecord:
    return logging.LogRecord("aiohttp.server", logging.ERROR, "", 0, "Error", None, (type(error), error, None))


def test_a_request_that_is_no_http_is_not_logged_as_an_error_of_ours() -> None:
    assert not without_clients_faults(record_of(BadStatusLine("\x16\x03\x01")))


def test_errors_of_our_own_are_logged() -> None:
    assert without_clients_faults(record_of(RuntimeError("boom")))
