"""For all tests: what is judged, and that no test leaves anything behind for the next."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("conference", deadline=None)  # properties are judged by what holds, not by the time they take
settings.load_profile("conference")


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """Commands that run within a test set up logging, to a standard error that is gone after it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
