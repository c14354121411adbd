"""What is exported lies where it was said, and is heard in the mix when it was heard in the room."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, TICK_NS, Samples
from conference.codecs.linear import LinearCodec
from conference.codecs.pcmu import PcmaCodec, PcmuCodec
from conference.codecs.waveform import WaveformCodec
from conference.playout.source import PacketSource
from conference.room.local import LocalSink, LocalSource, local_participant
from conference.room.sounds import Sound
from conference.telephony.intake import PacedSource
from tests.recording.recorded import Person, Studio, loudness, tone
from tests.room.bots import Bot

CLICK = np.zeros(FRAME_SAMPLES, dtype=np.int16)
CLICK[480:528] = np.rint(20_000 * np.sin(np.arange(48) * 2 * np.pi / 12)).astype(np.int16)
AT_IN_FRAME = 480 / SAMPLE_RATE


def clicks_in(samples: Samples) -> list[float]:
    """When there are clicks, in seconds."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 4000)
    begins = loud[np.insert(np.diff(loud) > SAMPLE_RATE // 10, 0, True)] if len(loud) else loud
    return [float(one) / SAMPLE_RATE for one in begins]


def near(found: list[float], said: list[float]) -> bool:
    return len(found) == len(said) and all(abs(a - b) < 0.020 for a, b in zip(found, said, strict=True))


@pytest.mark.parametrize("minutes", [30])
def test_clicks_of_three_people_are_where_they_were_said_after_half_an_hour(tmp_path: Path, minutes: int) -> None:
    studio, chance = Studio(tmp_path), random.Random(7)
    amy = studio.join("Amy", drift=80e-6)
    about = studio.start()
    started_ns = studio.now_ns
    ben = studio.join("Ben", by_messages=True)
    late: list[Person] = []
    said: dict[str, list[float]] = {"Amy": [], "Ben": [], "Charlie": []}
    ticks = minutes * 60 * 50

    def speak(tick: int) -> None:
        if tick == 500:
            late.append(studio.join("Charlie", PcmuCodec()))
        if tick == ticks // 2 and late:
            charlie = late[0]
            source = PacketSource(PcmuCodec().make_decoder())
            studio.room.reconnect("charlie", source, LocalSink(lambda mix: None), None)
            late[0] = Person(charlie.participant, source, PcmuCodec(), timestamp=77, sequence=5)
        # Everybody says something for half a second of every twenty, at times of their own, and is silent else.
        for place, person in enumerate([amy, ben, *late]):
            phase = (tick + 131 * place) % 1000
            name = person.participant.name
            if phase < 25:
                clicks = phase == 12
                if clicks:
                    said[name].append((studio.now_ns - started_ns) / 1e9 + AT_IN_FRAME)
                frame = CLICK if clicks else tone(200, tick) // 40
                lost = person is not amy and chance.random() < 0.05 and not clicks
                person.say(frame, studio.now_ns + TICK_NS, lost=lost, late_ns=int(chance.expovariate(1 / 4e6)))
            elif person is ben:
                pass
            else:
                person.pause(1)

    studio.pass_ticks(ticks, speak)
    about = studio.finish(about)
    found = studio.wav(about, tmp_path / "wav")
    assert {len(one) for one in found.values()} == {ticks * FRAME_SAMPLES}
    assert len(said["Charlie"]) > 80
    for number, name in enumerate(["Amy", "Ben", "Charlie"], 1):
        assert near(clicks_in(found[f"{number:02}-{name}.wav"]), said[name]), name
    everything = sorted(one for times in said.values() for one in times)
    mixed = clicks_in(found["mix.wav"])
    assert len(mixed) == len(everything)
    assert all(-0.001 < heard - spoken < 0.08 for heard, spoken in zip(mixed, everything, strict=True))


def test_a_pause_is_a_gap_in_time_and_nothing_of_it_is_in_any_file(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy = studio.join("Amy")
    about = studio.start()

    def speak(tick: int) -> None:
        amy.say(tone(500 if tick < 100 else 1500 if tick < 200 else 900, tick), studio.now_ns + TICK_NS)

    studio.pass_ticks(100, speak)
    studio.recordings.pause(about.id, by="Amy")
    studio.room.send_message("amy", "Amy", "between us", 0.0)
    studio.pass_ticks(100, speak)
    studio.recordings.resume(about.id, by="Amy")
    studio.pass_ticks(100, speak)
    about = studio.finish(about)
    assert about.seconds == pytest.approx(6.0)
    for name, samples in studio.wav(about, tmp_path / "wav").items():
        assert len(samples) == 300 * FRAME_SAMPLES, name
        assert loudness(samples[20_000:90_000], 500) > 0.8, name
        assert loudness(samples[200_000:280_000], 900) > 0.8, name
        between = samples[2 * SAMPLE_RATE + 9600 : 4 * SAMPLE_RATE - 9600]
        assert not between.any() or np.abs(between).max() < 20, name
        for piece in np.split(samples, 60):
            assert loudness(piece, 1500) < 0.02, name
    journal = b"".join(path.read_bytes() for path in (tmp_path / about.id).iterdir())
    assert b"between us" not in journal


@pytest.mark.parametrize("codec", [PcmuCodec(), PcmaCodec(), LinearCodec(16_000), LinearCodec(24_000, "little")])
def test_what_a_bot_sent_at_once_is_in_its_track_while_it_is_heard_and_not_in_a_pause(
    tmp_path: Path, codec: WaveformCodec
) -> None:
    studio = Studio(tmp_path)
    bot = studio.join("Bot", codec, by_messages=True)
    about = studio.start()
    studio.pass_ticks(50)
    said = b"".join(bot.encoder.encode(tone(500, n)) for n in range(150))
    for pieces in (said[: len(said) // 3], said[len(said) // 3 :]):
        assert isinstance(bot.source, PacedSource)
        bot.source.push(pieces, None, studio.now_ns)
    studio.pass_ticks(50)
    studio.recordings.pause(about.id, by="Amy")
    studio.pass_ticks(150)
    studio.recordings.resume(about.id, by="Amy")
    studio.pass_ticks(50)
    about = studio.finish(about)
    assert (about.tracks[0]["codec"], about.tracks[0]["seconds"]) == (codec.name, pytest.approx(1.0, abs=0.05))
    found = studio.wav(about, tmp_path / "wav")
    assert len(found) == 2
    for name, samples in found.items():
        assert not samples[: SAMPLE_RATE * 9 // 10].any() or np.abs(samples[: SAMPLE_RATE * 9 // 10]).max() < 20, name
        assert loudness(samples[SAMPLE_RATE * 5 // 4 : SAMPLE_RATE * 19 // 10], 500) > 0.8, name
        assert np.abs(samples[SAMPLE_RATE * 21 // 10 :]).max() < 20, name


@pytest.mark.parametrize("silenced", ["muted", "on hold", "gone"])
def test_what_a_bot_sent_at_once_is_in_its_track_no_longer_than_it_is_heard(tmp_path: Path, silenced: str) -> None:
    studio = Studio(tmp_path)
    bot = studio.join("Bot", by_messages=True)
    studio.join("Amy")
    about = studio.start()
    assert isinstance(bot.source, PacedSource)
    bot.source.push(b"".join(bot.encoder.encode(tone(500, n)) for n in range(500)), None, studio.now_ns)
    studio.pass_ticks(50)
    if silenced == "gone":
        studio.conference.leave("tea", "bot", "gone")
    elif silenced == "muted":
        studio.room.set_muted("bot", True)
    else:
        studio.room.hold("bot", True)
    studio.pass_ticks(100)
    about = studio.finish(about)
    assert about.tracks[0]["seconds"] == pytest.approx(1.0, abs=0.05)


def test_the_files_say_who_came_talked_wrote_and_went(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    amy, _ = studio.join("Amy"), studio.join("Ben")
    about = studio.start()
    studio.pass_ticks(10)
    studio.pass_ticks(50, lambda tick: amy.say(tone(500, tick), studio.now_ns + TICK_NS))
    amy.pause(40)
    studio.pass_ticks(40)
    studio.room.send_message("amy", "Amy", "Hello", 0.0)
    studio.room.press_digit("ben", "7")
    studio.conference.leave("tea", "ben", "gone")
    about = studio.finish(about)
    lines = studio.events(about)
    names = [one["event"] for one in lines]
    assert names == [
        "participant.joined", "participant.joined", "recording.started", "talking.started", "talking.stopped",
        "message", "participant.left", "recording.stopped",
    ]  # fmt: skip
    times = {one["event"]: one["t"] for one in lines}
    assert times["talking.started"] == pytest.approx(0.22, abs=0.06)
    assert times["message"] == pytest.approx(2.0)
    assert [one["name"] for one in about.tracks] == ["Amy"]
    assert about.tracks[0]["identity"] == "amy@example.org"
    assert about.tracks[0]["begins_at"] - about.started_at == pytest.approx(0.2, abs=0.02)
    assert about.tracks[0]["seconds"] == pytest.approx(1.0, abs=0.05)


def test_when_everybody_has_left_it_is_over(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.join("Amy")
    about = studio.start()
    studio.pass_ticks(20)
    studio.conference.leave("tea", "amy", "gone")
    assert about.status == "finishing"
    assert about.reason == "Everybody has left."
    assert studio.said[-1][0] in ("recording.stopped", "participant.left")
    assert studio.finish(about).status == "ready"


def test_every_room_is_recorded_from_its_beginning_where_that_is_wanted(tmp_path: Path) -> None:
    studio = Studio(tmp_path, record="always")
    amy = studio.join("Amy")
    [about] = studio.recordings.all.values()
    assert about.started_by is None
    studio.pass_ticks(50, lambda tick: amy.say(tone(500, tick), studio.now_ns + TICK_NS))
    found = studio.wav(studio.finish(about), tmp_path / "wav")
    assert loudness(found["mix.wav"][9_600:40_000], 500) > 0.8
    studio.pass_ticks(10)
    assert len(studio.recordings.all) == 1


def test_who_is_made_of_code_has_a_track_too(tmp_path: Path) -> None:
    studio, voice = Studio(tmp_path), LocalSource()
    studio.conference.join("tea", local_participant("bot", source=voice, on_mix=lambda mix: None))
    about = studio.start()
    studio.pass_ticks(100, lambda tick: voice.push(tone(500, tick), studio.now_ns))
    found = studio.wav(studio.finish(about), tmp_path / "wav")
    for name in ("mix.wav", "01-bot.wav"):
        assert loudness(found[name][9600:90_000], 500) > 0.9, name


@pytest.mark.parametrize("alone", [True, False])
def test_called_bots_have_tracks_whether_they_are_decoded_or_not(tmp_path: Path, alone: bool) -> None:
    studio, ben, cat = Studio(tmp_path), Bot("ben"), Bot("cat")
    for bot in (ben, cat):
        studio.conference.join("tea", bot.participant)
    if not alone:
        studio.join("Amy")
    studio.pass_ticks(20)
    about = studio.start()
    studio.pass_ticks(50)
    ben.say(np.concatenate([tone(500, one) for one in range(100)]))
    studio.pass_ticks(150)
    cat.say(np.concatenate([tone(900, one) for one in range(100)]))
    studio.pass_ticks(150)
    assert ben.leg.source.plays is not alone
    found = studio.wav(studio.finish(about), tmp_path / "wav")
    tracks = [next(name for name in found if bot.name in name) for bot in (ben, cat)]
    for track, hertz, begin in zip(tracks, (500, 900), (50, 200), strict=True):
        said = slice((begin + 10) * FRAME_SAMPLES, (begin + 90) * FRAME_SAMPLES)
        for name in (track, "mix.wav"):
            assert loudness(found[name][said], hertz) > 0.9, name
            assert loudness(found[name][: (begin - 2) * FRAME_SAMPLES], hertz) < 0.01, name


def test_what_is_played_to_everybody_is_in_the_mix_and_what_is_for_some_is_not(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    studio.join("Amy")
    about = studio.start()
    for name, hertz, audience in (("all", 600.0, None), ("amy", 1500.0, frozenset({"amy"}))):
        samples = np.concatenate([tone(hertz, frame) for frame in range(100)])
        studio.room.play(Sound(id=name, name=name, samples=samples, audience=audience))
    studio.pass_ticks(100)
    mix = studio.wav(studio.finish(about), tmp_path / "wav")["mix.wav"]
    assert loudness(mix[9600:90_000], 600) > 0.9
    assert loudness(mix[9600:90_000], 1500) < 0.01


@pytest.mark.parametrize(("people", "mix", "files"), [(True, False, {"01-Mix.wav"}), (False, True, {"mix.wav"})])
def test_people_or_the_mix_can_be_left_out(tmp_path: Path, people: bool, mix: bool, files: set[str]) -> None:
    studio = Studio(tmp_path)
    somebody = studio.join("Mix")
    about = studio.start(people=people, mix=mix)
    studio.pass_ticks(60, lambda tick: somebody.say(tone(500, tick), studio.now_ns + TICK_NS))
    assert set(studio.wav(studio.finish(about), tmp_path / "wav")) == files
