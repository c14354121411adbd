"""What `import conference` offers: named in one list, typed, documented, and imported when it is used."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import conference

ROOT = Path(__file__).parents[2]
SOURCE = (ROOT / "conference" / "__init__.py").read_text(encoding="utf-8")


def test_all_names_are_there_and_no_other() -> None:
    assert sorted(conference.__all__) == conference.__all__
    for name in conference.__all__:
        assert getattr(conference, name) is not None
    assert set(conference.__all__) <= set(dir(conference))
    with pytest.raises(AttributeError, match="Nonsense"):
        conference.Nonsense  # noqa: B018


def test_a_type_checker_sees_each_name_where_it_is_imported_from() -> None:
    [block] = [one for one in ast.parse(SOURCE).body if isinstance(one, ast.If)]
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            seen[alias.asname or alias.name] = f"{node.module}:{alias.name}".removeprefix("conference.")
    places = {}
    for name, place in vars(conference)["_PLACES"].items():
        module, _, other = place.partition(":")
        places[name] = f"{module}:{other or name}"
    assert seen == places
    assert sorted(places) == conference.__all__


def test_it_is_imported_in_no_time_and_brings_nothing_along() -> None:
    program = "import sys; before = set(sys.modules); import conference; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {one.partition(".")[0] for one in done.stdout.split()} & {"numpy", "aiohttp", "aiortc", "av", "asyncio"}


def test_the_package_says_that_it_is_typed() -> None:
    assert (ROOT / "conference" / "py.typed").is_file()


def public_things() -> Iterator[tuple[str, Any]]:
    for name in conference.__all__:
        thing = getattr(conference, name)
        yield name, thing
        if inspect.isclass(thing) and not issubclass(thing, Exception):
            for member, value in vars(thing).items():
                has_doc = inspect.isfunction(value) or isinstance(value, (property, classmethod))
                if has_doc and not member.startswith("_"):
                    yield f"{name}.{member}", value


@pytest.mark.parametrize(("name", "thing"), [*public_things()])
def test_each_has_a_docstring(name: str, thing: Any) -> None:
    del name
    assert (thing.__doc__ or "").strip()


def test_all_errors_are_of_one_kind_and_have_a_sentence() -> None:
    things = [getattr(conference, name) for name in conference.__all__]
    for one in things:
        if inspect.isclass(one) and issubclass(one, BaseException):
            assert issubclass(one, conference.ConferenceError)
            assert one.__module__ == "conference"


def test_the_page_names_all_of_it() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert not [name for name in conference.__all__ if f"`{name}" not in page and f"conference.{name}" not in page]
