"""libopus is found, says who it is, and says what is missing when it is not."""

from __future__ import annotations

import ctypes.util
import importlib.util

import pytest

from conference.codecs import libopus


def test_libopus_says_which_version_it_is() -> None:
    assert libopus.version().startswith("libopus ")


def test_it_is_loaded_once() -> None:
    assert libopus.library() is libopus.library()


def test_without_libopus_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(libopus.LibraryNotFoundError, match=r"pip install .* apt install libopus0"):
        libopus.library.__wrapped__()


def test_without_pyavs_copy_the_systems_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: "/nowhere/libopus.so.0")
    assert list(libopus._candidates()) == ["/nowhere/libopus.so.0"]
    with pytest.raises(libopus.LibraryNotFoundError):
        libopus.library.__wrapped__()


def test_an_error_of_libopus_is_raised_with_its_words() -> None:
    with pytest.raises(libopus.OpusError, match="invalid argument"):
        libopus.check(-1)
    assert libopus.check(960) == 960
