"""The sound of a caller, from messages of any size at any time to one frame a tick.

What arrives over TCP is complete and in order, so nothing is reordered here: what is left is *when*. Three things
look alike, a pile of messages at once, and want different answers:

* a client that sends faster than real time: all of it is played, in order, in real time;
* the end of a stall: its time is over, so the surplus is made up for, in silence where there is any;
* the beginning of a talk by a client that sends no silence: it is played after a short wait.

:class:`~conference.telephony.playout_schedule.PlayoutSchedule` tells them apart.

What is heard is a frame on each tick, mostly as it came, with sound made up or left out where it has to be. It is
decoded for those who hear it in a mix, and only for them: others get it as it is.
"""

from __future__ import annotations

from collections import deque

from conference.audio.conceal import Concealer
from conference.audio.frame import TICK_NS
from conference.codecs.base import Decoder
from conference.codecs.pcmu import PcmuCodec
from conference.codecs.waveform import WaveformCodec
from conference.playout.stretch import QUIET_SQUARE, Stretcher
from conference.room.participant import SourceReader
from conference.telephony.frame_source import FrameSource
from conference.telephony.playout_schedule import NS_PER_MS, PlayoutSchedule
from conference.telephony.settings import LegSettings

CONCEALED_FRAMES = 3
"""Frames made up for a sound that breaks off, unless the client is a live one: then it is a stall, and as long as the
talk may go on there is something to be heard."""

TALK_GAP_FRAMES = 10
"""Frames without any sound after which the next one begins a new talk."""

PATIENCE_FRAMES = 25
"""A surplus waits this long for whole frames of silence: people pause more often than that. Then it is taken out of
sound, a pitch period at a time."""

MU_LAW = PcmuCodec()
"""What a stream's sound is coded with that says nothing else."""


class PacedSource(FrameSource):
    """A caller's voice: takes the payload of media messages, gives one frame a tick.

    Args:
        decoder: of the codec; used by this source alone.
        settings: the limits.
        codec: of the messages' sound.
    """

    def __init__(self, decoder: Decoder, settings: LegSettings, codec: WaveformCodec = MU_LAW) -> None:
        self.settings = settings
        self.reader: SourceReader | None = None
        """Brings the messages, if that is to be done when they are needed: see `Source`."""

        self._buffer_ns = settings.buffer_ms * NS_PER_MS
        self._max_behind_ns = settings.max_behind_ms * NS_PER_MS
        self._schedule = PlayoutSchedule(self._max_behind_ns)
        self._frames: deque[bytes | None] = deque()  # None: one that never arrived
        self._partial = bytearray()
        self._concealer: Concealer | None = None  # since something was made up, until sound is back
        self._arrived_ns = 0  # the last message
        self._waiting_since_ns: int | None = None  # a new talk has begun, and is not yet played
        self._talking = False
        self._expected_timestamp: int | None = None
        self._empty_pulls = 0
        self._quiet_frames = 0
        self._catching_up = False  # there has been so much beyond its time that it is to go, down to the rest
        self._patience = PATIENCE_FRAMES
        self.dropped_frames = 0
        """Frames of sound left out, to catch up or because there was no room. Parts of frames do not count."""
        self.concealed_frames = 0
        """Frames made up for sound that was not there in time."""
        super().__init__(codec, decoder)

    def decode_with(self, decoder: Decoder, codec: WaveformCodec) -> None:
        """See `FrameSource.decode_with`."""
        super().decode_with(decoder, codec)
        self._ns_per_byte = TICK_NS / codec.frame_bytes
        self._stretcher = Stretcher(codec.rate)
        self._max_bytes = self.settings.max_ahead_ms * codec.frame_bytes // 20

    @property
    def buffered_ms(self) -> float:
        """Sound that waits to be played, in milliseconds."""
        return len(self._frames) * 20 + len(self._partial) * 20 / self._frame_bytes

    def push(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> int:
        """Take the sound of one message.

        Args:
            payload: in the codec, any length; whole samples.
            timestamp_ms: the message's; ``None`` if it has none. Only its steps count: a step that is longer than
                the sound before it, and that real time bears out, is sound that went missing on the way.
            now_ns: when it arrived.

        Returns:
            Milliseconds of sound that found no room and were dropped.
        """
        if self._taps:
            self._tell_of_message(payload, timestamp_ms, now_ns)
        self._insert_missing(payload, timestamp_ms, now_ns)
        room = self._max_bytes - len(self._frames) * self._frame_bytes - len(self._partial)
        surplus = 0
        if len(payload) > room:
            surplus = len(payload) - max(0, room)
            payload = payload[: len(payload) - surplus]
            self.dropped_frames += -(-surplus // self._frame_bytes)
        if payload:
            self._append(payload, now_ns)
        return surplus * 20 // self._frame_bytes

    def _next(self, now_ns: int) -> bytes | None:
        """20 ms of what has arrived, or what is made up for it; ``None`` if there is nothing to hear."""
        standing = self._schedule.standing_ns(now_ns) // TICK_NS
        if self._begin(now_ns):
            self._catch_up(now_ns, standing)
        if self._talking and self._has_frame(now_ns):
            return self._heard_as(self._frames.popleft())
        return self._make_up() if self._is_torn() else None

    def _has_frame(self, now_ns: int) -> bool:
        """Whether a frame can be played: a part of one, too, if nothing has followed it."""
        if not self._frames and self._partial and now_ns - self._arrived_ns >= TICK_NS:
            self._frames.append(bytes(self._partial) + self._silent_frame[len(self._partial) :])
            self._partial.clear()
        return bool(self._frames)

    def _heard_as(self, frame: bytes | None) -> bytes | None:
        """What is heard of a frame whose turn it is; ``None``: one that never arrived."""
        self._empty_pulls = 0
        if frame is not None:
            self._quiet_frames = self._quiet_frames + 1 if frame == self._silent_frame else 0
        # The first frame of silence still holds the end of the sound before it: the resampler is 2 ms late.
        if self._quiet_frames > 1:
            self.concealed_frames += frame is None
            return None
        if frame is None:
            return self._make_up()
        if self._concealer is None:
            return frame
        concealer, self._concealer = self._concealer, None
        return self.codec.encode_samples(concealer.good(self.codec.decode_samples(frame)))

    def _make_up(self) -> bytes:
        """20 ms of what would have come."""
        self.concealed_frames += 1
        if self._concealer is None:
            self._concealer = Concealer(self.codec.rate)
            for frame in self._recent:
                self._concealer.good(self.codec.decode_samples(frame))
        return self.codec.encode_samples(self._concealer.lost(self._frame_samples))

    def _is_torn(self) -> bool:
        """Let a tick pass without a frame. Returns whether sound breaks off with that, and is to be made up."""
        self._empty_pulls += 1
        if self._empty_pulls >= TALK_GAP_FRAMES and not self._partial:
            self._talking = False
        if not self._talking or self._quiet_frames:
            return False
        return self._empty_pulls <= CONCEALED_FRAMES or self._schedule.live

    def _append(self, payload: bytes, now_ns: int) -> None:
        if not self._talking and self._waiting_since_ns is None:
            self._waiting_since_ns = now_ns
        self._arrived_ns = now_ns
        if not self._partial and len(payload) == self._frame_bytes:  # nearly always
            self._schedule.extend(TICK_NS, now_ns)
            self._frames.append(payload)
            return
        self._schedule.extend(round(len(payload) * self._ns_per_byte), now_ns)
        self._partial += payload
        self._cut()

    def _cut(self) -> None:
        """Cut to frames what is there of the sound after them."""
        whole = len(self._partial) // self._frame_bytes * self._frame_bytes
        for start in range(0, whole, self._frame_bytes):
            self._frames.append(bytes(self._partial[start : start + self._frame_bytes]))
        del self._partial[:whole]

    def _insert_missing(self, payload: bytes, timestamp_ms: int | None, now_ns: int) -> None:
        if timestamp_ms is None:
            self._expected_timestamp = None
            return
        position = timestamp_ms * self._frame_bytes // 20
        expected, self._expected_timestamp = self._expected_timestamp, position + len(payload)
        if expected is None or position <= expected:
            return
        gap_ns = min(round((position - expected) * self._ns_per_byte), self._schedule.behind_ns(now_ns))
        if not self._frames:  # the pause has been heard already
            self._schedule.extend(gap_ns, now_ns)
            return
        for _ in range(round(gap_ns / TICK_NS)):
            self._frames.append(None)
            self._schedule.extend(TICK_NS, now_ns)

    def _begin(self, now_ns: int) -> bool:
        """Whether sound is to be played: at the beginning of a talk a little is gathered first."""
        if not self._talking and self._waiting_since_ns is not None:
            gathered = len(self._frames) * TICK_NS >= self._buffer_ns
            if gathered or now_ns - self._waiting_since_ns >= self._buffer_ns:
                self._talking, self._waiting_since_ns = True, None
        return self._talking

    def _catch_up(self, now_ns: int, standing: int) -> None:
        """Leave out what is here beyond its time: silence if there is any, else a little of the sound."""
        allowed_ns = self._schedule.ahead_ns(now_ns) + self._buffer_ns
        partial_ns = len(self._partial) * TICK_NS // self._frame_bytes
        late_ns = len(self._frames) * TICK_NS + partial_ns - allowed_ns
        self._catching_up = late_ns >= (TICK_NS // 2 if self._catching_up else TICK_NS * 5 // 4)
        if not self._catching_up and standing < 2:
            self._patience = PATIENCE_FRAMES
            self._stretcher.calm()
            return
        late = late_ns // TICK_NS
        for _ in range(late - self._max_behind_ns // TICK_NS):
            self._drop_oldest()
            late -= 1
        while (late > 0 or standing > 0) and self._frames and is_quiet(self._frames[0], self.codec):
            self._drop_oldest()
            if late > 0:
                late -= 1
            else:
                standing -= 1
                self._schedule.forgo(TICK_NS)
        self._hurry(late, standing)

    def _hurry(self, late: int, standing: int) -> None:
        """There was no silence to leave out: leave out a pitch period, now and then."""
        self._patience -= 1
        if self._patience > 0 or self._stretcher.rests() or not (self._catching_up or standing >= 2):
            return
        frames = [frame for frame in self._frames if frame is not None]
        if len(frames) < max(2, len(self._frames)) or self._silent_frame in frames[:2]:
            return
        block = self.codec.decode_samples(b"".join(frames[:2]))
        shorter = self._stretcher.shorten(block, max(late, standing, 1) * self._frame_samples)
        if len(shorter) == len(block):
            return
        self._partial[:0] = self.codec.encode_samples(shorter) + b"".join(frames[2:])
        self._frames.clear()
        self._cut()
        if late < 2:
            self._schedule.forgo((len(block) - len(shorter)) * TICK_NS // self._frame_samples)

    def _drop_oldest(self) -> None:
        if self._frames.popleft() is not None:
            self.dropped_frames += 1


def is_quiet(frame: bytes | None, codec: WaveformCodec = MU_LAW) -> bool:
    """Whether nobody would miss this frame: nothing, or the noise of a quiet line."""
    if frame is None or frame == codec.silent_frame:
        return True
    return codec.mean_square(frame) <= QUIET_SQUARE
