"""The dashboard for Grafana, and what the document tells to watch, name figures that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession
from prometheus_client.parser import text_string_to_metric_families

from conference.captions.engines.known import read_engine
from conference.settings import Settings
from tests.captions.captioned import Tones
from tests.e2e.running import running_server

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "deploy" / "grafana.json"
OPERATIONS = ROOT / "docs" / "operations.md"
LABELS = {"job", "le", "quantile"}
"""Labels that Prometheus adds itself."""

_FIGURE = re.compile(r"\b((?:conference|process)_[a-z_]+)\b(?:\{([^}]*)\})?")


@pytest.fixture
async def figures(tmp_path: Path) -> dict[str, dict[str, set[str]]]:
    """The labels of each figure of a server that does all there is, and their values."""
    settings = Settings(
        port=0,
        recordings=tmp_path,
        captions_engine=read_engine(f"python:{Tones.__module__}:Tones"),
        captions_processes=1,
    )
    found: dict[str, dict[str, set[str]]] = {}
    async with running_server(settings) as server, ClientSession(server.url) as session:
        text = await (await session.get("/metrics")).text()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


def check(expression: str, figures: dict[str, dict[str, set[str]]]) -> int:
    """Whether there are all figures of an expression, with the labels that it asks for; gives how many it has."""
    found = _FIGURE.findall(expression)
    for name, selected in found:
        assert name in figures, name
        for label, value in re.findall(r'(\w+)="([^"]*)"', selected):
            assert label in LABELS or value in figures[name].get(label, ()), (name, label, value)
    names = [name for name, _ in found]
    for labels in re.findall(r"\bby \(([\w, ]+)\)", expression):
        for label in labels.split(", "):
            assert label in LABELS or any(label in figures[name] for name in names), (expression, label)
    return len(found)


def expressions(value: Any) -> list[str]:
    """All that is asked of Prometheus in a dashboard, wherever it stands."""
    if isinstance(value, list):
        return [one for each in value for one in expressions(each)]
    if isinstance(value, dict):
        here = [value[key] for key in ("expr", "query") if isinstance(value.get(key), str)]
        return here + [one for each in value.values() for one in expressions(each)]
    return []


async def test_the_dashboard_names_figures_that_there_are(figures: dict[str, dict[str, set[str]]]) -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert sum(check(one, figures) for one in expressions(dashboard)) > 40
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    places = [tuple(panel["gridPos"][key] for key in "xy") for panel in dashboard["panels"]]
    assert len(places) == len(set(places))


async def test_what_is_to_be_watched_can_be(figures: dict[str, dict[str, set[str]]]) -> None:
    table = OPERATIONS.read_text(encoding="utf-8").partition("## What to watch")[2]
    assert sum(check(one, figures) for one in re.findall(r"^\| (.*?) \|", table, re.MULTILINE)) > 15


def test_a_figure_that_is_not_there_is_noticed() -> None:
    with pytest.raises(AssertionError):
        check("rate(conference_nothing_total[5m])", {"conference_rooms": {}})
    with pytest.raises(AssertionError):
        check('conference_rooms{state="odd"}', {"conference_rooms": {"state": {"even"}}})
