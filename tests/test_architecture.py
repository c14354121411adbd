"""The shape of the code, held by a test: which package may import which, and what the pure ones stay clear of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "conference"

SMALL = {"errors", "loopback", "self_signed", "token_bucket", "unreachable"}
"""What connections need, of whatever kind."""

TOP_LEVEL = {"settings", "options", "ids", "iceservers", "log", "text", *SMALL}

BELOW_WEB = {
    "access",
    "capture",
    "recording",
    "captions",
    "attendant",
    "prompts",
    "webrtc",
    "telephony",
    "voices",
    "engine",
    "cluster",
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
    "room": {"room", "errors", "playout", "codecs", "audio"},
    "access": {"access", "room"},
    "prompts": {"prompts", "options", "audio"},
    "attendant": {"attendant", "options", "prompts", "room", "codecs", "audio"},
    "voices": {"voices", "options", "telephony", "room", "codecs", "audio"},
    "capture": {"capture", "telephony", "room", "playout", "codecs", "audio"},
    "recording": {"recording", "options", "capture", "telephony", "room", "playout", "codecs", "audio"},
    "captions": {"captions", "options", "text", "token_bucket", "capture", "room", "playout", "codecs", "audio"},
    "engine": {"engine", "options", "access", "room", "audio"},
    "cluster": {"cluster", "errors", "options", "ids", "access", "room", "playout", "codecs", "audio"},
    "webrtc": {"webrtc", *SMALL, "iceservers", "options", "room", "playout", "codecs", "audio"},
    "telephony": {"telephony", *SMALL, "options", "text", "room", "playout", "codecs", "audio"},
    "web": {"web", *BELOW_WEB},
    "load": {"load", *SMALL, "webrtc", "telephony", "playout", "codecs", "audio"},
    "client": {"client", *SMALL, "engine", "webrtc", "telephony", "room", "codecs", "audio"},
    "public": {"public", "client", "web", *BELOW_WEB},
    "cli": {"cli", "client", "load", "web", *BELOW_WEB},
    "settings": {
        "settings",
        "options",
        "loopback",
        "access",
        "attendant",
        "captions",
        "cluster",
        "engine",
        "prompts",
        "iceservers",
        "recording",
        "webrtc",
        "telephony",
        "voices",
        "room",
    },
    "options": {"options", "errors"},
    "errors": set(),
    "ids": set(),
    "iceservers": set(),
    "log": set(),
    "loopback": set(),
    "self_signed": set(),
    "token_bucket": set(),
    "text": set(),
    "unreachable": set(),
}

RTP_SIDE = {"rtp", "sdp", "udp"}

INSIDE_A_WING: dict[str, dict[str, set[str]]] = {
    "room": {
        "errors": set(),
        "policy": set(),
        "recorded": set(),
        "transferred": set(),
        "captioned": set(),
        "look_back": set(),
        "voice": {"look_back"},
        "sounds": set(),
        "gains": set(),
        "talking_voice": set(),
        "participant": {"talking_voice", "voice"},
        "local": {"participant"},
        "levels": {"participant"},
        "soundboard": {"participant", "sounds"},
        "observer": {"gains", "participant", "sounds"},
        "events": {"captioned", "gains", "participant", "policy", "recorded", "transferred"},
        "admission": {"errors", "participant", "policy"},
        "remembered_seats": {"admission", "participant", "room"},
        "mixing": {"gains", "observer", "participant", "soundboard"},
        "forwarding": {"observer", "participant"},
        "interruptions": {"gains", "participant"},
        "voices_apart": {"gains", "mixing", "observer", "participant", "talking_voice"},
        "speaker_selector": {"mixing", "observer", "participant"},
        "people": {"admission", "events", "observer", "participant", "policy", "recorded", "voice"},
        "room": {
            "events",
            "forwarding",
            "gains",
            "interruptions",
            "levels",
            "mixing",
            "observer",
            "participant",
            "people",
            "policy",
            "soundboard",
            "sounds",
            "speaker_selector",
            "voice",
            "voices_apart",
        },
        "conference": {"errors", "events", "mixing", "participant", "policy", "room", "voice"},
    },
    "webrtc": {
        "settings": set(),
        "compatibility": set(),
        "deadlines": set(),
        "liveness": set(),
        "udp": set(),
        "dtls": set(),
        "rtp": set(),
        "sdp": {"settings", "dtls"},
        "ice": {"settings", "sdp", "udp"},
        "receive": {"settings", "forward", "send", *RTP_SIDE},
        "forward": {"send", *RTP_SIDE},
        "send": RTP_SIDE,
        "endpoints": {"udp", "ice"},
        "mux": {"settings", "endpoints", "udp", "ice", "receive", "send"},
        "rtp_session": {"rtp", "receive", "send"},
        "transport": {"mux", "dtls", "ice", "receive", "send", *RTP_SIDE},
        "peer": {
            "settings",
            "liveness",
            "mux",
            "rtp_session",
            "transport",
            "dtls",
            "ice",
            "receive",
            "send",
            *RTP_SIDE,
        },
        "reference": {"settings", "peer", *RTP_SIDE},
        "server": {"settings", "compatibility", "deadlines", "mux", "peer", "dtls", "ice", *RTP_SIDE},
        "client": {"compatibility", "rtp_session", "receive", "send", *RTP_SIDE},
    },
    "load": {
        "plan": set(),
        "signal": set(),
        "report": set(),
        "batch": {"signal"},
        "client": {"batch", "signal"},
        "send_schedule": {"client", "batch", "signal"},
        "worker": {"plan", "send_schedule", "client", "signal"},
        "workers": {"plan", "worker", "signal"},
        "load_test": {"plan", "worker", "workers", "report", "signal"},
    },
    "web": {
        "sidebars": set(),
        "http": set(),
        "page": set(),
        "transfers": {"sidebars"},
        "schemas": {"http", "transfers"},
        "events": {"http", "schemas"},
        "joining": {"http", "sidebars"},
        "drain": set(),
        "passing_on": {"http"},
        "live": {"http", "drain", "passing_on", "events", "joining", "sidebars", "transfers"},
        "access": {"http", "joining", "live"},
        "following": {"http", "passing_on"},
        "api": {"http", "page", "events", "joining", "schemas", "sidebars", "transfers", "live", "access"},
        "openapi": {"http", "schemas", "events", "joining", "live", "access", "api"},
        "app": {"http", "passing_on", "page", "events", "joining", "live", "following", "api", "openapi"},
        "http_server": {"http", "joining", "live", "api", "app"},
    },
    "telephony": {
        "settings": {"destinations"},
        "playout_schedule": set(),
        "frame_scanner": set(),
        "websocket_frames": set(),
        "audiosocket_frames": set(),
        "fields": set(),
        "dialect": set(),
        "twilio": {"settings", "dialect", "fields"},
        "dialects": {"settings", "dialect", "fields", "twilio", "audiosocket_frames"},
        "backpressure": {"frame_scanner", "websocket_frames"},
        "playout_buffer": set(),
        "frame_source": set(),
        "joint": set(),
        "intake": {"settings", "frame_source", "playout_schedule"},
        "outlet": {"settings", "dialect", "joint"},
        "phone": {"dialect", "playout_buffer", "fields", "twilio"},
        "leg": {"settings", "dialect", "dialects", "fields", "intake", "outlet"},
        "destinations": set(),
        "connecting": {"backpressure", "destinations", "dialect", "websocket_frames"},
        "long_messages": {"dialect"},
        "outgoing_queue": {"dialect"},
        "dialed": {"settings", "dialect", "frame_source", "joint", "outgoing_queue", "phone"},
        "twilio_account": {"connecting"},
        "audiosocket_client": {"audiosocket_frames", "backpressure", "connecting", "dialect"},
        "caller": {
            "settings",
            "audiosocket_client",
            "backpressure",
            "connecting",
            "dialect",
            "fields",
            "phone",
            "twilio",
        },
    },
}
"""In the wings that have folders: which folder, or file beside the folders, may import which."""

SYNCHRONOUS = ("audio", "codecs", "playout_buffer", "room", "access", "capture", "prompts", "attendant")
WRITES_FILES = (ROOT / "capture" / "files.py",)
"""The one module of those layers that has a thread."""

NOT_FOR_THE_SYNCHRONOUS = {"asyncio", "time", "datetime", "random", "secrets", "socket", "threading", "aiohttp"}
ONLY_IN_WEBRTC = {"aiortc", "aioice", "pylibsrtp"}


def module(path: Path) -> str:
    parts = ("conference", *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if path.name == "__init__.py" else parts)


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


OURS = {module(path) for path in modules()}


def layer(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


@cache
def statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def imports(path: Path) -> Iterator[str]:
    for node in statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


def members(path: Path) -> Iterator[str]:
    """What is imported, with what is taken out of it: ``aiohttp.web`` of ``from aiohttp import web``."""
    for node in statements(path):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    yield from imports(path)


def imported(path: Path) -> set[str]:
    """The modules of ours that a module imports."""
    found: set[str] = set()
    for node in statements(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & OURS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_of_import_do_not_point_back(path: Path) -> None:
    allowed = MAY_IMPORT.get(layer(path))
    if path.name == "__init__.py" and path.parent == ROOT:
        # Names for type checkers, which are imported when they are used.
        allowed = {"public", "client", "web", "webrtc", "telephony", "options", "room", "errors"}
    assert allowed is not None, f"{layer(path)} has no place in the layers"
    ours = {name.split(".")[1] for name in imports(path) if name.startswith("conference.")}
    assert ours <= allowed


@pytest.mark.parametrize(
    "path",
    [one for one in modules() if layer(one) in INSIDE_A_WING and len(one.relative_to(ROOT).parts) > 1],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_arrows_inside_a_wing_do_not_point_back(path: Path) -> None:
    wing, part = path.relative_to(ROOT).with_suffix("").parts[:2]
    parts = [name.split(".")[2] for name in imported(path) if name.startswith(f"conference.{wing}.")]
    if part == "__init__":
        assert not parts
    else:
        assert part in INSIDE_A_WING[wing], f"{wing}/{part} has no place in its wing"
        assert set(parts) <= {part, *INSIDE_A_WING[wing][part]}


@pytest.mark.parametrize("arrows", [MAY_IMPORT, *INSIDE_A_WING.values()], ids=["layers", *INSIDE_A_WING])
def test_what_may_import_what_has_no_circles(arrows: dict[str, set[str]]) -> None:
    assert set().union(*arrows.values()) <= arrows.keys()
    TopologicalSorter({part: allowed - {part} for part, allowed in arrows.items()}).prepare()


def test_no_modules_import_each_other() -> None:
    # The package itself imports what it names when that is used.
    TopologicalSorter({module(path): imported(path) - {module(path), "conference"} for path in modules()}).prepare()


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
    assert readers <= {"engine", "cluster", "webrtc", "telephony", "web", "client", "public", "load", "cli"}
