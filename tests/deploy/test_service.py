"""The unit for systemd, the configuration beside it, and the image: systemd takes it, and what they name is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from conference.cli.main import main
from conference.options.option import options_of
from conference.settings import Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
MOST_EXPOSED = "20"
"""Of a service that can be anything from 0, locked away, to 100."""

VARIABLES = {one.variable for one in options_of(Settings)}
OF_COMPOSE = {"CONFERENCE_SITE", "CONFERENCE_UPSTREAM", "CONFERENCE_PUBLIC_IP", "CONFERENCE_TURN_PASSWORD"}


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that is there."""
    program = shutil.which("true")
    text = (DEPLOY / "conference.service").read_text(encoding="utf-8")
    assert "ExecStart=/opt/conference/bin/conference serve" in text
    path = tmp_path / "conference.service"
    path.write_text(text.replace("/opt/conference/bin/conference", str(program)), encoding="utf-8")
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("MISSING: systemd-analyze. Install it to check the unit (Debian: apt-get install systemd).")
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_systemd_takes_the_unit(unit: Path) -> None:
    verified = analyze("verify", str(unit))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


def test_the_unit_is_locked_in(unit: Path) -> None:
    judged = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit))
    assert judged.returncode == 0, judged.stdout
    assert "Overall exposure level" in judged.stdout
    open_unit = unit.with_name("open.service")
    open_unit.write_text("[Service]\nExecStart=/bin/true\n", encoding="utf-8")
    assert analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(open_unit)).returncode != 0


def test_the_unit_has_as_much_patience_as_a_drain_takes(unit: Path) -> None:
    found = re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    configured = tomllib.loads((DEPLOY / "conference.toml").read_text(encoding="utf-8"))
    assert int(found[1]) > configured["drain-timeout"]


def test_the_configuration_is_taken(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONFERENCE_")]:
        monkeypatch.delenv(name)
    assert main(["config", "--changed", "--config", str(DEPLOY / "conference.toml")]) == 0
    assert 'public-url = "https://talk.example.org"' in capsys.readouterr().out


@pytest.mark.parametrize("name", ["conference.service", "Dockerfile", "compose.yaml"])
def test_each_variable_is_one_that_there_is(name: str) -> None:
    named = set(re.findall(r"\bCONFERENCE_[A-Z_]+\b", (DEPLOY / name).read_text(encoding="utf-8")))
    assert named
    assert named <= VARIABLES | OF_COMPOSE


def instructions() -> list[tuple[str, str]]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def test_the_image_is_made_of_what_is_there() -> None:
    stages: set[str] = set()
    for name, rest in instructions():
        words = shlex.split(rest)
        match name:
            case "FROM":
                assert words[0].startswith("debian:")
                stages |= set(words[2:])
            case "COPY" if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in stages
            case "COPY":
                assert (ROOT / words[0]).exists()
            case "RUN":
                checked = subprocess.run(["sh", "-n", "-c", rest], capture_output=True, text=True, check=False)
                assert checked.returncode == 0, checked.stderr
            case _:
                assert name in {"USER", "ENV", "EXPOSE", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
    extras = re.search(r"/src\[([\w,]+)\]", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
    assert extras
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def test_the_services_fit_together() -> None:
    compose: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"conference", "caddy", "turn"}
    server, caddy, turn = (services[one] for one in ("conference", "caddy", "turn"))
    assert (DEPLOY / server["build"]["context"] / server["build"]["dockerfile"]).is_file()
    environment = dict(re.findall(r"(CONFERENCE_\w+)=(\S+)", dict(instructions())["ENV"]))
    assert f"{environment['CONFERENCE_UDP_PORT']}:{environment['CONFERENCE_UDP_PORT']}/udp" in server["ports"]
    assert caddy["environment"]["CONFERENCE_UPSTREAM"] == "conference:8080"
    assert any((DEPLOY / one.split(":")[0]).is_file() for one in caddy["volumes"] if one.startswith("./"))
    patience = int(server["stop_grace_period"].removesuffix("s"))
    assert patience > int(server["environment"]["CONFERENCE_DRAIN_TIMEOUT"])
    assert "--user=conference:${CONFERENCE_TURN_PASSWORD}" in turn["command"]
    volumes = {one.split(":")[0] for service in services.values() for one in service.get("volumes", ())}
    assert {one for one in volumes if not one.startswith(".")} == set(compose["volumes"])
    if shutil.which("turnserver"):
        told = subprocess.run(["turnserver", "--help"], capture_output=True, text=True, timeout=60, check=False)
        known = set(re.findall(r"--[a-z-]+", told.stdout + told.stderr))
        assert {one.split("=")[0] for one in turn["command"]} <= known
