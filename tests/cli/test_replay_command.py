"""``conference replay`` says what was heard, and whether it is what was heard live."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from conference.capture.format import MAGIC
from conference.cli.main import main
from conference.codecs.opus import OpusCodec
from conference.room.local import LocalSource
from tests.capture.captured import Ear, Memory, at, captured_room, join
from tests.speech import spoken

VOICE = spoken(2.0)


@pytest.fixture
def capture(tmp_path: Path) -> tuple[Path, dict[str, Ear]]:
    """Amy speaks for two seconds; Ben and Eve listen."""
    room, memory = captured_room()
    source, ears = LocalSource(), {"ben": Ear(OpusCodec()), "eve": Ear(OpusCodec())}
    join(room, "amy", source)
    for name, ear in ears.items():
        join(room, name, None, ear)
    for tick in range(100):
        source.push(VOICE[tick * 960 : (tick + 1) * 960], at(tick))
        room.tick(tick, at(tick))
    memory.capture.end("Everybody has left.")
    return saved(memory, tmp_path / "tea.capture"), ears


def saved(memory: Memory, path: Path) -> Path:
    path.write_bytes(memory.file().getvalue())
    return path


def test_it_says_who_heard_what_and_that_it_is_identical(
    capture: tuple[Path, dict[str, Ear]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(capture[0])]) == 0
    said = capsys.readouterr().out
    assert "Room tea, 2023-11-14 22:13:20 UTC: 2.00 s in 100 ticks" in said
    assert "Amy" in said
    assert "spoke" in said
    assert said.count("samples  sha256") == 2
    assert "identical: in all 100 ticks" in said


def test_it_records_what_a_listener_heard(capture: tuple[Path, dict[str, Ear]], tmp_path: Path) -> None:
    wav = tmp_path / "heard.wav"
    assert main(["replay", str(capture[0]), "--listener", "Ben", "--record", str(wav)]) == 0
    with wave.open(str(wav)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    assert samples.tobytes() == b"".join(mix.samples.tobytes() for mix in capture[1]["ben"].mixes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--record", "heard.wav"], "Say with --listener whose ear to record: Ben (ben), Eve (eve)."),
        (
            ["--record", "heard.wav", "--listener", "Zoe"],
            "Nobody called Zoe listens in this capture; there is Ben",
        ),
        (["--record", "heard.mp3", "--listener", "Ben"], "ends in .wav"),
        (["--listener", "Ben"], "--listener says whose ear to record: give --record, too."),
    ],
)
def test_it_asks_for_what_it_needs(
    capture: tuple[Path, dict[str, Ear]],
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["replay", str(capture[0]), *arguments]) == 1
    complaint = capsys.readouterr().err
    assert words in complaint
    assert len(complaint.splitlines()) == 1


def test_files_that_are_none_or_not_whole_are_told_in_a_sentence(
    capture: tuple[Path, dict[str, Ear]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(tmp_path / "none")]) == 1
    assert "none cannot be read: No such file or directory." in capsys.readouterr().err
    other = tmp_path / "other.txt"
    other.write_text("hello")
    assert main(["replay", str(other)]) == 1
    assert "The file is not a capture." in capsys.readouterr().err
    whole = capture[0].read_bytes()
    other.write_bytes(whole[: len(whole) // 2])
    assert main(["replay", str(other)]) == 0
    assert "breaks off" in capsys.readouterr().out
    other.write_bytes(MAGIC + b"?" + whole[len(MAGIC) + 1 :])
    assert main(["replay", str(other)]) == 1
    assert "damaged" in capsys.readouterr().err
    other.write_bytes(whole[: len(MAGIC) + 10])
    assert main(["replay", str(other)]) == 1
    assert "other.txt breaks off before anything was captured." in capsys.readouterr().err
