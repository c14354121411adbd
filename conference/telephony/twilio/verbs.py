"""TwiML as it comes back from a webhook: the verbs of a document, in order, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.etree.ElementTree import Element, ParseError, XMLParser

MAX_DOCUMENT_BYTES = 65_536
"""Longest document taken: Twilio takes as much."""

MAX_VERBS = 100
MAX_PAUSE_SECONDS = 600.0
MAX_LOOPS = 20
MAX_TEXT_CHARS = 4096


class TwimlError(ValueError):
    """A document that cannot be followed; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class ConnectStream:
    """``<Connect><Stream>``: talk over a WebSocket, to its end."""

    url: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Say:
    """``<Say>``: have a text spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class Play:
    """``<Play>``: play an audio file."""

    url: str
    times: int = 1


@dataclass(frozen=True, slots=True)
class Pause:
    """``<Pause>``: say nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hangup:
    """``<Hangup>``, or ``<Reject>``, which does not answer at all."""

    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Redirect:
    """``<Redirect>``: go on with another document."""

    url: str


Verb: TypeAlias = ConnectStream | Say | Play | Pause | Hangup | Redirect


def read_twiml(document: bytes) -> list[Verb]:
    """The verbs of a document, in order.

    Raises:
        TwimlError: it is none, is too long, or asks for what is not done here.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise TwimlError(f"The TwiML has more than {MAX_DOCUMENT_BYTES} bytes.")
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document or b"\0" in document:  # UTF-16 has zeros in every tag
        raise TwimlError("The TwiML has a document type, or is not UTF-8.")
    parser = XMLParser()  # noqa: S314 - without entities of its own, a document cannot grow
    try:
        parser.feed(document)
        root: Element = parser.close()
    except (ParseError, ValueError, LookupError):
        raise TwimlError("The answer is not XML.") from None
    if root.tag != "Response":
        raise TwimlError("The answer is XML, but no TwiML: it has no <Response>.")
    if len(root) > MAX_VERBS:
        raise TwimlError(f"The TwiML has more than {MAX_VERBS} verbs.")
    return [_read_verb(one) for one in root]


def _read_verb(element: Element) -> Verb:
    text = "".join(element.itertext()).strip()
    match element.tag:
        case "Connect":
            return _read_connect(element)
        case "Say":
            return Say(text[:MAX_TEXT_CHARS])
        case "Play":
            times = int(_number(element.get("loop"), 1.0, MAX_LOOPS))
            return Play(text, times or MAX_LOOPS)  # 0 is for ever, as far as that goes here
        case "Pause":
            return Pause(_number(element.get("length"), 1.0, MAX_PAUSE_SECONDS))
        case "Hangup":
            return Hangup()
        case "Reject":
            return Hangup(rejected=True)
        case "Redirect":
            return Redirect(text)
    raise TwimlError(f"The TwiML asks for <{_shown(element.tag)}>, which is not done here.")


def _read_connect(element: Element) -> ConnectStream:
    stream = element.find("Stream")
    if stream is None or len(element) != 1:
        raise TwimlError("The TwiML asks for a <Connect> of something else than a <Stream>, which is not done here.")
    parameters = {one.get("name", ""): one.get("value", "") for one in stream.findall("Parameter")}
    return ConnectStream(stream.get("url", ""), {name: value for name, value in parameters.items() if name})


def _number(text: str | None, default: float, most: float) -> float:
    if text is None or not text.strip().isascii() or not text.strip().isdecimal() or len(text) > 9:
        return default
    return min(float(text), most)


def _shown(tag: str) -> str:
    return "".join(one for one in tag if one.isalnum())[:40]
