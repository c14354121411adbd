"""What the page says in each language, read from its files of texts: so that a test can be told once, in English."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parents[2] / "static" / "js" / "texts"
_LINE = re.compile(r'^  "([\w.-]+)": (.*),$', re.MULTILINE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

LANGUAGES = tuple(sorted(path.stem for path in _FOLDER.glob("??.js")))
"""Their codes."""


@cache
def texts(language: str) -> dict[str, tuple[str, ...]]:
    """All texts of a language by key, each with all its plural forms."""
    found = _LINE.findall((_FOLDER / f"{language}.js").read_text(encoding="utf-8"))
    return {key: tuple(json.loads(form) for form in _STRING.findall(said)) for key, said in found}


def into(language: str) -> Callable[[str], str]:
    """What says in a language what is written in English; what is none of the page's texts stays as it is."""
    others = texts(language)
    known = [
        (_pattern(form), others[key][place]) for key, forms in texts("en").items() for place, form in enumerate(forms)
    ]

    def said(english: str) -> str:
        for pattern, other in known:
            if found := pattern.fullmatch(english):
                return _filled(other, found.groupdict())
        return english

    return said


def untranslated(language: str) -> set[str]:
    """What the page never says in a language: the English texts that are others there."""
    own = {form.strip() for forms in texts(language).values() for form in forms}
    return {form.strip() for forms in texts("en").values() for form in forms if "{" not in form} - own


def _filled(form: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda name: values[name[1]], form)


def _pattern(form: str) -> re.Pattern[str]:
    pieces = re.split(r"\{(\w+)\}", form)
    return re.compile("".join(f"(?P<{one}>.+)" if place % 2 else re.escape(one) for place, one in enumerate(pieces)))
