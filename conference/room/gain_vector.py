"""What one listener hears of those who are to be heard right now: mute, hold, deafen and the matrix, put together."""

from __future__ import annotations

from collections.abc import Collection

from conference.audio.mix import quantise_gain
from conference.room.hearing import Hearing
from conference.room.mix_groups import Row
from conference.room.participant import Participant
from conference.room.soundboard import Soundboard, is_for

_NOTHING_SPECIAL: Row = {}


def plain_row(listener: Participant, voices: Collection[str]) -> Row:
    """Everybody as they are, but never oneself."""
    return {listener.id: 0.0} if listener.id in voices else _NOTHING_SPECIAL


def full_row(listener: Participant, voices: Collection[str], hearing: Hearing, board: Soundboard) -> Row:
    """The gains that are not 1.

    Args:
        listener: whose ears.
        voices: ids of who is to be heard, people and sounds.
        hearing: the room's matrix.
        board: the room's sounds.
    """
    deaf = listener.absent or listener.deafened
    under = board.talk_gain(listener)
    row = {}
    for voice in voices:
        sound = board.sounds.get(voice)
        if sound is not None:
            gain = sound.gain if is_for(sound, listener) else 0.0
        elif deaf:
            gain = 0.0
        else:
            gain = quantise_gain(hearing.gain(listener.id, voice) * under)
        if gain != 1.0:
            row[voice] = gain
    return row
