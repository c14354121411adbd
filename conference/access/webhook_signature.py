"""Signatures of webhooks, as https://www.standardwebhooks.com has them: the keys, and what is signed.

The signature scheme is symmetric (``v1``): HMAC-SHA256 over ``<id>.<timestamp>.<body>``, in base64.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"
"""How a key is told from other secrets; it is no part of the key."""

_KEY_BYTES = range(24, 65)  # "between 24 bytes (192 bits) and 64 bytes (512 bits)"


def read_key(text: str) -> bytes:
    """A key as people keep it: base64, perhaps after ``whsec_``.

    Raises:
        ValueError: it is not one; the text is a sentence that does not repeat it.
    """
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) not in _KEY_BYTES:
        raise ValueError(f"a key is {PREFIX} and 24 to 64 random bytes in base64: openssl rand -base64 32 makes them.")
    return key


def sign_webhook(keys: Iterable[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """What goes into ``webhook-signature``: one signature for each key, so that keys can be changed in peace.

    Args:
        keys: from :func:`read_key`.
        message_id: what goes into ``webhook-id``; the same each time that the message is sent.
        timestamp: what goes into ``webhook-timestamp``: unix time in seconds, of this attempt.
        body: of the request, as it is sent.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
