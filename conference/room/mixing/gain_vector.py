"""What one listener hears of those who are to be heard right now.

Mute, hold, deafen, the matrix, and the listener's own volumes, put together.
"""

from __future__ import annotations

from collections.abc import Collection

from conference.audio.mix import quantise_gain
from conference.room.gains.gain_matrix import Hearing
from conference.room.gains.volumes import Volumes
from conference.room.mixing.mix_groups import GainVector
from conference.room.participant import Participant
from conference.room.soundboard import Soundboard, is_for

_ALL_AS_THEY_ARE: GainVector = {}


def plain_gain_vector(listener: Participant, voices: Collection[str]) -> GainVector:
    """Everybody as they are, but never oneself."""
    return {listener.id: 0.0} if listener.id in voices else _ALL_AS_THEY_ARE


def full_gain_vector(
    listener: Participant, voices: Collection[str], hearing: Hearing, volumes: Volumes, board: Soundboard
) -> GainVector:
    """The gains that are not 1.

    Args:
        listener: whose ears.
        voices: ids of who is to be heard, people and sounds.
        hearing: the room's matrix.
        volumes: what listeners have set for themselves.
        board: the room's sounds.
    """
    deaf = listener.absent or listener.deafened
    under, own = board.talk_gain(listener), volumes.of(listener.id)
    gains = {}
    for voice in voices:
        sound = board.sounds.get(voice)
        if sound is not None:
            gain = sound.gain if is_for(sound, listener) else 0.0
        elif deaf:
            gain = 0.0
        else:
            gain = quantise_gain(hearing.gain(listener.id, voice) * own.get(voice, 1.0) * under)
        if gain != 1.0:
            gains[voice] = gain
    return gains
