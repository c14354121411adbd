"""What a mix does to voices, by part: beginnings of words, backgrounds, shouts, music, and the delay of a stall."""

from __future__ import annotations

from bench import sound_backgrounds, sound_loudness, sound_networks, sound_onsets, sound_stalls
from bench.sound_speech import find_each_speech
from bench.sound_words import find_voices
from conference.load.signal.delay_meter import codec_delay


def onsets(*, quick: bool) -> sound_onsets.Onsets:
    """See `bench.sound_onsets`."""
    return sound_onsets.measure(find_voices(), quick=quick)


def onset_lines(found: sound_onsets.Onsets) -> list[str]:
    """The figures as Markdown."""
    voices = ", ".join(f"{one.name} ({len(one.words)} words)" for one in find_voices())
    return [f"Voices: {voices}.", "", *sound_onsets.lines(found)]


def backgrounds(*, quick: bool) -> list[str]:
    """See `bench.sound_backgrounds`."""
    voices = find_voices()
    return sound_backgrounds.lines(sound_backgrounds.measure(voices[::3] if quick else voices))


def shouts(*, quick: bool) -> list[str]:
    """See `bench.sound_loudness`."""
    voices = find_voices()
    return sound_loudness.shout_lines(sound_loudness.measure_shouts(voices[::3] if quick else voices))


def music(*, quick: bool) -> list[str]:
    """See `bench.sound_loudness`."""
    del quick
    return sound_loudness.music_lines(sound_loudness.measure_music())


def stalls(*, quick: bool) -> list[str]:
    """See `bench.sound_stalls`."""
    return sound_stalls.lines(sound_stalls.measure(find_voices(), quick=quick))


def networks(*, quick: bool) -> list[str]:
    """See `bench.sound_networks`."""
    voices = find_each_speech(["espeak:es"] if quick else ["auto", "voices"])
    return sound_networks.lines(sound_networks.measure(voices, codec_delay(), quick=quick))
