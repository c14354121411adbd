"""What can be played: what ships, and an operator's own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import conference.prompts
from conference.attendant.announcer import MOST_COUNTED
from conference.attendant.menu import ACTIONS, KEYS
from conference.audio.frame import SAMPLE_RATE, full_scale
from conference.prompts.library import PAUSE_S, Library, LibraryError
from conference.prompts.speech import LEVEL
from tests.tones import tone
from tests.wav import write_wav

EN = Path(conference.prompts.__path__[0]) / "en"
PHRASES = tomllib.loads((EN / "phrases.toml").read_text(encoding="utf-8"))


def test_every_phrase_has_its_recording_and_every_recording_its_phrase() -> None:
    assert {path.stem for path in EN.glob("*.ogg")} == set(PHRASES)
    assert set(PHRASES) <= set(Library().names)


def test_there_is_a_prompt_for_all_that_is_ever_counted_or_pressed_or_asked_for() -> None:
    wanted = {f"others-{number}" for number in range(1, MOST_COUNTED + 1)} | {"alone", "others-many"}
    wanted |= {f"help-{action}" for action in ACTIONS}
    wanted |= {"key-" + {"*": "star", "#": "hash"}.get(key, key) for key in KEYS}
    assert wanted <= set(PHRASES)


def test_prompts_are_as_loud_as_each_other_and_as_long_as_their_text() -> None:
    library = Library()
    for name, text in PHRASES.items():
        samples = library.samples(name)
        level = 10 * np.log10(np.mean(samples.astype(float) ** 2) / full_scale(0.0))
        assert abs(level - LEVEL) < 1.5, name
        assert 0.03 < len(samples) / SAMPLE_RATE / len(text) < 0.2, name


def test_prompts_are_small() -> None:
    assert sum(path.stat().st_size for path in EN.iterdir()) < 400_000


def test_prompts_follow_each_other_with_a_pause() -> None:
    library = Library()
    parts = [library.samples("key-star"), library.samples("key-6")]
    both = library.sequence(["key-star", "key-6"])
    assert len(both) == sum(map(len, parts)) + round(PAUSE_S * SAMPLE_RATE)
    assert np.array_equal(both[: len(parts[0])], parts[0])
    assert np.array_equal(both[-len(parts[1]) :], parts[1])


def test_an_operators_sound_takes_the_place_of_one_that_ships(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, seconds in ((first, 0.25), (second, 0.5)):
        folder.mkdir()
        write_wav(folder / "alone.wav", tone(440.0, seconds))
        write_wav(folder / f"{folder.name}.wav", tone(440.0, 1.0))
    (first / "notes.txt").write_text("not a sound", encoding="utf-8")
    (first / "._first.wav").write_bytes(b"what some systems leave beside a file")
    library = Library([first, second])
    library.load_files()
    assert library.entry("alone").seconds == 0.5
    assert library.entry("alone").origin == "file"
    assert {"first", "second", "muted"} <= set(library.names)
    assert "notes" not in library
    assert library.samples("first") is library.samples("first")


def test_nothing_is_decoded_twice() -> None:
    assert Library().samples("alone") is Library().samples("alone")


def test_what_there_is_not_is_a_key_error() -> None:
    library = Library()
    assert "nonsense" not in library
    with pytest.raises(KeyError):
        library.samples("nonsense")


@given(st.text(max_size=80))
def test_no_name_reaches_a_file_that_is_no_sound(name: str) -> None:
    library = Library()
    assert (name in library) == (name in library.names)


def test_a_sound_that_is_too_long_is_a_sentence_that_names_it(tmp_path: Path) -> None:
    write_wav(tmp_path / "opera.wav", tone(440.0, 3.0))
    library = Library([tmp_path], max_seconds=2.0)
    with pytest.raises(LibraryError, match=r"opera\.wav is longer than 2 seconds\."):
        library.load_files()


def test_two_files_of_one_name_are_a_sentence(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(440.0, 0.1))
    (tmp_path / "a.MP3").touch()
    with pytest.raises(LibraryError, match="both named a"):
        Library([tmp_path])


def test_a_name_that_is_too_long_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ("x" * 65 + ".wav")).touch()
    with pytest.raises(LibraryError, match="at most 64"):
        Library([tmp_path])


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="cannot be read"):
        Library([tmp_path / "missing"])
