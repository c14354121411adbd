"""Engines as they are asked for, and what they need."""

from __future__ import annotations

import importlib.util
import json
import math
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.captions.engines.base import EngineError, Heard
from conference.captions.engines.known import EngineSpec, check_engine, load_engine, read_engine
from conference.captions.engines.vosk import read_answer
from conference.settings import Settings, SettingsError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    "text",
    ["pocketsphinx", "whisper:small", "whisper:/models/tiny", "vosk+ws://127.0.0.1:2700", "vosk+wss://asr.example.org/en",
     "python:my.module:Engine"],
)  # fmt: skip
def test_an_engine_is_written_as_it_is_read(text: str) -> None:
    spec = read_engine(text)
    assert spec.text == text
    assert read_engine(spec.text) == spec


@pytest.mark.parametrize(
    "text",
    ["", "sphinx", "whisper", "whisper:", "pocketsphinx:en", "vosk+ws:", "vosk+ws://", "vosk+ws://a b:1", "vosk+ws://h:99999",
     "vosk://h:1", "python:", "python:module", "python:1:x", "python:a b:c", "ws://h:1"],
)  # fmt: skip
def test_what_is_no_engine_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not an engine|looks like vosk\+ws"):
        read_engine(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    spec = None
    with suppress(ValueError):
        spec = read_engine(text)
    assert spec is None or isinstance(spec, EngineSpec)


@pytest.mark.parametrize(
    ("spec", "needed"),
    [
        ("pocketsphinx", "pip install 'conference[pocketsphinx]'"),
        ("whisper:small", "pip install 'conference[whisper]'"),
    ],
)
def test_a_missing_extra_fails_at_the_start_and_says_what_to_install(
    spec: str, needed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError) as refused:
        Settings(captions_engine=read_engine(spec))
    assert needed in str(refused.value)


def test_a_folder_without_a_model_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace())
    for model in (tmp_path, tmp_path / "missing"):
        with pytest.raises(EngineError, match="there is no"):
            check_engine(read_engine(f"whisper:{model}"))


def test_an_engine_of_ones_own_is_imported_by_its_name() -> None:
    engine = load_engine(read_engine("python:tests.captions.captioned:Tones"), None)
    assert engine().end.__name__ == "end"
    with pytest.raises(EngineError, match="no Python module"):
        check_engine(read_engine("python:tests.captions.missing:Engine"))
    with pytest.raises(EngineError, match="nothing that makes"):
        load_engine(read_engine("python:tests.captions.captioned:Missing"), None)


def test_captions_everywhere_need_an_engine() -> None:
    with pytest.raises(SettingsError, match="captions-always needs captions"):
        Settings(captions_always=True)


def test_answers_of_a_vosk_server_are_read() -> None:
    words = [{"word": "good", "start": 0.3, "end": 0.5, "conf": 1.0}, {"word": "morning", "start": 0.5, "end": 1.0}]
    assert read_answer('{"partial" : "good"}') == Heard("good", final=False)
    assert read_answer(json.dumps({"text": "good morning", "result": words})) == Heard("good morning", True, 0.3, 1.0)
    assert read_answer('{"text" : ""}') == Heard("", final=True)


@given(JSON | st.fixed_dictionaries({"text": JSON | st.text(), "result": JSON | st.lists(JSON)}))
def test_whatever_a_vosk_server_answers_is_read_or_left_out(answer: object) -> None:
    found = read_answer(json.dumps(answer))
    assert found is None or isinstance(found.text, str)
    for moment in () if found is None else (found.begins_s, found.ends_s):
        assert moment is None or (moment >= 0 and math.isfinite(moment))


@given(st.text())
def test_whatever_is_no_json_is_left_out(text: str) -> None:
    read_answer(text)
    read_answer("[" * 3000 + text)
