"""After a DTLS alert that nobody can vouch for: whether the peer has gone, or somebody else sent the alert.

A DTLS alert that comes after the handshake is not decrypted (`dtls` says why). So the peer is asked, by ICE, whose
answers are authentic. A peer that is still there stays connected, and a forged alert has cost a few STUN packets.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

GRACE_NS = 500_000_000
"""What was on its way together with the alert is here by then: it proves nothing."""

PROOF_NS = 1_500_000_000
"""So long a peer may take, once it is asked, to show that it is still there."""

Verdict: TypeAlias = Literal["none", "ask", "gone", "there"]


class CloseCheck:
    """Checks whether one peer has gone. Times are monotonic, in nanoseconds."""

    __slots__ = ("_asked_ns", "_since_ns")

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._asked_ns: int | None = None

    @property
    def active(self) -> bool:
        """Whether an alert is being checked."""
        return self._since_ns is not None

    def begin(self, now_ns: int) -> None:
        """Check an alert that has just come. One that comes while another is being checked changes nothing."""
        if self._since_ns is None:
            self._since_ns = now_ns

    def look(self, heard_ns: int, now_ns: int, patience: float = 1.0) -> Verdict:
        """What there is to do. To be called several times a second while :attr:`active`.

        Args:
            heard_ns: when something authentic last came from the peer.
            now_ns: the time.
            patience: by how much longer than usual an answer may take.

        Returns:
            ``none``: there is no check; ``ask`` the peer for a sign of life; it is ``gone``; or it is ``there``,
            and the check is over.
        """
        if self._since_ns is None:
            return "none"
        if self._asked_ns is None:
            if now_ns >= self._since_ns + GRACE_NS:
                self._asked_ns = now_ns
            return "ask"
        if heard_ns >= self._asked_ns:
            self._since_ns = self._asked_ns = None
            return "there"
        return "ask" if now_ns - self._asked_ns < PROOF_NS * patience else "gone"
