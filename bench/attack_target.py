"""Whom `bench.attack` attacks, and what attackers know of it. Requests are made byte by byte: they are counted."""

from __future__ import annotations

import re
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from conference.load.client.offer import LocalParameters, build_offer

ATTACKER = "127.0.0.2"
"""Where attackers are, so that limits by address are theirs alone."""

ROOM = "standup"
VAULT, PIN = "vault", "271828"
"""A room that a PIN opens."""

TIMEOUT = 5.0
_FINGERPRINT = ":".join(["AB"] * 32)


@dataclass(frozen=True, slots=True)
class Target:
    """A server on loopback.

    Attributes:
        port: of HTTP.
        udp_port: of all media.
        ufrag: of a participant's connection, as anybody who was shown an answer knows it.
    """

    port: int
    udp_port: int
    ufrag: str

    @property
    def url(self) -> str:
        """Of its page."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Seat:
    """What a join gave, and what it took."""

    status: int
    bytes: int
    """Sent for it."""

    ufrag: str = ""
    password: str = ""


def read_answer(text: str) -> tuple[int, str, str]:
    """Port, user name and password for STUN, from an answer."""
    port = re.search(r"^m=audio (\d+) ", text, re.MULTILINE)
    ufrag, password = (re.search(rf"^a=ice-{name}:(\S+)", text, re.MULTILINE) for name in ("ufrag", "pwd"))
    if port is None or ufrag is None or password is None:
        raise ValueError("the server's answer has no transport")
    return int(port[1]), ufrag[1], password[1]


def connect(target: Target, address: str = ATTACKER) -> socket.socket:
    """A TCP connection to the server, from there."""
    return socket.create_connection(("127.0.0.1", target.port), TIMEOUT, (address, 0))


def join(target: Target, name: str, candidates: Sequence[tuple[str, int]] = (("127.0.0.1", 9),)) -> Seat:
    """Post an offer that names these addresses, and go away."""
    ours = LocalParameters(
        ufrag=secrets.token_hex(4),
        password=secrets.token_hex(12),
        fingerprint=_FINGERPRINT,
        ssrc=1,
        cname="eve",
        addresses=candidates,
    )
    body = build_offer(ours).encode()
    request = build_request("POST", f"/rooms/{ROOM}-attack/participants?name={name}", "application/sdp", body)
    with connect(target) as sock:
        sock.sendall(request)
        status, answer = read_response(sock)
    if status != 201:
        return Seat(status, len(request))
    _, ufrag, password = read_answer(answer)
    return Seat(status, len(request), ufrag, password)


def build_request(method: str, path: str, kind: str, body: bytes, *, keep: bool = False) -> bytes:
    """A request with a body."""
    lines = (
        f"{method} {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        f"Connection: {'keep-alive' if keep else 'close'}",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body


def read_response(sock: socket.socket) -> tuple[int, str]:
    """Status and body of one response."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.MULTILINE)
    while length is not None and len(body) < int(length[1]):
        body += _more(sock)
    return int(head.split(b" ", 2)[1]), body.decode(errors="replace")


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(65536)
    if not data:
        raise ConnectionResetError("the server closed the connection")
    return data
