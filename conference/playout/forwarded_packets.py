"""The last packets of a source that is forwarded, and not played: to go on by playing, and to check what they say."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

import numpy as np

from conference.audio.frame import FRAME_SAMPLES, SAMPLE_RATE, SILENCE, TICKS_PER_SECOND, Samples
from conference.audio.noise_gate import level_of
from conference.codecs.base import DecodeError, Decoder
from conference.playout.fast_path import CATCH_UP_PACKETS, NO_LEVEL, FastPackets
from conference.playout.forwardable import QUIET_DBOV
from conference.playout.level_trust import FAR_OFF_DB, LevelTrust
from conference.playout.silence import DTX_BYTES, SILENT_DBOV

QUIET_PACKETS: Final = 3
"""After so many in a row that are quiet, a decoder follows, whatever was before: enough of Opus if each has 20 ms."""

CHECKED_PACKETS: Final = 10
"""So many of the last packets are decoded to compare how loud they are with what was said."""

OVER_TICKS: Final = 3
"""When nothing has come for so long, what came last is not gone on with."""

FIRST_CHECK_SECONDS: Final = 1.0
LAST_CHECK_SECONDS: Final = 20.0
"""How often what a sender says of its loudness is compared with what it sends: at first, and less often each time that
it proves true."""

FIRST_CHECKS: Final = 5
"""So many come quickly: what they find is enough to know how the sender measures."""

SETTLING_PACKETS: Final = 5
"""Before it has had so many, a decoder that has just begun tells little about how loud something is."""


class ForwardedPackets:
    """The last packets of a source that is forwarded, and not played: what has to be known to go on by playing."""

    __slots__ = ("_check_seconds", "_checks", "_held", "_level", "_loudest", "_recent", "_unchecked")

    def __init__(self) -> None:
        # Payloads, what their senders said of their loudness, and whether they are quiet, and long enough to settle.
        self._recent: deque[tuple[bytes, int | None, bool]] = deque(maxlen=CATCH_UP_PACKETS)
        self._loudest: float | None = None  # since the last tick
        self._level: float | None = None  # of what came last
        self._held = 0  # ticks for which that goes on
        self._check_seconds = FIRST_CHECK_SECONDS
        self._checks = 0  # in a row that proved true
        self._unchecked = 0  # samples at 48 kHz since the last check

    def note(self, payload: bytes, said: int | None, level: float | None, seconds: float) -> bool:
        """A packet was forwarded.

        Args:
            payload: what was in it.
            said: what its sender measured, in dBov; ``None`` if that is not known.
            level: how loud it is taken to be; ``None`` if that is not known.
            seconds: how long it is.

        Returns:
            Whether it is time for a :meth:`check`.
        """
        self._recent.append((payload, said, _settles(payload, level, seconds)))
        self._unchecked += round(seconds * SAMPLE_RATE)
        self._held = math.ceil(seconds * TICKS_PER_SECOND)
        if level is not None and (self._loudest is None or level > self._loudest):
            self._loudest = level
        return self._unchecked >= self._check_samples

    @property
    def _check_samples(self) -> int:
        return round(self._check_seconds * SAMPLE_RATE)

    def packets_to_check(self, seconds: float) -> int:
        """How many packets, each so long, may be noted before it is time for a :meth:`check`."""
        return (self._check_samples - self._unchecked - 1) // max(1, round(seconds * SAMPLE_RATE))

    def note_all(self, packets: FastPackets, trust: LevelTrust, seconds: float) -> None:
        """Packets were forwarded that say how loud they are; as :meth:`note` for each.

        Args:
            packets: they, fewer than :meth:`packets_to_check`.
            trust: tells how loud they are.
            seconds: how long each is.
        """
        for payload, said in packets.payloads:
            self._recent.append((payload, said, _settles(payload, trust.corrected(said), seconds)))
        self._unchecked += len(packets.arrivals) * round(seconds * SAMPLE_RATE)
        self.note_loudest(packets.loudest, trust, seconds)

    def note_loudest(self, said: int, trust: LevelTrust, seconds: float) -> None:
        """The loudest of the packets that came since this was last noted said so of itself; `NO_LEVEL`: none came."""
        if said > NO_LEVEL:
            self._held = math.ceil(seconds * TICKS_PER_SECOND)
            level = trust.corrected(said)
            if self._loudest is None or level > self._loudest:
                self._loudest = level

    def take_level(self, ticks: int) -> float | None:
        """Let ticks pass. Returns how loud what was forwarded is taken to be, in dBov; ``None`` if nothing was."""
        if self._loudest is not None:
            self._level, self._loudest = self._loudest, None
            ticks = 1  # at least so many since it came
        elif self._held <= 0:
            self._level = None
        self._held -= ticks
        return self._level

    def check(self, decoder: Decoder, trust: LevelTrust) -> None:
        """Decode what came last, to see whether it is as loud as its sender says.

        Args:
            decoder: is reset; of no use to anybody before it is reset again.
            trust: takes in what is found.
        """
        self._unchecked = 0
        self._checks += 1
        decoder.reset()
        recent = list(self._recent)[-CHECKED_PACKETS:]
        for number, (payload, said, _) in enumerate(recent):
            try:
                level = level_of(decoder.decode(payload))
            except DecodeError:
                continue
            if said is None or number < SETTLING_PACKETS or len(payload) <= DTX_BYTES:
                continue
            if abs(level - trust.corrected(said)) > FAR_OFF_DB and max(level, said) > SILENT_DBOV:
                self._checks = 0  # look again soon, whether that was chance
            if said > SILENT_DBOV:
                trust.compare(said, level)
            elif number == len(recent) - 1:
                trust.check_silence(said + trust.correction, level)
        more = self._check_seconds * 2 if self._checks > FIRST_CHECKS else FIRST_CHECK_SECONDS
        self._check_seconds = min(more, LAST_CHECK_SECONDS)

    def forget(self) -> None:
        """Another stream begins."""
        self._recent.clear()
        self._loudest = self._level = None
        self._held = 0

    def catch_up(self, decoder: Decoder) -> Samples:
        """Bring a decoder to where the listeners' are.

        Returns:
            The end of what they have heard: shape ``(960,)``, int16, 48 kHz; silence where that is not known, or over.
        """
        decoder.reset()
        if self._held < -OVER_TICKS:
            self.forget()
        heard = SILENCE
        for payload in self._needed():
            try:
                heard = np.concatenate((heard, decoder.decode(payload)))[-FRAME_SAMPLES:]
            except DecodeError:
                continue
        self.forget()
        return heard

    def _needed(self) -> list[bytes]:
        """The packets from the last quiet moment on, if there was one; all of them, if not."""
        needed: list[bytes] = []
        quiet = 0
        for payload, _, settles in reversed(self._recent):
            needed.append(payload)
            quiet = quiet + 1 if settles else 0
            if quiet == QUIET_PACKETS:
                break
        return needed[::-1]


def _settles(payload: bytes, level: float | None, seconds: float) -> bool:
    """Whether a packet is quiet sound that is long enough for a decoder to settle."""
    return level is not None and level <= QUIET_DBOV and seconds >= 0.02 and len(payload) > DTX_BYTES
