"""Access from end to end: a server with a secret, and the commands that come in with a token."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.passes import SECRET, token
from tests.web.process import ROOT, Running

pytestmark = pytest.mark.e2e


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    running = Running("--log-level", "debug", "--secret-file", str(secret), "--pin", "milk=864297")
    yield running
    running.kill()


def conference(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "conference.cli.main", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_the_commands_come_in_with_a_token_and_not_without(server: Running) -> None:
    join = ["join", server.url, "--room", "tea", "--duration", "0.5"]
    call = ["call", re.sub("^http", "ws", server.url) + "twilio/stream/tea", "--duration", "0.5"]
    refused = conference(*join)
    assert refused.returncode == 1
    assert "You need a token" in refused.stderr
    assert conference(*call).returncode == 1
    made = conference("token", "--room", "tea", "--secret", SECRET).stdout.strip()
    for command in (join, call):
        done = conference(*command, "--token", made)
        assert done.returncode == 0, done.stderr
    status, errors = server.stop(signal.SIGTERM)
    assert status == 0
    assert made not in errors
    assert made not in server.said


def test_a_load_test_comes_in_with_a_token(server: Running) -> None:
    load = ["load", server.url, "--participants", "2", "--twilio", "1", "--talkers", "1", "--duration", "2"]
    done = conference(*load, "--processes", "1", "--token", token("host", None))
    assert done.returncode == 0, done.stdout + done.stderr


def test_neither_tokens_nor_pins_are_in_the_log(server: Running) -> None:
    secret = token("host", None)
    for path in ("rooms", "rooms/tea", "nothing/here", "metrics", "twilio/stream/tea"):
        with_token = urllib.request.Request(f"{server.url}{path}?access_token={secret}")
        with contextlib.suppress(urllib.error.HTTPError):  # no such room, and no WebSocket
            urllib.request.urlopen(with_token, timeout=5).close()
    body = json.dumps({"pin": "864297", "name": "Amy"}).encode()
    pin = urllib.request.Request(f"{server.url}rooms/milk/tokens", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(pin, timeout=5) as response:
        entered = json.load(response)["token"]
    status, errors = server.stop(signal.SIGTERM)
    assert status == 0
    said = server.said + errors
    assert not [one for one in (secret, entered, "864297", SECRET) if one in said]
