"""One participant's voice on its way into the mix: no click at its edges, and untouched where nothing is amiss."""

from __future__ import annotations

import numpy as np
import pytest

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, Samples
from conference.audio.noise_gate import GateSettings
from conference.audio.suppression import SuppressionUnavailable
from conference.room import voice as voice_module
from conference.room.conference import Conference
from conference.room.events import ParticipantUpdated, RoomEvent
from conference.room.participant import Participant
from conference.room.voice import UNTOUCHED, Voice, VoiceSettings
from tests.audio.backgrounds import active_level, at_level, noise, recorded
from tests.room.fakes import Ear, Mouth, PcmCodec, at, steady
from tests.speech import spoken
from tests.tones import frames, tone

PLAIN = VoiceSettings(levelling=False)


def play(voice: Voice, sound: list[Samples | None], muted: range = range(0)) -> Samples:
    heard = [voice.process(frame, muted=tick in muted) for tick, frame in enumerate(sound)]
    return np.concatenate([SILENCE if one is None else one for one in heard])


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


def person(name: str, mouth: Mouth | None = None, ear: Ear | None = None) -> Participant:
    return Participant(id=name, name=name, transport="local", joined_at=0.0, source=mouth, sink=ear)


def test_speech_of_the_right_loudness_goes_into_the_mix_bit_for_bit() -> None:
    said = frames(spoken(6.0))
    np.testing.assert_array_equal(play(Voice(), list(said)), np.concatenate(said))


@pytest.mark.parametrize("sound", [tone(440.0, 6.0, -20.0), tone(200.0, 6.0, -3.0), spoken(6.0)])
def test_law_3_holds_for_voices_and_tones_with_everything_switched_on(sound: Samples) -> None:
    """One person alone is as loud as they spoke, however many are here."""
    ears = [Ear() for _ in range(5)]
    said = frames(sound)
    conference = Conference()
    room = conference.join("room", person("amy", Mouth(list(said))))
    for n, ear in enumerate(ears):
        conference.join("room", person(f"listener-{n}", None, ear))
    for tick in range(len(said)):
        room.tick(tick, at(tick))
    for ear in ears:
        np.testing.assert_array_equal(ear.heard, sound)


# At the ends of frames 12 and 22 the tone is far from zero.
LOUD = frames(tone(440.0, 0.6, -6.0, fade=0.0))
ORDINARY_STEP = steepest(tone(440.0, 0.6, -6.0))


def allowed_step() -> int:
    """A fade of 5 ms from full scale moves by this per sample, at most."""
    return ORDINARY_STEP + int(32768 * 1.6 / 240)


def test_muting_and_unmuting_in_mid_sound_make_no_click() -> None:
    heard = play(Voice(PLAIN), list(LOUD), muted=range(12, 22))
    assert steepest(np.concatenate([SILENCE, heard])) <= allowed_step()
    assert not heard[13 * FRAME_SAMPLES : 22 * FRAME_SAMPLES].any()
    np.testing.assert_array_equal(heard[23 * FRAME_SAMPLES :], np.concatenate(LOUD[23:]))


def test_a_source_that_stops_and_starts_in_mid_sound_makes_no_click() -> None:
    pausing: list[Samples | None] = [*LOUD[:12], None, None, *LOUD[14:22], *[None] * 40]
    heard = play(Voice(PLAIN), pausing)
    assert steepest(np.concatenate([SILENCE, heard])) <= allowed_step()
    assert not heard[23 * FRAME_SAMPLES :].any()


def test_without_the_fades_there_would_be_clicks() -> None:
    voice = Voice(VoiceSettings(levelling=False, fades=False))
    assert steepest(play(voice, list(LOUD), muted=range(12, 22))) > allowed_step()
    assert steepest(play(Voice(UNTOUCHED), [*LOUD[:12], None])) > allowed_step()


def test_who_leaves_in_mid_word_fades_away_for_everybody() -> None:
    ear = Ear(PcmCodec())
    conference = Conference()
    room = conference.join("room", person("amy", Mouth(list(LOUD))))
    conference.join("room", person("ben", None, ear))
    for tick in range(12):
        room.tick(tick, at(tick))
    conference.leave("room", "amy", "left")
    for tick in range(12, 15):
        room.tick(tick, at(tick))
    assert steepest(ear.heard) <= allowed_step()
    assert ear.heard[12 * FRAME_SAMPLES : 12 * FRAME_SAMPLES + 100].any()
    assert not ear.heard[13 * FRAME_SAMPLES :].any()


def test_the_gate_closes_on_noise_and_the_mix_is_silent() -> None:
    voice = Voice(VoiceSettings(comfort_noise=False))
    heard = play(voice, list(recorded(noise("pink", 4.0, -55.0))))
    assert heard[:FRAME_SAMPLES].any()
    assert not heard[3 * SAMPLE_RATE :].any()
    assert not voice.talking


def test_with_the_fixed_gate_noise_stays() -> None:
    voice = Voice(VoiceSettings(gate=GateSettings(adaptive=False)))
    heard = play(voice, list(recorded(noise("pink", 4.0, -55.0))))
    assert heard[-FRAME_SAMPLES:].any()


def test_the_level_is_that_of_what_came_in_also_while_nobody_is_heard() -> None:
    voice = Voice()
    voice.process(steady(2))
    assert voice.level == pytest.approx(-84.3, abs=0.1)
    assert voice.process(steady(2)) is None
    voice.process(None)
    assert voice.level == -127.0


def test_who_is_muted_while_talking_is_not_taken_to_be_talking_when_they_come_back_silent() -> None:
    voice = Voice()
    voice.process(LOUD[0])
    voice.process(LOUD[1], muted=True)
    assert not voice.talking
    assert voice.process(None) is None
    assert not voice.talking


def test_a_quiet_voice_is_raised_in_a_room_and_nobodys_own_voice_comes_back() -> None:
    quiet = at_level(spoken(8.0), -42.0)
    amy, ben = Ear(), Ear()
    conference = Conference()
    room = conference.join("room", person("amy", Mouth(list(recorded(quiet))), amy))
    conference.join("room", person("ben", None, ben))
    conference.join("room", person("cal"))
    for tick in range(400):
        room.tick(tick, at(tick))
    assert active_level(ben.heard[5 * SAMPLE_RATE :]) == pytest.approx(-26.0, abs=2.5)
    assert not amy.heard.any()


@pytest.mark.parametrize("asked", [False, True])
def test_in_a_room_of_two_nobody_is_levelled_unless_that_is_asked_for(asked: bool) -> None:
    quiet, ben = at_level(spoken(8.0), -42.0), Ear()
    conference = Conference()
    room = conference.join("room", person("amy", Mouth(list(recorded(quiet)))))
    conference.join("room", person("ben", None, ben))
    if asked:
        room.treat_voice("amy", levelling=True)
    for tick in range(400):
        room.tick(tick, at(tick))
    expected = -26.0 if asked else -42.0
    assert active_level(ben.heard[5 * SAMPLE_RATE :]) == pytest.approx(expected, abs=2.5)


def test_when_a_third_person_comes_or_goes_loudness_moves_slowly() -> None:
    steady_voice, ben = at_level(spoken(16.0), -40.0), Ear()
    conference = Conference()
    room = conference.join("room", person("amy", Mouth(list(recorded(steady_voice)))))
    conference.join("room", person("ben", None, ben))
    gains = []
    for tick in range(780):
        if tick == 200:
            conference.join("room", person("cal"))
        if tick == 500:
            conference.leave("room", "cal", "left")
        room.tick(tick, at(tick))
        gains.append(room.participants["amy"].voice.gain_db)
    steps = np.abs(np.diff(gains))
    assert steps.max() <= 0.36, "no faster than a new voice is levelled"
    assert max(gains[:200]) == 0.0
    assert max(gains[200:500]) > 3.0
    assert np.abs(np.diff(gains[500:])).max() <= 0.051
    assert gains[-1] == 0.0


def test_levelling_can_be_switched_for_one_participant_and_everybody_is_told() -> None:
    quiet = recorded(at_level(spoken(4.0), -42.0))
    ear = Ear()
    conference = Conference()
    story: list[RoomEvent] = []
    room = conference.join("room", person("amy", Mouth(list(quiet))))
    conference.join("room", person("ben", None, ear))
    conference.subscribe("room", story.append)
    room.treat_voice("amy", levelling=False)
    room.treat_voice("amy", levelling=False)
    for tick in range(len(quiet)):
        room.tick(tick, at(tick))
    np.testing.assert_array_equal(ear.heard, np.concatenate(quiet))
    updates = [one for one in story if isinstance(one, ParticipantUpdated)]
    assert [one.participant.levelling for one in updates] == [False]
    assert room.participants["ben"].state().levelling


def test_a_server_says_how_voices_are_treated() -> None:
    room = Conference(voice=UNTOUCHED).join("room", person("amy"))
    assert room.participants["amy"].voice.settings == UNTOUCHED
    assert not room.participants["amy"].state().levelling


def test_suppression_that_is_not_there_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise SuppressionUnavailable("install it")

    monkeypatch.setattr(voice_module, "Suppressor", missing)
    voice = Voice()
    with pytest.raises(SuppressionUnavailable):
        voice.change(levelling=False, noise_suppression=True)
    assert voice.settings == VoiceSettings()
    with pytest.raises(SuppressionUnavailable):
        Voice(VoiceSettings(noise_suppression=True))


def test_suppression_comes_before_the_gate_and_what_it_holds_comes_out_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Late:
        """Halves, and gives each frame a tick later."""

        def __init__(self) -> None:
            self.held = SILENCE
            self.calls = 0

        def process(self, frame: Samples) -> Samples:
            self.calls += 1
            held, self.held = self.held, frame // 2
            return held

    monkeypatch.setattr(voice_module, "Suppressor", Late)
    voice = Voice(VoiceSettings(levelling=False, noise_suppression=True, fades=False))
    heard = play(voice, [steady(1000), steady(2000), None, None])
    assert heard[::FRAME_SAMPLES].tolist() == [0, 500, 1000, 0]
    assert voice.change(noise_suppression=False)
    assert not voice.change(noise_suppression=False)
    assert (play(voice, [steady(1000)]) == 1000).all()


def test_silence_is_not_worth_suppressing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        def process(self, frame: Samples) -> Samples:
            raise AssertionError("it costs too much")

    monkeypatch.setattr(voice_module, "Suppressor", Refusing)
    voice = Voice(VoiceSettings(noise_suppression=True))
    assert not play(voice, [steady(2)] * 5 + [None] * 5).any()
