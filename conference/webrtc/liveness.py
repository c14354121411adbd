"""Whether a peer is still there: what is due to be asked of it, and when it has gone.

Packets say so by themselves, and most of the time nothing has to be asked. Three things can be against it:

* silence, which is asked about, and ends the connection when it lasts;
* no consent any more (RFC 7675);
* a DTLS alert that nobody can vouch for: one that comes after the handshake is not decrypted (`dtls` says why). So the
  peer is asked, by ICE, whose answers are authentic. A peer that is still there stays connected, and a forged alert has
  cost a few STUN packets.

What follows from what is found, in which state, is one table.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

GRACE_NS: Final = 500_000_000
"""What was on its way together with an alert is here by then: it proves nothing."""

PROOF_NS: Final = 1_500_000_000
"""So long a peer may take, once it is asked after an alert, to show that it is still there."""

QUIET: Final = 1 / 4
"""Part of the silence timeout after which a connection is asked for a sign of life."""

LEAVING: Final = 1 / 2
"""Part of it after which one has ended that has said BYE."""

ASK_EVERY: Final = 1 / 8
"""Part of it from one question to the next."""

LivenessState: TypeAlias = Literal["connecting", "connected", "alerted", "asked", "ended"]
"""``alerted``: something like a goodbye has come; ``asked``: the peer has been asked since."""

Finding: TypeAlias = Literal[
    "late", "refused", "fresh alert", "old alert", "proof", "no proof yet", "no proof", "quiet", "left", "silent"
]
LivenessAction: TypeAlias = Literal["ask", "calm", "time out", "refuse", "part", "lose"]
"""What to do: ask for a sign of life, forget the alert; or end the connection, since it did not come up in time, the
peer does not agree to it any more, it has left, or it has fallen silent."""

_ANYTIME: Final[dict[Finding, tuple[LivenessState, LivenessAction]]] = {
    "refused": ("ended", "refuse"),
    "left": ("ended", "part"),
    "silent": ("ended", "lose"),
}

TABLE: Final[dict[LivenessState, dict[Finding, tuple[LivenessState, LivenessAction]]]] = {
    "connecting": {
        "late": ("ended", "time out"),
    },
    "connected": {
        "quiet": ("connected", "ask"),
        **_ANYTIME,
    },
    "alerted": {
        "fresh alert": ("alerted", "ask"),
        "old alert": ("asked", "ask"),
        "quiet": ("alerted", "ask"),
        **_ANYTIME,
    },
    "asked": {
        "no proof yet": ("asked", "ask"),
        "no proof": ("ended", "part"),
        "proof": ("connected", "calm"),
        "quiet": ("asked", "ask"),
        **_ANYTIME,
    },
    "ended": {},
}
"""What a finding leads to: the next state, and what to do. What is not there changes nothing."""


class Liveness:
    """Whether one peer is there. Times are monotonic, in nanoseconds.

    Args:
        connect_timeout: seconds until the connection has to be there.
        silence_timeout: seconds of silence after which it has ended.
        now_ns: the time.

    Attributes:
        state: of the connection.
    """

    __slots__ = ("_alerted_ns", "_asked_ns", "_connect_ns", "_probed_ns", "_silence_ns", "_since_ns", "state")

    def __init__(self, connect_timeout: float, silence_timeout: float, now_ns: int) -> None:
        self._connect_ns = connect_timeout * 1e9
        self._silence_ns = silence_timeout * 1e9
        self._alerted_ns = self._asked_ns = self._probed_ns = 0
        self.state: LivenessState
        self.begin(now_ns)

    def begin(self, now_ns: int) -> None:
        """The connection is being set up, from now on."""
        self.state, self._since_ns = "connecting", now_ns

    def connected(self, now_ns: int) -> None:
        """Media can flow, from now on."""
        self.state, self._since_ns = "connected", now_ns

    def alert(self, now_ns: int) -> None:
        """Something like a goodbye has come. One that comes while another is looked into changes nothing."""
        if self.state == "connected":
            self.state, self._alerted_ns = "alerted", now_ns

    def look(
        self,
        now_ns: int,
        *,
        heard_ns: int = 0,
        consents: bool = True,
        leaving: bool = False,
        patience: float = 1.0,
    ) -> list[LivenessAction]:
        """What there is to do. To be called several times a second after an alert, else by :meth:`due_ns`.

        Args:
            now_ns: the time.
            heard_ns: when something authentic last came from the peer.
            consents: whether it agrees to be sent to.
            leaving: whether it has said BYE.
            patience: by how much longer than usual an answer may take, and a silence last.
        """
        actions: list[LivenessAction] = []
        for finding in self._find(now_ns, heard_ns, consents=consents, leaving=leaving, patience=patience):
            if finding in TABLE[self.state]:
                self.state, action = TABLE[self.state][finding]
                actions.append(action)
        return actions

    def due_ns(self, now_ns: int, heard_ns: int) -> int:
        """When there may be something to do again; ``now_ns``: soon.

        Args:
            now_ns: the time.
            heard_ns: as for :meth:`look`.
        """
        if self.state != "connected":
            return now_ns
        return max(now_ns, max(self._since_ns, heard_ns) + int(self._silence_ns * QUIET))

    def _find(self, now_ns: int, heard_ns: int, *, consents: bool, leaving: bool, patience: float) -> Iterator[Finding]:
        """What is to be said of a peer now. Each finding has had its consequence before the next is looked for."""
        if self.state == "connecting":
            if now_ns - self._since_ns > self._connect_ns * patience:
                yield "late"
            return
        heard_ns = max(self._since_ns, heard_ns)
        if not consents and patience == 1.0:
            yield "refused"
        yield from self._look_into_alert(now_ns, heard_ns, patience)
        quiet_ns = int((now_ns - heard_ns) / patience)
        if quiet_ns > self._silence_ns:
            yield "silent"
        elif leaving and quiet_ns > self._silence_ns * LEAVING:
            yield "left"
        elif quiet_ns > self._silence_ns * QUIET and now_ns - self._probed_ns > self._silence_ns * ASK_EVERY:
            self._probed_ns = now_ns
            yield "quiet"

    def _look_into_alert(self, now_ns: int, heard_ns: int, patience: float) -> Iterator[Finding]:
        if self.state == "alerted":
            if now_ns < self._alerted_ns + GRACE_NS:
                yield "fresh alert"
            else:
                self._asked_ns = now_ns
                yield "old alert"
        elif self.state == "asked":
            if heard_ns >= self._asked_ns:
                yield "proof"
            else:
                yield "no proof yet" if now_ns - self._asked_ns < PROOF_NS * patience else "no proof"
