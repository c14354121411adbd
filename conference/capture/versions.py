"""What a mix depends on beside the capture: the versions that it was made with."""

from __future__ import annotations

import importlib.metadata
import platform

import numpy as np

from conference import __version__
from conference.codecs import libopus


def versions() -> dict[str, str]:
    """Of this program, of what it computes with, and of the machine."""
    try:
        opus = libopus.version()
    except libopus.LibraryNotFoundError:
        opus = "none"
    return {
        "conference": __version__,
        "libopus": opus,
        "numpy": np.__version__,
        "pywebrtc-audio": _installed("pywebrtc-audio"),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "none"
