"""The package as others get it: built, installed into an empty environment, and used there."""

from __future__ import annotations

import email
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MINE = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHERS = [one for one in ("3.11", "3.12", "3.13") if one != MINE]

pytestmark = pytest.mark.interop

_BUILD = """
import sys
from setuptools import build_meta
print(build_meta.build_sdist(sys.argv[1]) if sys.argv[2] == "sdist" else build_meta.build_wheel(sys.argv[1]))
"""


def run(*command: object, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """What a command prints; an error with all that it says if it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tracked() -> list[str]:
    """The files of this repository, and those that are about to be."""
    if not (ROOT / ".git").exists():
        pytest.skip("MISSING: a checkout. What the package is built of is not known.")
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    return [one for one in listed if (ROOT / one).is_file()]


def copy_tracked(folder: Path) -> None:
    """Copy those files to a folder that need not be there."""
    for one in tracked():
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / one, folder / one)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist, made of what is in the repository; and the wheel, made of the sdist alone."""
    folder = tmp_path_factory.mktemp("package")
    source, tools, dist = folder / "source", folder / "tools", folder / "dist"
    copy_tracked(source)
    if int(version("setuptools").partition(".")[0]) < 77:  # an environment older than pyproject.toml
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", tools, "setuptools>=77", "wheel")
    dist.mkdir()
    env = os.environ | {"PYTHONPATH": str(tools)}
    sdist = dist / run(sys.executable, "-c", _BUILD, dist, "sdist", cwd=source, env=env).splitlines()[-1]
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    [unpacked] = (folder / "unpacked").iterdir()
    wheel = dist / run(sys.executable, "-c", _BUILD, dist, "wheel", cwd=unpacked, env=env).splitlines()[-1]
    return sdist, wheel


def test_the_source_has_all_that_the_repository_has(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as archive:
        there = {name.partition("/")[2] for name in archive.getnames()}
    hidden = {".gitignore", ".ci/run"}
    assert {one for one in tracked() if one not in hidden} <= there


def test_the_wheel_has_the_package_the_page_and_the_prompts_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        there = {name for name in archive.namelist() if not re.match(r"conference-[\d.]+\.dist-info/", name)}
    of_package = {one for one in tracked() if one.startswith("conference/")}
    of_page = {f"conference/{one}" for one in tracked() if one.startswith("static/")}
    assert there == of_package | of_page


def test_the_wheel_says_who_it_is(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as archive:
        [path] = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = email.message_from_string(archive.read(path).decode())
        assert any(one.endswith("licenses/LICENSE") for one in archive.namelist())
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    labels = {one.partition(",")[0] for one in metadata.get_all("Project-URL", [])}
    assert labels >= {"Homepage", "Documentation", "Source", "Issues", "Changelog"}
    assert metadata["Description-Content-Type"] == "text/markdown"
    description = str(metadata.get_payload())
    assert "# conference" in description
    relative = [one for one in re.findall(r"\]\(([^)]+)\)", description) if not one.startswith(("https://", "#"))]
    assert relative == []


def interpreter(version: str) -> Path:
    """A Python of a version; the test is skipped, and says so, where there is none."""
    if version == MINE:
        return Path(sys.executable)
    homes = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    elsewhere = shutil.which(f"python{version}")
    found = sorted(homes.glob(f"{version}.*/bin/python{version}"))
    found += [] if elsewhere is None else [Path(elsewhere)]
    for one in found:
        tried = subprocess.run([one, "-c", ""], capture_output=True, timeout=60, check=False)
        if tried.returncode == 0:
            return one
    pytest.skip(f"MISSING: Python {version}. The package is not tried with it.")


@pytest.fixture(params=[MINE, *OTHERS])
def installed(request: pytest.FixtureRequest, built: tuple[Path, Path], tmp_path: Path) -> Path:
    """The folder of the programs of an environment that has the package.

    What the package needs is installed with it where that was asked for, since it takes a minute for each Python; else
    it is that of this environment.
    """
    whole = os.environ.get("CONFERENCE_TRY_PYTHONS") == "1"
    if request.param != MINE and not whole:
        pytest.skip(f"NOT TRIED: Python {request.param}. CONFERENCE_TRY_PYTHONS=1 installs the package there, too.")
    python = tmp_path / "venv" / "bin" / "python"
    if whole:
        run(interpreter(request.param), "-m", "venv", tmp_path / "venv")
        run(python, "-m", "pip", "install", "--quiet", built[1])
    else:  # with this environment's pip: to give a new one its own takes longer than all the rest
        run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
        quick = ("--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
        run(sys.executable, "-m", "pip", "--python", python, "install", *quick, built[1])
        [packages] = (tmp_path / "venv").glob("lib/python*/site-packages")
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        where = run(python, "-c", "import conference; print(conference.__file__)", cwd=tmp_path)
        assert where.startswith(str(packages))
    return tmp_path / "venv" / "bin"


@pytest.fixture
def served(installed: Path, tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a server of that environment, and its process."""
    process = subprocess.Popen(
        [installed / "conference", "serve", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.communicate()
            said += line
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found
        yield found[0], process
    finally:
        process.kill()
        process.communicate()


def test_what_is_installed_serves_and_joins_and_runs_the_examples(
    installed: Path, served: tuple[str, subprocess.Popen[str]], tmp_path: Path
) -> None:
    url, process = served
    python = installed / "python"
    with urllib.request.urlopen(url + "/", timeout=60) as answer:
        page = answer.read().decode()
    assert "<html" in page
    script = re.search(r"/static/page\.[0-9a-f]+\.js", page)
    assert script, "the page's modules are in one piece, as they are in a checkout"
    heard = tmp_path / "heard.wav"
    run(installed / "conference", "join", url, "--room", "tea", "--duration", "1", "--record", heard, cwd=tmp_path)
    assert heard.stat().st_size > 20_000
    assert "config" in run(installed / "conference", "--help", cwd=tmp_path)
    example = ROOT / "examples" / "bot_in_process.py"
    if example.is_file():
        bot = subprocess.Popen([python, example, "0"], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        try:
            assert bot.stdout is not None
            assert "/join/echo" in bot.stdout.readline()
        finally:
            bot.send_signal(signal.SIGKILL)
            bot.communicate()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 0
