"""The receive gate of one source: which of its packets are played, which are left out, and which go by unread.

Most packets in a conference are silence. The first silent packets after sound are played, for they hold the end of a
word. The following ones are left out without being decoded, except one in so many, which is *sampled*: the sample tells
of the network's delay, and whether the sender is as quiet as they say. Where packets arrive by the hundred, those
between two samples take the *bypass*: they are not even authenticated. The gate opens the bypass; the packets take it
where they arrive (`webrtc.receive.table`, and `webrtc.receive.stream` for one by itself).

============  ====================  =================  =====================  ===========
state         SOUND                 SILENCE            DUE                    RECOVERED
============  ====================  =================  =====================  ===========
``SPEECH``    play                  play: HANGOVER     (never)                play
``HANGOVER``  play: SPEECH          play               leave out: IDLE        play
``IDLE``      play: SPEECH          leave out          sample                 leave out
``BYPASSED``  play: SPEECH          leave out          sample: IDLE           leave out
============  ====================  =================  =====================  ===========

What counts as silent can be raised: where enough others are louder, the noise of somebody's room counts as silence
until they speak. They are *squelched*, and :attr:`ReceiveGate.silent_dbov` is higher.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, Protocol

from conference.playout.history import HISTORY_PACKETS, DecoderHistory, KeepsPackets
from conference.playout.silence import SILENT_DBOV, is_silent
from conference.playout.stream_stats import StreamStats

HANGOVER_PACKETS = HISTORY_PACKETS + 1
"""So many silent packets in a row are played after sound: they hold the ends of words, and the decoder needs them."""

SAMPLE_EVERY = 10
SAMPLE_PROVEN_EVERY = 25
"""Of the packets of a long silence, one in so many is sampled. The second value holds for senders of many packets a
second whose checks have found silence again and again."""

KEPT_BYTES = 160
"""A silent packet larger than that (64 kbit/s) does not take the bypass."""


class GateState(IntEnum):
    """What has come of late."""

    SPEECH = 0
    """The last packet was not silent, or none has come."""

    HANGOVER = 1
    """A few silent packets have come in a row."""

    IDLE = 2
    """Many have: each is looked at by its header."""

    BYPASSED = 3
    """Many have, and the next ones take the bypass, until one is due."""


class PacketKind(IntEnum):
    """What a packet is to the gate."""

    SOUND = 0
    """It is not silent."""

    SILENCE = 1
    """It is."""

    DUE = 2
    """It is silent, and ends a hangover, or has to be sampled."""

    RECOVERED = 3
    """It came inside a later packet (RFC 2198), and that packet is noise of somebody who is squelched."""


class GateAction(IntEnum):
    """What becomes of a packet."""

    PLAY = 0
    """It goes to the jitter buffer."""

    LEAVE_OUT = 1
    """It is counted, and kept for the decoder's history."""

    SAMPLE = 2
    """It tells of the network and of its sender; it is left out if nothing is being played."""


_ON: Final = {
    (GateState.SPEECH, PacketKind.SOUND): (GateState.SPEECH, GateAction.PLAY),
    (GateState.SPEECH, PacketKind.SILENCE): (GateState.HANGOVER, GateAction.PLAY),
    (GateState.SPEECH, PacketKind.DUE): (GateState.HANGOVER, GateAction.PLAY),
    (GateState.SPEECH, PacketKind.RECOVERED): (GateState.SPEECH, GateAction.PLAY),
    (GateState.HANGOVER, PacketKind.SOUND): (GateState.SPEECH, GateAction.PLAY),
    (GateState.HANGOVER, PacketKind.SILENCE): (GateState.HANGOVER, GateAction.PLAY),
    (GateState.HANGOVER, PacketKind.DUE): (GateState.IDLE, GateAction.LEAVE_OUT),
    (GateState.HANGOVER, PacketKind.RECOVERED): (GateState.HANGOVER, GateAction.PLAY),
    (GateState.IDLE, PacketKind.SOUND): (GateState.SPEECH, GateAction.PLAY),
    (GateState.IDLE, PacketKind.SILENCE): (GateState.IDLE, GateAction.LEAVE_OUT),
    (GateState.IDLE, PacketKind.DUE): (GateState.IDLE, GateAction.SAMPLE),
    (GateState.IDLE, PacketKind.RECOVERED): (GateState.IDLE, GateAction.LEAVE_OUT),
    (GateState.BYPASSED, PacketKind.SOUND): (GateState.SPEECH, GateAction.PLAY),
    (GateState.BYPASSED, PacketKind.SILENCE): (GateState.BYPASSED, GateAction.LEAVE_OUT),
    (GateState.BYPASSED, PacketKind.DUE): (GateState.IDLE, GateAction.SAMPLE),
    (GateState.BYPASSED, PacketKind.RECOVERED): (GateState.BYPASSED, GateAction.LEAVE_OUT),
}
TABLE: Final = tuple(tuple(_ON[state, kind] for kind in PacketKind) for state in GateState)
"""By state and kind of packet: the next state, and what becomes of the packet."""


class SilenceBypass(KeepsPackets, Protocol):
    """What lets silent packets go by before they come to their source: where they arrive, many can be seen at once."""

    def open(self, packets: int, silent_dbov: int) -> None:
        """So many of the next packets may go by: silent ones, of at most :data:`KEPT_BYTES`.

        Args:
            packets: how many.
            silent_dbov: those are silent whose sender measured this or less (RFC 6464).
        """
        ...

    def close(self) -> int:
        """None may go by any more. Returns how many still might have."""
        ...

    @property
    def last_passed(self) -> int | None:
        """The RTP sequence number of the packet that went by last, as it says; ``None`` if none has."""
        ...


class ReceiveGate:
    """The packets of one source, as they arrive. It has no clock, and sees no payload.

    Args:
        stats: of the source: what is left out, or takes the bypass, is counted there.

    Attributes:
        history: what the source's decoder is to be given before the next packet that it decodes.
    """

    __slots__ = ("_bypass", "_due", "_run", "_silent_dbov", "_state", "_stats", "history")

    def __init__(self, stats: StreamStats) -> None:
        self._stats = stats
        self.history = DecoderHistory()
        self._bypass: SilenceBypass | None = None
        self._state = GateState.SPEECH
        self._silent_dbov = SILENT_DBOV
        self._run = 0  # silent packets in a row
        self._due = HANGOVER_PACKETS + 1  # which of them has to be looked at next

    @property
    def state(self) -> GateState:
        """What has come of late."""
        return self._state

    @property
    def silent_dbov(self) -> int:
        """A packet whose sender measured this or less is silent. Another value ends the bypass."""
        return self._silent_dbov

    @silent_dbov.setter
    def silent_dbov(self, silent_dbov: int) -> None:
        self._end_bypass()
        self._silent_dbov = silent_dbov

    @property
    def squelched(self) -> bool:
        """Noise counts as silence, too: see `PacketSource.squelch`."""
        return self._silent_dbov > SILENT_DBOV

    @property
    def bypass(self) -> SilenceBypass | None:
        """Where silent packets may go by; ``None``: each of them comes here."""
        return self._bypass

    @bypass.setter
    def bypass(self, bypass: SilenceBypass | None) -> None:
        self._end_bypass()
        self.history.follow(bypass)
        self._bypass = bypass

    @property
    def last_bypassed(self) -> int | None:
        """The RTP sequence number of the packet that took the bypass last; ``None`` if none has."""
        return None if self._bypass is None else self._bypass.last_passed

    def is_silent(self, level: int | None, size: int) -> bool:
        """Whether a packet is silence here: see :func:`~conference.playout.silence.is_silent`."""
        return is_silent(level, size, self._silent_dbov)

    def take(self, level: int | None, size: int, *, redundant: bool = False) -> GateAction:
        """Take note of a packet that has arrived. Returns what is to become of it.

        Args:
            level: what its sender measured, in dBov; ``None``: nothing is known, or believed. Of a redundant packet,
                what was measured of the packet that it came in.
            size: of its payload, in bytes.
            redundant: it came inside a later packet (RFC 2198).
        """
        bypass = self._bypass if self._state is GateState.BYPASSED else None
        if bypass is not None:
            self._close(bypass)
        kind = self._kind(level, size, redundant)
        before = self._state
        self._state, action = TABLE[before][kind]
        if kind is PacketKind.SOUND:
            self._run, self._due = 0, HANGOVER_PACKETS + 1
            self._silent_dbov = SILENT_DBOV
        elif before is GateState.HANGOVER and self._state is GateState.IDLE:
            self._due = SAMPLE_EVERY
        if action is GateAction.LEAVE_OUT:
            self._stats.passed_over += 1
            self._stats.jitter.received += 1
        if bypass is not None and self._state is GateState.BYPASSED:
            self._open(bypass)
        return action

    def _kind(self, level: int | None, size: int, redundant: bool) -> PacketKind:
        if redundant:
            if self.squelched and level is not None and level <= self._silent_dbov:
                return PacketKind.RECOVERED
            level = None  # that of the packet it came in says little about this one
        if not is_silent(level, size, self._silent_dbov):
            return PacketKind.SOUND
        self._run += 1
        due = self._run >= self._due and not (redundant and self._state >= GateState.IDLE)
        return PacketKind.DUE if due else PacketKind.SILENCE

    def sampled(self, every: int, *, bypass: bool) -> None:
        """A packet was sampled: the next of this silence is sampled after so many.

        Args:
            every: one in so many.
            bypass: those between may take the bypass, if there is one.
        """
        self._due = self._run + every
        if bypass and self._bypass is not None:
            self._state = GateState.BYPASSED
            self._open(self._bypass)

    def settle(self) -> None:
        """Count what took the bypass so far; it stays open."""
        if self._state is GateState.BYPASSED and self._bypass is not None:
            self._close(self._bypass)
            self._open(self._bypass)

    def linger(self) -> None:
        """Play the next silent packets as those after sound: for somebody who has not heard what came before."""
        if self._state is not GateState.SPEECH:
            self._end_bypass()
            self._state = GateState.HANGOVER
            self._run, self._due = 0, HANGOVER_PACKETS + 1

    def _end_bypass(self) -> None:
        if self._state is GateState.BYPASSED and self._bypass is not None:
            self._close(self._bypass)
            self._state = GateState.IDLE

    def _open(self, bypass: SilenceBypass) -> None:
        bypass.open(self._due - 1 - self._run, self._silent_dbov)

    def _close(self, bypass: SilenceBypass) -> None:
        """Let no packet take the bypass, and count those that did."""
        passed = self._due - 1 - self._run - bypass.close()
        self._run += passed
        self._stats.passed_over += passed
        self._stats.jitter.received += passed
        for _ in range(min(passed, HISTORY_PACKETS)):
            self.history.keep(None)
