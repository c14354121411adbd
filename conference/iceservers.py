"""STUN and TURN servers as an operator writes them, and as clients are told about them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?:(?P<userinfo>.*)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<query>\?transport=(?:udp|tcp))?",
)
_PRINTABLE = re.compile(r"[\x20-\x7e]+")


class IceServerError(ValueError):
    """An ICE server was written in a way that cannot be understood; the text says what to change."""


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server that clients are told to use."""

    url: str
    """A URL as in RFC 7064 or RFC 7065, without credentials, e.g. ``turn:turn.example.org:3478?transport=udp``."""

    username: str | None = None
    """For TURN."""

    credential: str | None = None
    """The password that belongs to :attr:`username`."""

    def link(self) -> str:
        """The value of a ``Link`` header field (RFC 9725, section 4.6)."""
        parts = [f"<{self.url}>", 'rel="ice-server"']
        if self.username is not None and self.credential is not None:
            parts += [
                f"username={_quoted(self.username)}",
                f"credential={_quoted(self.credential)}",
                'credential-type="password"',
            ]
        return "; ".join(parts)


def parse_ice_server(text: str) -> IceServer:
    """Read ``stun:HOST[:PORT]`` or ``turn:USER:PASSWORD@HOST[:PORT][?transport=udp|tcp]``.

    ``stuns`` and ``turns`` are the same over TLS. The user ends at the first colon; a colon in it, or any other odd
    character, is written percent-encoded (``%3A``).

    Raises:
        IceServerError: with a sentence that says what is wrong.
    """
    match = _URL.fullmatch(text.strip())
    if match is None or int(match["port"] or 0) > 65535:
        # What was written is repeated nowhere here: a password may be in it, wherever it was put.
        raise IceServerError("this is no ICE server: write stun:HOST:PORT or turn:USER:PASSWORD@HOST:PORT.")
    url = f"{match['scheme']}:{match['host']}" + (f":{match['port']}" if match["port"] else "")
    if match["scheme"].startswith("stun"):
        if match["userinfo"] is not None or match["query"]:
            raise IceServerError(f"{url}: a STUN server takes no password and no transport.")
        return IceServer(url)
    username, colon, credential = (match["userinfo"] or "").partition(":")
    username, credential = unquote(username), unquote(credential)
    if not (colon and _PRINTABLE.fullmatch(username) and _PRINTABLE.fullmatch(credential)):
        raise IceServerError(f"{url}: a TURN server needs a user and a password: turn:USER:PASSWORD@HOST:PORT.")
    return IceServer(url + (match["query"] or ""), username, credential)


def _quoted(text: str) -> str:
    """A quoted-string (RFC 9110, section 5.6.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
