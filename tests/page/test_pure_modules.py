"""The page's pure modules, tested in Node; what needs a browser is in tests/e2e/test_page.py."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def _module_flags(node: str) -> list[str]:
    """Older Nodes must be told that the page's ``.js`` files are modules, as its HTML tells a browser."""
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    return ["--experimental-default-type=module"] if int(version.strip("v\n").split(".")[0]) < 22 else []


def test_the_pages_pure_modules_pass_their_own_tests() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("MISSING: nodejs. Install it to run the page's own tests (Debian: apt-get install nodejs).")
    done = subprocess.run(
        [node, *_module_flags(node), "--test", "--test-reporter=tap", *map(str, sorted(HERE.glob("*.test.mjs")))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
    assert "# pass 0" not in done.stdout
