"""What ``pip install .`` brings along."""

from __future__ import annotations

import tomllib
from pathlib import Path

from conference.web.api.pages import CONTENT_TYPES, static_directory

ROOT = Path(__file__).parents[2]


def test_every_package_and_the_page_are_installed() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "conference").rglob("__init__.py")}
    assert set(setuptools["packages"]) == found | {"conference.static"}
    assert setuptools["package-dir"] == {"conference.static": "static"}


def test_every_file_of_the_page_has_a_type_to_be_served_as() -> None:
    files = [path for path in static_directory().rglob("*") if path.is_file()]
    assert files
    assert {path.suffix for path in files} <= set(CONTENT_TYPES)
