"""What the rest of a node needs of a trunk, and a trunk of the rest of a node: protocols, and no I/O.

A *trunk* is all that goes between one node and the others: the packets of those who talk, once a node, encrypted. A
*link* is its part to one other node. Who is in which room, and on which node, comes from the room's log; a trunk
decides nothing, and asks nobody.

    room's log -> `Trunk.place`, `Trunk.forget`   who is served where
    presence   -> `Trunk.meet`                    where the other nodes are, and their keys
    this node's talkers -> `TrunkLink.send`       packets out, to each node that has people of their room
    datagrams  -> `TrunkLink.receive`             packets in, into the `RemoteSource` of whoever said them
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from conference.audio.frame import Samples
from conference.room.participant import Source


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """Where the trunk of a node is reached, and what opens it."""

    node: str
    """Its id."""

    addresses: tuple[tuple[str, int], ...]
    """Its UDP addresses and ports, the likeliest first."""

    key: str
    """What the two ends agree on keys with, as text: public, and in this process's life never another."""


@dataclass(frozen=True, slots=True)
class TalkerPacket:
    """One RTP packet of somebody who talks, decrypted, as it came to the node that serves them."""

    codec: str
    """The encoding's name, as in SDP: ``opus``, ``PCMU``."""

    sequence: int
    """Of the sender's stream, 0 to 65535."""

    timestamp: int
    """In samples of the codec's RTP clock, 32 bits."""

    payload: bytes
    level: int | None
    """As its sender said it (RFC 6464): 0 (loudest) to 127, in -dBov; ``None`` if they did not."""

    arrival_ns: int
    """When it came, monotonic time of the node that it came to. The trunk carries how long it has been there, so that a
    jitter buffer at the other end sees the network's jitter, and none of ours."""


class TrunkLink(Protocol):
    """All that goes to one other node, and comes from it, without sockets: bytes in, bytes out."""

    def send(self, room: str, participant_id: str, packet: TalkerPacket, now_ns: int) -> None:
        """Have a packet sent. To be called for those who talk, and for nobody else: silence costs nothing.

        Args:
            room: the talker's.
            participant_id: the talker.
            packet: theirs.
            now_ns: monotonic time.
        """
        ...

    def receive(self, datagram: bytes, now_ns: int) -> None:
        """Take a datagram that has come from the other node. Never raises: what cannot be read is counted."""
        ...

    def take_output(self, now_ns: int) -> list[bytes]:
        """The datagrams that are to be sent now."""
        ...


class RemoteSource(Source, Protocol):
    """The voice of somebody whom another node serves: a source as any other, fed by the trunk.

    It has a receive gate and a jitter buffer of its own, and can be forwarded as those of peers are.
    """

    def push(self, packet: TalkerPacket, now_ns: int) -> None:
        """Take a packet that has come over the trunk."""
        ...

    def pull(self, now_ns: int) -> Samples | None:
        """See `Source.pull`."""
        ...


class Trunk(Protocol):
    """The links to all other nodes, as a node's rooms see them. Nothing here blocks, and nothing raises."""

    @property
    def key(self) -> str:
        """What others need to know to speak with this one: see `NodeAddress.key`. It is told with presence."""
        ...

    def meet(self, nodes: Collection[NodeAddress]) -> None:
        """These are the other nodes that there are. Links to those that are gone end."""
        ...

    def place(self, room: str, participant_id: str, node: str) -> RemoteSource:
        """Somebody is in a room whom another node serves, from now on or again. Gives what stands for their voice."""
        ...

    def forget(self, room: str, participant_id: str) -> None:
        """They have left, or this node serves them now."""
        ...

    def audience(self, room: str, nodes: Collection[str]) -> None:
        """These other nodes have people in a room: its talkers' packets go to each of them, once."""
        ...
