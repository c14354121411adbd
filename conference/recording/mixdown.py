"""The mix of a recording: the room is run again, by the same code, and somebody listens who is not in it.

So the mix holds what everybody could hear, as they heard it: with the same gates, levels and concealment, and without
what was muted, on hold, in the lobby or whispered. None of that is decided here.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from typing import Final

from conference.audio.frame import SILENCE, TICK_NS, Samples
from conference.capture.records import CaptureError, Ticked
from conference.capture.replay import Replay
from conference.codecs.base import BEST_COMPLEXITY
from conference.codecs.opus import OpusCodec
from conference.recording.legs import Segment
from conference.recording.recorder import EVERYBODY
from conference.room.local import LocalSink
from conference.room.participant import Participant
from conference.room.room import Room

CODEC: Final = OpusCodec(bitrate=56_000, complexity=BEST_COMPLEXITY, fec=False, expected_loss=0)
"""Of the mix: nobody waits for it, so it is encoded as well as can be (docs/sound.md)."""

SETTLED_FRAMES: Final = 25
"""So many frames of silence in a row are encoded; then libopus says the same for each."""

log = logging.getLogger(__name__)


def mix_frames(segment: Segment, left_out: Collection[int]) -> Iterator[tuple[int, Samples]]:
    """What everybody heard in a segment, tick by tick.

    Args:
        segment: which.
        left_out: places of records that are not to be heard.

    Returns:
        The number of the frame since the recording began, and the frame: shape ``(960,)``, int16. Numbers rise.
    """
    heard: list[Samples] = []

    def listen(room: Room) -> None:
        sink = LocalSink(lambda mix: heard.append(mix.samples))
        room.monitor(Participant(id=EVERYBODY, name=EVERYBODY, transport="local", joined_at=0.0, sink=sink))

    replay = Replay(opened=listen)
    start, last = segment.started_ns, -1
    for place, record in enumerate(segment.records):
        if place in left_out:
            continue
        try:
            replay.run([record])
        except CaptureError as error:
            log.warning("the mix of a recording breaks off: %s", error)
            return
        if isinstance(record, Ticked) and heard:
            number = (record.now_ns - start + TICK_NS // 2) // TICK_NS - 1
            if number > last and number * TICK_NS >= segment.from_ns - TICK_NS // 2:
                yield number, heard[-1]
                last = number
            heard.clear()


class MixEncoder:
    """Encodes a mix to packets of 20 ms that follow each other without a gap."""

    def __init__(self) -> None:
        self._encoder = CODEC.make_encoder()
        self._silent = 0  # frames in a row
        self._packet = b""
        self.packets: list[bytes] = []

    def add(self, number: int, frame: Samples) -> None:
        """Add a frame, after silence up to it."""
        self.pad(number)
        self._encode(frame)

    def pad(self, number: int) -> None:
        """Add silence up to a frame."""
        while len(self.packets) < number:
            self._encode(SILENCE)

    def _encode(self, frame: Samples) -> None:
        silent = frame is SILENCE or not frame.any()
        if silent and self._silent >= SETTLED_FRAMES:
            self._silent += 1
            self.packets.append(self._packet)
            return
        fresh = not silent and self._silent >= SETTLED_FRAMES
        self._silent = self._silent + 1 if silent else 0
        self._packet = self._encoder.encode(frame, fresh=fresh)
        self.packets.append(self._packet)
