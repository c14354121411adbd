"""What `make` runs, and what it says meanwhile, with a stand-in for Python that ends as it is told to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make_test(folder: Path, first: int, second: int) -> tuple[int, list[str]]:
    """How `make test` ends, and what it had pytest run, if its halves end with these exit codes."""
    ran = folder / "ran"
    python = folder / "python"
    python.write_text(
        f"""#!/bin/sh
echo "$*" >> {ran}
case "$*" in *"not alone"*) exit {first};; *) exit {second};; esac
"""
    )
    python.chmod(0o755)
    packages = folder / "node_modules"
    packages.touch()  # newer than what they are made from, or make would have npm install them
    variables = [f"BIN={folder}", f"NODE_PACKAGES={packages}", "ARGS=-k 'a or b'"]
    command = ["make", "--old-file=install", "--old-file=system-packages", "test", *variables]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, ran.read_text().splitlines()


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [(0, 0, True), (1, 0, False), (0, 1, False), (1, 1, False), (5, 0, True), (0, 5, True), (2, 5, False)],
)
def test_both_halves_are_run_and_either_fails_it(tmp_path: Path, first: int, second: int, passes: bool) -> None:
    status, ran = make_test(tmp_path, first, second)
    assert ran == [
        "-m pytest -n auto --dist worksteal -m not alone -k a or b",
        "-m pytest -m alone -k a or b",
    ]
    assert (status == 0) == passes


# Makes an environment whose Python does nothing, and takes no time for it.
PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 0
mkdir -p "$3/bin" && cp "$0" "$3/bin/python"
"""


def test_the_first_start_says_what_takes_so_long_and_the_second_does_not(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)

    def serve() -> list[str]:
        done = subprocess.run(
            ["make", "--no-print-directory", "-C", str(ROOT), "serve", f"VENV={tmp_path}/venv", f"PYTHON={python}"],
            stdout=subprocess.PIPE, text=True, check=True, timeout=30,
        )  # fmt: skip
        return done.stdout.splitlines()

    first = serve()
    assert "Making an environment" in first[0]
    assert "half a minute" in first[0]
    assert first[1:] == ["Installed.", "Starting the server."]
    assert serve() == ["Starting the server."]
