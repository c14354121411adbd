"""faster-whisper itself, with a model made for the test: its files are loaded, and what it understands is told."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from conference.captions.engines.base import RATE, EngineError, Heard
from conference.captions.engines.known import load_engine, read_engine
from tests.interop.whisper_model import TOKEN_FRAMES, make_whisper_model

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(
        importlib.util.find_spec("faster_whisper") is None,
        reason="MISSING: faster-whisper. Install it to load its models (pip install 'conference[whisper]').",
    ),
]

TEXT = "Good morning everybody"
BEGINS_S, ENDS_S = 0.2, 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("whisper")
    make_whisper_model(made, TEXT, BEGINS_S, ENDS_S)
    return made


def recognize(folder: Path, language: str | None = None) -> list[Heard]:
    """Have a second and a half of noise recognised."""
    recognizer = load_engine(read_engine(f"whisper:{folder}"), language)()
    noise = np.random.default_rng(1).normal(0, 2000, 3 * RATE // 2).astype(np.int16)
    return [one for piece in np.split(noise, 5) for one in recognizer.hear(piece)] + list(recognizer.end())


@pytest.mark.parametrize("language", [None, "en", "en-GB"])
def test_a_model_is_loaded_and_understood_with_when_it_was_said(folder: Path, language: str | None) -> None:
    *partial, final = recognize(folder, language)
    assert [(one.text, one.final) for one in partial] == [(TEXT, False)]
    assert (final.text, final.final) == (TEXT, True)
    for one in (*partial, final):
        assert one.begins_s is not None
        assert one.ends_s is not None
        assert 0 <= one.begins_s < one.ends_s <= 1.5
    assert partial[0].ends_s == ENDS_S  # as the model's timestamps say
    assert final.ends_s == pytest.approx(4 * TOKEN_FRAMES * 0.02, abs=0.05)  # as is found out word by word


def test_nothing_said_is_nothing_understood(folder: Path) -> None:
    assert load_engine(read_engine(f"whisper:{folder}"), None)().end() == ()


def test_a_model_that_is_broken_is_told_in_a_sentence(folder: Path, tmp_path: Path) -> None:
    for name in ("model.bin", "vocabulary.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes()[:1000])
    with pytest.raises(EngineError, match="cannot be loaded"):
        load_engine(read_engine(f"whisper:{tmp_path}"), None)
