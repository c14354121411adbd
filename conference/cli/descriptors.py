"""File descriptors: how many the system lets this process have, and how many a server may need."""

from __future__ import annotations

import sys

from conference.settings import Settings

if sys.platform != "win32":
    import resource

RESERVED = 64
"""For all that is no connection of a client: the media port, the log, the loop's own, files that are read."""

_PER_WEBHOOK = 4

_MOST = 1 << 20
"""What is asked for where there is no limit: the most that Linux allows unless told otherwise."""


def raise_limit() -> int | None:
    """Raise the limit as far as this process may. Returns it; ``None`` where the system has none.

    It is low so that old programs work that cannot use descriptors beyond 1023; the hard limit is what is allowed.
    """
    if sys.platform == "win32":
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    wanted = _MOST if hard == resource.RLIM_INFINITY else hard
    if wanted > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):  # more than the kernel has
            return soft
        return wanted
    return soft


def other_descriptors(settings: Settings) -> int:
    """How many are needed for what is no connection of a client."""
    files = 0 if settings.capture is None else settings.max_rooms
    return RESERVED + files + _PER_WEBHOOK * len(settings.webhooks)


def needed_descriptors(settings: Settings) -> int:
    """How many there are in use when everything is that the settings allow."""
    clients = settings.max_connections + settings.max_event_streams + settings.max_calls
    return clients + other_descriptors(settings)
