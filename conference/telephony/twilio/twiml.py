"""The webhook of an incoming call: TwiML that connects the call to a room."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlsplit, urlunsplit
from xml.etree.ElementTree import Element, SubElement, tostring

MAX_PARAMETER_CHARS = 499
"""Name and value of a ``<Parameter>`` together must stay under 500 characters."""


def stream_url(origin: str, room: str) -> str:
    """The address of a room's media stream.

    Twilio strips the query of a stream's address, so the room stands in its path.

    Args:
        origin: the server's public address, ``http(s)://`` or ``ws(s)://``, with a path if it lives under one.
        room: the room's name.

    Raises:
        ValueError: the origin is no such address.
    """
    parts = urlsplit(origin)
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise ValueError(f"{origin!r} is not an address like https://example.org.")
    path = f"{parts.path.rstrip('/')}/twilio/stream/{quote(room, safe='')}"
    return urlunsplit((scheme, parts.netloc, path, "", ""))


def voice_response(url: str, parameters: Mapping[str, str] | None = None) -> str:
    """TwiML that connects a call to a bidirectional stream.

    Args:
        url: the stream's, ``wss://…``.
        parameters: what the stream's ``start`` message brings along in ``customParameters``. Values are cut to what
            the protocol allows; one without room for any value is left out.

    Returns:
        An XML document.
    """
    response = Element("Response")
    stream = SubElement(SubElement(response, "Connect"), "Stream", {"url": _xml_text(url)})
    for name, value in (parameters or {}).items():
        room = MAX_PARAMETER_CHARS - len(name)
        if name and room > 0:
            SubElement(stream, "Parameter", {"name": _xml_text(name), "value": _xml_text(value)[:room]})
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(response, encoding="unicode", short_empty_elements=True)


def rejection() -> str:
    """TwiML that refuses a call, which costs nothing then."""
    return '<?xml version="1.0" encoding="UTF-8"?><Response><Reject /></Response>'


def _xml_text(text: str) -> str:
    """Without the characters that XML 1.0 section 2.2 has no way to write."""
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )
