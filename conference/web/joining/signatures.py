"""Whether a request comes from Twilio: its signature (``X-Twilio-Signature``), checked by Twilio's own library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

HEADER = "X-Twilio-Signature"

Form = MultiDict[str] | MultiDictProxy[str]


class SignaturesUnavailable(Exception):
    """Twilio's library is not there; the text is a sentence for people."""


class TwilioSignatures:
    """Checks what Twilio has signed.

    Args:
        auth_token: of the Twilio account.
        public_url: the origin that Twilio reaches us at. Twilio signs the address that it asked for. Behind a proxy
            another address arrives here, and a ``Host`` header must not be able to choose it.

    Raises:
        SignaturesUnavailable: the library is not installed.
    """

    def __init__(self, auth_token: str, public_url: str) -> None:
        try:
            from twilio.request_validator import RequestValidator
        except ImportError:
            raise SignaturesUnavailable(
                "--twilio-auth-token needs Twilio's library: pip install 'conference[twilio]'"
            ) from None
        self._validator: Any = RequestValidator(auth_token)
        self._origin = public_url.rstrip("/")

    def sign(self, url: str, form: Mapping[str, str]) -> str:
        """What Twilio would have as the signature of a request of its own."""
        return str(self._validator.compute_signature(url, form))

    def signed_webhook(self, request: web.Request, form: Form) -> bool:
        """Whether Twilio signed a webhook with this form as its body."""
        return self._valid(self._origin + _target(request), form, request)

    def signed_handshake(self, request: web.Request) -> bool:
        """Whether Twilio signed a WebSocket's handshake: its ``wss`` address, without parameters.

        Twilio's documents leave open whether the address it signs ends in a slash, and names the port.
        """
        origin = "ws" + self._origin.removeprefix("http")
        host = origin if urlsplit(origin).port is not None else f"{origin}:{443 if origin[2] == 's' else 80}"
        target = _target(request)
        path = target.partition("?")[0]
        targets = {target, path, path.rstrip("/"), path.rstrip("/") + "/"}
        return any(self._valid(one + target, MultiDict(), request) for one in (origin, host) for target in targets)

    def _valid(self, url: str, form: Form, request: web.Request) -> bool:
        signature = request.headers.get(HEADER, "")
        return bool(self._validator.validate(url, form, signature))


def _target(request: web.Request) -> str:
    """Path and query as they were sent."""
    target = request.raw_path
    return target if target.startswith("/") else "/"
