"""The trunk of one node: its talkers' packets out to other nodes, and theirs in. No sockets, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial

from conference.cluster.trunk.packet import CODECS, MalformedPacket, TalkerPacket, read_packet
from conference.cluster.trunk.sealing import Opener, Sealer, Unauthentic, sender_of
from conference.cluster.trunk.talker import Talker
from conference.codecs.base import Codec
from conference.codecs.opus import OpusCodec
from conference.codecs.pcmu import PcmuCodec
from conference.playout.source import PacketSource
from conference.room.observer import RoomObserver
from conference.room.participant import Departure, Participant
from conference.room.room import Room

Address = tuple[str, int]

_CODECS: Mapping[str, Callable[[], Codec]] = {"opus": OpusCodec, "PCMU": PcmuCodec}
assert tuple(_CODECS) == CODECS  # noqa: S101 - what can be named can be decoded


class RemoteSource(PacketSource):
    """The voice of somebody whom another node serves: a source as any other, fed by the trunk.

    Args:
        node: which node that is.
    """

    def __init__(self, node: str) -> None:
        super().__init__(OpusCodec().make_decoder())
        self.node = node
        self.owner = "somebody on another node"

    def take(self, packet: TalkerPacket, now_ns: int) -> None:
        """Take a packet that has come."""
        if packet.codec != self.decoder.name:
            self.restart(_CODECS[packet.codec]().make_decoder())
        self.push(packet.sequence, packet.timestamp, packet.payload, now_ns - packet.age_ns, packet.level)


class Trunk:
    """Links to all other nodes. See `cluster.replica.RemoteVoices`, which it is.

    Args:
        node: id of this node.
        send: sends a datagram to an address; must not block.
        now_ns: monotonic time.
    """

    def __init__(self, node: str, send: Callable[[bytes, Address], None], now_ns: Callable[[], int]) -> None:
        self._node = node
        self._send = send
        self._now_ns = now_ns
        self._secret: bytes | None = None
        self._addresses: dict[str, Address] = {}
        self._sealers: dict[str, Sealer] = {}
        self._openers: dict[str, Opener] = {}
        self._audience: dict[str, tuple[str, ...]] = {}
        self._sources: dict[str, RemoteSource] = {}
        self.counts: Counter[str] = Counter()
        """Datagrams ``sent`` and ``received``; ``unauthentic``, ``malformed`` and ``stray`` ones that were dropped."""

    def share(self, secret: bytes) -> None:
        """Seal with a secret that all nodes have; nothing goes out before."""
        self._secret = secret

    # Where people are

    def place(self, participant_id: str, node: str) -> RemoteSource:
        """Somebody is in a room whom another node serves. Gives what stands for their voice."""
        source = self._sources.get(participant_id)
        if source is None or source.node != node:
            source = self._sources[participant_id] = RemoteSource(node)
        return source

    def forget(self, participant_id: str) -> None:
        """They have left, or this node serves them now."""
        self._sources.pop(participant_id, None)

    def audience(self, room: str, nodes: Collection[str]) -> None:
        """These other nodes have people in a room: its talkers' packets go to each of them, once."""
        if nodes:
            self._audience[room] = tuple(nodes)
        else:
            self._audience.pop(room, None)

    def meet(self, nodes: Mapping[str, Address]) -> None:
        """These are the other nodes, and where they are reached.

        What was counted of one that is missing stays: it may only be late, and a number must never seal twice.
        """
        self._addresses = dict(nodes)

    # Out

    def observe(self, room: Room) -> None:
        """Have those heard elsewhere who join a room here."""
        room.observe(_Outgoing(partial(self._send_to_audience, room.name), self._now_ns))

    def _send_to_audience(self, room: str, packet: TalkerPacket) -> None:
        nodes, secret = self._audience.get(room), self._secret
        if nodes is None or secret is None:
            return
        plain = packet.encode()
        for node in nodes:
            address = self._addresses.get(node)
            if address is None:
                continue
            sealer = self._sealers.get(node)
            if sealer is None:
                sealer = self._sealers[node] = Sealer(secret, self._node, node)
            self.counts["sent"] += 1
            self._send(sealer.seal(plain), address)

    # In

    def receive(self, datagram: bytes) -> None:
        """Take a datagram, from wherever. Never raises: what cannot be read is counted."""
        now_ns = self._now_ns()
        try:
            sender = sender_of(datagram)
            opener = self._opener(sender)
            packet = read_packet(opener.open(datagram))
        except Unauthentic:
            self.counts["unauthentic"] += 1
            return
        except MalformedPacket:
            self.counts["malformed"] += 1
            return
        self.counts["received"] += 1
        source = self._sources.get(packet.participant_id)
        if source is None or source.node != sender:
            self.counts["stray"] += 1  # the log has not said yet that they are here, or has said that they are not
            return
        source.take(packet, now_ns)

    def _opener(self, sender: str) -> Opener:
        opener = self._openers.get(sender)
        if opener is None:
            if self._secret is None or sender not in self._addresses:
                raise Unauthentic("Nobody knows that node.")
            opener = self._openers[sender] = Opener(self._secret, sender, self._node)
        return opener


class _Outgoing(RoomObserver):
    """Listens in on everybody in a room whom this node serves."""

    about = "the trunk"
    lets_rest = True

    def __init__(self, send: Callable[[TalkerPacket], None], now_ns: Callable[[], int]) -> None:
        self._send = send
        self._now_ns = now_ns
        self._untap: dict[str, Callable[[], None]] = {}

    def participant_added(self, participant: Participant) -> None:
        self._let_go(participant.id)
        source = participant.source
        if participant.remote or not isinstance(source, PacketSource):
            return
        self._untap[participant.id] = source.tap(Talker(participant, source.decoder, self._send, self._now_ns))

    def participant_reconnected(self, participant: Participant) -> None:
        self.participant_added(participant)

    def participant_removed(self, participant: Participant, reason: str, departure: Departure) -> None:
        self._let_go(participant.id)

    def _let_go(self, participant_id: str) -> None:
        untap = self._untap.pop(participant_id, None)
        if untap is not None:
            untap()
