"""Attacks by TCP: connections that say nothing, or little at a time, or too much; offers that point at others; PINs."""

from __future__ import annotations

import json
import resource
import secrets
import select
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack

from bench.attack_report import Sent
from bench.attack_target import ROOM, VAULT, Target, build_request, connect, join, read_response
from conference.load.client.websocket import PING, TEXT, build_frame, upgrade_request

IDLE_CONNECTIONS = 1100
TRICKLES = 200
TRICKLE_SECONDS = 0.2
STREAM_BYTES = 11_000_000
"""A second, on one WebSocket."""

VICTIM = "127.0.0.77"
VICTIM_PORTS = 60
JOINS_PER_SECOND = 5
LINGER_SECONDS = 16.0
"""So long after the last join checks are waited for: longer than a connection may take to come up."""

OTHER_ROOMS = 10_000
REQUESTS_AT_ONCE = 200
REQUESTS_A_CONNECTION = 100
ENOUGH_GUESSES = 60


def idle_connections(target: Target, seconds: float) -> Sent:
    """Connections that send nothing."""
    _raise_descriptors(IDLE_CONNECTIONS + 100)
    began, refused = time.monotonic(), 0
    with ExitStack() as stack:
        held: list[socket.socket] = []
        while len(held) + refused < IDLE_CONNECTIONS and time.monotonic() - began < seconds:
            try:
                held.append(stack.enter_context(connect(target)))
            except OSError:
                refused += 1
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        still = sum(map(_is_open, held))
    note = f"{refused} refused, {still} open after {time.monotonic() - began:.0f} s"
    return Sent(len(held), 0, time.monotonic() - began, "connections", note)


def _raise_descriptors(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def _is_open(sock: socket.socket) -> bool:
    """Whether the server has not closed it; what it has sent is thrown away."""
    sock.setblocking(False)
    try:
        while data := sock.recv(65536):
            if data.startswith(b"HTTP/1."):
                return False  # an answer, before the request was whole
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def trickled_headers(target: Target, seconds: float) -> Sent:
    """Requests whose headers come a byte at a time, and never end."""
    return _trickle(target, seconds, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")


def trickled_body(target: Target, seconds: float) -> Sent:
    """Voice webhooks whose bodies come a byte at a time."""
    head = build_request("POST", "/twilio/voice", "application/x-www-form-urlencoded", b"CallSid=CA1&From=")
    return _trickle(target, seconds, head.replace(b"Content-Length: 17", b"Content-Length: 40000"))


def _trickle(target: Target, seconds: float, head: bytes) -> Sent:
    _raise_descriptors(TRICKLES + 100)
    began, size = time.monotonic(), 0
    with ExitStack() as stack:
        held: list[socket.socket] = []
        for _ in range(TRICKLES):
            try:
                sock = stack.enter_context(connect(target))
                sock.sendall(head)
            except OSError:
                continue
            held.append(sock)
            size += len(head)
        count = len(held)
        while held and time.monotonic() - began < seconds:
            held = [sock for sock in held if _is_open(sock) and _send(sock, b"a")]
            size += len(held)
            time.sleep(TRICKLE_SECONDS)
    took = time.monotonic() - began
    return Sent(count, size, took, "connections", f"{len(held)} open after {took:.0f} s")


def _send(sock: socket.socket, data: bytes) -> int:
    try:
        return sock.send(data)
    except BlockingIOError:
        return 1
    except OSError:
        return 0


def pings(target: Target, seconds: float) -> Sent:
    """Pings on one media WebSocket."""
    return _stream(target, seconds, b"", build_frame(PING, bytes(125)))


def empty_fragments(target: Target, seconds: float) -> Sent:
    """A message in pieces of nothing, that never ends."""
    begin = bytes([TEXT, 0x80]) + bytes(4)
    return _stream(target, seconds, begin, bytes([0, 0x80]) + bytes(4))


def _stream(target: Target, seconds: float, first: bytes, frame: bytes) -> Sent:
    """Send one frame over and over, as fast as it is taken; begin anew when the server has had enough."""
    block = frame * (65_536 // len(frame))
    began, size, streams, refused = time.monotonic(), 0, 0, 0
    while time.monotonic() - began < seconds:
        try:
            with _open_stream(target) as sock:
                streams += 1
                sock.sendall(first)
                size += _pour(sock, block, began + seconds)
        except OSError:
            refused += 1
        time.sleep(0.05)
    took = time.monotonic() - began
    return Sent(size // len(frame), size, took, "frames", f"{streams} streams, {refused} ended by the server")


def _open_stream(target: Target) -> socket.socket:
    sock = connect(target)
    try:
        path = f"/twilio/stream/{ROOM}-attack"
        sock.sendall(upgrade_request(f"127.0.0.1:{target.port}", path, secrets.token_bytes(16)))
        status = int(_read_head(sock).split(b" ", 2)[1])
        if status != 101:
            raise ConnectionRefusedError(f"status {status}")
        start = {"event": "start", "streamSid": "MZ" + secrets.token_hex(16), "start": {"customParameters": {}}}
        sock.sendall(build_frame(TEXT, json.dumps(start).encode()))
    except BaseException:
        sock.close()
        raise
    return sock


def _read_head(sock: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        more = sock.recv(1)
        if not more:
            raise ConnectionResetError
        data += more
    return data


def _pour(sock: socket.socket, block: bytes, until: float) -> int:
    """Send blocks at the rate of an attack, and throw away what comes back. Returns bytes.

    Raises:
        OSError: the server ended it, and before that a byte more than was counted may have gone.
    """
    sock.setblocking(False)
    began, size, rest = time.monotonic(), 0, block
    while time.monotonic() < until:
        try:
            while size < (time.monotonic() - began) * STREAM_BYTES:
                sent = sock.send(rest)
                size += sent
                rest = rest[sent:] or block
        except BlockingIOError:
            pass
        except OSError:
            break
        if not _is_open(sock):
            break
        time.sleep(0.002)
    return size


def foreign_candidates(target: Target, seconds: float) -> Sent:
    """Joins whose offers name somebody else's addresses; what those get is counted."""
    with ExitStack() as stack:
        victims = [stack.enter_context(_victim()) for _ in range(VICTIM_PORTS)]
        named = [one.getsockname()[:2] for one in victims]
        began, joins, size, refused = time.monotonic(), 0, 0, 0
        while (elapsed := time.monotonic() - began) < seconds:
            if joins + refused <= elapsed * JOINS_PER_SECOND:
                try:
                    seat = join(target, f"Eve{joins}", named)
                except OSError:
                    refused += 1
                    continue
                size += seat.bytes
                joins, refused = joins + (seat.status == 201), refused + (seat.status != 201)
            time.sleep(0.01)
        took = time.monotonic() - began
        time.sleep(LINGER_SECONDS)
        got = [_read_all(one) for one in victims]
    count, back = sum(number for number, _ in got), sum(one for _, one in got)
    most = max(one for _, one in got)
    note = (
        f"{count} checks of {back} bytes in all to {VICTIM}, {most} bytes at most to one of its {VICTIM_PORTS} ports: "
        f"{back / max(1, size):.2f} bytes for each that was sent; {refused} joins refused"
    )
    return Sent(joins, size, took, "joins", note)


def _victim() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((VICTIM, 0))
    sock.setblocking(False)
    return sock


def _read_all(sock: socket.socket) -> tuple[int, int]:
    count = size = 0
    try:
        while True:
            size += len(sock.recv(2048))
            count += 1
    except OSError:  # nothing more
        return count, size


def wrong_pins(target: Target, seconds: float) -> Sent:
    """Guesses at a room's PIN until no more are taken, then requests for other rooms, then another guess."""
    began = time.monotonic()
    taken = size = 0
    status = 0
    for number in range(ENOUGH_GUESSES):
        (status,), sent = guess(target, [VAULT], f"127.1.0.{1 + number}")
        taken, size = taken + (status == 403), size + sent
        if status == 429:
            break
    asked = 0
    while asked < OTHER_ROOMS and time.monotonic() - began < 4 * seconds:
        names = [f"r{number}" for number in range(asked, asked + 100)]
        _, sent = guess(target, names, f"127.1.1.{1 + asked // 100 % 200}")
        asked, size = asked + len(names), size + sent
    (last,), sent = guess(target, [VAULT], "127.1.0.250")
    note = f"{taken} wrong PINs taken, then {status}; after {asked} requests for other rooms {last}"
    return Sent(taken + asked + 2, size + sent, time.monotonic() - began, "requests", note)


def pipelined_requests(target: Target, seconds: float) -> Sent:
    """Requests for nothing much, on one connection, as fast as they are taken."""
    requests = build_request("GET", "/healthz", "text/plain", b"", keep=True) * REQUESTS_AT_ONCE
    began, size, answered = time.monotonic(), 0, 0
    with connect(target) as sock:
        sock.setblocking(False)
        while time.monotonic() - began < seconds:
            reading, writing, _ = select.select([sock], [sock], [], 0.1)
            if writing:
                size += sock.send(requests[size % len(requests) :])
            if reading:
                answered += sock.recv(1 << 16).count(b"HTTP/1.1 200")
    took = time.monotonic() - began
    return Sent(answered, size, took, "requests", f"{answered / took:.0f} a second were answered")


def requests_for_rooms(target: Target, seconds: float) -> Sent:
    """Requests for rooms that are not there, from one address, on one connection after the other."""
    began, size, asked = time.monotonic(), 0, 0
    while time.monotonic() - began < seconds:
        with connect(target) as sock:
            for _ in range(REQUESTS_A_CONNECTION):
                request = build_request("GET", f"/rooms/r{asked}", "text/plain", b"", keep=True)
                sock.sendall(request)
                read_response(sock)
                size, asked = size + len(request), asked + 1
    took = time.monotonic() - began
    return Sent(asked, size, took, "requests", f"{asked / took:.0f} a second were answered")


def guess(target: Target, rooms: Sequence[str], address: str) -> tuple[list[int], int]:
    """Try a PIN that is wrong. Returns the status for each room, and the bytes sent."""
    statuses, size = [], 0
    with connect(target, address) as sock:
        for room in rooms:
            request = build_request(
                "POST", f"/rooms/{room}/tokens", "application/json", b'{"pin": "000000"}', keep=True
            )
            sock.sendall(request)
            statuses.append(read_response(sock)[0])
            size += len(request)
    return statuses, size
