"""The page's types, as its comments declare them, fit together; and those that other pages get with the module do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = HERE.parent / "interop" / "node_modules" / ".bin" / "tsc"


def test_the_pages_types_and_those_of_the_module_for_other_pages_fit_together() -> None:
    if not COMPILER.exists():
        pytest.skip("MISSING: typescript. Install it to check the page's types (npm install --prefix tests/interop).")
    done = subprocess.run(
        [str(COMPILER), "--project", str(HERE / "tsconfig.json")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
