"""A batch of datagrams: what came, from whom, and what goes out."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from conference.webrtc.udp.datagrams import AVAILABLE, DatagramBatch, pack_name, unpack_name

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not AVAILABLE, reason="MISSING: recvmmsg, which this system does not have"),
]


@pytest.fixture
def sockets() -> Iterator[list[socket.socket]]:
    opened = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for one in opened:
        one.bind(("127.0.0.1", 0))
        one.settimeout(5)
    yield opened
    for one in opened:
        one.close()


def test_each_datagram_that_came_is_there_with_who_sent_it(sockets: list[socket.socket]) -> None:
    here, *senders = sockets
    for one, data in zip(senders, (b"first", b"and the second"), strict=True):
        one.sendto(data, here.getsockname())
    batch = DatagramBatch(8, 2048)
    batch.set_family(socket.AF_INET)
    assert batch.receive(here.fileno()) == 2
    assert [batch.datagram(place) for place in range(2)] == [b"first", b"and the second"]
    assert [unpack_name(batch.sender(place)) for place in range(2)] == [one.getsockname() for one in senders]
    assert batch.read(1, 4, 7) == b"the"
    assert batch.receive(here.fileno()) <= 0, "there is nothing more"


def test_what_is_written_goes_out_as_it_is_whatever_was_there_before(sockets: list[socket.socket]) -> None:
    here, sender, _ = sockets
    batch = DatagramBatch(4, 64)
    batch.set_family(socket.AF_INET)
    for name in batch.names:
        name[:] = np.frombuffer(pack_name(here.getsockname(), socket.AF_INET), np.uint8)
    for datagrams in ((b"x" * 64, b"a longer one", b"third"), (b"short", b"")):
        batch.write(datagrams)
        assert batch.send(sender.fileno(), 0, len(datagrams)) == []
        assert tuple(here.recv(2048) for _ in datagrams) == datagrams
