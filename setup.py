"""Makes the description for the package index: README.md, with addresses that lead somewhere from there, too.

All else about the package is in pyproject.toml.
"""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import setup

REPOSITORY = "https://github.com/conference/conference"


def absolute(readme: str) -> str:
    """A text whose links and pictures name files of this repository, with their addresses on the web."""
    readme = re.sub(r"(!\[[^\]]*\]\()(?!https?:|#)", rf"\1{REPOSITORY}/raw/main/", readme)
    return re.sub(r"((?<!!)\[[^\]]*\]\()(?!https?:|#)", rf"\1{REPOSITORY}/blob/main/", readme)


if __name__ == "__main__":
    setup(
        long_description=absolute((Path(__file__).parent / "README.md").read_text(encoding="utf-8")),
        long_description_content_type="text/markdown",
    )
