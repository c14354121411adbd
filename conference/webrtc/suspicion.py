"""A goodbye that nobody can vouch for: whether the peer has gone, or somebody else sent it.

A DTLS alert that comes after the handshake is not decrypted (`dtls` says why). So the peer is asked, by ICE, whose
answers are authentic. One that is still there goes on, and whoever forged the alert has brought about a few STUN
packets to the one whom they tried to part from us.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

PROOF_NS = 2_000_000_000
"""So long a peer may take to show that it is still there."""

Verdict: TypeAlias = Literal["none", "ask", "gone", "there"]


class Suspicion:
    """Whether one peer has gone. Times are monotonic, in nanoseconds."""

    __slots__ = ("_since_ns",)

    def __init__(self) -> None:
        self._since_ns: int | None = None

    def arouse(self, now_ns: int) -> None:
        """Something like a goodbye has come. One that comes while it is looked into changes nothing."""
        if self._since_ns is None:
            self._since_ns = now_ns

    def look(self, heard_ns: int, now_ns: int, patience: float = 1.0) -> Verdict:
        """What there is to do. To be called several times a second.

        Args:
            heard_ns: when something authentic last came from the peer. What was on its way together with the alert
                proves nothing, so it must have come in the second half of the time for proof.
            now_ns: the time.
            patience: by how much longer than usual it may take.

        Returns:
            ``none``: there is no suspicion; ``ask`` the peer for a sign of life; it is ``gone``; or it is ``there``,
            and the suspicion is over.
        """
        if self._since_ns is None:
            return "none"
        if now_ns - self._since_ns < PROOF_NS * patience:
            return "ask"
        if heard_ns < self._since_ns + PROOF_NS // 2:
            return "gone"
        self._since_ns = None
        return "there"
