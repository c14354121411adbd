"""How a call ended, by the close code of its WebSocket."""

from __future__ import annotations

from aiohttp import WSCloseCode

from conference.client.endings import ENDED, LOST, REFUSED, REMOVED, SERVER_STOPPED, Ending
from conference.telephony.caller import CallEnd


def ending_of(end: CallEnd, *, been_in: bool) -> Ending:
    """How a call ended that the server ended, by its close code (RFC 6455, section 7.4).

    Args:
        end: the code, and what the server says.
        been_in: whether it was ever heard: what is refused at once is refused for good.
    """
    match end.code:
        case WSCloseCode.OK:
            return (REMOVED if end.reason == "removed" else ENDED).because(end.reason)
        case WSCloseCode.GOING_AWAY | WSCloseCode.SERVICE_RESTART:
            return SERVER_STOPPED
        case WSCloseCode.TRY_AGAIN_LATER if been_in:
            return LOST.because(end.reason)
        case None | WSCloseCode.ABNORMAL_CLOSURE | WSCloseCode.INTERNAL_ERROR:
            return LOST.because(end.reason)
        case _:
            return REFUSED.because(end.reason)
