"""``conference export``: WAV files of a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from conference.audio.frame import TICK_NS
from conference.cli.main import main
from conference.recording.about import About
from tests.recording.recorded import Studio, read_wav, tone


def recorded(folder: Path, *, cut_short: bool) -> About:
    studio = Studio(folder)
    amy = studio.join("Amy / Ämy")
    studio.join("Ben")
    about = studio.start()
    studio.pass_ticks(100, lambda tick: amy.say(tone(500, tick), studio.now_ns + TICK_NS))
    if cut_short:
        studio.written()
    else:
        studio.finish(about)
    return about


@pytest.mark.parametrize("cut_short", [False, True])
def test_there_is_a_file_for_each_who_said_something_and_one_of_the_mix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cut_short: bool
) -> None:
    about = recorded(tmp_path, cut_short=cut_short)
    monkeypatch.setenv("CONFERENCE_RECORDINGS", str(tmp_path))
    target = tmp_path / "out" / "deep"
    assert main(["export", about.id, "--wav", str(target)]) == 0
    assert capsys.readouterr().out.split() == [str(target / "mix.wav"), str(target / "01-Amy-Ämy.wav")]
    assert len({len(read_wav(path)) for path in target.iterdir()}) == 1


@pytest.mark.parametrize("arguments", [["nothing"], ["r1", "--recordings", "/does/not/exist"]])
def test_what_is_not_there_gets_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    given = [*arguments, *(["--recordings", str(tmp_path)] if "--recordings" not in arguments else [])]
    assert main(["export", *given, "--wav", str(tmp_path / "wav")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("conference export: there is no recording in ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [["../r1", "--recordings", "."], ["r1"]])
def test_arguments_that_make_no_sense_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.delenv("CONFERENCE_RECORDINGS", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["export", *arguments, "--wav", str(tmp_path)])
    assert ended.value.code == 2
    assert "See conference export --help." in capsys.readouterr().err


def test_a_target_that_cannot_be_written_gets_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = recorded(tmp_path, cut_short=False)
    (tmp_path / "file").write_text("")
    assert main(["export", about.id, "--recordings", str(tmp_path), "--wav", str(tmp_path / "file")]) == 1
    assert "exists" in capsys.readouterr().err
