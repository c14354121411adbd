from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conference.webrtc.dtls.certificate import Certificate
from conference.webrtc.dtls.handshake import MAX_DATAGRAM, Dtls, datagrams
from conference.webrtc.rtp.srtp import SrtpSession

SERVER, CLIENT, STRANGER = Certificate(), Certificate(), Certificate()
RTP = bytes([0x80, 96]) + bytes(10) + b"what was said"


class Pair:
    """A client and a server, and the wires between them."""

    def __init__(self, expected: Certificate = CLIENT) -> None:
        self.to_server: deque[bytes] = deque()
        self.to_client: deque[bytes] = deque()
        self.client = Dtls(
            CLIENT, client=True, fingerprints=(("sha-256", SERVER.fingerprint),), send=self.to_server.append
        )
        self.server = Dtls(
            SERVER, client=False, fingerprints=(("sha-256", expected.fingerprint),), send=self.to_client.append
        )
        self.server.start()
        self.client.start()

    def carry(self) -> None:
        """Deliver all that is on the wires, and all that this brings about."""
        while self.to_server or self.to_client:
            self.step()

    def step(self) -> None:
        if self.to_server:
            self.server.receive(self.to_server.popleft())
        if self.to_client:
            self.client.receive(self.to_client.popleft())


def test_both_sides_get_keys_that_fit() -> None:
    pair = Pair()
    pair.carry()
    assert (pair.client.state, pair.server.state) == ("connected", "connected")
    assert pair.client.outgoing is not None
    assert pair.client.incoming is not None
    assert pair.server.outgoing is not None
    assert pair.server.incoming is not None
    for outgoing, incoming in (
        (pair.client.outgoing, pair.server.incoming),
        (pair.server.outgoing, pair.client.incoming),
    ):
        protected = SrtpSession(outgoing).protect(RTP)
        assert protected is not None
        assert protected != RTP
        assert SrtpSession(incoming).unprotect(protected) == RTP


def test_a_certificate_other_than_the_one_in_the_offer_is_refused() -> None:
    pair = Pair(expected=STRANGER)
    pair.carry()
    assert pair.server.state == "failed"
    assert pair.server.incoming is None


def test_one_of_several_fingerprints_that_is_wrong_is_enough_to_refuse() -> None:
    right, wrong = ("sha-256", CLIENT.fingerprint), ("sha-512", "AB:CD")
    pair = Pair()
    pair.server = Dtls(SERVER, client=False, fingerprints=(right, wrong), send=pair.to_client.append)
    pair.server.start()
    pair.carry()
    assert pair.server.state == "failed"


def test_a_goodbye_is_heard() -> None:
    pair = Pair()
    pair.carry()
    pair.client.close()
    pair.carry()
    assert (pair.client.state, pair.server.state) == ("closed", "closed")


ALERT = bytes([21, 0xFE, 0xFD, 0, 1]) + bytes(6) + bytes([0, 26]) + bytes(26)


def test_who_began_lets_go_of_openssl_when_the_handshake_is_through() -> None:
    pair = Pair()
    assert pair.client._ssl is not None
    pair.carry()
    assert pair.client._ssl is None


def test_a_goodbye_to_who_has_let_go_is_an_alert_to_be_looked_into() -> None:
    pair = Pair()
    pair.carry()
    assert not pair.client.alerted
    pair.server.close()
    pair.carry()
    assert (pair.client.state, pair.client.alerted) == ("connected", True)


def test_the_goodbye_is_said_once() -> None:
    pair = Pair()
    pair.carry()
    pair.client.close()
    pair.client.close()
    assert len(pair.to_server) == 1


def test_the_last_flight_may_come_twice() -> None:
    pair = Pair()
    last = b""
    while pair.client.state == "connecting":
        last = pair.to_client[-1] if pair.to_client else last
        pair.step()
    pair.client.receive(last)
    assert (pair.client.state, pair.client.alerted) == ("connected", False)


@given(st.binary(max_size=60))
def test_only_an_alert_that_has_an_epoch_with_keys_is_looked_into(datagram: bytes) -> None:
    pair = Pair()
    pair.carry()
    pair.client.receive(datagram)
    assert pair.client.alerted == (len(datagram) > 13 and datagram[0] == 21 and datagram[3:5] != b"\0\0")
    assert pair.client.state == "connected"
    pair.client.receive(ALERT)
    assert pair.client.alerted


def test_who_is_not_connected_yet_is_not_alerted() -> None:
    pair = Pair()
    pair.client.receive(ALERT)
    assert not pair.client.alerted
    pair.client.release()
    pair.client.receive(ALERT)
    assert (pair.client.alerted, pair.client.state) == (False, "closed")


def test_what_was_lost_is_repeated() -> None:
    pair = Pair()
    pair.to_server.clear()
    timeout = pair.client.timeout()
    assert timeout is not None
    assert 0 < timeout <= 1


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_whatever_arrives_does_no_harm(garbage: list[bytes]) -> None:
    pair = Pair()
    for datagram in garbage:
        pair.server.receive(datagram)
        pair.client.receive(datagram)
    assert pair.server.state in ("connecting", "failed")


@given(st.lists(st.binary(max_size=50), max_size=10))
def test_garbage_does_not_end_a_connection_that_is_up(garbage: list[bytes]) -> None:
    pair = Pair()
    pair.carry()
    for datagram in garbage:
        pair.server.receive(bytes([22, 0xFE, 0xFD]) + datagram)
    assert pair.server.state == "connected"


def record(size: int) -> bytes:
    return bytes([22, 0xFE, 0xFD]) + bytes(8) + size.to_bytes(2, "big") + bytes(size)


@given(st.lists(st.integers(0, MAX_DATAGRAM - 13), max_size=12))
def test_records_are_cut_into_datagrams_between_records(sizes: list[int]) -> None:
    records = [record(size) for size in sizes]
    cut = list(datagrams(b"".join(records)))
    assert b"".join(cut) == b"".join(records)
    assert all(0 < len(one) <= MAX_DATAGRAM for one in cut)
    ends = {sum(map(len, records[:count])) for count in range(len(records) + 1)}
    assert {sum(map(len, cut[:count])) for count in range(len(cut) + 1)} <= ends


@pytest.mark.parametrize(("more", "count"), [(0, 1), (1, 2)])
def test_a_datagram_may_be_quite_full(more: int, count: int) -> None:
    first = record(30)
    assert len(list(datagrams(first + record(MAX_DATAGRAM - len(first) - 13 + more)))) == count


@pytest.mark.parametrize("end", [b"", b"\x16", record(10)[:15]])
def test_half_a_record_is_sent_as_it_is(end: bytes) -> None:
    assert b"".join(datagrams(record(30) + end)) == record(30) + end
