"""Places telephone calls with Twilio's REST API, by Twilio's own library, in threads of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from conference.room.participant import AnsweredBy
from conference.telephony.connecting import CallError

AT_ONCE = 4
"""Requests to Twilio that may be under way; others wait for them."""

STATUS_EVENTS = ("initiated", "ringing", "answered", "completed")
"""How far a call has come: what Twilio is to tell."""

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
        self._threads = ThreadPoolExecutor(AT_ONCE, "twilio")

    async def place(self, order: PhoneOrder) -> str:
        """Have a telephone called. Returns the call's identifier.

        Raises:
            CallError: Twilio does not do that, or cannot be reached.
        """
        return str((await self._ask(lambda: self._create(order))).sid)

    async def end(self, call_sid: str) -> None:
        """End a call, whether it rings or somebody talks. Does nothing if it has ended.

        Raises:
            CallError: Twilio does not do that, or cannot be reached.
        """
        await self._ask(lambda: self._end(call_sid))

    def close(self) -> None:
        """Ask for nothing any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _create(self, order: PhoneOrder) -> Any:
        more: dict[str, Any] = {}
        if order.detect_machine:  # meanwhile the call goes on
            more = {
                "machine_detection": "Enable",
                "async_amd": "true",
                "async_amd_status_callback": order.status_url,
                "async_amd_status_callback_method": "POST",
            }
        return self._client.calls.create(
            to=order.to,
            from_=order.caller_id,
            twiml=order.twiml,
            status_callback=order.status_url,
            status_callback_method="POST",
            status_callback_event=list(STATUS_EVENTS),
            timeout=order.ring_seconds,
            time_limit=order.longest_seconds,
            **more,
        )

    def _end(self, call_sid: str) -> None:
        from twilio.base.exceptions import TwilioRestException

        try:
            self._client.calls(call_sid).update(status="completed")  # "canceled" would miss one just answered
        except TwilioRestException as error:
            if error.code not in _OVER:
                raise

    async def _ask(self, what: Callable[[], _T]) -> _T:
        from requests.exceptions import RequestException
        from twilio.base.exceptions import TwilioException, TwilioRestException

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, what)
        except TwilioRestException as error:
            raise CallError(_sentence(error.status, error.code, str(error.msg)), error.status) from None
        except (TwilioException, RequestException, OSError, ValueError, KeyError, TypeError) as error:
            _log.warning("Twilio was asked in vain: %s", type(error).__name__)
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
