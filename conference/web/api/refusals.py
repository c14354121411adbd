"""Why nobody comes into a room just now, whether they join by themselves or are called in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from conference.room.errors import RoomFull, RoomLocked, TooManyRooms
from conference.web.http.problems import Problem
from conference.web.joining.call_loops import PLACED_BY, read_placed_by
from conference.web.live import Server

RETRY = {"Retry-After": "30"}


def check_stays(server: Server, *, returning: bool = False) -> None:
    """Make sure that the server takes people, and is not being stopped or drained.

    Args:
        server: this one.
        returning: it is somebody who is in a room already, and has lost their connection.

    Raises:
        Problem: it does not (503).
    """
    if server.stopping:
        raise Problem(503, "The server is being stopped. Try again in a moment.", headers=RETRY)
    if server.drain.begun and not returning:
        raise Problem(503, "The server takes nobody new: it ends soon. Try again in a few minutes.", headers=RETRY)


def check_no_loop(server: Server, request: web.Request) -> None:
    """Make sure that a call has not come through this very server before: its rooms would hear their own echo.

    Raises:
        Problem: it has (508).
    """
    if server.dialing.own_id in read_placed_by(request.headers.get(PLACED_BY)):
        raise Problem(
            508, "A room cannot call the server that it is on, nor one that has called it: that makes an echo."
        )


@contextmanager
def room_refusals() -> Iterator[None]:
    """Turn the errors with which a conference takes nobody in into problems, each with its status."""
    try:
        yield
    except RoomLocked as error:
        raise Problem(423, str(error)) from None
    except RoomFull as error:
        raise Problem(409, str(error)) from None
    except TooManyRooms as error:
        raise Problem(503, str(error), headers=RETRY) from None
