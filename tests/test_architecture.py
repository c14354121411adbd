"""The shape of the code, held by a test: which package may import which, and what the pure ones stay clear of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "conference"

TOP_LEVEL = {"settings", "checks", "ids", "iceservers", "log", "text", "unreachable"}

BELOW_WEB = {
    "access",
    "capture",
    "attendant",
    "prompts",
    "webrtc",
    "telephony",
    "engine",
    "room",
    "playout",
    "codecs",
    "audio",
    *TOP_LEVEL,
}

MAY_IMPORT: dict[str, set[str]] = {
    "audio": {"audio"},
    "codecs": {"codecs", "audio"},
    "playout": {"playout", "codecs", "audio"},
    "room": {"room", "playout", "codecs", "audio"},
    "access": {"access", "room"},
    "prompts": {"prompts", "audio"},
    "attendant": {"attendant", "prompts", "room", "codecs", "audio"},
    "capture": {"capture", "telephony", "room", "playout", "codecs", "audio"},
    "engine": {"engine", "room", "audio"},
    "webrtc": {"webrtc", "room", "playout", "codecs", "audio", "unreachable"},
    "telephony": {"telephony", "text", "unreachable", "room", "playout", "codecs", "audio"},
    "web": {"web", *BELOW_WEB},
    "load": {"load", "webrtc", "telephony", "codecs", "audio", "unreachable"},
    "cli": {"cli", "load", "web", *BELOW_WEB},
    "settings": {"checks", "access", "attendant", "iceservers", "webrtc", "telephony", "room"},
    "checks": {"room"},
    "ids": set(),
    "iceservers": set(),
    "log": set(),
    "text": set(),
    "unreachable": set(),
}

SYNCHRONOUS = ("audio", "codecs", "playout", "room", "access", "capture", "prompts", "attendant")
WRITES_FILES = (ROOT / "capture" / "files.py",)
"""The one module of those layers that has a thread."""

NOT_FOR_THE_SYNCHRONOUS = {"asyncio", "time", "datetime", "random", "secrets", "socket", "threading", "aiohttp"}
ONLY_IN_WEBRTC = {"aiortc", "aioice", "pylibsrtp"}


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def members(path: Path) -> Iterator[str]:
    """What is imported, with what is taken out of it: ``aiohttp.web`` of ``from aiohttp import web``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    yield from imports(path)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_of_import_do_not_point_back(path: Path) -> None:
    allowed = MAY_IMPORT.get(layer(path))
    if path.name == "__init__.py" and path.parent == ROOT:
        allowed = set()
    assert allowed is not None, f"{layer(path)} has no place in the layers"
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("conference.")}
    assert ours <= allowed


@pytest.mark.parametrize(
    "path",
    [one for one in modules() if layer(one) in SYNCHRONOUS and one not in WRITES_FILES],
    ids=lambda one: one.name,
)
def test_the_synchronous_layers_know_neither_time_nor_chance_nor_sockets(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & NOT_FOR_THE_SYNCHRONOUS


def test_only_the_webrtc_package_imports_aiortc() -> None:
    importers = {layer(path) for path in modules() if {name.split(".")[0] for name in imports(path)} & ONLY_IN_WEBRTC}
    assert importers == {"webrtc"}


def test_a_conference_runs_without_a_server_of_http() -> None:
    servers = {
        layer(path)
        for path in modules()
        if any(name == "aiohttp.web" or name.startswith("aiohttp.web_") for name in members(path))
    }
    assert servers <= {"web", "cli"}


def test_a_server_of_webrtc_knows_no_headless_client() -> None:
    importers = {
        path.relative_to(ROOT).parts[1]
        for path in modules()
        if layer(path) == "webrtc" and any(name.startswith("conference.webrtc.client") for name in imports(path))
    }
    assert importers <= {"client"}


def test_only_the_engine_and_the_edges_read_time() -> None:
    readers = {layer(path) for path in modules() if "time" in set(imports(path))}
    assert readers <= {"engine", "webrtc", "telephony", "web", "load", "cli"}
