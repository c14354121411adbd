"""Attacks by UDP: datagrams that cost whoever sends them nothing, from addresses that nobody vouches for, and others.

Each function sends for a time at a rate, and says what it sent. All of it stays on loopback.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import secrets
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import aiohttp

from bench.attack_report import Sent
from bench.attack_target import ATTACKER, ROOM, Target, join
from conference.load.client.peer import FastPeer
from conference.webrtc.ice.stun import CHECK_PRIORITY, MAGIC_COOKIE, build_request, new_transaction_id

MTU = 1460
STUN_RATE, SMALL_RATE = 1500, 4000
STEP_SECONDS = 0.005
ADDRESSES = 200


def flood(target: Target, seconds: float, rate: int, datagrams: Iterator[bytes], addresses: Sequence[str]) -> Sent:
    """Send datagrams, from one address after the other."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(_socket(address, target.udp_port)) for address in addresses]
        turn = itertools.cycle(sockets)
        began, count, size = time.monotonic(), 0, 0
        while (elapsed := time.monotonic() - began) < seconds:
            while count < elapsed * rate:
                data = next(datagrams)
                try:
                    next(turn).send(data)
                except OSError:  # the buffer is full
                    break
                count, size = count + 1, size + len(data)
            time.sleep(STEP_SECONDS)
    return Sent(count, size, time.monotonic() - began)


def _socket(address: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.connect(("127.0.0.1", port))
    sock.setblocking(False)
    return sock


def attribute(kind: int, value: bytes) -> bytes:
    """One of STUN's."""
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def stun_requests(body: bytes) -> Iterator[bytes]:
    """Binding requests without a seal, each with an id of its own."""
    head = b"\0\1" + len(body).to_bytes(2, "big") + MAGIC_COOKIE.to_bytes(4, "big")
    while True:
        yield head + secrets.token_bytes(12) + body


def guesses(target: Target) -> Iterator[bytes]:
    """Checks with a user name that is right, and another password."""
    while True:
        yield build_request(
            new_transaction_id(), f"{target.ufrag}:them", CHECK_PRIORITY, 1, secrets.token_bytes(24), controlling=True
        )


def noise(first: bytes, size: int) -> Iterator[bytes]:
    """Random bytes behind the first ones."""
    while True:
        yield first + secrets.token_bytes(size - len(first))


def stun_addresses(target: Target, seconds: float) -> Sent:
    """1,460 bytes with 120 addresses to be read, and no user name."""
    body = attribute(0x0020, b"\0\1" + bytes(6)) * 120
    return flood(target, seconds, STUN_RATE, stun_requests(body), [ATTACKER])


def stun_optional(target: Target, seconds: float) -> Sent:
    """Attributes that need not be understood, as many as fit."""
    body = b"".join(attribute(0x9000 + number, b"") for number in range((MTU - 20) // 4))
    return flood(target, seconds, SMALL_RATE, stun_requests(body), [ATTACKER])


def stun_required(target: Target, seconds: float) -> Sent:
    """Attributes that have to be understood (RFC 8489 section 14), as many as fit."""
    body = b"".join(attribute(0x7000 + number, b"") for number in range((MTU - 20) // 4))
    return flood(target, seconds, SMALL_RATE, stun_requests(body), [ATTACKER])


def stun_guesses(target: Target, seconds: float) -> Sent:
    """Checks for a participant, with another password."""
    return flood(target, seconds, SMALL_RATE, guesses(target), [ATTACKER])


def stun_everywhere(target: Target, seconds: float) -> Sent:
    """The same from two hundred addresses."""
    return flood(target, seconds, SMALL_RATE, guesses(target), [f"127.0.1.{1 + one}" for one in range(ADDRESSES)])


def stun_copies(target: Target, seconds: float) -> Sent:
    """One check with the right password, over and over from two hundred addresses; what comes back is counted."""
    seat = join(target, "Eve")
    ufrag, password = seat.ufrag, seat.password
    check = build_request(new_transaction_id(), f"{ufrag}:them", CHECK_PRIORITY, 1, password.encode(), controlling=True)
    with ExitStack() as stack:
        addresses = [f"127.0.2.{1 + one}" for one in range(ADDRESSES)]
        sockets = [stack.enter_context(_socket(address, target.udp_port)) for address in addresses]
        turn, began, count, back = itertools.cycle(sockets), time.monotonic(), 0, 0
        while (elapsed := time.monotonic() - began) < seconds:
            while count < elapsed * SMALL_RATE:
                next(turn).send(check)
                count += 1
            time.sleep(STEP_SECONDS)
        for one in sockets:
            back += _read(one)
    took = time.monotonic() - began
    size = count * len(check)
    return Sent(count, size, took, note=f"{back} bytes came back for {size}")


def _read(sock: socket.socket) -> int:
    size = 0
    try:
        while True:
            size += len(sock.recv(2048))
    except OSError:  # nothing more
        return size


def dtls_hellos(target: Target, seconds: float) -> Sent:
    """Records of a handshake, from nobody's address."""
    size = 200
    head = bytes([22, 0xFE, 0xFD]) + bytes(8) + (size - 13).to_bytes(2, "big") + b"\1"
    return flood(target, seconds, SMALL_RATE, noise(head, size), [ATTACKER])


def rtp_garbage(target: Target, seconds: float) -> Sent:
    """RTP from nobody's address."""
    return flood(target, seconds, SMALL_RATE, noise(b"\x90\x6f", 160), [ATTACKER])


def rtcp_garbage(target: Target, seconds: float) -> Sent:
    """RTCP from nobody's address."""
    return flood(target, seconds, SMALL_RATE, noise(b"\x80\xc9", 80), [ATTACKER])


def empty_datagrams(target: Target, seconds: float) -> Sent:
    """Datagrams without a byte."""
    return flood(target, seconds, SMALL_RATE, itertools.repeat(b""), [ATTACKER])


def participant_forgeries(target: Target, seconds: float) -> Sent:
    """Of a participant's own address: RTP of their stream without its key, DTLS, RTCP and checks, in turn."""
    return asyncio.run(_as_participant(target, seconds))


async def _as_participant(target: Target, seconds: float) -> Sent:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        peer = FastPeer(session, target.url, ROOM + "-attack", "Eve")
        await peer.connect()
        rtp = bytes([0x80, peer.payload_type]) + bytes(6) + peer.ssrc.to_bytes(4, "big")
        kinds = (noise(rtp, 160), noise(bytes([21, 0xFE, 0xFD, 0, 1]) + bytes(6) + bytes([0, 26]), 39),
                 noise(b"\x80\xc9", 80), guesses(target))  # fmt: skip
        turn = itertools.cycle(kinds)
        began, count, size = time.monotonic(), 0, 0
        try:
            while (elapsed := time.monotonic() - began) < seconds:
                while count < elapsed * SMALL_RATE:
                    data = next(next(turn))
                    os.write(peer.descriptor, data)
                    count, size = count + 1, size + len(data)
                await asyncio.sleep(STEP_SECONDS)
        finally:
            await peer.close()
    return Sent(count, size, time.monotonic() - began)
