"""What can be set about being one of several nodes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from conference.options.declaration import seconds, value, whole
from conference.options.groups import CLUSTER
from conference.options.readers import read_port


def read_redis(text: str) -> str:
    """The address of a Redis; raises ValueError with a sentence that says what would be right, and no password."""
    if not re.match(r"(rediss?|unix)://.", text) or not _has_port(text):
        raise ValueError(
            "this is no address of a Redis: give redis://HOST:6379, redis://:PASSWORD@HOST:6379, rediss://… or "
            "unix:///PATH, with %XX for what is neither a letter nor a digit in a password."
        )
    return text


def _has_port(url: str) -> bool:
    """Whether what stands where a port may stand is one: else a password with a slash in it is taken for it."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def read_node_url(text: str) -> str:
    """The address at which other nodes reach this one; raises ValueError with a sentence that says what is right."""
    if not re.fullmatch(r"https?://[^/?#\s]+/?", text):
        raise ValueError(f"'{text}' is no address of a node: give http://HOST:PORT.")
    return text.rstrip("/")


@dataclass(frozen=True)
class ClusterSettings:
    """What makes a process one of several nodes. Times are in seconds."""

    redis: str | None = value(
        None, CLUSTER, "be one of several processes that are one conference, and share what rooms decide through this "
        "Redis; needs pip install 'conference[cluster]'", "URL", read_redis, secret=True,
    )  # fmt: skip
    node_url: str | None = value(
        None, CLUSTER, "where other nodes reach this one's HTTP; without it, its own address and port", "URL",
        read_node_url,
    )  # fmt: skip
    trunk_port: int = value(
        0, CLUSTER, "UDP port for sound between nodes; 0 for any that is free", "PORT", read_port, within=(0, 65535)
    )
    node_timeout: float = seconds(3.0, CLUSTER, "a node that has said nothing for so long is gone", (0.5, 60))
    node_grace: float = seconds(
        4.0, CLUSTER, "how long those whose node is gone keep their seats before they have left", (0, 300)
    )
    redis_timeout: float = seconds(
        2.0, CLUSTER, "how long a change waits for Redis before it is refused", (0.1, 60), beyond="503"
    )
    log_snapshot_every: int = whole(
        256, CLUSTER, "entries of a room's log after which it begins anew with the room as it is", (16, 100_000)
    )
    log_ttl: float = seconds(3600.0, CLUSTER, "how long the log of a room is kept that nobody is in", (60, 604_800))
