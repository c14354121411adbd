"""How many connections there may be, how fast they are read, and how long what may take."""

from __future__ import annotations

from dataclasses import dataclass

from conference.options.declaration import seconds, whole
from conference.options.groups import LIMITS


@dataclass(frozen=True)
class ConnectionSettings:
    """Limits of TCP connections, of what is asked on them, and of calls and event streams, which stay on them."""

    max_connections: int = whole(
        2000, LIMITS, "TCP connections open at one time, besides event streams and calls; of more, the ones go that "
        "wait", (1, 1_000_000), beyond="the one that waits the longest is closed, or the new one",
    )  # fmt: skip
    max_connections_per_address: int = whole(
        250, LIMITS, "of these from one address; 0 for no limit, and none behind a proxy", (0, 1_000_000),
        beyond="the one that waits the longest is closed, or the new one",
    )  # fmt: skip
    max_request_bytes_per_second: int = whole(
        250_000, LIMITS, "bytes of requests that are read of one connection; two seconds' worth may come at once",
        (1000, 1_000_000_000), metavar="BYTES", beyond="wait, unread",
    )  # fmt: skip
    max_requests_per_second: int = whole(
        100, LIMITS, "requests of one connection that are answered; two seconds' worth may come at once; 0 for no "
        "limit, and none behind a proxy", (0, 1_000_000), beyond="wait, unread",
    )  # fmt: skip
    max_requests_per_address: int = whole(
        500, LIMITS, "the same, a second from one address, by whatever connections; 0 for no limit, and none behind a "
        "proxy that does not tell the address", (0, 1_000_000), beyond="wait, unread",
    )  # fmt: skip
    header_timeout: float = seconds(
        10.0, LIMITS, "how long a request's header, or the handshake of HTTPS, may take", (0.1, 600), beyond="closed"
    )
    body_timeout: float = seconds(10.0, LIMITS, "how long a request's body may take", (0.1, 600), beyond="408")
    response_timeout: float = seconds(
        60.0, LIMITS, "how long it may take until a request is answered, and the client has the answer", (1, 3_600),
        beyond="closed",
    )  # fmt: skip
    keep_alive_timeout: float = seconds(
        75.0, LIMITS, "how long a connection waits for another request", (0.1, 3_600), beyond="closed"
    )  # fmt: skip
    max_calls: int = whole(
        2000, LIMITS, "calls on media WebSockets in rooms at one time", (1, 1_000_000), beyond="close 1013"
    )  # fmt: skip
    max_calls_per_address: int = whole(
        1000, LIMITS, "of these from one address; 0 for no limit", (0, 1_000_000), beyond="close 1013"
    )  # fmt: skip
    max_event_streams: int = whole(2000, LIMITS, "event streams open at one time", (1, 1_000_000), beyond="503")
    max_event_streams_per_address: int = whole(
        1000, LIMITS, "of these from one address; 0 for no limit", (0, 1_000_000), beyond="429"
    )  # fmt: skip
    max_event_backlog: int = whole(
        256, LIMITS, "events that may wait for a slow reader until it is cut off", (1, 100_000), beyond="cut off"
    )  # fmt: skip
    event_heartbeat: float = seconds(15.0, LIMITS, "longest silence on an event stream", (0.01, 300))
    """So proxies keep it open, and a lost client is noticed."""

    event_history: int = whole(
        256, LIMITS, "events kept of each room, so that a reader who lost the stream goes on where it was",
        (1, 100_000), beyond="a snapshot",
    )  # fmt: skip
    event_history_ttl: float = seconds(
        300.0, LIMITS, "how long those of a room that is gone are kept", (0, 86_400), beyond="404"
    )  # fmt: skip
