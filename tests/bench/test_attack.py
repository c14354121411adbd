"""What `bench.attack` sends and says; that it runs against a server is tried with one short attack."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench import attack, attack_datagrams
from bench.attack_report import HEADS, Row, Sent, Snapshot, report
from bench.attack_target import Target, build_request, read_answer
from bench.attackers import ATTACKS
from conference.webrtc.ice.stun import parse_stun

ROOT = Path(__file__).parents[2]

BEFORE = Snapshot(
    at=100.0,
    skipped=1,
    lateness={"0.001": 40, "0.005": 50, "0.02": 50, "0.05": 50, "+Inf": 50},
    heard=1000,
    lost=5,
    gaps=2,
    dropped={"garbage": 10, "excess": 0},
)
AFTER = Snapshot(
    at=105.0,
    skipped=1,
    lateness={"0.001": 200, "0.005": 290, "0.02": 295, "0.05": 300, "+Inf": 300},
    heard=1500,
    lost=8,
    gaps=3,
    log_bytes=77,
    dropped={"garbage": 10, "excess": 400},
)
SENT = Sent(5000, 1_000_000, 4.0, note="so it was")


def test_a_row_tells_what_happened_between_two_moments() -> None:
    row = Row("stun", BEFORE, AFTER, 2, 40.0, SENT, joined_ms=50.0)
    assert row.due == 500
    assert row.ticks == {"0.001": 160, "0.005": 80, "0.02": 5, "0.05": 5, "+Inf": 0}
    assert (row.late, row.worst) == (5, "<= 50 ms")
    assert replace(row, after=replace(AFTER, lateness={**AFTER.lateness, "+Inf": 302})).worst == "> 50 ms"
    assert Row("nothing", BEFORE, replace(BEFORE, at=101.0), 2, 0.0).worst == "-"
    skipping = replace(row, after=replace(AFTER, skipped=41))
    assert (skipping.late, skipping.worst) == (45, "> 50 ms")


def test_the_report_has_a_line_for_each_attack_and_says_who_did_not_get_in() -> None:
    lines = report(
        [Row("nothing", BEFORE, AFTER, 2, 40.0, joined_ms=40.0), Row("stun", BEFORE, AFTER, 2, 40.0, SENT)]
    ).splitlines()
    assert re.split(r" {2,}", lines[0]) == list(HEADS)
    assert re.split(r" {2,}", lines[2])[:4] == ["nothing", "-", "-", "40 %"]
    assert re.split(r" {2,}", lines[3])[1:] == [
        "5000 datagrams", "1250/s, 2.00 Mbit/s", "40 %", "500 of 500", "3", "1", "5 of 250", "<= 50 ms", "NOT IN",
    ]  # fmt: skip
    assert lines[-1] == "stun: dropped by the server: 400 excess; so it was; 77 bytes logged."


def test_every_attack_is_described_and_can_be_chosen() -> None:
    assert all(one.text.endswith(".") for one in ATTACKS.values())
    args = attack.make_parser().parse_args(["--only", *ATTACKS])
    assert args.only == list(ATTACKS)


def test_what_is_sent_is_what_it_says() -> None:
    body = attack_datagrams.attribute(0x0020, b"\0\1" + bytes(6)) * 120
    data = next(attack_datagrams.stun_requests(body))
    assert len(data) == attack_datagrams.MTU
    target = Target(port=1, udp_port=2, ufrag="amy1")
    check = parse_stun(next(attack_datagrams.guesses(target)))
    assert check is not None
    assert check.username == "amy1:them"
    assert next(attack_datagrams.noise(b"ab", 10)).startswith(b"ab")


def test_an_answer_tells_where_to_send_to() -> None:
    answer = "v=0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:amy1\r\na=ice-pwd:secret\r\n"
    assert read_answer(answer) == (4000, "amy1", "secret")
    with pytest.raises(ValueError, match="no transport"):
        read_answer("v=0\r\n")


def test_a_request_says_how_long_it_is() -> None:
    head, _, body = build_request("POST", "/x", "text/plain", b"abc").partition(b"\r\n\r\n")
    assert b"Content-Length: 3" in head
    assert body == b"abc"


@pytest.mark.e2e
def test_it_runs_against_a_server() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench.attack", "--only", "stun-guesses", "--seconds", "2"],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert {"nothing", "stun-guesses"} <= {line.split(" ")[0] for line in ran.stdout.splitlines()}
    assert "unauthentic" in ran.stdout
