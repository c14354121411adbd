from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from conference.cli import load
from conference.cli.main import main
from conference.cli.terminal.options import Parser
from conference.load.load_test import advice
from conference.load.report.figures import Sample, step_figures

URL = "http://127.0.0.1:8080"


def parsed(*arguments: str) -> argparse.Namespace:
    parser: argparse.ArgumentParser = Parser(prog="conference")
    load.add_parser(parser.add_subparsers())
    return parser.parse_args(["load", URL, *arguments])


def test_without_options_twenty_come_and_three_talk() -> None:
    plan = load.make_plan(parsed())
    assert (plan.profile.steps, plan.profile.talkers, plan.profile.phones, plan.profile.rooms) == ((20,), 3, 0, 1)
    assert (plan.setup.dtx, plan.setup.levels, plan.setup.verify, plan.pid) == (True, True, True, None)


def test_options_are_taken() -> None:
    plan = load.make_plan(
        parsed("--steps", "20,60,120", "--talkers", "5", "--twilio", "2", "--rooms", "3", "--no-dtx", "--no-levels",
               "--noise", "-60", "--join-rate", "7.5", "--duration", "9", "--processes", "4", "--pid", "123",
               "--insecure", "--pin")
    )  # fmt: skip
    assert (plan.profile.steps, plan.profile.talkers, plan.profile.phones, plan.profile.rooms) == (
        (20, 60, 120),
        5,
        2,
        3,
    )
    assert (plan.setup.dtx, plan.setup.levels, plan.setup.verify, plan.setup.noise) == (False, False, False, -60)
    assert plan.pin
    assert (plan.joins_per_second, plan.seconds, plan.processes, plan.pid) == (7.5, 9.0, 4, 123)


def test_callers_alone_need_no_talkers() -> None:
    plan = load.make_plan(parsed("--participants", "0", "--twilio", "4"))
    assert (plan.profile.steps, plan.profile.talkers, plan.profile.phones) == ((0,), 0, 4)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--steps", "60,20"], "must rise"),
        (["--steps", "20,x"], "'x' is not a whole number"),
        (["--participants", "-1"], "not a whole number"),
        (["--participants", "99999"], "from 0 to 20000"),
        (["--participants", "2"], "talkers, from the first step on, and 2 are not 3"),
        (["--participants", "20", "--steps", "20,30"], "not both"),
        (["--rooms", "0"], "there must be a room"),
        (["--duration", "0"], "above 0"),
        (["--join-rate", "nan"], "above 0"),
        (["--noise", "3", "--no-dtx"], "from -100 to -30"),
        (["--noise", "-60"], "give --no-dtx, too"),
        (["--pid", "me"], "neither the number of a process nor auto"),
        (["--chart", "load.png"], "ends in .svg"),
        (["--json", "/no/such/folder/x.json"], "cannot be written"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["load", URL, *arguments])
    assert exit_.value.code == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("url", ["ftp://x", "http://", "http://h:99999", "http://h/?a=b"])
def test_an_address_that_is_none_is_told(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["load", url])
    assert "is not the address of a server" in capsys.readouterr().err


def test_a_process_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    most = int(Path("/proc/sys/kernel/pid_max").read_text()) if Path("/proc/sys/kernel/pid_max").exists() else 2**22
    assert main(["load", URL, "--pid", str(most + 1)]) == 1
    assert "There is no process" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_more_processes_are_used_for_more_people_but_no_more_than_there_are_processors() -> None:
    assert load.usual_processes(20, 8) == 2
    assert load.usual_processes(2500, 8) == 4
    assert load.usual_processes(2500, 2) == 2
    assert load.usual_processes(1000, 1) == 2


def test_each_refusal_has_its_advice() -> None:
    for status in (401, 403):
        assert "conference token --room '*' --role host" in advice(status)
    assert "--max-joins-per-minute" in advice(429)
    assert "--max-participants-per-room" in advice(409)
    assert "--rooms" in advice(503)
    assert advice(418) == ""


def test_the_chart_leaves_out_what_is_unknown() -> None:
    step = step_figures(Sample(0.0, joined=5), Sample(9.0, joined=5), wanted=5, delays=[40.0], bursts_said=1,
                        joins_ms=[], memory_before=None)  # fmt: skip
    drawn = load.draw([step])
    assert "median: 40 at 5" in drawn
    assert "CPU: " not in drawn
