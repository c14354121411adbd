"""A client's ``media`` messages as nearly all of them are written, read in half of the time that JSON takes.

A caller sends fifty a second, alike but for their numbers and their sound. What is written in any other way, allowed or
not, is left to `messages`, which gives the same for those that are read here.
"""

from __future__ import annotations

import binascii
import re

from conference.telephony.fields import MAX_DIGITS
from conference.telephony.settings import LONGEST_MESSAGE

_NUMBER = rf'"[0-9]{{1,{MAX_DIGITS}}}"'
_STREAM = r'"streamSid": ?"[A-Za-z0-9_-]{0,128}"'

_HEAD = re.compile(
    rf'\{{"event": ?"media", ?(?:"sequenceNumber": ?{_NUMBER}, ?)?(?:{_STREAM}, ?)?'
    rf'"media": ?\{{(?:"track": ?"inbound", ?)?(?:"chunk": ?{_NUMBER}, ?)?'
    rf'"timestamp": ?"([0-9]{{1,{MAX_DIGITS}}})", ?"payload": ?"'
)
_TAIL = re.compile(rf'"\}}(?:, ?{_STREAM})?\}}')


def read_usual_media(text: str) -> tuple[bytes, int] | None:
    """The sound of a message of the caller's, in mu-law, and its timestamp; ``None`` if it has to be read as JSON."""
    head = _HEAD.match(text) if len(text) <= LONGEST_MESSAGE else None
    if head is None:
        return None
    begin = head.end()
    end = text.find('"', begin)
    if end < 0 or _TAIL.fullmatch(text, end) is None:
        return None
    try:  # what base64 takes, JSON takes, too
        return binascii.a2b_base64(text[begin:end], strict_mode=True), int(head[1])
    except ValueError:
        return None
