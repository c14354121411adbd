"""What the documents and the docstrings name is there: files, folders, modules and headings."""

from __future__ import annotations

import ast
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "conference"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
MODULES = sorted(PACKAGE.rglob("*.py"))

CODE = re.compile(r"`+([^`\n]+)`+")
PATH = re.compile(r"(?:[\w.-]+/)*[\w-]+\.(?:py|js|css|md)|(?:[a-z]\w*/)+")
"""A file by its kind, or a folder by its slash."""

NO_MODULES = {"conference.audit", "g711.c"}
"""What looks like a module and is none: a logger, and somebody else's file."""

DOTTED = re.compile(r"~?((?:conference\.)?[a-z_]\w*(?:\.\w+)+)(?:\(\))?")
LINK = re.compile(r"\]\(([^()\s]+)\)")
DIAGRAM = re.compile(r"(?<![\w/])(?:audio|codecs|playout|room|telephony|webrtc)/\w+")


@cache
def known() -> frozenset[str]:
    """Every file and folder of the project, as one can call it: by the whole path, or by the end of it."""
    tops = [ROOT / one for one in ("bench", "conference", "docs", "examples", "static", "tests")]
    paths = [*(one for one in ROOT.iterdir() if one.is_file()), *tops]
    for top in tops:
        paths += [one for one in top.rglob("*") if not {"node_modules", "__pycache__"} & {*one.parts}]
    parts = [one.relative_to(ROOT).parts for one in paths]
    return frozenset("/".join(one[start:]) for one in parts for start in range(len(one)))


def missing_paths(text: str) -> list[str]:
    """The files and folders that a text names and that are not there."""
    named = [one for one in CODE.findall(text) if PATH.fullmatch(one)]
    return [one for one in named if one.rstrip("/") not in known()]


def is_there(name: str) -> bool:
    """Whether a module, or what one has, is there: ``conference.room.room.Room.tick``."""
    parts = name.split(".")
    for end in range(len(parts), 1, -1):
        module = ".".join(parts[:end])
        if _is_module(module):
            return _has(module, parts[end:])
    return False


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _has(module: str, attributes: list[str]) -> bool:
    """Whether it does, though some of it are annotations alone, as fields of dataclasses and protocols are."""
    there: object = import_module(module)
    for name in attributes:
        if not hasattr(there, name):
            return name in getattr(there, "__annotations__", {}) or name in getattr(there, "__slots__", ())
        there = getattr(there, name)
    return True


def candidates(name: str, folder: Path) -> list[str]:
    """What a dotted name may stand for in a file of a folder; none if it is no name of ours."""
    first = name.partition(".")[0]
    if first == "conference":
        return [name]
    places = [one for one in (folder, *folder.parents) if one.is_relative_to(PACKAGE)]
    prefixes = [".".join(one.relative_to(ROOT).parts) for one in places]
    return [f"{prefix}.{name}" for prefix in prefixes if _is_module(f"{prefix}.{first}")]


def missing_names(text: str, folder: Path) -> list[str]:
    """The modules, classes and functions that a text in a folder names and that are not there."""
    found = [match[1] for one in CODE.findall(text) if (match := DOTTED.fullmatch(one))]
    each = [(one, candidates(one, folder)) for one in found if one not in NO_MODULES and not PATH.fullmatch(one)]
    return [name for name, meant in each if meant and not any(map(is_there, meant))]


def headings(document: Path) -> set[str]:
    """Where in a document a link can lead to, as GitHub names it."""
    titles = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}


def broken_links(document: Path) -> list[str]:
    """The links from a document to others that lead nowhere."""
    broken = []
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        if ":" in path:
            continue
        target = document.parent / path if path else document
        if not target.exists() or (heading and heading not in headings(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.stem)
def test_every_file_that_a_document_names_is_there(document: Path) -> None:
    assert not missing_paths(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.stem)
def test_every_class_that_a_document_names_by_its_module_is_there(document: Path) -> None:
    names = missing_names(document.read_text(encoding="utf-8"), PACKAGE)
    assert not [one for one in names if one.rpartition(".")[2][0].isupper()]  # others are names of events


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.stem)
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    assert not broken_links(document)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.stem)
def test_every_module_that_a_document_has_one_run_is_there(document: Path) -> None:
    run = re.findall(r"python -m ((?:bench|conference|docs|tests)[\w.]*)", document.read_text(encoding="utf-8"))
    assert not [one for one in run if find_spec(one) is None]


def test_the_journeys_of_a_voice_pass_places_that_there_are() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    diagram = DIAGRAM.findall(architecture.partition("```")[2].partition("```")[0])
    assert len(diagram) > 8
    assert not [one for one in diagram if not {f"conference/{one}", f"conference/{one}.py"} & known()]
    journey = str(ast.get_docstring(ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))))
    steps = re.findall(r"^ {4}(\S+)(?: \| (\S+))?  ", journey, re.MULTILINE)
    stops = [one for step in steps for one in step if one]
    assert len(stops) > 8
    assert not [one for one in stops if not is_there(f"conference.{one}")]


def test_each_answer_of_where_is_names_what_its_file_has() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = architecture.partition("## Where is…")[2].partition("###")[0]
    answers = re.findall(r"`([\w/]+)\.py` \((`[^):]+`)[):]", table)
    assert len(answers) > 10
    names = [f"conference.{file.replace('/', '.')}.{name}" for file, inside in answers for name in CODE.findall(inside)]
    assert not [one for one in names if not is_there(one)]


@pytest.mark.parametrize("folder", sorted({one.parent for one in MODULES}), ids=lambda one: str(one.relative_to(ROOT)))
def test_what_docstrings_and_comments_name_is_there(folder: Path) -> None:
    texts = [(one.name, one.read_text(encoding="utf-8")) for one in folder.glob("*.py")]
    missing = {name: [*missing_paths(text), *missing_names(text, folder)] for name, text in texts}
    assert not {name: names for name, names in missing.items() if names}


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("`conference/room/room.py` and `room/room.py` and `room.py`", []),
        (
            "`room/lost.py`, `lost/` and ``tests/webrtc/test_lost.py``",
            ["room/lost.py", "lost/", "tests/webrtc/test_lost.py"],
        ),
        ("`application/json`, `/metrics`, `a/b` and `room/`", []),
    ],
)
def test_a_path_that_is_not_there_is_found(text: str, missing: list[str]) -> None:
    assert missing_paths(text) == missing


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (":class:`~conference.room.room.Room` and `room.Room.tick` and `playout.receive_gate.ReceiveGate`", []),
        ("`playout.lost` and :func:`conference.room.room.lost`", ["playout.lost", "conference.room.room.lost"]),
        ("`asyncio.run` and `socket.AF_INET`", []),
    ],
)
def test_a_name_that_is_not_there_is_found(text: str, missing: list[str]) -> None:
    assert missing_names(text, PACKAGE / "room") == missing
