"""The command against a real server, in processes of their own, as people run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.process import Running

pytestmark = pytest.mark.e2e

SECONDS = 240
PACKETS_PER_SECOND = 50


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    running = Running("--max-participants-per-room", "12", "--log-level", "warning")
    yield running
    running.stop(signal.SIGTERM)
    running.kill()


def load(url: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "conference.cli.main", "load", url, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        said, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    return process.returncode, said, errors


def rooms(url: str) -> list[object]:
    with urllib.request.urlopen(f"{url}rooms", timeout=5) as response:
        answer = json.load(response)
    assert isinstance(answer, dict)
    return list(answer["rooms"])


def packets_in(url: str) -> float:
    """How many packets of sound have come to the server."""
    with urllib.request.urlopen(f"{url}metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("conference_packets_received_total"))


@pytest.mark.alone
def test_a_crowd_is_measured_and_leaves(server: Running, tmp_path: Path) -> None:
    chart, figures = tmp_path / "load.svg", tmp_path / "load.json"
    status, said, errors = finished(
        load(server.url, "--steps", "5,8", "--twilio", "2", "--duration", "4", "--chart", str(chart),
             "--json", str(figures), "--processes", "2")
    )  # fmt: skip
    assert (status, errors) == (0, "")
    small, large = json.loads(figures.read_text())
    assert (small["participants"], large["participants"]) == (7, 10)
    assert large["packets_in_per_second"] == pytest.approx(50, rel=0.2)
    assert large["loss"] == 0
    assert large["cpu_ms_per_participant_second"] > 0
    assert large["bursts_found"] >= large["bursts_said"] / 2 > 0
    assert 0 < large["delay_median_ms"] < 340
    assert large["join_median_ms"] > 0
    assert chart.read_text().startswith("<svg")
    assert "One participant more costs" in said
    assert rooms(server.url) == []


def test_one_process_plays_all_in_several_rooms(server: Running) -> None:
    before = os.sched_getaffinity(server.process.pid)
    status, said, errors = finished(
        load(server.url, "--participants", "6", "--callers", "2", "--talkers", "all", "--rooms", "4", "--processes",
             "1", "--duration", "2", "--no-levels", "--page", *(["--pin"] if len(before) > 1 else []))
    )  # fmt: skip
    assert os.sched_getaffinity(server.process.pid) == before
    assert (status, errors) == (0, "")
    assert "With 8: a core holds" in said
    assert "rooms, of 2 each" in said
    assert "With 8: each was told" in said


def test_a_full_room_is_told_with_what_to_change(server: Running) -> None:
    status, _, errors = finished(load(server.url, "--participants", "20", "--duration", "2"))
    assert status == 1
    assert "is full" in errors
    assert "--max-participants-per-room" in errors
    assert "Traceback" not in errors
    assert rooms(server.url) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_everybody_leave_and_shows_what_there_is(server: Running, number: signal.Signals) -> None:
    process = load(server.url, "--participants", "5", "--duration", "40")
    said = ""
    assert process.stdout is not None
    while "Measuring" not in said:
        line = process.stdout.readline()
        assert line, said
        said += line
    enough = packets_in(server.url) + 5 * 4 * PACKETS_PER_SECOND
    while packets_in(server.url) < enough:  # four seconds of the measurement, however long they take
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(number)
    status, rest, errors = finished(process)
    assert status == 0
    assert errors == ""
    assert "person-second" in rest
    assert rooms(server.url) == []


def test_an_address_without_a_server_is_told_in_a_sentence() -> None:
    status, _, errors = finished(load("http://127.0.0.1:9"))
    assert status == 1
    assert errors == "conference load: The server at http://127.0.0.1:9 cannot be reached: connection refused.\n"
