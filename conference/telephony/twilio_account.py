"""Places telephone calls with Twilio's REST API, by Twilio's own library, in threads of its own."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from conference.room.participant import AnsweredBy
from conference.telephony.connecting import CallError

AT_ONCE = 4
"""Requests to Twilio that may be under way to place calls, and as many to end some; others wait for them."""

LONGEST_CALL_SECONDS = 86_400
"""Twilio takes no longer a limit of a call."""

LAST_SECONDS = 10.0
"""How long after :meth:`TwilioAccount.close` requests to end calls are still begun."""

STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")
"""How far a call has come: what Twilio is to tell."""

_CALL_SID = re.compile("CA[0-9a-fA-F]{32}")

_OVER = (20404, 21220)
"""Twilio's errors for a call that is not there any more, or has ended."""

_log = logging.getLogger(__name__)
_requests_log = logging.getLogger(f"{__name__}.requests")
_requests_log.setLevel(logging.WARNING)  # else each request is a line, with the numbers that are called

MachineDetection: TypeAlias = Literal["off", "tell", "hang-up"]
"""What is done about answering machines: nothing; that it is one is told; the call is ended."""

_T = TypeVar("_T")


class TwilioUnavailable(Exception):
    """Twilio's library is not there; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class PhoneOrder:
    """A telephone call, as Twilio is asked for it."""

    to: str
    """The number, as E.164 has it."""

    caller_id: str
    """What the telephone shows: a number of the account, or one that it has verified."""

    twiml: str
    """What is done when somebody answers."""

    status_url: str
    """Where Twilio tells how far the call has come."""

    ring_seconds: int
    longest_seconds: int
    detect_machine: bool = False
    """Whether Twilio is to listen whether a person answers, and tell that, too."""


class TwilioAccount:
    """One account of Twilio's.

    Args:
        account_sid: of the account.
        auth_token: of it.
        api_url: where its REST API is.
        seconds: that a request may take.

    Raises:
        TwilioUnavailable: the library is not installed.
    """

    def __init__(self, account_sid: str, auth_token: str, api_url: str, seconds: float) -> None:
        try:
            from twilio.http.http_client import TwilioHttpClient
            from twilio.rest import Client
        except ImportError:
            raise TwilioUnavailable(
                "--twilio-account-sid needs Twilio's library: pip install 'conference[twilio]'"
            ) from None
        self.account_sid = account_sid
        http = TwilioHttpClient(timeout=seconds, logger=_requests_log)
        # The environment's TWILIO_EDGE and TWILIO_REGION would change the address that the operator has given.
        self._client: Any = Client(account_sid, auth_token, http_client=http, environment={"TWILIO_EDGE": ""})
        self._client.api.base_url = api_url.rstrip("/")
        self._placing = ThreadPoolExecutor(AT_ONCE, "twilio place")
        self._ending = ThreadPoolExecutor(AT_ONCE, "twilio end")  # waits for nobody who is being called
        self._closed_at: float | None = None

    async def place(self, order: PhoneOrder) -> str:
        """Have a telephone called. Returns the call's identifier. If this is cancelled, the call is ended.

        Raises:
            CallError: Twilio does not do that, or cannot be reached.
        """
        asked = self._placing.submit(self._create, order)
        try:
            return await _answer(asyncio.wrap_future(asked))
        except asyncio.CancelledError:
            asked.add_done_callback(self._end_abandoned)
            raise

    async def end(self, call_sid: str) -> None:
        """End a call, whether it rings or somebody talks. Does nothing if it has ended.

        Raises:
            CallError: Twilio does not do that, or cannot be reached.
        """
        asked = self._ending.submit(self._end, call_sid)
        await _answer(asyncio.shield(asyncio.wrap_future(asked)))  # it is asked for, whoever waits

    def end_unattended(self, call_sid: str) -> None:
        """End a call as :meth:`end` does, and wait for nothing; not after :meth:`close`."""
        if self._closed_at is None and is_call_sid(call_sid):
            self._ending.submit(self._end_quietly, call_sid)

    def close(self) -> None:
        """Place no calls any more. What is being ended is ended in the background, within :data:`LAST_SECONDS`."""
        self._closed_at = time.monotonic()
        self._placing.shutdown(wait=False, cancel_futures=True)
        self._ending.shutdown(wait=False)

    def _create(self, order: PhoneOrder) -> str:
        more: dict[str, Any] = {}
        if order.detect_machine:  # meanwhile the call goes on
            more = {
                "machine_detection": "Enable",
                "async_amd": "true",
                "async_amd_status_callback": order.status_url,
                "async_amd_status_callback_method": "POST",
            }
        call = self._client.calls.create(
            to=order.to,
            from_=order.caller_id,
            twiml=order.twiml,
            status_callback=order.status_url,
            status_callback_method="POST",
            status_callback_event=list(STATUS_EVENTS),
            timeout=order.ring_seconds,
            time_limit=min(order.longest_seconds, LONGEST_CALL_SECONDS),
            **more,
        )
        if not is_call_sid(call.sid):
            raise ValueError("an answer names no call")
        return str(call.sid)

    def _end(self, call_sid: str) -> None:
        from twilio.base.exceptions import TwilioRestException

        if self._closed_at is not None and time.monotonic() > self._closed_at + LAST_SECONDS:
            raise OSError("the server has stopped")
        try:
            self._client.calls(call_sid).update(status="completed")  # "canceled" would miss one just answered
        except TwilioRestException as error:
            if error.code not in _OVER:
                raise

    def _end_quietly(self, call_sid: str) -> None:
        try:
            self._end(call_sid)
        except Exception as error:  # in a thread, for nobody: whatever the library makes of an answer
            _log.warning("call %s may go on at Twilio: %s", call_sid, type(error).__name__)

    def _end_abandoned(self, placed: Future[str]) -> None:
        """End a call that nobody waited for. In the thread that has placed it, which outlives the event loop."""
        if not placed.cancelled() and placed.exception() is None:
            self._end_quietly(placed.result())


def is_call_sid(text: object) -> bool:
    """Whether this is an identifier of a call, as Twilio makes them."""
    return isinstance(text, str) and _CALL_SID.fullmatch(text) is not None


async def _answer(asked: Awaitable[_T]) -> _T:
    """What Twilio answers.

    Raises:
        CallError: it does not do what it is asked for, or cannot be reached.
    """
    from requests.exceptions import RequestException
    from twilio.base.exceptions import TwilioException, TwilioRestException

    try:
        return await asked
    except TwilioRestException as error:
        raise CallError(_sentence(error.status, error.code, str(error.msg)), error.status) from None
    except (TwilioException, RequestException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        _log.warning("Twilio was asked in vain: %s", type(error).__name__)  # the library takes any JSON for an object
        raise CallError("Twilio cannot be reached, or does not answer as it should.") from None


def _sentence(status: int, code: int | None, told: str) -> str:
    if status in (401, 403) and code in (None, 20003):
        return "Twilio does not take the account and the token that this server has for it."
    if status == 429:
        return "Twilio is asked too often at the moment."
    words = " ".join(told.rpartition(" record: ")[2].split())[:200].rstrip(".")  # after the library's own
    return f"Twilio does not do that: {words} (error {code or status})."


def machine_word(answered_by: str) -> AnsweredBy:
    """Who has answered, by what Twilio's ``AnsweredBy`` says, which tells kinds of machines apart."""
    if answered_by.startswith("machine"):
        return "machine"
    return "human" if answered_by == "human" else "fax" if answered_by == "fax" else "unknown"
